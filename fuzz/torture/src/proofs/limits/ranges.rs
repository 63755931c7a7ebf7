//! How many buckets and days one call goes through.

use tidetable::{DailyWindow, Grid, Missing, Span, Store, TimeRange, Timestamp, View};

use super::place::{Held, Place, ensure, hold, refused};
use crate::round::Round;

const BUCKETS: i64 = 1 << 20;

fn at(bucket: i64) -> Timestamp {
    Timestamp::from_millis(bucket)
}

/// About a million, wherever the range begins.
pub fn buckets(round: &Round<'_>) {
    for first in [0, -BUCKETS, 12_345, -77] {
        for (count, may) in [(BUCKETS - 1, true), (BUCKETS, true), (BUCKETS + 1, false)] {
            hold(round, format!("{count} buckets from {first}"), || range_holds(first, count, may));
        }
    }
    hold(round, "a fill of as many as there may be", || {
        let place = Place::still()?;
        let store = place.open()?;
        let view = counting(&store)?;
        let built = view.fill(&1, at(0)..at(BUCKETS))?.complete()?;
        ensure(built == BUCKETS as u64, || format!("{built} were built"))?;
        drop(view);
        let store = place.reopen(store)?;
        let found = counting(&store)?.range(&1, at(0)..at(BUCKETS))?;
        let right =
            found.iter().all(|(bucket, record)| record.to_native() == bucket.start().as_millis());
        ensure(right && found.len() as i64 == BUCKETS, || "it came back otherwise".to_owned())
    });
}

fn counting(store: &Store) -> Held<View<u32, i64>> {
    let view = store.view::<u32, i64>("counting").grid(Grid::fixed(Span::millis(1))).page_len(1024);
    Ok(view.build_page(|_, _, buckets| {
        Ok(buckets.iter().map(|bucket| bucket.start().as_millis()).collect())
    })?)
}

fn range_holds(first: i64, count: i64, may: bool) -> Held {
    let place = Place::still()?;
    let store = place.open()?;
    let last = first + count - 1;
    counting(&store)?.put_many([(1, at(first), first), (1, at(last), last)])?;
    let store = place.reopen(store)?;
    let view = counting(&store)?.when_missing(Missing::Miss);
    let range = TimeRange::new(at(first), at(last + 1));
    if !may {
        let words = [&*BUCKETS.to_string(), &*count.to_string(), "in pieces"];
        refused(view.range(&1, range), &words)?;
        refused(view.fill(&1, range), &words)?;
        refused(view.scan(range), &words)?;
        refused(view.prefetch([1], range), &words)?;
        refused(view.precompute([1], range), &words)?;
        ensure(store.runs()?.is_empty() && store.metrics().builds == 0, || "half done".to_owned())?;
        ensure(view.range(&1, at(first)..at(last))?.len() == 1, || "in a piece".to_owned())?;
        return Ok(());
    }
    let found: Vec<i64> =
        view.range(&1, range)?.iter().map(|(_, record)| record.to_native()).collect();
    ensure(found == [first, last], || format!("{found:?}"))?;
    ensure(view.scan(range)?.len() == 1, || "a scan finds another number".to_owned())?;
    view.prefetch([1], range)?;
    Ok(())
}

/// The bucket that holds the instant and those on both sides, as far as the tolerance reaches.
pub fn nearest(round: &Round<'_>) {
    const MOST: i64 = 10_000;
    // From the start of a bucket: 2 n + 1 buckets start within n of it, and of one that has no later
    // neighbours within reach the number is even.
    for count in [MOST - 1, MOST, MOST + 1] {
        hold(round, format!("nothing among {count} buckets"), || {
            let place = Place::still()?;
            let store = place.open()?;
            let view = store.view::<u32, u64>("sparse").grid(Grid::fixed(Span::millis(2)));
            let view = view.without_build()?;
            // At the end of a bucket as many start before it as after it, at odd distances.
            let odd = count % 2;
            let instant = Timestamp::from_millis(if odd == 1 { 0 } else { 1 });
            let tolerance = Span::millis(count - 1);
            if count > MOST {
                return refused(view.nearest(&1, instant, tolerance), &["10000", "tolerance"]);
            }
            ensure(view.nearest(&1, instant, tolerance)?.is_none(), || {
                "found in nothing".to_owned()
            })?;
            // The farthest that is reached is found, and one farther is not.
            let farthest = Timestamp::from_millis(instant.as_millis() - tolerance.as_millis());
            view.put(&1, farthest, &7)?;
            drop(view);
            let store = place.reopen(store)?;
            let view = store.view::<u32, u64>("sparse").grid(Grid::fixed(Span::millis(2)));
            let view = view.without_build()?;
            ensure(view.nearest(&1, instant, tolerance)?.is_some(), || "not found".to_owned())?;
            let short = Span::millis(tolerance.as_millis() - 1);
            ensure(view.nearest(&1, instant, short)?.is_none(), || "found beyond".to_owned())?;
            refused(view.nearest(&1, instant, Span::millis(-1)), &["negative"])?;
            view.nearest(&1, instant, Span::MAX).map(drop)?;
            Ok(())
        });
    }
}

/// Days whose records are counted at once.
pub fn days(round: &Round<'_>) {
    const DAY: i64 = 86_400_000;
    for (days, may) in super::place::around(10_000) {
        hold(round, format!("{days} days"), || {
            let place = Place::still()?;
            let store = place.open()?;
            let view = store.view::<u32, u64>("daily").grid(Grid::daily("UTC")).without_build()?;
            let last = at((days as i64 - 1) * DAY);
            view.put_many([(1, at(0), 1), (1, last, 2)])?;
            let whole = DailyWindow::until("00:00", "24:00", "UTC")?;
            let range = TimeRange::new(at(0), at(days as i64 * DAY));
            let counted = view.completeness_of([1], &whole, range);
            if !may {
                return refused(counted, &["10000", "in pieces"]);
            }
            let counted = counted?;
            ensure(counted.len() == days, || format!("{} days", counted.len()))?;
            let there = [0, 1, days - 1].map(|day| counted[day].present);
            ensure(there == [1, 0, 1], || format!("{there:?}"))
        });
    }
}
