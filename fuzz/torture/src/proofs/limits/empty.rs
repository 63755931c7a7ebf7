//! None, one and many of what is given in lists.

use std::iter::empty;

use tidetable::{Changes, Grid, Missing, Refresh, RunState, Store, TimeRange, Timestamp, View};

use super::place::{Held, Place, ensure, hold};
use crate::round::Round;

fn at(hour: i64) -> Timestamp {
    Timestamp::from_seconds(hour * 3600)
}

fn define(store: &Store) -> Held<View<u32, u64>> {
    Ok(store
        .view::<u32, u64>("few")
        .grid(Grid::hours(1))
        .build(|_, entity, _| Ok(u64::from(*entity)))?)
}

pub fn many_of_none(round: &Round<'_>) {
    for count in [0, 1, 2, 63, 64, 65, 5000_u32] {
        hold(round, format!("{count} at once"), || {
            let place = Place::still()?;
            let store = place.open()?;
            let view = define(&store)?;
            let put =
                view.put_many((0..count).map(|entity| (entity, at(0), u64::from(entity) + 7)))?;
            ensure(put == u64::from(count), || format!("{put} were put"))?;
            let asked = view
                .request_many((0..count).map(|entity| (entity, at(1))))
                .map(|asked| asked.len());
            ensure(asked? == count as usize, || "another number was asked for".to_owned())?;
            drop(view);
            let store = place.reopen(store)?;
            let view = define(&store)?;
            let many = view.get_many(0..count, at(0));
            let right = many.iter().zip(7..).all(|(record, expected)| {
                record.as_ref().is_ok_and(|record| record.to_native() == expected)
            });
            ensure(many.len() == count as usize && right, || "others were read".to_owned())?;
            view.prefetch(0..count, at(0)..at(2))?;
            ensure(view.scan(at(0)..at(1))?.len() == count as usize, || "a scan".to_owned())?;
            let missed = view.when_missing(Missing::Miss).get_many(0..count, at(9));
            ensure(missed.len() == count as usize, || "missed ones are left out".to_owned())?;
            ensure(missed.iter().all(Result::is_err), || "something came of nothing".to_owned())
        });
    }
    hold(round, "lists of nothing", || {
        let place = Place::still()?;
        let store = place.open()?;
        let view = define(&store)?;
        let before = (store.revision(), store.metrics().syncs);
        view.put_many(empty::<(u32, Timestamp, u64)>())?;
        ensure(view.get_many(empty::<u32>(), at(0)).is_empty(), || "of nothing".to_owned())?;
        store.invalidate_all(&Changes::new())?;
        ensure(store.preview(&Changes::new())?.stale == 0, || "of nothing".to_owned())?;
        ensure(view.range(&1, at(3)..at(3))?.is_empty(), || "an empty range".to_owned())?;
        ensure(view.range(&1, at(4)..at(3))?.is_empty(), || "a range backwards".to_owned())?;
        ensure(view.fill(&1, at(4)..at(3))?.built == 0, || "a fill backwards".to_owned())?;
        ensure(view.delete_range(&1, at(4)..at(3))? == 0, || "a deletion backwards".to_owned())?;
        ensure(view.entities().count() == 0, || "something is there".to_owned())?;
        let synced = store.metrics().syncs - before.1;
        ensure(synced == 0, || format!("nothing cost {synced} syncs"))?;
        let report = store.reconcile("kind", empty::<(u64, u64)>())?;
        ensure(report.seen == 0, || "of nothing".to_owned())?;
        store.close()?;
        Ok(())
    });
}

pub fn runs_of_nothing(round: &Round<'_>) {
    let day = TimeRange::new(at(0), at(24));
    let backwards = TimeRange::new(at(24), at(0));
    let between = TimeRange::new(Timestamp::from_millis(1), Timestamp::from_millis(2));
    for (name, entities, range, total) in [
        ("no entities", 0_u32, day, 0),
        ("no time", 10, TimeRange::new(at(3), at(3)), 0),
        ("time backwards", 10, backwards, 0),
        ("time in which no bucket starts", 10, between, 0),
        ("one bucket", 1, TimeRange::new(at(0), at(1)), 1),
        ("a day", 2, day, 48),
    ] {
        hold(round, format!("a run of {name}"), || {
            let place = Place::still()?;
            let store = place.open()?;
            let view = define(&store)?;
            let run = view.precompute(0..entities, range)?;
            let status = run.wait()?;
            ensure(status.state == RunState::Completed, || format!("{status:?}"))?;
            ensure((status.total, status.failed) == (total, 0), || format!("{status:?}"))?;
            drop((view, run));
            let store = place.reopen(store)?;
            let view = define(&store)?;
            let runs = store.runs()?;
            ensure(runs.len() == 1, || format!("{} runs", runs.len()))?;
            let stored: usize = view.scan(day)?.iter().map(|(_, timeline)| timeline.len()).sum();
            // A scan builds the rest of the day of whoever is there.
            let whole = if total == 0 { 0 } else { u64::from(entities) * 24 };
            ensure(stored as u64 == whole, || format!("{stored} records"))?;
            drop(runs);
            let refreshed = store.refresh(&Refresh::lacking().view("few"))?.wait()?;
            ensure(refreshed.failed == 0, || format!("{refreshed:?}"))?;
            store.prune_runs(0)?;
            ensure(store.runs()?.is_empty(), || "a run is left".to_owned())?;
            drop(view);
            store.close()?;
            Ok(())
        });
    }
}
