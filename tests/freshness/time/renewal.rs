//! What was built from a record that expires: it expires with it, and is looked over then.

use std::sync::{Arc, Barrier};
use std::thread;

use tidetable::{Freshness::*, Span, TimeRange, Timestamp};

use crate::common::disk::Disk;

use super::world::*;

#[test]
fn what_was_built_from_a_record_expires_with_it_through_two_levels() {
    let it = World::new();
    value(&it.top, 1);
    let at = until(&it.below, 1);
    assert_eq!((until(&it.middle, 1), until(&it.top, 1)), (at, at));
    it.clock.set(before(at, 1));
    assert_eq!(it.colours(1), [Fresh; 3]);
    it.clock.set(at);
    assert_eq!(it.colours(1), [Expired; 3]);
}

#[test]
fn what_comes_out_as_it_was_renews_what_was_built_from_it_without_a_build() {
    let it = World::new();
    value(&it.top, 1);
    it.go_to_expiry(1);
    assert_eq!(value(&it.top, 1), 1000);
    assert_eq!(work(&it.store), (4, 2), "below is built, middle and top are spared");
    assert_eq!(it.colours(1), [Fresh; 3]);
    let at = until(&it.below, 1);
    assert!(at > minute(100));
    assert_eq!((until(&it.middle, 1), until(&it.top, 1)), (at, at));
    it.clock.set(at);
    assert_eq!(it.colours(1), [Expired; 3]);
}

#[test]
fn a_change_that_comes_with_time_rebuilds_as_far_as_it_matters() {
    let it = World::new();
    value(&it.top, 1);
    it.go_to_expiry(1);
    it.weather.set(9);
    assert_eq!(value(&it.top, 1), 1000);
    assert_eq!(work(&it.store), (5, 1), "below and middle are built, middle as it was");
    it.go_to_expiry(1);
    it.weather.set(19);
    assert_eq!(value(&it.top, 1), 1001);
    assert_eq!(work(&it.store), (8, 1));
    assert_eq!(it.colours(1), [Fresh; 3]);
    assert_eq!(it.store.metrics().builds_unexplained, 0);
}

#[test]
fn a_record_whose_own_time_is_over_is_built_and_never_spared() {
    let it = World::new();
    let read = it.middle.clone();
    let short = it.store.view::<u32, u64>("short").fresh_for(Span::minutes(10));
    let short = short.build(move |cx, id, _| Ok(cx.get(&read, id, NOW)?.to_native())).unwrap();
    value(&short, 1);
    it.clock.set(until(&short, 1));
    assert_eq!((colour(&short, 1), colour(&it.middle, 1)), (Expired, Fresh));
    value(&short, 1);
    assert_eq!(work(&it.store), (4, 0));
    it.go_to_expiry(1);
    value(&short, 1);
    assert_eq!(work(&it.store), (6, 1), "middle is spared, below and short are built");
}

#[test]
fn a_record_renewed_keeps_its_own_time_if_that_is_shorter() {
    let it = World::new();
    let read = it.below.clone();
    let long = it.store.view::<u32, u64>("long").fresh_for(Span::minutes(90));
    let long = long.build(move |cx, id, _| Ok(cx.get(&read, id, NOW)?.to_native())).unwrap();
    value(&long, 1);
    assert_eq!(until(&long, 1), until(&it.below, 1));
    it.go_to_expiry(1);
    value(&long, 1);
    assert_eq!(work(&it.store), (3, 1));
    let own = until(&long, 1);
    assert!(own >= minute(81) && own <= minute(90) && own < until(&it.below, 1), "{own}");
    it.clock.set(own);
    value(&long, 1);
    assert_eq!(work(&it.store), (4, 1));
}

#[test]
fn a_suspect_record_that_is_spared_counts_as_long_as_what_it_was_built_from_does_now() {
    let it = World::new();
    let short = it.store.view::<u32, u64>("gauge").fresh_for(Span::minutes(10));
    let short = short.build(|_, _, _| Ok(4)).unwrap();
    // It looks at the gauge only if it is told to.
    let (gauge, told) = (short.clone(), Weather::default());
    let seen = told.clone();
    let choosing = it.store.view::<u32, u64>("choosing").build(move |cx, id, _| {
        cx.depends_on(("choice", *id));
        if seen.get() == 0 { Ok(4) } else { Ok(cx.get(&gauge, id, NOW)?.to_native()) }
    });
    let choosing = choosing.unwrap();
    let read = choosing.clone();
    let reader = it.store.view::<u32, u64>("reader");
    let reader = reader.build(move |cx, id, _| Ok(cx.get(&read, id, NOW)?.to_native())).unwrap();
    value(&reader, 1);
    assert_eq!(peek(&reader, 1).fresh_until(), None);
    told.set(1);
    it.store.invalidate(("choice", 1)).unwrap();
    value(&reader, 1);
    assert_eq!(work(&it.store), (4, 1), "the choice comes out the same, for other reasons");
    assert_eq!(until(&reader, 1), until(&short, 1));
    told.set(0);
    it.store.invalidate(("choice", 1)).unwrap();
    value(&reader, 1);
    assert_eq!(peek(&reader, 1).fresh_until(), None);
}

#[test]
fn a_record_both_expired_and_suspect_says_the_worse_and_is_spared_at_once() {
    let it = World::new();
    let read = it.top.clone();
    let above = it.store.view::<u32, u64>("above");
    let above = above.build(move |cx, id, _| Ok(cx.get(&read, id, NOW)?.to_native())).unwrap();
    value(&above, 1);
    it.store.invalidate(("top", 1)).unwrap();
    it.go_to_expiry(1);
    assert_eq!((it.colours(1), colour(&above, 1)), ([Expired, Expired, Stale], Suspect));
    assert_eq!(value(&above, 1), 1000);
    assert_eq!(work(&it.store), (6, 2), "below and top are built, middle and above are spared");
    assert_eq!(until(&above, 1), until(&it.below, 1));
}

#[test]
fn a_record_both_expired_by_itself_and_suspect_is_built() {
    let it = World::new();
    let read = it.top.clone();
    let above = it.store.view::<u32, u64>("above").fresh_for(Span::minutes(10));
    let above = above.build(move |cx, id, _| Ok(cx.get(&read, id, NOW)?.to_native())).unwrap();
    value(&above, 1);
    it.store.invalidate(("top", 1)).unwrap();
    it.clock.set(minute(20));
    assert_eq!(colour(&above, 1), Suspect);
    value(&above, 1);
    assert_eq!(work(&it.store), (6, 0));
}

#[test]
fn stamps_and_versions_are_said_before_the_time() {
    let it = World::new();
    value(&it.top, 1);
    it.go_to_expiry(1);
    it.below.invalidate_all().unwrap();
    assert_eq!(it.colours(1), [Stale, Suspect, Suspect]);
    assert_eq!(value(&it.top, 1), 1000);
    let at = it.go_to_expiry(1);
    let newer = it.store.view::<u32, u64>("below").version(2).fresh_for(HOUR);
    let newer = newer.build(|_, _, _| Ok(0)).unwrap();
    let record = peek(&newer, 1);
    assert_eq!((record.freshness(), record.fresh_until()), (OldVersion, Some(at)));
}

#[test]
fn what_expires_again_while_it_is_looked_over_is_built() {
    let it = World::new();
    let short = it.store.view::<u32, u64>("short").fresh_for(Span::minutes(10));
    let short = short.build(|_, _, _| Ok(1)).unwrap();
    let clock = it.clock.clone();
    let slow = it.store.view::<u32, u64>("slow").build(move |cx, id, _| {
        cx.depends_on(("slow", *id));
        clock.advance(Span::minutes(30));
        Ok(1)
    });
    let (first, slow) = (short.clone(), slow.unwrap());
    let second = slow.clone();
    let both = it.store.view::<u32, u64>("both").build(move |cx, id, _| {
        Ok(cx.get(&first, id, NOW)?.to_native() + cx.get(&second, id, NOW)?.to_native())
    });
    let both = both.unwrap();
    value(&slow, 1);
    value(&both, 1);
    it.clock.set(until(&short, 1));
    it.store.invalidate(("slow", 1)).unwrap();
    // The first is built and counts for ten minutes; looking at the second takes thirty.
    assert_eq!(value(&both, 1), 2);
    assert_eq!(it.store.metrics().records_spared, 0);
}

#[test]
fn a_chain_is_renewed_after_reopening_as_before() {
    let (disk, weather) = (Disk::default(), Weather::default());
    let it = World::open(&disk, minute(0), &weather);
    value(&it.top, 1);
    let at = until(&it.top, 1);
    it.store.close().unwrap();
    let it = World::open(&disk, at, &weather);
    assert_eq!(it.colours(1), [Expired; 3]);
    assert_eq!(value(&it.top, 1), 1000);
    assert_eq!(work(&it.store), (1, 2));
    let at = until(&it.top, 1);
    it.store.close().unwrap();
    let it = World::open(&disk, before(at, 1), &weather);
    assert_eq!(it.colours(1), [Fresh; 3]);
}

#[test]
fn what_read_a_range_or_a_whole_view_expires_with_the_first_of_it() {
    let it = World::new();
    let all = TimeRange::new(Timestamp::MIN, Timestamp::MAX);
    let (ranged, scanned) = (it.below.clone(), it.below.clone());
    let range = it.store.view::<u32, u64>("range").build(move |cx, id, _| {
        Ok(cx.range(&ranged, id, all)?.iter().map(|(_, value)| value.to_native()).sum())
    });
    let scan = it.store.view::<u32, u64>("scan").build(move |_, _, _| {
        let values = scanned.scan(all)?;
        Ok(values.iter().flat_map(|(_, it)| it.iter()).map(|(_, value)| value.to_native()).sum())
    });
    let (range, scan) = (range.unwrap(), scan.unwrap());
    it.weather.set(1);
    for entity in 1..=5 {
        assert_eq!(value(&it.below, entity), 1);
    }
    assert_eq!((value(&range, 1), value(&scan, 0)), (1, 5));
    assert_eq!(until(&range, 1), until(&it.below, 1));
    let first = (1..=5).map(|entity| until(&it.below, entity)).min().unwrap();
    assert_eq!(until(&scan, 0), first);
    it.clock.set(before(first, 1));
    assert_eq!(value(&scan, 0), 5);
    it.clock.set(minute(60));
    it.weather.set(2);
    assert_eq!((value(&range, 1), value(&scan, 0)), (2, 10));
}

#[test]
fn a_build_that_is_served_an_expired_record_makes_one() {
    let it = World::new();
    let serving = it.below.when_marked(tidetable::Marked::Serve);
    let bold = it.store.view::<u32, u64>("bold");
    let bold = bold.build(move |cx, id, _| Ok(cx.get(&serving, id, NOW)?.to_native())).unwrap();
    value(&bold, 1);
    let at = it.go_to_expiry(1);
    bold.delete(&1).unwrap();
    let record = bold.get(&1, NOW).unwrap();
    assert_eq!((record.freshness(), record.fresh_until()), (Expired, Some(at)));
}

#[test]
fn what_has_peeked_at_a_record_expires_with_it() {
    let it = World::new();
    let below = it.below.clone();
    let peeking = it.store.view::<u32, u64>("peeking").build(move |cx, id, _| {
        Ok(cx.peek(&below, id, NOW)?.map_or(99, |value| value.to_native()))
    });
    let peeking = peeking.unwrap();
    assert_eq!(value(&peeking, 1), 99);
    assert_eq!(peek(&peeking, 1).fresh_until(), None);
    value(&it.below, 1);
    assert_eq!(value(&peeking, 1), 0);
    assert_eq!(until(&peeking, 1), until(&it.below, 1));
}

#[test]
fn what_counts_less_long_since_a_build_read_it_counts_less_long_for_the_record() {
    let it = World::new();
    let (below, told) = (it.below.clone(), Weather::default());
    let seen = told.clone();
    // The same number, from the weather or out of the blue.
    let choosing = it.store.view::<u32, u64>("choosing").build(move |cx, id, _| {
        cx.depends_on(("choice", *id));
        if seen.get() == 0 { Ok(0) } else { Ok(cx.get(&below, id, NOW)?.to_native()) }
    });
    let choosing = choosing.unwrap();
    let turn = Arc::new(Barrier::new(2));
    let (read, turns) = (choosing.clone(), turn.clone());
    let slow = it.store.view::<u32, u64>("slow").build(move |cx, id, _| {
        let value = cx.get(&read, id, NOW)?.to_native();
        turns.wait();
        turns.wait();
        Ok(value)
    });
    let slow = slow.unwrap();
    thread::scope(|scope| {
        scope.spawn(|| value(&slow, 1));
        turn.wait();
        told.set(1);
        it.store.invalidate(("choice", 1)).unwrap();
        assert_eq!(value(&choosing, 1), 0);
        turn.wait();
    });
    assert_eq!(colour(&slow, 1), Fresh);
    assert_eq!(until(&slow, 1), until(&it.below, 1));
}
