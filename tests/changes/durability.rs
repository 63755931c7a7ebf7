//! Marks, stamps and what was spared, after crashes and reopenings.

use tidetable::{Changes, Freshness, Marked, Store, View};

use crate::common::disk::{Cut, Disk, Images};
use crate::common::record::patient;

use super::world::{NOW, Outside, World, after_a_crash, colour, read_all, value, work};

const FRESH: (Freshness, Freshness) = (Freshness::Fresh, Freshness::Fresh);
const MARKED: (Freshness, Freshness) = (Freshness::Stale, Freshness::Suspect);

/// A disk whose store holds fresh records of entities 1 and 2, closed.
fn settled(outside: &Outside) -> Disk {
    let disk = Disk::default();
    let it = World::open(&disk, outside);
    read_all(&it.above, 1..=2);
    it.store.close().unwrap();
    Disk::holding(disk.bytes())
}

#[test]
fn an_announcement_that_returned_is_there_after_every_cut() {
    type Announce = fn(&World);
    let announce: [(&str, Announce); 5] = [
        ("source", |it| drop(it.store.invalidate(("outside", 1)).unwrap())),
        ("kind", |it| drop(it.store.invalidate_kind("outside").unwrap())),
        ("entity", |it| drop(it.direct.invalidate(&1).unwrap())),
        ("view", |it| drop(it.direct.invalidate_all().unwrap())),
        ("many", |it| {
            let changes = Changes::new().kind("nothing").source(("outside", 1)).source(("x", 1));
            it.store.invalidate_all(&changes).unwrap();
        }),
    ];
    let outside = Outside::default();
    let base = settled(&outside).bytes();
    for (name, announce) in announce {
        let disk = Disk::holding(base.clone());
        let it = World::open(&disk, &outside);
        assert_eq!(it.colours(1), FRESH);
        let begun = disk.changes();
        announce(&it);
        let answered = disk.changes();
        // What is built afterwards and not synced takes nothing of it away.
        value(&it.above, 1);
        let calls = disk.calls();
        let (mut fresh, mut images) = (0, Images::new(base.clone(), &calls));
        for cut in 0..=calls.len() {
            for kind in [Cut::Nothing, Cut::Unsynced, Cut::Torn(cut as u64 * 31 + 7)] {
                let found = World::open(&Disk::holding(images.after(cut, kind)), &outside);
                let colours = found.colours(1);
                fresh += usize::from(cut < begun && colours == FRESH);
                let rebuilt = cut > answered && colours == FRESH && matches!(kind, Cut::Nothing);
                if cut >= answered && !rebuilt {
                    assert_eq!(colours, MARKED, "{name}, cut {cut} {kind:?}");
                }
            }
        }
        assert!(fresh > 0, "{name}: before it everything was fresh");
    }
}

#[test]
fn marks_and_stamps_survive_reopening() {
    let mark: [fn(&World); 2] = [
        |it| drop(it.store.invalidate(("outside", 1)).unwrap()),
        |it| drop(it.direct.invalidate_all().unwrap()),
    ];
    for (number, mark) in mark.into_iter().enumerate() {
        let outside = Outside::default();
        let disk = settled(&outside);
        let it = World::open(&disk, &outside);
        mark(&it);
        it.store.close().unwrap();
        for _ in 0..2 {
            let it = World::open(&disk, &outside);
            assert_eq!(it.colours(1), MARKED, "{number}");
            it.store.close().unwrap();
        }
        outside.set(3);
        let it = World::open(&disk, &outside);
        assert_eq!(value(&it.above, 1), 1003);
        it.store.close().unwrap();
        let it = World::open(&disk, &outside);
        assert_eq!(it.colours(1), FRESH, "{number}");
        assert_eq!(it.colours(2), if number == 0 { FRESH } else { MARKED });
    }
}

#[test]
fn a_suspect_record_is_spared_after_reopening_too() {
    let outside = Outside::default();
    let disk = settled(&outside);
    let it = World::open(&disk, &outside);
    it.store.invalidate(("outside", 1)).unwrap();
    value(&it.direct, 1);
    assert_eq!(it.colours(1), (Freshness::Fresh, Freshness::Suspect));
    it.store.close().unwrap();
    let it = World::open(&disk, &outside);
    let before = work(&it.store);
    assert_eq!(value(&it.above, 1), 1000);
    assert_eq!(work(&it.store), (before.0, before.1 + 1), "spared, and nothing built");
    it.store.close().unwrap();
    assert_eq!(World::open(&disk, &outside).colours(1), FRESH);
}

#[test]
fn a_stamped_record_is_spared_after_reopening_too() {
    let outside = Outside::default();
    let disk = settled(&outside);
    let it = World::open(&disk, &outside);
    it.direct.invalidate_all().unwrap();
    it.store.close().unwrap();
    let it = World::open(&disk, &outside);
    assert_eq!(value(&it.above, 1), 1000);
    assert_eq!(work(&it.store), (1, 1));
}

#[test]
fn a_change_that_came_before_reopening_is_not_spared() {
    let outside = Outside::default();
    let disk = settled(&outside);
    let it = World::open(&disk, &outside);
    outside.set(4);
    it.store.invalidate(("outside", 1)).unwrap();
    value(&it.direct, 1);
    assert_eq!(it.colours(1), (Freshness::Fresh, Freshness::Stale), "another value was built");
    it.store.close().unwrap();
    let it = World::open(&disk, &outside);
    assert_eq!(value(&it.above, 1), 1004);
}

#[test]
fn a_rebuild_lost_in_a_crash_has_its_mark_back() {
    let outside = Outside::default();
    let disk = settled(&outside);
    let it = World::open(&disk, &outside);
    outside.set(5);
    it.store.invalidate(("outside", 1)).unwrap();
    let (base, from) = (disk.bytes(), disk.changes());
    assert_eq!(value(&it.above, 1), 1005);
    assert_eq!(it.colours(1), FRESH);
    let calls = disk.calls().split_off(from);
    let cut = Images::new(base, &calls).after(calls.len(), Cut::Unsynced);
    let next = World::open(&Disk::holding(cut), &outside);
    assert_eq!(next.colours(1), MARKED);
    let kept = next.direct.when_marked(Marked::Serve).get(&1, NOW).unwrap();
    assert_eq!(kept.to_native(), 0, "the record from before is still there to be served");
    assert_eq!(value(&next.above, 1), 1005);
}

/// A view that may be read as absent, a second that reads it and, only if it is absent, a source.
fn fallback(store: &Store) -> (View<u32, u64>, View<u32, u64>) {
    let below = store.view::<u32, u64>("below").build(|_, _, _| Ok(7)).unwrap();
    let read = below.clone();
    let above =
        store.view::<u32, u64>("above").build(move |cx, id, _| match cx.peek(&read, id, NOW)? {
            Some(record) => Ok(record.to_native()),
            None => {
                cx.depends_on(("outside", *id));
                Ok(0)
            }
        });
    (below, above.unwrap())
}

#[test]
fn a_source_that_only_the_record_before_an_unsynced_rebuild_read_is_announced_durably() {
    let disk = Disk::default();
    let store = Store::open_backend(disk.backend(), patient()).unwrap();
    let (below, above) = fallback(&store);
    assert_eq!(value(&above, 1), 0);
    store.sync().unwrap();
    // Neither of these is synced: the source has no reader any more, but the disk's record reads it.
    value(&below, 1);
    assert_eq!(value(&above, 1), 7);
    store.invalidate(("outside", 1)).unwrap();
    let store = Store::open_backend(after_a_crash(&disk).backend(), patient()).unwrap();
    let (_, above) = fallback(&store);
    let record = above.peek(&1, NOW).unwrap().unwrap();
    let old = (record.to_native(), record.freshness()) == (0, Freshness::Fresh);
    assert!(!old, "the announcement was acknowledged");
}

#[test]
fn revisions_go_on_after_a_crash_and_what_is_built_then_is_fresh() {
    let outside = Outside::default();
    let disk = Disk::default();
    let it = World::open(&disk, &outside);
    value(&it.above, 1);
    let revision = it.store.invalidate(("outside", 1)).unwrap().revision;
    let next = World::open(&after_a_crash(&disk), &outside);
    assert!(next.store.revision() >= revision);
    value(&next.above, 1);
    assert_eq!(colour(&next.above, 1), Freshness::Fresh);
    assert_eq!(next.store.invalidate(("outside", 1)).unwrap().stale, 1);
    assert_eq!(next.colours(1), MARKED);
}

#[test]
fn an_announcement_of_what_only_unsynced_commits_have_marked_outlives_a_crash() {
    let disk = Disk::default();
    let store = Store::open_backend(disk.backend(), patient()).unwrap();
    let (below, above) = fallback(&store);
    assert_eq!(value(&above, 1), 0);
    store.sync().unwrap();
    // What was absent is there: that marks what has read it, and none of it is synced.
    value(&below, 1);
    assert_eq!(colour(&above, 1), Freshness::Stale);
    // It has the mark already, and nothing else about it would have to be synced.
    above.invalidate(&1).unwrap();
    let store = Store::open_backend(after_a_crash(&disk).backend(), patient()).unwrap();
    let (_, above) = fallback(&store);
    assert_ne!(colour(&above, 1), Freshness::Fresh, "the announcement was acknowledged");
}

#[test]
fn no_revision_that_was_given_out_and_lost_in_a_crash_comes_again() {
    let outside = Outside::default();
    let disk = Disk::default();
    let it = World::open(&disk, &outside);
    it.store.sync().unwrap();
    read_all(&it.above, 1..=20);
    let given = it.store.revision();
    let next = World::open(&after_a_crash(&disk), &outside);
    assert!(next.above.peek(&1, NOW).unwrap().is_none(), "nothing of it was synced");
    assert!(next.store.revision() > given);
}
