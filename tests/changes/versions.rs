//! What becomes of readers when a view they read is defined anew or deleted.

use tidetable::{Freshness, Grid, Store, Timestamp, View};

use crate::common::disk::Disk;
use crate::common::record::{at, buckets, grid, patient};

use super::world::{NOW, Outside, World, after_a_crash, colour, read_all, value, work};

/// `direct` again, with another version and another answer.
fn next_version(store: &Store, answer: u64) -> View<u32, u64> {
    let view = store.view::<u32, u64>("direct").version(2).build(move |cx, id, _| {
        cx.depends_on(("outside", *id));
        Ok(answer)
    });
    view.unwrap()
}

/// `above` again: its build reads through the handle it is given here.
fn above(store: &Store, direct: &View<u32, u64>) -> View<u32, u64> {
    let read = direct.clone();
    let view = store.view::<u32, u64>("above");
    view.build(move |cx, id, _| Ok(cx.get(&read, id, NOW)?.to_native() + 1000)).unwrap()
}

#[test]
fn records_of_an_older_version_say_so_and_their_readers_are_suspect() {
    let disk = Disk::default();
    let it = World::open(&disk, &Outside::default());
    read_all(&it.above, 1..=3);
    it.store.close().unwrap();
    let store = Store::open_backend(disk.backend(), patient()).unwrap();
    let direct = next_version(&store, 0);
    let above = above(&store, &direct);
    for entity in 1..=3 {
        assert_eq!(colour(&direct, entity), Freshness::OldVersion);
        assert_eq!(colour(&above, entity), Freshness::Suspect);
    }
    let before = work(&store);
    assert_eq!(value(&above, 1), 1000);
    assert_eq!(work(&store), (before.0 + 1, before.1 + 1), "the same answer: its reader is spared");
    let crashed = after_a_crash(&disk);
    let store = Store::open_backend(crashed.backend(), patient()).unwrap();
    let direct = next_version(&store, 9);
    let above = self::above(&store, &direct);
    assert_eq!(colour(&above, 2), Freshness::Suspect, "the stamp was synced");
    assert_eq!(value(&above, 2), 1009);
    assert_eq!(store.invalidate(("outside", 2)).unwrap().stale, 1);
    assert_eq!(colour(&above, 2), Freshness::Suspect);
}

#[test]
fn readers_that_were_not_defined_when_a_view_was_defined_anew_are_suspect() {
    let disk = Disk::default();
    let it = World::open(&disk, &Outside::default());
    value(&it.above, 1);
    it.store.close().unwrap();
    let store = Store::open_backend(disk.backend(), patient()).unwrap();
    next_version(&store, 5);
    store.close().unwrap();
    let store = Store::open_backend(disk.backend(), patient()).unwrap();
    let direct = next_version(&store, 5);
    let above = above(&store, &direct);
    assert_eq!(colour(&above, 1), Freshness::Suspect);
    assert_eq!(value(&above, 1), 1005);
}

/// Minutes that read a source, and a view that reads them.
fn minutes(store: &Store, version: u32, grid: Grid, page_len: u32) -> [View<u32, u64>; 2] {
    let below = store.view::<u32, u64>("below").version(version).grid(grid).page_len(page_len);
    let below = below.build(move |cx, id, _| {
        cx.depends_on(("outside", *id));
        Ok(u64::from(version))
    });
    let below = below.unwrap();
    let read = below.clone();
    let above = store.view::<u32, u64>("above").grid(self::grid()).page_len(4);
    let above =
        above.build(move |cx, id, bucket| Ok(cx.get(&read, id, bucket.start())?.to_native()));
    [below, above.unwrap()]
}

#[test]
fn pages_laid_out_anew_leave_readers_suspect_and_learn_of_changes_in_every_slot() {
    let disk = Disk::default();
    let open = || Store::open_backend(disk.backend(), patient()).unwrap();
    let store = open();
    let [_, above] = minutes(&store, 1, grid(), 4);
    above.fill(&1, buckets(0..8)).unwrap().complete().unwrap();
    store.close().unwrap();
    let store = open();
    let [below, above] = minutes(&store, 2, grid(), 8);
    for minute in 0..8 {
        let at = at(minute);
        let (old, reader) = (below.peek(&1, at).unwrap().unwrap(), above.peek(&1, at).unwrap());
        assert_eq!((old.to_native(), old.freshness()), (1, Freshness::OldVersion));
        assert_eq!(reader.unwrap().freshness(), Freshness::Suspect);
    }
    // One by one, so that slots of one page take over from the old layout one after the other.
    for minute in 0..8 {
        let record = above.get(&1, at(minute)).unwrap();
        assert_eq!((record.to_native(), record.freshness()), (2, Freshness::Fresh));
    }
    let report = store.invalidate(("outside", 1)).unwrap();
    assert_eq!((report.stale, report.suspect), (8, 8));
    store.close().unwrap();
    let store = open();
    let [below, _] = minutes(&store, 2, grid(), 8);
    assert!((0..8).all(|minute| {
        below.peek(&1, at(minute)).unwrap().unwrap().freshness() == Freshness::Stale
    }));
}

#[test]
fn another_grid_begins_empty_and_what_the_old_one_read_and_marked_is_gone() {
    let disk = Disk::default();
    let open = || Store::open_backend(disk.backend(), patient()).unwrap();
    let store = open();
    let [below, above] = minutes(&store, 1, grid(), 4);
    above.fill(&1, buckets(0..8)).unwrap().complete().unwrap();
    below.invalidate_range(&1, buckets(0..2)).unwrap();
    store.close().unwrap();
    let store = open();
    let [below, above] = minutes(&store, 2, Grid::minutes(2), 4);
    assert!(below.peek(&1, at(0)).unwrap().is_none());
    for minute in 0..8 {
        assert_eq!(above.peek(&1, at(minute)).unwrap().unwrap().freshness(), Freshness::Suspect);
    }
    store.close().unwrap();
    // By now the old pages are swept away, or will be here: nothing of them answers either way.
    let store = open();
    let [below, above] = minutes(&store, 2, Grid::minutes(2), 4);
    let report = store.invalidate(("outside", 1)).unwrap();
    assert_eq!((report.stale, report.suspect), (0, 0), "no old page is marked");
    for minute in 0..8 {
        let record = above.get(&1, at(minute)).unwrap();
        assert_eq!((record.to_native(), record.freshness()), (2, Freshness::Fresh));
    }
    assert_eq!(below.range(&1, buckets(0..8)).unwrap().len(), 4);
    let report = store.invalidate(("outside", 1)).unwrap();
    assert_eq!((report.stale, report.suspect), (4, 8));
}

#[test]
fn another_record_type_begins_empty_and_its_readers_are_suspect() {
    let disk = Disk::default();
    let it = World::open(&disk, &Outside::default());
    value(&it.above, 1);
    it.store.close().unwrap();
    let store = Store::open_backend(disk.backend(), patient()).unwrap();
    let direct = store.view::<u32, u32>("direct").version(2).build(|_, _, _| Ok(8)).unwrap();
    assert!(direct.peek(&1, NOW).unwrap().is_none());
    let read = direct.clone();
    let above = store
        .view::<u32, u64>("above")
        .build(move |cx, id, _| Ok(u64::from(cx.get(&read, id, NOW)?.to_native()) + 1000));
    let above = above.unwrap();
    assert_eq!(colour(&above, 1), Freshness::Suspect);
    assert_eq!(value(&above, 1), 1008);
}

#[test]
fn readers_of_a_deleted_view_are_suspect_and_are_not_spared() {
    let disk = Disk::default();
    let it = World::open(&disk, &Outside::default());
    value(&it.above, 1);
    assert!(it.store.delete_view("direct").unwrap());
    assert_eq!(colour(&it.above, 1), Freshness::Suspect);
    let error = it.above.get(&1, NOW).unwrap_err();
    assert!(error.to_string().contains("defined anew or deleted"), "{error}");
    assert_eq!(colour(&it.above, 1), Freshness::Suspect, "the record stays, and stays suspect");
    let next = World::open(&after_a_crash(&disk), &it.outside);
    assert!(next.direct.peek(&1, NOW).unwrap().is_none());
    next.outside.set(3);
    assert_eq!(value(&next.above, 1), 1003);
    assert_eq!(next.store.invalidate(("outside", 1)).unwrap().stale, 1);
}

#[test]
fn a_view_two_above_one_that_is_defined_anew_is_suspect() {
    let disk = Disk::default();
    let outside = Outside::default();
    let top = |it: &World| {
        let read = it.above.clone();
        let top = it.store.view::<u32, u64>("top");
        top.build(move |cx, id, _| Ok(cx.get(&read, id, NOW)?.to_native())).unwrap()
    };
    let it = World::open(&disk, &outside);
    value(&top(&it), 1);
    it.store.close().unwrap();
    let store = Store::open_backend(disk.backend(), patient()).unwrap();
    let direct = next_version(&store, 6);
    let above = above(&store, &direct);
    let read = above.clone();
    let top = store.view::<u32, u64>("top");
    let top = top.build(move |cx, id, _| Ok(cx.get(&read, id, NOW)?.to_native())).unwrap();
    assert_eq!(top.peek(&1, Timestamp::EPOCH).unwrap().unwrap().freshness(), Freshness::Suspect);
    assert_eq!(value(&top, 1), 1006);
}
