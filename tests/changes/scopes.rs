//! Invalidating records themselves: an entity, a range, a prefix, a stretch of time, a view.

use std::collections::BTreeSet;
use std::sync::{Mutex, mpsc};
use std::thread;

use crate::common::still;
use tidetable::key::StartsWith;
use tidetable::{Changes, ErrorKind, Freshness, Invalidated, Store, TimeRange, View};

use crate::common::disk::Disk;
use crate::common::record::{at, buckets, grid, patient};

use super::world::{NOW, World, after_a_crash, colour, read_all, value, work};

type Place = (u16, u16);

/// Records by two numbers and by minute, and a view that reads each of them.
struct Places {
    store: Store,
    below: View<Place, u64>,
    above: View<Place, u64>,
}

const COUNTRIES: u16 = 3;
const TOWNS: u16 = 3;
const MINUTES: i64 = 6;

impl Places {
    fn of(store: Store) -> Self {
        let below = store.view::<Place, u64>("below").grid(grid()).page_len(4);
        let below = below.build(|_, place, _| Ok(u64::from(place.0 * 10 + place.1))).unwrap();
        let read = below.clone();
        let above = store.view::<Place, u64>("above").grid(grid()).page_len(4);
        let above = above.build(move |cx, place, bucket| {
            Ok(cx.get(&read, place, bucket.start())?.to_native() * 2)
        });
        let above = above.unwrap();
        let it = Self { store, below, above };
        for country in 0..COUNTRIES {
            for town in 0..TOWNS {
                it.above.fill(&(country, town), buckets(0..MINUTES)).unwrap().complete().unwrap();
            }
        }
        it
    }

    /// The records of a view that have this colour.
    fn coloured(view: &View<Place, u64>, colour: Freshness) -> BTreeSet<(u16, u16, i64)> {
        let mut found = BTreeSet::new();
        for (country, town) in (0..COUNTRIES).flat_map(|c| (0..TOWNS).map(move |t| (c, t))) {
            for minute in 0..MINUTES {
                let record = view.peek(&(country, town), at(minute)).unwrap().unwrap();
                if record.freshness() == colour {
                    found.insert((country, town, minute));
                }
            }
        }
        found
    }

    /// Previews, announces, and holds both against the records that are meant.
    fn check(
        view_changes: impl Fn(&View<Place, u64>) -> Changes,
        announce: impl Fn(&View<Place, u64>) -> tidetable::Result<Invalidated>,
        meant: impl Fn(u16, u16, i64) -> bool,
    ) {
        let it = Self::of(still::in_memory().unwrap());
        let everything = Self::coloured(&it.below, Freshness::Fresh);
        assert_eq!(everything.len(), 54);
        let expected: BTreeSet<_> =
            everything.into_iter().filter(|(c, t, m)| meant(*c, *t, *m)).collect();
        let would = it.store.preview(&view_changes(&it.below)).unwrap();
        assert!(Self::coloured(&it.below, Freshness::Fresh).len() == 54, "a preview marks nothing");
        let report = announce(&it.below).unwrap();
        let mut expected_report = would;
        expected_report.revision = report.revision;
        assert_eq!(expected_report, report);
        assert_eq!(Self::coloured(&it.below, Freshness::Stale), expected);
        assert_eq!(Self::coloured(&it.above, Freshness::Suspect), expected);
        assert_eq!(report.stale, expected.len() as u64);
        let again = Self::of(still::in_memory().unwrap());
        let by_store = again.store.invalidate_all(&view_changes(&again.below)).unwrap();
        assert_eq!((by_store.stale, by_store.suspect), (report.stale, report.suspect));
        assert_eq!(Self::coloured(&again.below, Freshness::Stale), expected);
    }
}

#[test]
fn an_entity_is_invalidated_with_what_reads_it() {
    Places::check(
        |view| view.of_entity(&(1, 1)),
        |view| view.invalidate(&(1, 1)),
        |c, t, _| (c, t) == (1, 1),
    );
}

#[test]
fn a_range_is_invalidated_bucket_by_bucket() {
    Places::check(
        |view| view.of_range(&(1, 1), buckets(2..5)),
        |view| view.invalidate_range(&(1, 1), buckets(2..5)),
        |c, t, minute| (c, t) == (1, 1) && (2..5).contains(&minute),
    );
}

#[test]
fn an_empty_range_invalidates_nothing() {
    let empty = || TimeRange::new(at(3), at(3));
    Places::check(
        |view| view.of_range(&(1, 1), empty()),
        |view| view.invalidate_range(&(1, 1), empty()),
        |_, _, _| false,
    );
    Places::check(
        |view| view.between(empty()),
        |view| view.invalidate_between(empty()),
        |_, _, _| false,
    );
}

#[test]
fn a_prefix_is_invalidated_with_all_entities_that_begin_so() {
    Places::check(
        |view| view.of_prefix(&(1,)),
        |view| view.invalidate_prefix(&(1,)),
        |c, _, _| c == 1,
    );
}

#[test]
fn a_stretch_of_time_is_invalidated_in_all_entities() {
    Places::check(
        |view| view.between(buckets(3..5)),
        |view| view.invalidate_between(buckets(3..5)),
        |_, _, minute| (3..5).contains(&minute),
    );
}

#[test]
fn many_entities_and_those_that_begin_so_are_deleted_and_what_has_read_them_is_stale() {
    let it = Places::of(still::in_memory().unwrap());
    let per_town = MINUTES as u64;
    let syncs = it.store.metrics().syncs;
    let gone = [(0, 0), (1, 2), (7, 7)];
    assert_eq!(it.below.delete_many(gone).unwrap(), 2 * per_town);
    assert!(it.store.metrics().syncs - syncs < gone.len() as u64, "they share syncs");
    assert_eq!(it.below.delete_prefix(&(2,)).unwrap(), u64::from(TOWNS) * per_town);

    let left = [(0, 1), (0, 2), (1, 0), (1, 1)];
    let held: Vec<_> = it.below.entities().map(Result::unwrap).collect();
    assert_eq!(held, left);
    let left = left.into_iter().flat_map(|(c, t)| (0..MINUTES).map(move |m| (c, t, m))).collect();
    assert_eq!(Places::coloured(&it.above, Freshness::Fresh), left);
    assert_eq!(it.below.delete_many([(0, 0)]).unwrap(), 0, "it is gone already");
}

#[test]
fn a_long_list_of_entities_is_deleted_as_it_is_read_up_to_where_it_fails() {
    let store = still::in_memory().unwrap();
    let view = store.view::<str, u64>("names").build(|_, _, _| Ok(1)).unwrap();
    let names: Vec<String> = (0..1500).map(|number| format!("{number:04}")).collect();
    for name in &names {
        view.get(name, NOW).unwrap();
    }
    assert_eq!(view.delete_many(names.clone()).unwrap(), 1500);
    for name in &names {
        view.get(name, NOW).unwrap();
    }
    let too_long = "x".repeat(2000);
    let list = names.iter().cloned().chain([too_long]);
    assert_eq!(view.delete_many(list).unwrap_err().kind(), ErrorKind::Input);
    assert!(view.entities().next().is_none(), "all that came before it are gone");
    assert_eq!(view.delete_many(Vec::<String>::new()).unwrap(), 0);
}

#[test]
fn a_long_list_is_deleted_beside_the_builds_of_others() {
    let store = still::in_memory().unwrap();
    let (view, begun, go_on) = {
        let (begin, begun) = mpsc::channel();
        let (go_on, gone_on) = mpsc::channel::<()>();
        let gone_on = Mutex::new(gone_on);
        let view = store.view::<u32, u64>("view").build(move |_, &id, _| {
            if id == u32::MAX {
                begin.send(()).unwrap();
                gone_on.lock().unwrap().recv().unwrap();
            }
            Ok(u64::from(id))
        });
        (view.unwrap(), begun, go_on)
    };
    thread::scope(|scope| {
        let other = scope.spawn(|| view.get(&u32::MAX, NOW).unwrap().is_fresh());
        begun.recv().unwrap();
        assert_eq!(view.delete_many(0..5_000).unwrap(), 0);
        go_on.send(()).unwrap();
        assert!(other.join().unwrap());
    });
    // One that was built meanwhile and is on the list is meant to be gone.
    let listed = [5, u32::MAX, 7];
    assert_eq!(view.delete_many(listed).unwrap(), 1);
    assert!(view.peek(&u32::MAX, NOW).unwrap().is_none());
}

#[test]
fn what_is_built_while_a_list_is_deleted_is_built_again_if_it_is_on_the_list() {
    let lists = [(vec![5, 7, 9], true), (vec![9, 5], false), (vec![7], true), (vec![8, 9], false)];
    for (list, is_listed) in lists {
        let store = still::in_memory().unwrap();
        let itself = std::sync::Arc::new(Mutex::new(None::<View<u32, u64>>));
        let runs = super::world::Outside::default();
        let (own, deleted, counted) = (itself.clone(), list.clone(), runs.clone());
        let view = store.view::<u32, u64>("view").build(move |_, _, _| {
            let run = counted.count();
            if let Some(view) = own.lock().unwrap().take() {
                let list = deleted.clone();
                thread::spawn(move || view.delete_many(list).unwrap()).join().unwrap();
            }
            Ok(run)
        });
        let view = view.unwrap();
        *itself.lock().unwrap() = Some(view.clone());
        // What was made before it was deleted is not stored.
        assert_eq!(value(&view, 7), u64::from(is_listed), "{list:?}");
        assert_eq!(runs.get(), u64::from(is_listed) + 1, "{list:?}");
    }
}

#[test]
fn a_text_that_begins_so_is_invalidated_and_no_other() {
    let store = still::in_memory().unwrap();
    let view = store.view::<str, u64>("text").build(|_, _, _| Ok(0)).unwrap();
    let names = ["", "S", "Stad", "Stadt", "Sta\0", "Ste", "T"];
    names.iter().for_each(|name| drop(view.get(name, NOW).unwrap()));
    let would = store.preview(&view.of_prefix(&StartsWith("Sta"))).unwrap();
    assert_eq!(would.stale, 3);
    assert_eq!(view.invalidate_prefix(&StartsWith("Sta")).unwrap().stale, 3);
    for name in names {
        let stale = view.peek(name, NOW).unwrap().unwrap().freshness() == Freshness::Stale;
        assert_eq!(stale, name.starts_with("Sta"), "{name:?}");
    }
    assert_eq!(view.invalidate_prefix(&StartsWith("")).unwrap().stale, 4, "and all the others");
}

#[test]
fn a_whole_view_is_stamped_by_its_handle_by_changes_and_by_name_alike() {
    let invalidate: [fn(&World) -> Invalidated; 4] = [
        |it| it.direct.invalidate_all().unwrap(),
        |it| it.store.invalidate_all(&it.direct.whole()).unwrap(),
        |it| it.store.invalidate_all(&Changes::new().view("direct")).unwrap(),
        |it| it.store.invalidate_all(&it.direct.whole().source(("outside", 1))).unwrap(),
    ];
    for (number, invalidate) in invalidate.into_iter().enumerate() {
        let it = World::in_memory();
        value(&it.above, 1);
        let would = it.store.preview(&Changes::new().view("direct")).unwrap();
        let report = invalidate(&it);
        assert_eq!(report.stamped, ["direct", "above"], "{number}");
        assert_eq!(would.stamped, report.stamped, "{number}");
        assert_eq!(it.colours(1), (Freshness::Stale, Freshness::Suspect), "{number}");
        let before = work(&it.store);
        value(&it.above, 1);
        assert_eq!(work(&it.store), (before.0 + 1, before.1 + 1), "{number}");
    }
}

#[test]
fn a_stamped_view_is_not_taken_for_unchanged_by_who_has_read_all_of_it() {
    let store = still::in_memory().unwrap();
    let outside = super::world::Outside::default();
    let seen = outside.clone();
    let below = store.view::<u32, u64>("below").build(move |_, _, _| Ok(seen.get())).unwrap();
    let read = below.clone();
    let sum = store.view::<u32, u64>("sum").build(move |cx, _, _| {
        let all = cx.scan(&read, TimeRange::new(tidetable::Timestamp::MIN, at(1_000_000)))?;
        Ok(all.iter().flat_map(|(_, line)| line.iter()).map(|(_, one)| one.to_native()).sum())
    });
    let sum = sum.unwrap();
    read_all(&below, 1..=3);
    assert_eq!(value(&sum, 1), 0);
    outside.set(5);
    below.invalidate_all().unwrap();
    assert_eq!(colour(&sum, 1), Freshness::Suspect);
    assert_eq!(value(&sum, 1), 15, "all that it has read is stale");
    assert_eq!(value(&below, 2), 5);
    outside.set(6);
    below.invalidate(&2).unwrap();
    assert_eq!(value(&sum, 1), 16);
}

#[test]
fn handles_of_a_definition_that_has_ended_announce_nothing() {
    let it = World::in_memory();
    value(&it.above, 1);
    it.store.delete_view("direct").unwrap();
    for refused in [it.direct.invalidate(&1), it.direct.invalidate_all()] {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Definition);
    }
    let error = it.store.invalidate_all(&it.direct.of_entity(&1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Definition);
}

#[test]
fn records_that_are_built_while_they_are_invalidated_are_stale() {
    type Say = fn(&View<Place, u64>) -> tidetable::Result<Invalidated>;
    let say: [(Say, bool); 8] = [
        (|view| view.invalidate(&(1, 1)), true),
        (|view| view.invalidate(&(1, 2)), false),
        (|view| view.invalidate_range(&(1, 1), buckets(0..1)), true),
        (|view| view.invalidate_range(&(1, 1), buckets(1..2)), false),
        (|view| view.invalidate_prefix(&(1,)), true),
        (|view| view.invalidate_prefix(&(2,)), false),
        (|view| view.invalidate_between(buckets(0..1)), true),
        (|view| view.invalidate_between(buckets(1..9)), false),
    ];
    for (number, (say, concerns)) in say.into_iter().enumerate() {
        let store = still::in_memory().unwrap();
        let runs = super::world::Outside::default();
        let itself: std::sync::Arc<Mutex<Option<View<Place, u64>>>> = Default::default();
        let (own, counted) = (itself.clone(), runs.clone());
        let view = store.view::<Place, u64>("v").grid(grid()).page_len(4);
        let view = view.build(move |_, _, _| {
            if counted.count() == 0 {
                let view = own.lock().unwrap().take().unwrap();
                thread::spawn(move || say(&view).unwrap()).join().unwrap();
            }
            Ok(counted.get())
        });
        let view = view.unwrap();
        *itself.lock().unwrap() = Some(view.clone());
        let expected = if concerns { Freshness::Overtaken } else { Freshness::Fresh };
        assert_eq!(view.get(&(1, 1), at(0)).unwrap().freshness(), expected, "{number}");
        assert!(view.get(&(1, 1), at(0)).unwrap().is_fresh());
        assert_eq!(runs.get(), if concerns { 2 } else { 1 }, "{number}");
    }
}

#[test]
fn what_was_marked_by_something_unsynced_is_marked_durably_when_it_is_announced() {
    let disk = Disk::default();
    let store = Store::open_backend(disk.backend(), patient()).unwrap();
    let views = |store: &Store| {
        let below = store.view::<u32, u64>("below").build(|_, _, _| Ok(7)).unwrap();
        let read = below.clone();
        let above = store.view::<u32, u64>("above").build(move |cx, id, _| {
            Ok(cx.peek(&read, id, NOW)?.map_or(0, |record| record.to_native()))
        });
        (below, above.unwrap())
    };
    let (below, above) = views(&store);
    value(&above, 1);
    store.sync().unwrap();
    // What was absent appears: that marks its reader, and is not synced.
    value(&below, 1);
    assert_eq!(colour(&above, 1), Freshness::Stale);
    assert_eq!(above.invalidate(&1).unwrap().stale, 0);
    let (_, above) =
        views(&Store::open_backend(after_a_crash(&disk).backend(), patient()).unwrap());
    assert_eq!(colour(&above, 1), Freshness::Stale);
}
