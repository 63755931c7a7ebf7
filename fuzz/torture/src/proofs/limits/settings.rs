//! What a view is defined with, at the bounds of its ranges.

use tidetable::{
    Breaker, DailyWindow, Grid, Horizon, Marked, Retry, Span, Store, Timestamp, ViewDefinition,
};

use super::place::{Place, ensure, hold, refused};
use crate::round::Round;

const AT: Timestamp = Timestamp::EPOCH;

type Definition = ViewDefinition<u32, u64>;

/// What a definition is given, and what the error says if that is out of range.
type Setting = (&'static str, Option<&'static str>, fn(Definition) -> Definition);

const SETTINGS: &[Setting] = &[
    ("level -8", Some("zstd_level is -8"), |view| view.zstd_level(-8)),
    ("level -7", None, |view| view.zstd_level(-7)),
    ("level -1", None, |view| view.zstd_level(-1)),
    ("level 0", Some("zstd_level is 0"), |view| view.zstd_level(0)),
    ("level 1", None, |view| view.zstd_level(1)),
    ("level 19", None, |view| view.zstd_level(19)),
    ("level 20", Some("zstd_level is 20"), |view| view.zstd_level(20)),
    ("version 0", None, |view| view.version(0)),
    ("the last version", None, |view| view.version(u32::MAX)),
    ("retain -1", Some("retain is -1 ms"), |view| view.retain(Span::millis(-1))),
    ("retain 0", None, |view| view.grid(Grid::yearly("UTC")).retain(Span::ZERO)),
    ("retain for ever", None, |view| view.retain(Span::MAX)),
    ("seal -1", Some("seal_after is -1 ms"), |view| view.seal_after(Span::millis(-1))),
    ("seal 0", None, |view| view.seal_after(Span::ZERO)),
    ("seal never", None, |view| view.seal_after(Span::MAX)),
    ("fresh for 0", Some("fresh_for is 0 ms"), |view| view.fresh_for(Span::ZERO)),
    ("fresh for 1", None, |view| view.fresh_for(Span::millis(1))),
    ("fresh for ever", None, |view| view.fresh_for(Span::MAX)),
    ("expire past alone", Some("fresh_for"), |view| view.expire_past()),
    ("ahead alone", Some("fresh_for"), |view| view.refresh_ahead(Span::millis(1))),
    ("ahead -1", Some("refresh_ahead is -1 ms"), |view| {
        view.fresh_for(Span::hours(2)).refresh_ahead(Span::millis(-1))
    }),
    ("ahead 0", None, |view| view.fresh_for(Span::hours(2)).refresh_ahead(Span::ZERO)),
    ("ahead by half", None, |view| view.fresh_for(Span::hours(2)).refresh_ahead(Span::hours(1))),
    ("ahead by more", Some("at most 1 h"), |view| {
        view.fresh_for(Span::hours(2)).refresh_ahead(Span::millis(3_600_001))
    }),
    ("no attempts", Some("attempts is 0"), |view| {
        view.retry(Retry { attempts: 0, ..Retry::default() })
    }),
    ("one attempt", None, |view| view.retry(Retry { attempts: 1, ..Retry::default() })),
    ("all attempts", None, |view| view.retry(Retry { attempts: u16::MAX, ..Retry::default() })),
    ("retry at once", Some("first is 0 ms"), |view| {
        view.retry(Retry { first: Span::ZERO, ..Retry::default() })
    }),
    ("retry soon", None, |view| {
        view.retry(Retry { first: Span::millis(1), most: Span::millis(1), ..Retry::default() })
    }),
    ("retry sooner later", Some("most is 999 ms"), |view| {
        view.retry(Retry { first: Span::seconds(1), most: Span::millis(999), ..Retry::default() })
    }),
    ("retry never", None, |view| {
        view.retry(Retry { first: Span::MAX, most: Span::MAX, ..Retry::default() })
    }),
    ("no failures", Some("failures is 0"), |view| {
        view.breaker(Breaker { failures: 0, ..Breaker::default() })
    }),
    ("one failure", None, |view| view.breaker(Breaker { failures: 1, ..Breaker::default() })),
    ("no rest", Some("rest is 0 ms"), |view| {
        view.breaker(Breaker { rest: Span::ZERO, ..Breaker::default() })
    }),
    ("rest for ever", None, |view| {
        view.breaker(Breaker { failures: u32::MAX, rest: Span::MAX, rest_most: Span::MAX })
    }),
    ("rest less later", Some("rest_most is 999 ms"), |view| {
        view.breaker(Breaker { rest_most: Span::millis(999), ..Breaker::default() })
    }),
    ("no deadline", Some("build_deadline is 0 ms"), |view| view.build_deadline(Span::ZERO)),
    ("a deadline of 1", None, |view| view.build_deadline(Span::millis(1))),
    ("any deadline", None, |view| view.build_deadline(Span::MAX)),
    ("no builds", Some("builds_max is 0"), |view| view.builds_max(0)),
    ("one build", None, |view| view.builds_max(1)),
    ("any builds", None, |view| view.builds_max(usize::MAX)),
    ("serve for -1", Some("ServeFor is -1 ms"), |view| {
        view.when_marked(Marked::ServeFor(Span::millis(-1)))
    }),
    ("serve for 0", None, |view| view.when_marked(Marked::ServeFor(Span::ZERO))),
    ("serve for ever", None, |view| view.when_marked(Marked::ServeFor(Span::MAX))),
];

pub fn definitions(round: &Round<'_>) {
    for (name, fault, set) in SETTINGS {
        hold(round, *name, || {
            let place = Place::still()?;
            let mut store = place.open()?;
            let define = |store: &Store| {
                set(store.view("set")).build(|cx, entity, _| {
                    cx.depends_on(("s", 1));
                    Ok(u64::from(*entity))
                })
            };
            if let Some(fault) = fault {
                refused(define(&store), &[fault, "'set'"])?;
                ensure(store.views()?.is_empty(), || "it is in the file".to_owned())?;
                store.view::<u32, u64>("set").without_build()?.put(&1, AT, &1)?;
                return Ok(());
            }
            for turn in 0..2 {
                let view = define(&store)?;
                view.get(&7, AT)?;
                view.put(&8, AT, &turn)?;
                store.invalidate(("s", 1))?;
                ensure(view.get(&7, AT)?.to_native() == 7, || "built wrongly".to_owned())?;
                while store.build_next()?.is_some() {}
                drop(view);
                store = place.reopen(store)?;
                ensure(
                    define(&store)?.peek(&8, AT)?.is_some_and(|put| put.to_native() == turn),
                    || "lost".to_owned(),
                )?;
            }
            store.close()?;
            Ok(())
        });
    }
}

/// A year to both sides, and no day more.
pub fn horizons(round: &Round<'_>) {
    const MOST: i32 = 366;
    let days = [
        (0, 0, true),
        (1 - MOST, MOST - 1, true),
        (-MOST, MOST, true),
        (MOST, MOST, true),
        (-MOST, -MOST, true),
        (-MOST - 1, 0, false),
        (0, MOST + 1, false),
        (1, 0, false),
        (i32::MIN, i32::MAX, false),
    ];
    for (first, last, may) in days {
        hold(round, format!("days {first} to {last}"), || {
            let place = Place::still()?;
            let store = place.open()?;
            let define = |store: &Store| {
                let whole = DailyWindow::until("00:00", "24:00", "Pacific/Apia")?;
                let horizon = Horizon::days(whole, first..=last);
                let view = store.view::<u32, u64>("ahead").grid(Grid::daily("Pacific/Apia"));
                view.horizon(horizon, || [7]).build(|_, _, _| Ok(1))
            };
            if !may {
                refused(define(&store), &["horizon", "366"])?;
                return ensure(store.views()?.is_empty(), || "it is in the file".to_owned());
            }
            let view = define(&store)?;
            let days = view.completeness()?.len() as i32;
            ensure(days == last - first + 1, || format!("{days} days"))?;
            while store.build_next()?.is_some() {}
            drop(view);
            let store = place.reopen(store)?;
            let view = define(&store)?;
            let there: u64 = view.completeness()?.iter().map(|day| day.present).sum();
            ensure(there == days as u64, || format!("{there} of {days} days came back"))?;
            drop(view);
            store.close()?;
            Ok(())
        });
    }
}
