//! Sealed buckets: history that is never marked and never built again.

use std::sync::Arc;

use tidetable::{Freshness, ManualClock, Options, Span, Store, TimeRange, View};

use crate::common::disk::Disk;
use crate::common::record::{at, buckets, grid, patient};

use super::world::{Outside, work};

/// Minutes that are sealed ten minutes after their end, and an unsealed view that reads each.
struct Sealed {
    store: Store,
    clock: Arc<ManualClock>,
    outside: Outside,
    below: View<u32, u64>,
    above: View<u32, u64>,
}

impl Sealed {
    fn open(disk: &Disk, minute: i64, outside: &Outside) -> Self {
        let clock = Arc::new(ManualClock::new(at(minute)));
        let options = Options { clock: clock.clone(), ..patient() };
        let store = Store::open_backend(disk.backend(), options).unwrap();
        let seen = outside.clone();
        let below = store.view::<u32, u64>("below").grid(grid()).page_len(4);
        let below = below.seal_after(Span::minutes(10)).build(move |cx, id, _| {
            cx.depends_on(("outside", *id));
            Ok(seen.get())
        });
        let below = below.unwrap();
        let read = below.clone();
        let above = store.view::<u32, u64>("above").grid(grid()).page_len(4);
        let above = above
            .build(move |cx, id, bucket| Ok(cx.get(&read, id, bucket.start())?.to_native() + 1000));
        Self { store, clock, outside: outside.clone(), below, above: above.unwrap() }
    }

    /// With records of minutes 0 to 7, the first of which are sealed from minute 11 on.
    fn filled() -> Self {
        let it = Self::open(&Disk::default(), 0, &Outside::default());
        it.above.fill(&1, buckets(0..8)).unwrap().complete().unwrap();
        it
    }

    fn colours(view: &View<u32, u64>) -> Vec<Freshness> {
        (0..8).map(|minute| view.peek(&1, at(minute)).unwrap().unwrap().freshness()).collect()
    }
}

fn sealed_up_to(sealed: usize, rest: Freshness) -> Vec<Freshness> {
    (0..8).map(|minute| if minute < sealed { Freshness::Sealed } else { rest }).collect()
}

#[test]
fn buckets_are_sealed_so_long_after_their_end() {
    let it = Sealed::filled();
    it.clock.set(at(10));
    assert_eq!(Sealed::colours(&it.below), sealed_up_to(0, Freshness::Fresh));
    it.clock.set(at(11));
    assert_eq!(Sealed::colours(&it.below), sealed_up_to(1, Freshness::Fresh));
    it.clock.set(at(13));
    assert_eq!(Sealed::colours(&it.below), sealed_up_to(3, Freshness::Fresh));
}

#[test]
fn sealed_records_are_neither_marked_nor_built_again() {
    let it = Sealed::filled();
    it.clock.set(at(13));
    it.outside.set(5);
    let report = it.store.invalidate(("outside", 1)).unwrap();
    assert_eq!(report.stale, 5);
    assert_eq!(Sealed::colours(&it.below), sealed_up_to(3, Freshness::Stale));
    let builds = work(&it.store).0;
    let timeline = it.below.range(&1, buckets(0..8)).unwrap();
    let values: Vec<u64> = timeline.iter().map(|(_, record)| record.to_native()).collect();
    assert_eq!(values, [0, 0, 0, 5, 5, 5, 5, 5]);
    assert_eq!(work(&it.store).0, builds + 5);
    let first = it.below.get(&1, at(0)).unwrap();
    assert_eq!((first.to_native(), first.freshness()), (0, Freshness::Sealed));
    it.below.fill(&1, buckets(0..8)).unwrap().complete().unwrap();
    for report in [it.below.invalidate(&1), it.below.invalidate_between(buckets(0..3))] {
        report.unwrap();
    }
    assert_eq!(it.below.get(&1, at(0)).unwrap().to_native(), 0);
    assert_eq!(work(&it.store).0, builds + 5);
}

#[test]
fn sealed_records_are_no_news_to_their_readers() {
    let it = Sealed::filled();
    it.clock.set(at(30));
    it.outside.set(5);
    let report = it.store.invalidate(("outside", 1)).unwrap();
    assert_eq!(report.stale, 0);
    let builds = work(&it.store).0;
    for minute in 0..8 {
        let record = it.above.get(&1, at(minute)).unwrap();
        assert_eq!((record.to_native(), record.freshness()), (1000, Freshness::Fresh));
    }
    assert_eq!(work(&it.store).0, builds, "spared at most, never built");
}

#[test]
fn a_reader_of_a_record_that_was_marked_and_then_sealed_is_fresh_over_it() {
    let it = Sealed::filled();
    it.outside.set(5);
    it.store.invalidate(("outside", 1)).unwrap();
    assert_eq!(Sealed::colours(&it.below), sealed_up_to(0, Freshness::Stale));
    it.clock.set(at(30));
    assert_eq!(Sealed::colours(&it.below), sealed_up_to(8, Freshness::Stale));
    for minute in 0..8 {
        let record = it.above.get(&1, at(minute)).unwrap();
        assert_eq!((record.to_native(), record.freshness()), (1000, Freshness::Fresh));
    }
    let builds = work(&it.store).0;
    it.above.invalidate(&1).unwrap();
    let again = it.above.get(&1, at(0)).unwrap();
    assert_eq!((again.to_native(), again.freshness()), (1000, Freshness::Fresh));
    assert_eq!(work(&it.store).0, builds + 1, "a reader built over it is fresh as well");
}

#[test]
fn a_change_passes_through_sealed_records_to_what_reads_the_source_and_them() {
    let it = Sealed::filled();
    let (read, seen) = (it.below.clone(), it.outside.clone());
    let both = it.store.view::<u32, u64>("both").grid(grid()).page_len(4);
    let both = both.build(move |cx, id, bucket| {
        cx.depends_on(("outside", *id));
        Ok(cx.get(&read, id, bucket.start())?.to_native() + seen.get())
    });
    let both = both.unwrap();
    it.clock.set(at(30));
    both.fill(&1, buckets(0..8)).unwrap().complete().unwrap();
    it.outside.set(5);
    assert_eq!(it.store.invalidate(("outside", 1)).unwrap().stale, 8);
    assert_eq!(both.get(&1, at(0)).unwrap().to_native(), 5);
}

#[test]
fn a_sealed_bucket_without_a_record_is_built_when_somebody_asks() {
    let it = Sealed::filled();
    it.clock.set(at(300));
    it.outside.set(9);
    let late = it.below.get(&2, at(0)).unwrap();
    assert_eq!((late.to_native(), late.freshness()), (9, Freshness::Sealed));
    let reader = it.above.get(&2, at(0)).unwrap();
    assert_eq!((reader.to_native(), reader.freshness()), (1009, Freshness::Fresh));
}

#[test]
fn a_stamp_on_a_whole_view_leaves_its_sealed_records_sealed() {
    let it = Sealed::filled();
    it.clock.set(at(13));
    it.below.invalidate_all().unwrap();
    assert_eq!(Sealed::colours(&it.below), sealed_up_to(3, Freshness::Stale));
    let timeline = it.below.range(&1, TimeRange::new(at(0), at(8))).unwrap();
    let sealed = timeline.into_iter().filter(|(_, record)| record.freshness() == Freshness::Sealed);
    assert_eq!(sealed.count(), 3);
    assert_eq!(it.above.get(&1, at(0)).unwrap().freshness(), Freshness::Fresh);
}

#[test]
fn records_are_sealed_after_reopening_even_if_they_were_marked() {
    let (disk, outside) = (Disk::default(), Outside::default());
    let it = Sealed::open(&disk, 0, &outside);
    it.above.fill(&1, buckets(0..8)).unwrap().complete().unwrap();
    outside.set(5);
    it.store.invalidate(("outside", 1)).unwrap();
    it.store.close().unwrap();
    let it = Sealed::open(&disk, 30, &outside);
    assert_eq!(Sealed::colours(&it.below), sealed_up_to(8, Freshness::Stale));
    assert_eq!(it.below.get(&1, at(7)).unwrap().to_native(), 0);
    assert_eq!(it.above.get(&1, at(7)).unwrap().to_native(), 1000);
}
