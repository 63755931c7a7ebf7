//! Buckets that are over, sealed or past the view's retention.

use tidetable::{Freshness::*, Marked, Span, Timestamp, View};

use crate::common::record::{buckets, grid};

use super::world::{World, minute, work};

const TEN: Span = Span::minutes(10);

/// The number of a minute counted from the epoch.
fn from_the_beginning(range: std::ops::Range<i64>) -> std::ops::Range<Timestamp> {
    buckets(720 + range.start..720 + range.end)
}

fn until(view: &View<u32, u64>, at: i64) -> Option<Timestamp> {
    view.peek(&1, minute(at)).unwrap().expect("there is a record").fresh_until()
}

fn view(it: &World, name: &str, past_too: bool) -> View<u32, u64> {
    let definition = it.store.view::<u32, u64>(name).grid(grid()).page_len(64).fresh_for(TEN);
    let definition = if past_too { definition.expire_past() } else { definition };
    let weather = it.weather.clone();
    definition.build(move |_, _, _| Ok(weather.get())).unwrap()
}

#[test]
fn a_record_that_would_expire_after_its_bucket_never_does() {
    let it = World::new();
    let view = view(&it, "minutes", false);
    view.fill(&1, from_the_beginning(-20..40)).unwrap().complete().unwrap();
    for at in -20..40 {
        let expires = until(&view, at);
        match at {
            ..8 => assert_eq!(expires, None, "of minute {at}"),
            10.. => assert!(expires.unwrap() >= minute(9) && expires.unwrap() <= minute(10)),
            // Which of the two depends on the tenth.
            _ => {}
        }
    }
    it.clock.set(minute(20));
    it.weather.set(1);
    let timeline = view.range(&1, from_the_beginning(-20..40)).unwrap();
    let values: Vec<_> = timeline.iter().map(|(_, value)| value.to_native()).collect();
    assert_eq!((values[..28].iter().sum::<u64>(), values[30..].iter().sum::<u64>()), (0, 30));
    assert_eq!(until(&view, 15), None, "it was built when it was over: the last time");
    assert!(until(&view, 35).is_some());
}

#[test]
fn of_a_page_built_whole_only_the_buckets_that_are_not_over_expire() {
    let it = World::new();
    let whole = it.store.view::<u32, u64>("whole").grid(grid()).page_len(64).fresh_for(TEN);
    let whole = whole.build_page(|_, _, buckets| Ok(vec![1; buckets.len()])).unwrap();
    whole.fill(&1, from_the_beginning(-10..40)).unwrap().complete().unwrap();
    assert!((-10..8).all(|at| until(&whole, at).is_none()));
    assert!((10..40).all(|at| until(&whole, at).is_some()));
    assert_eq!(work(&it.store).0, 1);
}

#[test]
fn a_view_may_say_that_past_buckets_expire_too() {
    let it = World::new();
    let view = view(&it, "corrected", true);
    view.fill(&1, from_the_beginning(-20..20)).unwrap().complete().unwrap();
    assert!((-20..20).all(|at| until(&view, at).is_some_and(|until| until <= minute(10))));
    it.clock.set(minute(10));
    it.weather.set(1);
    let timeline = view.range(&1, from_the_beginning(-20..20)).unwrap();
    assert!(timeline.is_fresh() && timeline.iter().all(|(_, value)| value.to_native() == 1));
}

#[test]
fn a_sealed_record_does_not_expire_and_neither_does_what_was_built_from_it_since() {
    let it = World::new();
    let sealed = it.store.view::<u32, u64>("sealed").grid(grid()).page_len(64);
    let sealed = sealed.fresh_for(TEN).expire_past().seal_after(Span::minutes(30));
    let weather = it.weather.clone();
    let sealed = sealed.build(move |_, _, _| Ok(weather.get())).unwrap();
    let read = sealed.clone();
    let reader = it.store.view::<u32, u64>("reader").grid(grid()).page_len(64);
    let reader = reader
        .build(move |cx, id, bucket| Ok(cx.get(&read, id, bucket.start())?.to_native()))
        .unwrap();
    reader.get(&1, minute(0)).unwrap();
    let at = until(&sealed, 0).unwrap();
    assert_eq!(until(&reader, 0), Some(at));
    it.clock.set(at);
    let colour = |view: &View<u32, u64>| view.peek(&1, minute(0)).unwrap().unwrap().freshness();
    assert_eq!((colour(&sealed), colour(&reader)), (Expired, Expired));
    it.clock.set(minute(31));
    it.weather.set(5);
    assert_eq!((colour(&sealed), until(&sealed, 0)), (Sealed, None));
    assert_eq!(colour(&reader), Expired);
    let record = reader.get(&1, minute(0)).unwrap();
    assert_eq!((record.to_native(), record.freshness(), record.fresh_until()), (0, Fresh, None));
    assert_eq!(work(&it.store), (2, 1));
    reader.invalidate(&1).unwrap();
    reader.get(&1, minute(0)).unwrap();
    assert_eq!((until(&reader, 0), work(&it.store)), (None, (3, 1)));
}

#[test]
fn a_range_over_sealed_records_counts_as_long_as_those_that_are_not() {
    let it = World::new();
    let sealed = it.store.view::<u32, u64>("sealed").grid(grid()).page_len(64);
    let sealed = sealed.fresh_for(TEN).expire_past().seal_after(Span::minutes(30));
    let sealed = sealed.build(|_, _, _| Ok(1)).unwrap();
    let read = sealed.clone();
    let reader = it.store.view::<u32, u64>("reader").build(move |cx, id, _| {
        let timeline = cx.range(&read, id, from_the_beginning(0..20))?;
        Ok(timeline.iter().map(|(_, value)| value.to_native()).sum())
    });
    let (reader, read) = (reader.unwrap(), sealed.clone());
    let scanning = it.store.view::<u32, u64>("scanning").build(move |_, _, _| {
        let scanned = read.scan(from_the_beginning(0..20))?;
        Ok(scanned.iter().flat_map(|(_, it)| it.iter()).map(|(_, value)| value.to_native()).sum())
    });
    let scanning = scanning.unwrap();
    sealed.fill(&1, from_the_beginning(0..20)).unwrap().complete().unwrap();
    it.clock.set(minute(41));
    assert_eq!(reader.get(&1, minute(0)).unwrap().to_native(), 20);
    let expires = until(&reader, 0).unwrap();
    assert_eq!(Some(expires), until(&sealed, 19));
    assert!(expires > minute(41));
    assert_eq!(scanning.get(&1, minute(0)).unwrap().to_native(), 20);
    assert_eq!(until(&scanning, 0), Some(expires));
    it.clock.set(minute(52));
    assert_eq!(reader.get(&1, minute(0)).unwrap().to_native(), 20);
    assert_eq!((until(&reader, 0), it.store.metrics().records_spared), (None, 1));
    assert_eq!(scanning.get(&1, minute(0)).unwrap().to_native(), 20);
    assert_eq!(until(&scanning, 0), None);
}

#[test]
fn a_record_beside_a_marked_one_expires_all_the_same() {
    let it = World::new();
    let view = view(&it, "corrected", true);
    view.fill(&1, from_the_beginning(0..4)).unwrap().complete().unwrap();
    view.invalidate_range(&1, from_the_beginning(1..2)).unwrap();
    let colours = || {
        let timeline = view.when_marked(Marked::Serve).range(&1, from_the_beginning(0..4));
        let records = timeline.unwrap().into_iter();
        records.map(|(_, record)| record.freshness()).collect::<Vec<_>>()
    };
    assert_eq!(colours(), [Fresh, Stale, Fresh, Fresh]);
    it.clock.set(minute(10));
    assert_eq!(colours(), [Expired, Stale, Expired, Expired]);
    let record = view.peek(&1, minute(0)).unwrap().unwrap();
    assert_eq!(record.freshness(), Expired);
}

#[test]
fn retention_takes_expired_records_as_it_takes_others() {
    let it = World::new();
    let kept = it.store.view::<u32, u64>("kept").grid(grid()).page_len(64);
    let kept = kept.fresh_for(TEN).expire_past().retain(Span::minutes(30));
    let kept = kept.build(|_, _, _| Ok(1)).unwrap();
    kept.fill(&1, from_the_beginning(0..20)).unwrap().complete().unwrap();
    it.clock.set(minute(41));
    assert_eq!(kept.census().unwrap().expired, 20);
    assert_eq!(kept.apply_retention().unwrap(), 11);
    assert_eq!(kept.census().unwrap().expired, 9);
    assert_eq!(kept.get(&1, minute(15)).unwrap().freshness(), Fresh);
}
