//! Timelines: what they hold, how they are read, and what they say after something has changed.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::common::still;
use tidetable::{
    Freshness, Grid, Marked, Missing, RecordType, Store, TimeRange, Timeline, Timestamp, View,
};

fn minute(minute: i64) -> Timestamp {
    Timestamp::from_seconds(minute * 60)
}

fn minutes(range: Range<i64>) -> TimeRange {
    TimeRange::new(minute(range.start), minute(range.end))
}

/// A view of minutes, ten a page, whose records say how often something was announced.
fn counting(store: &Store) -> (View<u32, i64>, Arc<AtomicI64>) {
    let count = Arc::new(AtomicI64::new(0));
    let now = count.clone();
    let definition = store.view("counting").grid(Grid::minutes(1)).page_len(10);
    let view = definition.build(move |cx, _, bucket| {
        let minute = bucket.start().as_millis() / 60_000;
        cx.depends_on(("minute", minute as u64));
        Ok(minute + 1000 * now.load(Ordering::SeqCst))
    });
    (view.unwrap(), count)
}

fn read(timeline: &Timeline<i64>) -> Vec<i64> {
    timeline.iter().map(|(_, record)| record.to_native()).collect()
}

#[test]
fn a_timeline_sees_each_change_that_was_announced_before_it_began() {
    let store = still::in_memory().unwrap();
    let (view, count) = counting(&store);
    let serve = view.when_marked(Marked::Serve);
    // The second of two reads finds the page in the thread's own table.
    for announced in 0..5 {
        for _ in 0..2 {
            assert!(view.range(&1, minutes(2..8)).unwrap().is_fresh());
        }
        let before = view.range(&1, minutes(2..8)).unwrap();
        count.store(announced + 1, Ordering::SeqCst);
        let changed = 2 + announced;
        store.invalidate(("minute", changed as u64)).unwrap();

        let marked = serve.range(&1, minutes(2..8)).unwrap();
        assert!(!marked.is_fresh(), "after {announced}");
        let stale: Vec<_> = marked
            .into_iter()
            .filter(|(_, record)| record.freshness() == Freshness::Stale)
            .map(|(bucket, _)| bucket.start())
            .collect();
        assert_eq!(stale, [minute(changed)]);
        let anew = view.range(&1, minutes(2..8)).unwrap();
        assert!(anew.is_fresh());
        assert_eq!(read(&anew)[announced as usize], changed + 1000 * (announced + 1));
        // What is held stays what it was when it was read.
        assert!(before.is_fresh());
        assert_eq!(read(&before)[announced as usize], changed);
    }
}

#[test]
fn a_timeline_of_a_view_that_was_deleted_or_has_what_was_deleted_is_not_served() {
    let store = still::in_memory().unwrap();
    let (view, _) = counting(&store);
    let missing = view.when_missing(Missing::Miss);
    assert_eq!(view.range(&1, minutes(0..10)).unwrap().len(), 10);
    assert_eq!(missing.range(&1, minutes(0..10)).unwrap().len(), 10);
    view.delete_range(&1, minutes(3..5)).unwrap();
    assert_eq!(read(&missing.range(&1, minutes(2..7)).unwrap()), [2, 5, 6]);
    assert_eq!(missing.range(&1, minutes(5..10)).unwrap().len(), 5);
    store.delete_view("counting").unwrap();
    assert!(missing.range(&1, minutes(5..10)).is_err());
}

/// Reads it in every way that there is.
fn reads_alike<R: RecordType>(timeline: Timeline<R>, buckets: &[i64], about: &str) {
    let starts: Vec<_> = buckets.iter().map(|at| minute(*at)).collect();
    let stepped: Vec<_> = (&timeline).into_iter().map(|(bucket, _)| bucket.start()).collect();
    assert_eq!(stepped, starts, "{about}");
    let mut folded = Vec::new();
    timeline.iter().for_each(|(bucket, record)| folded.push((bucket, record)));
    let mut iter = timeline.iter();
    for (nth, (bucket, record)) in folded.iter().enumerate() {
        let left = starts.len() - nth;
        assert_eq!((iter.len(), timeline.len()), (left, starts.len()), "{about}");
        // From here on by a loop inside.
        let mut rest = timeline.iter();
        rest.by_ref().take(nth).for_each(drop);
        assert_eq!(rest.fold(0, |count, _| count + 1), left, "{about}");
        let Some((at, found)) = iter.next() else { panic!("{about}: too few") };
        assert!(at == *bucket && std::ptr::eq(found, *record), "{about}");
    }
    assert!(iter.len() == 0 && iter.next().is_none() && iter.next().is_none());
    let in_place: Vec<*const R::Archived> =
        folded.iter().map(|(_, record)| std::ptr::from_ref(*record)).collect();
    for (nth, (bucket, record)) in timeline.into_iter().enumerate() {
        assert_eq!((bucket, bucket.start()), (record.bucket(), starts[nth]), "{about}");
        assert!(std::ptr::eq(record.archived(), in_place[nth]) && record.is_fresh(), "{about}");
    }
}

#[test]
fn a_timeline_is_the_same_in_whatever_way_it_is_read() {
    let store = still::in_memory().unwrap();
    let define = |name: &str, grid| store.view::<u32, i64>(name).grid(grid);
    let value = |at: Timestamp| at.as_millis() / 60_000;
    let even = define("even", Grid::minutes(1)).page_len(10);
    let even = even.build(move |_, _, bucket| Ok(value(bucket.start()))).unwrap();
    let days = define("days", Grid::minutes(3).pages_by_day("Europe/Stockholm"));
    let days = days.build(move |_, _, bucket| Ok(value(bucket.start()))).unwrap();
    let names = store.view::<u32, String>("names").grid(Grid::minutes(1)).page_len(10);
    let names = names
        .build(move |_, _, bucket| Ok("x".repeat(value(bucket.start()).rem_euclid(30) as usize)))
        .unwrap();
    for range in [0..10, 3..8, 9..10, 0..30, 5..25, -25..-3, 1380..1500, 4..4] {
        let all: Vec<i64> = range.clone().collect();
        let thirds: Vec<i64> = range.clone().filter(|minute| minute.rem_euclid(3) == 0).collect();
        // From the file or a build, from the cache, and from the thread's own table.
        for turn in 0..3 {
            let about = format!("{range:?}, turn {turn}");
            reads_alike(even.range(&1, minutes(range.clone())).unwrap(), &all, &about);
            reads_alike(days.range(&1, minutes(range.clone())).unwrap(), &thirds, &about);
            reads_alike(names.range(&1, minutes(range.clone())).unwrap(), &all, &about);
        }
    }
    // With a gap in it.
    even.delete_range(&1, minutes(4..6)).unwrap();
    names.delete_range(&1, minutes(4..6)).unwrap();
    for _ in 0..3 {
        let some = [2, 3, 6, 7];
        let gaps = even.when_missing(Missing::Miss).range(&1, minutes(2..8)).unwrap();
        reads_alike(gaps, &some, "a gap");
        let gaps = names.when_missing(Missing::Miss).range(&1, minutes(2..8)).unwrap();
        reads_alike(gaps, &some, "a gap among names");
    }
}
