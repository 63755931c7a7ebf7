//! To the millisecond: when a record goes, when it is history, and until when it counts.

use std::sync::Arc;

use tidetable::{Freshness, Grid, ManualClock, Marked, Options, Span, Store, Timestamp, View};

use super::place::{Held, Place, ensure, hold, still};
use crate::round::Round;

const HOUR: i64 = 3_600_000;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// From the end of a bucket a record is kept for as long as the view says, and not one day longer.
pub fn to_the_millisecond(round: &Round<'_>) {
    for retain in [0, 1, HOUR, 36 * HOUR] {
        for timeless in [false, true] {
            for past in [-1, 0, 1] {
                hold(
                    round,
                    format!("kept for {retain} ms, timeless {timeless}, {past} ms after"),
                    || {
                        let clock = Arc::new(ManualClock::new(at(0)));
                        let place = Place::with(Options { clock: clock.clone(), ..still() })?;
                        let define = |store: &Store| -> Held<View<u32, u64>> {
                            let grid = if timeless {
                                Grid::timeless()
                            } else {
                                Grid::fixed(Span::millis(HOUR))
                            };
                            let view = store.view::<u32, u64>("kept").grid(grid);
                            Ok(view.retain(Span::millis(retain)).without_build()?)
                        };
                        let store = place.open()?;
                        // The hour ends where it does; without hours it is when the record came to be.
                        let end = if timeless { 0 } else { HOUR };
                        define(&store)?.put(&1, at(0), &7)?;
                        if !timeless {
                            define(&store)?.put(&1, at(HOUR), &8)?;
                        }
                        clock.set(at(end + retain + past));
                        let store = place.reopen(store)?;
                        let view = define(&store)?;
                        let gone = view.apply_retention()?;
                        let kept = view.peek(&1, at(0))?.is_some();
                        ensure(kept == (gone == 0), || {
                            format!("{gone} went, and it is there: {kept}")
                        })?;
                        ensure(past >= 0 || kept, || "it went too early".to_owned())?;
                        ensure(past <= 0 || !kept, || "it stays too long".to_owned())?;
                        let next = timeless || view.peek(&1, at(HOUR))?.is_some();
                        ensure(next, || "the next hour went as well".to_owned())?;
                        drop(view);
                        let store = place.reopen(store)?;
                        let again = define(&store)?.peek(&1, at(0))?.is_some();
                        ensure(again == kept, || "it is otherwise after reopening".to_owned())
                    },
                );
            }
        }
    }
}

pub fn seals_and_expiry(round: &Round<'_>) {
    for past in [-1, 0, 1] {
        hold(round, format!("{past} ms after a bucket is sealed"), || {
            let clock = Arc::new(ManualClock::new(at(0)));
            let place = Place::with(Options { clock: clock.clone(), ..still() })?;
            let define = |store: &Store| -> Held<View<u32, u64>> {
                let view = store.view::<u32, u64>("sealed").grid(Grid::hours(1));
                let view = view.seal_after(Span::millis(HOUR)).when_marked(Marked::Serve);
                Ok(view.build(|cx, _, _| {
                    cx.depends_on(("s", 1));
                    Ok(1)
                })?)
            };
            let store = place.open()?;
            define(&store)?.get(&1, at(0))?;
            clock.set(at(2 * HOUR + past));
            let store = place.reopen(store)?;
            let view = define(&store)?;
            let stale = store.invalidate(("s", 1))?.stale;
            let freshness = view.get(&1, at(0))?.freshness();
            let sealed = freshness == Freshness::Sealed;
            ensure(past >= 0 || !sealed, || "it is sealed too early".to_owned())?;
            ensure(past <= 0 || sealed, || format!("it is not sealed but {freshness:?}"))?;
            ensure(sealed == (stale == 0), || format!("{stale} were marked, of {freshness:?}"))?;
            ensure(sealed || freshness == Freshness::Stale, || format!("{freshness:?}"))
        });
        hold(round, format!("{past} ms after a record expires"), || {
            let clock = Arc::new(ManualClock::new(at(0)));
            let place = Place::with(Options { clock: clock.clone(), ..still() })?;
            let define = |store: &Store| -> Held<View<u32, u64>> {
                let view = store.view::<u32, u64>("brief").fresh_for(Span::millis(HOUR));
                Ok(view.when_marked(Marked::Serve).build(|_, _, _| Ok(1))?)
            };
            let store = place.open()?;
            let until = define(&store)?.get(&1, at(0))?.fresh_until();
            let until = until.ok_or_else(|| super::place::fault("it never expires"))?;
            let within = (HOUR - HOUR / 10..=HOUR).contains(&until.as_millis());
            ensure(within, || format!("it is fresh until {until}"))?;
            clock.set(at(until.as_millis() + past));
            let store = place.reopen(store)?;
            let freshness = define(&store)?.get(&1, at(0))?.freshness();
            let said = if past < 0 { Freshness::Fresh } else { Freshness::Expired };
            ensure(freshness == said, || format!("{freshness:?}"))
        });
    }
}
