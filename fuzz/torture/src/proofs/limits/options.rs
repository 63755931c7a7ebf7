//! Options at the bounds of their ranges.

use tidetable::{Options, Span, Store, Timestamp};

use super::place::{Held, Place, ensure, hold, refused, still};
use crate::round::Round;

const AT: Timestamp = Timestamp::EPOCH;
const MILLION: usize = 1 << 20;

/// A store with these options does its work, or is not opened and leaves no file.
fn option_holds(options: Options, may: bool, name: &str) -> Held {
    let place = Place::with(options.clone())?;
    if !may {
        refused(Store::open_with(place.file(), options.clone()), &[name])?;
        refused(Store::in_memory_with(options), &[name])?;
        return ensure(!place.file().exists(), || "a file was left".to_owned());
    }
    let mut store = place.open()?;
    for turn in 1..=2 {
        let view =
            store.view::<u32, u64>("work").retain(Span::days(1)).build(|cx, entity, _| {
                cx.depends_on(("s", *entity));
                Ok(u64::from(*entity) + 1)
            })?;
        ensure(view.get(&1, AT)?.to_native() == 2, || "built wrongly".to_owned())?;
        view.put(&2, AT, &turn)?;
        store.invalidate(("s", 1))?;
        ensure(view.get(&1, AT)?.is_fresh(), || "it is not built anew".to_owned())?;
        let run = view.precompute(10..20, AT..Timestamp::from_millis(1))?;
        ensure(run.wait()?.failed == 0, || "a run failed".to_owned())?;
        let refreshed = view.request(&30, AT)?;
        ensure(refreshed.wait()?.to_native() == 31, || "a request came to another".to_owned())?;
        drop((view, run, refreshed));
        store = place.reopen(store)?;
        let view = store.view::<u32, u64>("work").retain(Span::days(1)).without_build()?;
        ensure(view.get(&2, AT)?.to_native() == turn, || "a put is lost".to_owned())?;
    }
    store.close()?;
    Ok(())
}

pub fn counts(round: &Round<'_>) {
    let around = |least: usize, most: usize| {
        let inside = [least, least + 1, most - 1, most].map(|value| (value, true));
        inside
            .into_iter()
            .chain(least.checked_sub(1).map(|value| (value, false)))
            .chain([(most + 1, false)])
    };
    type Set = fn(usize) -> Options;
    let options: [(&str, usize, usize, Set); 5] = [
        ("builders", 0, 64, |builders| Options { builders, ..still() }),
        ("queue_len", 1, MILLION, |queue_len| Options { queue_len, ..still() }),
        ("builds_max", 1, MILLION, |builds_max| Options { builds_max, ..still() }),
        ("memory_bytes", 0, isize::MAX as usize, |memory_bytes| Options {
            memory_bytes,
            ..still()
        }),
        ("record_bytes_max", 1, 31 << 20, |record_bytes_max| Options {
            record_bytes_max,
            ..still()
        }),
    ];
    for (name, least, most, set) in options {
        for (value, may) in around(least, most) {
            // No record of this round is so small.
            let value = if name == "record_bytes_max" && may { value.max(8) } else { value };
            hold(round, format!("{name} = {value}"), || option_holds(set(value), may, name));
        }
    }
    for unsynced_bytes_max in [0, 1, usize::MAX] {
        hold(round, format!("unsynced_bytes_max = {unsynced_bytes_max}"), || {
            option_holds(
                Options { unsynced_bytes_max, builders: 1, ..Options::default() },
                true,
                "",
            )
        });
    }
}

pub fn spans_and_shares(round: &Round<'_>) {
    let shares = [
        (f64::MIN_POSITIVE, true),
        (0.5, true),
        (1.0, true),
        (0.0, false),
        (-0.0, false),
        (1.0 + f64::EPSILON, false),
        (-1.0, false),
        (f64::NAN, false),
        (f64::INFINITY, false),
    ];
    for (background_share, may) in shares {
        hold(round, format!("background_share = {background_share:e}"), || {
            option_holds(Options { background_share, ..still() }, may, "background_share")
        });
    }
    type Set = fn(Span) -> Options;
    let spans: [(&str, i64, Set); 3] = [
        ("background_ramp", 0, |background_ramp| Options { background_ramp, ..Options::default() }),
        ("unsynced_age_max", 1, |unsynced_age_max| Options {
            unsynced_age_max,
            ..Options::default()
        }),
        ("retention_every", 1, |retention_every| Options { retention_every, ..Options::default() }),
    ];
    for (name, least, set) in spans {
        for value in [i64::MIN, -1, 0, 1, 2, i64::MAX - 1, i64::MAX] {
            let span = Span::millis(value);
            hold(round, format!("{name} = {span}"), || {
                option_holds(set(span), value >= least, name)
            });
        }
    }
}
