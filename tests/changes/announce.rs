//! Announcing sources and kinds: one by one, many at once, from many threads.

use std::sync::Barrier;
use std::thread;

use crate::common::still;
use tidetable::{Changes, ErrorKind, Freshness, Store, View};

use crate::common::disk::Disk;
use crate::common::record::{WIDTH_MS, at, buckets, grid, patient};

use super::world::{NOW, Outside, World, colour, read_all, read_only, value};

#[test]
fn many_changes_are_one_revision_and_one_sync() {
    let it = World::in_memory();
    let other = it.store.view::<u32, u64>("other").build(|cx, id, _| {
        cx.depends_on(("weather", *id));
        Ok(0)
    });
    let other = other.unwrap();
    read_all(&it.above, 0..10);
    read_all(&other, 0..10);
    let (before, revision) = (it.store.metrics(), it.store.revision());
    let changes = (0..5).fold(Changes::new(), |changes, key| changes.source(("outside", key)));
    let report = it.store.invalidate_all(&changes.kind("weather")).unwrap();
    assert_eq!((report.stale, report.suspect), (15, 5));
    assert_eq!(report.revision.get(), revision.get() + 1);
    let after = it.store.metrics();
    assert_eq!((after.syncs, after.commits), (before.syncs + 1, before.commits + 1));
    assert_eq!(after.records_made_stale - before.records_made_stale, 15);
    assert_eq!(after.records_made_suspect - before.records_made_suspect, 5);
    assert_eq!(it.colours(4), (Freshness::Stale, Freshness::Suspect));
    assert_eq!(it.colours(5), (Freshness::Fresh, Freshness::Fresh));
    assert_eq!(colour(&other, 9), Freshness::Stale);
}

#[test]
fn threads_that_announce_at_once_share_syncs() {
    const THREADS: u32 = 64;
    const ROUNDS: u32 = 8;
    let disk = Disk::default();
    let it = World::open(&disk, &Outside::default());
    let entities = THREADS * ROUNDS;
    read_all(&it.direct, 0..entities);
    it.store.sync().unwrap();
    let syncs = it.store.metrics().syncs;
    disk.yield_in_syncs(100);
    let start = Barrier::new(THREADS as usize);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (it, start) = (&it, &start);
            scope.spawn(move || {
                start.wait();
                for entity in (0..ROUNDS).map(|round| round * THREADS + thread) {
                    let report = it.store.invalidate(("outside", entity)).unwrap();
                    assert_eq!(report.stale, 1);
                    assert_eq!(colour(&it.direct, entity), Freshness::Stale);
                }
            });
        }
    });
    let syncs = it.store.metrics().syncs - syncs;
    println!("{entities} announcements took {syncs} syncs");
    assert!(syncs > 0 && syncs * 4 <= u64::from(entities), "{syncs} syncs");
}

#[test]
fn a_kind_is_announced_to_all_who_read_one_of_it_or_all_of_it_and_to_no_other() {
    let store = still::in_memory().unwrap();
    let view = |name: &str, kind: &'static str, whole: bool| {
        let view = store.view::<u32, u64>(name).build(move |cx, id, _| {
            if whole {
                cx.depends_on_kind(kind)
            } else {
                cx.depends_on((kind, *id))
            }
            Ok(0)
        });
        let view = view.unwrap();
        value(&view, 1);
        view
    };
    let (one, all) = (view("one", "a", false), view("all", "a", true));
    let (longer, longer_all) = (view("longer", "aa", false), view("longer_all", "aa", true));
    assert_eq!(store.invalidate_kind("a").unwrap().stale, 2);
    assert_eq!((colour(&one, 1), colour(&all, 1)), (Freshness::Stale, Freshness::Stale));
    assert_eq!(colour(&longer, 1), Freshness::Fresh);
    assert_eq!(colour(&longer_all, 1), Freshness::Fresh);
    value(&one, 1);
    value(&all, 1);
    assert_eq!(store.invalidate(("a", 2)).unwrap().stale, 1, "who reads the kind reads it too");
    assert_eq!((colour(&one, 1), colour(&all, 1)), (Freshness::Fresh, Freshness::Stale));
}

#[test]
fn what_is_marked_already_is_not_counted_again_but_announced_again() {
    let it = World::in_memory();
    value(&it.above, 1);
    let first = it.store.invalidate(("outside", 1)).unwrap();
    let second = it.store.invalidate(("outside", 1)).unwrap();
    assert_eq!((first.stale, first.suspect), (1, 1));
    assert_eq!((second.stale, second.suspect), (0, 0));
    assert!(second.revision > first.revision);
}

#[test]
fn records_that_are_not_in_memory_are_marked_and_counted_apart() {
    let disk = Disk::default();
    let it = World::open(&disk, &Outside::default());
    read_all(&it.above, 1..=3);
    it.store.close().unwrap();
    let it = World::open(&disk, &it.outside);
    let report = it.store.invalidate(("outside", 1)).unwrap();
    assert_eq!((report.stale, report.suspect, report.in_memory), (1, 1, 0));
    colour(&it.direct, 2);
    let report = it.store.invalidate(("outside", 2)).unwrap();
    assert_eq!((report.stale, report.suspect, report.in_memory), (1, 1, 1));
    assert_eq!(it.colours(1), (Freshness::Stale, Freshness::Suspect));
    it.store.close().unwrap();

    let options = tidetable::Options { memory_bytes: 0, ..patient() };
    let store = Store::open_backend(disk.backend(), options).unwrap();
    let it = World::of(store, &it.outside);
    colour(&it.direct, 3);
    assert_eq!(it.store.invalidate(("outside", 3)).unwrap().in_memory, 0, "nothing stays");
    assert_eq!(it.colours(3), (Freshness::Stale, Freshness::Suspect));
}

#[test]
fn one_change_that_cannot_be_keeps_all_from_being_announced() {
    let it = World::in_memory();
    value(&it.above, 1);
    let long = "x".repeat(300);
    let beyond = "k".repeat(2000);
    let changes = || Changes::new().source(("outside", 1));
    let refused = [
        (changes().view("nobody"), ErrorKind::Absent, "no such view"),
        (changes().kind(""), ErrorKind::Input, "kind"),
        (changes().kind("\u{1}own"), ErrorKind::Input, "kind"),
        (changes().source(("\u{1}own", 1)), ErrorKind::Input, "kind"),
        (changes().source_at(("a\0b", 1), 1), ErrorKind::Input, "kind"),
        (changes().kind(&long), ErrorKind::Input, "300"),
        (changes().source(("text", &*beyond)), ErrorKind::Input, "\"text\""),
        (changes().source(("", 1)).view("nobody"), ErrorKind::Input, "kind"),
    ];
    for (number, (changes, kind, says)) in refused.into_iter().enumerate() {
        for error in [it.store.invalidate_all(&changes), it.store.preview(&changes)] {
            let error = error.unwrap_err();
            assert_eq!(error.kind(), kind, "{number}: {error}");
            assert!(error.to_string().contains(says), "{number}: {error}");
        }
    }
    assert_eq!(it.colours(1), (Freshness::Fresh, Freshness::Fresh));
}

#[test]
fn announcing_is_refused_inside_a_build_and_previewing_is_not() {
    let it = World::in_memory();
    value(&it.above, 1);
    let (store, direct) = (it.store.clone(), it.direct.clone());
    let view = it.store.view::<u32, u64>("announces").build(move |_, case, _| {
        let would = store.preview(&Changes::new().source(("outside", 1)))?;
        let refused = match case {
            0 => store.invalidate(("outside", 1)),
            1 => store.invalidate_kind("outside"),
            2 => store.invalidate_all(&direct.whole()),
            3 => direct.invalidate(&1),
            4 => direct.invalidate_all(),
            5 => direct.invalidate_between(NOW..tidetable::Timestamp::MAX),
            _ => store.reconcile("outside", [(1_u32, 1)]).map(|report| report.invalidated),
        };
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.to_string().contains("inside a build"), "{error}");
        Ok(would.stale)
    });
    let view = view.unwrap();
    (0..7).for_each(|case| assert_eq!(value(&view, case), 1, "case {case}"));
    assert_eq!(it.colours(1), (Freshness::Fresh, Freshness::Fresh));
}

#[test]
fn announcing_is_refused_where_a_store_is_only_read_and_previewing_is_not() {
    let disk = Disk::default();
    let it = World::open(&disk, &Outside::default());
    value(&it.above, 1);
    it.store.close().unwrap();
    let it = World::of(Store::open_backend(disk.backend(), read_only()).unwrap(), &it.outside);
    let changes = Changes::new().source(("outside", 1));
    let would = it.store.preview(&changes).unwrap();
    assert_eq!((would.stale, would.suspect), (1, 1));
    let refused = [
        it.store.invalidate_all(&changes),
        it.direct.invalidate(&1),
        it.store.reconcile("outside", [(1_u32, 1)]).map(|report| report.invalidated),
    ];
    for refused in refused {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Input);
    }
    assert_eq!(it.colours(1), (Freshness::Fresh, Freshness::Fresh));
}

#[test]
fn a_report_says_in_words_what_was_marked() {
    let it = World::in_memory();
    value(&it.above, 1);
    let report = it.store.invalidate(("outside", 1)).unwrap();
    assert!(report.to_string().ends_with(": 1 records stale, 1 suspect"), "{report}");
    let report = it.direct.invalidate_all().unwrap();
    assert!(report.to_string().ends_with("; stamped direct, above"), "{report}");
}

#[test]
fn records_built_ahead_or_by_the_page_are_each_told_of_what_they_read() {
    let store = still::in_memory().unwrap();
    let filled = store.view::<u32, u64>("filled").grid(grid()).page_len(4);
    let filled = filled.build(|cx, _, bucket| {
        cx.depends_on(("minute", bucket.start().as_millis() / WIDTH_MS));
        Ok(0)
    });
    let paged = store.view::<u32, u64>("paged").grid(grid()).page_len(4);
    let paged = paged.build_page(|cx, id, buckets| {
        cx.depends_on(("page", *id));
        Ok(vec![0; buckets.len()])
    });
    let (filled, paged) = (filled.unwrap(), paged.unwrap());
    let colours = |view: &View<u32, u64>| -> Vec<Freshness> {
        (0..8).map(|minute| view.peek(&1, at(minute)).unwrap().unwrap().freshness()).collect()
    };
    filled.fill(&1, buckets(0..8)).unwrap().complete().unwrap();
    assert_eq!(store.invalidate(("minute", 5)).unwrap().stale, 1);
    let mut expected = [Freshness::Fresh; 8];
    expected[5] = Freshness::Stale;
    assert_eq!(colours(&filled), expected);
    filled.fill(&1, buckets(0..8)).unwrap().complete().unwrap();
    assert_eq!(store.metrics().builds, 9, "only the one that is stale was built again");

    // The first four come from one run, which read for all of them.
    paged.get(&1, at(0)).unwrap();
    paged.fill(&1, buckets(0..8)).unwrap().complete().unwrap();
    assert_eq!(store.invalidate(("page", 1)).unwrap().stale, 8);
    assert_eq!(colours(&paged), [Freshness::Stale; 8]);
    paged.fill(&1, buckets(0..8)).unwrap().complete().unwrap();
    assert_eq!(colours(&paged), [Freshness::Fresh; 8]);
    assert_eq!(store.invalidate(("page", 1)).unwrap().stale, 8);
}
