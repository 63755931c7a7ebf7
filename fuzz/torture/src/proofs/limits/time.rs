//! The first and the last bucket of each kind of grid, and clocks that stand at the ends of time.

use std::sync::Arc;

use tidetable::{
    ErrorKind, Grid, ManualClock, Missing, Options, Span, Store, TimeRange, Timestamp, View,
};

use super::place::{Held, Place, ensure, fault, hold, still};
use crate::round::Round;

const ZONES: [&str; 5] =
    ["UTC", "Pacific/Apia", "Africa/Monrovia", "Antarctica/Troll", "Australia/Lord_Howe"];

/// Buckets of one width, from the narrowest to the widest, wherever their origin lies.
pub fn fixed_grids(round: &Round<'_>) {
    let widths =
        [1, 2, 3, 1000, 600_000, 3_600_000, 86_400_000, i64::MAX / 2, i64::MAX - 1, i64::MAX];
    let origins = [0, 1, -1, i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX, 1 << 62, -(1 << 62)];
    for width in widths {
        for origin in origins {
            hold(round, format!("buckets of {width} ms from {origin}"), || {
                let grid = Grid::fixed(Span::millis(width)).origin(Timestamp::from_millis(origin));
                // Of the widest buckets the one at the origin may reach beyond the end of time.
                let inside = [origin, origin.saturating_sub(1), origin.saturating_sub(width), 0];
                grid_holds(&grid, inside.map(Timestamp::from_millis))
            });
        }
    }
    for width in [i64::MIN, -1, 0] {
        hold(round, format!("buckets of {width} ms"), || {
            let view = Place::still()?.open()?.view::<u32, i64>("faulty");
            super::place::refused(
                view.grid(Grid::fixed(Span::millis(width))).without_build(),
                &["width"],
            )
        });
    }
}

/// Days, weeks, months, years and hours of zones, to the ends of what a calendar names.
pub fn calendars(round: &Round<'_>) {
    for zone in ZONES {
        let grids = [
            Grid::hourly(zone),
            Grid::daily(zone),
            Grid::weekly(zone),
            Grid::monthly(zone),
            Grid::yearly(zone),
            Grid::minutes(10).pages_by_day(zone),
            Grid::hours(1).pages_by_day(zone),
        ];
        for grid in grids {
            hold(round, grid.to_string(), || grid_holds(&grid, [Timestamp::EPOCH; 4]));
        }
    }
    hold(round, "a grid without time", || grid_holds(&Grid::timeless(), [Timestamp::EPOCH; 4]));
}

fn define(store: &Store, grid: &Grid) -> Held<View<u32, i64>> {
    let view = store.view::<u32, i64>("timed").grid(grid.clone());
    Ok(view.build(|_, _, bucket| Ok(bucket.start().as_millis() ^ 5))?)
}

/// A store with such a view takes every instant or refuses it with the reason; what it takes comes back.
fn grid_holds(grid: &Grid, inside: [Timestamp; 4]) -> Held {
    let place = Place::still()?;
    let store = place.open()?;
    let view = define(&store, grid)?;
    let takes = |instant: Timestamp| view.peek(&1, instant).is_ok();
    let inside = inside.into_iter().find(|instant| takes(*instant));
    let inside = inside.ok_or_else(|| fault("no instant is taken"))?;
    let first = edge(inside, Timestamp::MIN, takes);
    let last = edge(inside, Timestamp::MAX, takes);
    for (edge, by) in [(first, -1), (last, 1)] {
        if let Some(beyond) = edge.as_millis().checked_add(by).map(Timestamp::from_millis) {
            beyond_holds(&view, beyond)?;
        }
    }
    let instants = [first, last, inside];
    for instant in instants {
        let record = view.get(&1, instant)?;
        let bucket = record.bucket();
        ensure(bucket.contains(instant), || format!("{bucket:?} does not hold {instant}"))?;
        view.put(&2, instant, &instant.as_millis())?;
        view.nearest(&2, instant, Span::MAX)?;
    }
    ranges_hold(&view)?;
    drop(view);
    let store = place.reopen(store)?;
    let view = define(&store, grid)?.when_missing(Missing::Miss);
    for instant in instants {
        let bucket = view.get(&1, instant)?.bucket();
        let built = view.get(&1, instant)?.to_native();
        ensure(built == bucket.start().as_millis() ^ 5, || format!("{built} at {instant}"))?;
        let put = view.get(&2, instant)?.to_native();
        let of = instants.into_iter().rfind(|other| bucket.contains(*other));
        ensure(of.is_some_and(|of| of.as_millis() == put), || {
            format!("{put} was put at {instant}")
        })?;
        // Of a grid without time the bucket ends where time does, and holds that instant too.
        let alone = view.range(&2, bucket.range())?;
        ensure(alone.len() == 1, || format!("{} records in {bucket:?}", alone.len()))?;
    }
    // The earlier of a grid of several buckets goes, and only it.
    let buckets = view.get(&1, first)?.bucket() != view.get(&1, last)?.bucket();
    let after = view.get(&1, first)?.bucket().end();
    let gone = view.delete_before(after)?;
    ensure(gone >= 1 || !buckets, || "the first bucket does not end before its end".to_owned())?;
    ensure(view.peek(&1, last)?.is_some() == buckets || gone == 0, || "the last went".to_owned())?;
    view.delete_before(Timestamp::MIN)?;
    view.delete_before(Timestamp::MAX)?;
    view.clear()?;
    ensure(view.entities().count() == 0, || "something was left".to_owned())
}

/// The outermost instant that is taken between one that is and an end of time.
fn edge(inside: Timestamp, end: Timestamp, takes: impl Fn(Timestamp) -> bool) -> Timestamp {
    if takes(end) {
        return end;
    }
    let (mut taken, mut refused) = (i128::from(inside.as_millis()), i128::from(end.as_millis()));
    while taken.abs_diff(refused) > 1 {
        let middle = (taken + refused) / 2;
        let at = i64::try_from(middle).expect("it lies between two instants");
        *(if takes(Timestamp::from_millis(at)) { &mut taken } else { &mut refused }) = middle;
    }
    Timestamp::from_millis(i64::try_from(taken).expect("it is an instant"))
}

/// Whoever asks beyond the first or last bucket is told that there is none.
fn beyond_holds(view: &View<u32, i64>, beyond: Timestamp) -> Held {
    let answers = [
        view.get(&1, beyond).map(drop),
        view.put(&1, beyond, &7),
        view.request(&1, beyond).map(drop),
        view.nearest(&1, beyond, Span::hours(1)).map(drop),
        view.explain(&1, beyond).map(drop),
        view.fill(
            &1,
            TimeRange::new(beyond, beyond.checked_add(Span::millis(1)).unwrap_or(beyond)),
        )
        .map(drop)
        .and(view.get(&1, beyond).map(drop)),
    ];
    for answer in answers {
        let Err(error) = answer else {
            return Err(fault(format!("{beyond} has a bucket after all")));
        };
        let told = error.to_string();
        let named =
            ["represented", "calendar", "has no bucket"].iter().any(|word| told.contains(word));
        ensure(error.kind() == ErrorKind::Input && named, || format!("at {beyond}: {error:?}"))?;
    }
    ensure(view.entities().count() == 0, || format!("something is stored beyond, at {beyond}"))
}

/// Ranges that begin or end where time does are read, or refused with the reason.
fn ranges_hold(view: &View<u32, i64>) -> Held {
    let near =
        |edge: Timestamp, by: i64| Timestamp::from_millis(edge.as_millis().saturating_add(by));
    let ranges = [
        (Timestamp::MIN, Timestamp::MAX),
        (Timestamp::MIN, near(Timestamp::MIN, 1)),
        (Timestamp::MIN, near(Timestamp::MIN, 10_000)),
        (near(Timestamp::MAX, -1), Timestamp::MAX),
        (near(Timestamp::MAX, -10_000), Timestamp::MAX),
        (Timestamp::MAX, Timestamp::MAX),
        (Timestamp::MIN, Timestamp::MIN),
    ];
    let stored = view.when_missing(Missing::Miss);
    for range in ranges.map(|(start, end)| TimeRange::new(start, end)) {
        let answers = [
            stored.range(&2, range).map(|found| found.len()),
            stored.scan(range).map(|found| found.len()),
            view.delete_range(&3, range).map(|count| count as usize),
            view.invalidate_range(&3, range).map(|marked| marked.stale as usize),
        ];
        for error in answers.into_iter().filter_map(Result::err) {
            ensure(error.kind() == ErrorKind::Input, || format!("{range}: {error:?}"))?;
        }
    }
    Ok(())
}

/// A clock that stands at an end of time, or jumps from one to the other.
pub fn clocks(round: &Round<'_>) {
    let ends = [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX];
    for (at, then) in ends.into_iter().flat_map(|at| ends.map(|then| (at, then))) {
        hold(round, format!("a clock at {at}, then at {then}"), || clock_holds(at, then));
    }
}

fn clock_holds(at: i64, then: i64) -> Held {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(at)));
    let place = Place::with(Options { clock: clock.clone(), ..still() })?;
    let define = |store: &Store| -> Held<[View<u32, u64>; 3]> {
        let kept = store.view::<u32, u64>("kept").grid(Grid::hours(1)).retain(Span::MAX);
        let brief = store.view::<u32, u64>("brief").fresh_for(Span::millis(1)).expire_past();
        let sealed =
            store.view::<u32, u64>("sealed").grid(Grid::daily("UTC")).seal_after(Span::ZERO);
        Ok([
            kept.build(|cx, _, _| {
                cx.depends_on(("s", 1));
                Ok(1)
            })?,
            brief.build(|_, _, _| Ok(2))?,
            sealed.build(|_, _, _| Ok(3))?,
        ])
    };
    let mut store = place.open()?;
    for now in [at, then, at] {
        clock.set(Timestamp::from_millis(now));
        for (view, expected) in define(&store)?.iter().zip(1..) {
            let record = view.get(&1, Timestamp::EPOCH)?;
            ensure(record.to_native() == expected, || format!("{} instead", record.to_native()))?;
            let ages = [Timestamp::MIN, Timestamp::MAX].map(|now| record.age(now));
            ensure(ages.iter().all(|age| *age >= Span::ZERO), || format!("{ages:?}"))?;
            view.put(&2, Timestamp::EPOCH, &expected)?;
            view.apply_retention()?;
            let run = view.precompute([3], Timestamp::EPOCH..Timestamp::from_seconds(3600))?;
            ensure(run.wait()?.failed == 0, || "a run failed".to_owned())?;
        }
        store.invalidate(("s", 1))?;
        while store.build_next()?.is_some() {}
        store = place.reopen(store)?;
        for (view, expected) in define(&store)?.iter().zip(1..) {
            let put = view.get(&2, Timestamp::EPOCH)?.to_native();
            ensure(put == expected, || format!("{put} came back"))?;
        }
    }
    Ok(())
}
