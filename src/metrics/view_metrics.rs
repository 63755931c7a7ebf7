//! What one view has done, counted.

use std::collections::BTreeMap;

use crate::sync::{Arc, Mutex};

use super::counter::{Counter, Striped};
use super::histogram::{Histogram, Latency};

/// Counters of one view in one opening, as a plain snapshot.
///
/// They go on over its definitions. Those of the same names in [`Metrics`](crate::report::Metrics) are the
/// sums over all views, those that were deleted since included.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct ViewMetrics {
    /// The view's name.
    pub name: String,
    /// Looks for a page that found it in memory: one for a record, one a page for a range.
    pub hits: u64,
    /// Looks for a page that went to the file, found or not.
    pub loads: u64,
    /// Build functions run to a record.
    pub builds: u64,
    /// Builds that failed: the function did or panicked, or what it returned cannot be stored.
    pub build_failures: u64,
    /// Builds that ran longer than they should.
    pub builds_slow: u64,
    /// Builds that were refused because too much was going on.
    pub builds_refused: u64,
    /// Buckets whose builds failed so often that they rest.
    pub gave_up: u64,
    /// Times that builds were held back because they kept failing.
    pub breakers_opened: u64,
    /// Records stored whose bytes are new.
    pub records_changed: u64,
    /// Records rebuilt to the bytes they had.
    pub records_unchanged: u64,
    /// Built records that gave way to one stored after their build began.
    pub records_superseded: u64,
    /// Suspect records found right without being built.
    pub records_spared: u64,
    /// Records that were stale when they were stored.
    pub records_overtaken: u64,
    /// Records rebuilt to other bytes though nothing that they declare to read had changed.
    pub builds_unexplained: u64,
    /// How long build functions ran, what was built within them included.
    pub build_latency: Latency,
}

/// The counters behind [`ViewMetrics`].
#[derive(Debug, Default)]
pub(crate) struct ViewCounters {
    pub(crate) hits: Striped,
    pub(crate) loads: Counter,
    pub(crate) builds: Counter,
    pub(crate) build_failures: Counter,
    pub(crate) builds_slow: Counter,
    pub(crate) builds_refused: Counter,
    pub(crate) gave_up: Counter,
    pub(crate) breakers_opened: Counter,
    pub(crate) records_changed: Counter,
    pub(crate) records_unchanged: Counter,
    pub(crate) records_superseded: Counter,
    pub(crate) records_spared: Counter,
    pub(crate) records_overtaken: Counter,
    pub(crate) builds_unexplained: Counter,
    pub(crate) build_latency: Histogram,
}

impl ViewCounters {
    fn snapshot(&self, name: &str) -> ViewMetrics {
        ViewMetrics {
            name: name.to_owned(),
            hits: self.hits.sum(),
            loads: self.loads.get(),
            builds: self.builds.get(),
            build_failures: self.build_failures.get(),
            builds_slow: self.builds_slow.get(),
            builds_refused: self.builds_refused.get(),
            gave_up: self.gave_up.get(),
            breakers_opened: self.breakers_opened.get(),
            records_changed: self.records_changed.get(),
            records_unchanged: self.records_unchanged.get(),
            records_superseded: self.records_superseded.get(),
            records_spared: self.records_spared.get(),
            records_overtaken: self.records_overtaken.get(),
            builds_unexplained: self.builds_unexplained.get(),
            build_latency: self.build_latency.snapshot(),
        }
    }

    /// All but the hits and the histogram.
    fn counters(&self) -> [&Counter; 13] {
        [
            &self.loads,
            &self.builds,
            &self.build_failures,
            &self.builds_slow,
            &self.builds_refused,
            &self.gave_up,
            &self.breakers_opened,
            &self.records_changed,
            &self.records_unchanged,
            &self.records_superseded,
            &self.records_spared,
            &self.records_overtaken,
            &self.builds_unexplained,
        ]
    }

    /// Adds what another has counted.
    fn absorb(&self, other: &Self) {
        self.hits.add(other.hits.sum());
        self.build_latency.absorb(&other.build_latency);
        for (own, other) in self.counters().into_iter().zip(other.counters()) {
            own.add(other.get());
        }
    }
}

/// The counters of all views of an opening.
#[derive(Debug, Default)]
pub(crate) struct ViewsCounted(Mutex<Inside>);

#[derive(Debug, Default)]
struct Inside {
    /// Name -> its counters, the same for every definition of that name.
    live: BTreeMap<Arc<str>, Arc<ViewCounters>>,
    /// Those of views that were deleted and that somebody still holds, and may yet raise.
    ending: Vec<Arc<ViewCounters>>,
    /// What views counted that are no more.
    ended: ViewCounters,
}

impl ViewsCounted {
    /// The counters of a view, from zero if it has none yet.
    pub(crate) fn of(&self, name: &Arc<str>) -> Arc<ViewCounters> {
        self.0.lock().live.entry(name.clone()).or_default().clone()
    }

    /// The view was deleted: what it counted stays in the totals, without its name.
    pub(crate) fn end(&self, name: &str) {
        let mut inside = self.0.lock();
        let ending = inside.live.remove(name);
        inside.ending.extend(ending);
        inside.settle();
    }

    /// Every view by name, and the totals.
    pub(super) fn snapshot(&self) -> (Vec<ViewMetrics>, ViewMetrics) {
        let mut inside = self.0.lock();
        inside.settle();
        let total = ViewCounters::default();
        let views = inside.live.iter().map(|(name, view)| {
            total.absorb(view);
            view.snapshot(name)
        });
        let views = views.collect();
        inside.ending.iter().for_each(|view| total.absorb(view));
        total.absorb(&inside.ended);
        (views, total.snapshot(""))
    }
}

impl Inside {
    /// Folds together what nobody can raise any more, so that views that come and go take no room.
    fn settle(&mut self) {
        let Self { ending, ended, .. } = self;
        ending.retain_mut(|view| {
            let held = Arc::get_mut(view).is_none();
            if !held {
                ended.absorb(view);
            }
            held
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_has_what_every_view_counted_also_those_that_are_gone() {
        let views = ViewsCounted::default();
        let (sun, rain) = (views.of(&"sun".into()), views.of(&"rain".into()));
        for view in [&sun, &rain] {
            view.hits.here().count();
            view.counters().into_iter().for_each(|counter| counter.add(2));
            view.build_latency.record(std::time::Duration::from_nanos(7));
        }
        assert!(Arc::ptr_eq(&sun, &views.of(&"sun".into())), "a view defined anew counts on");
        let (each, total) = views.snapshot();
        assert_eq!(each.iter().map(|view| &*view.name).collect::<Vec<_>>(), ["rain", "sun"]);
        assert_eq!((total.hits, total.builds_unexplained, total.build_latency.count), (2, 4, 2));

        views.end("sun");
        // A read under way when the view was deleted.
        sun.hits.here().count();
        let (each, total) = views.snapshot();
        assert_eq!((each.len(), total.hits, total.loads), (1, 3, 4));
        drop(sun);
        assert_eq!(views.snapshot().1, total);
        assert!(views.0.lock().ending.is_empty(), "nobody holds it any more");
        assert_eq!(views.of(&"sun".into()).loads.get(), 0);
    }

    #[test]
    fn every_counter_is_in_the_snapshot_and_in_the_sum() {
        let view = ViewCounters::default();
        (1..).zip(view.counters()).for_each(|(many, counter)| counter.add(many));
        let sum = ViewCounters::default();
        sum.absorb(&view);
        let told = serde_json::to_value(sum.snapshot("")).unwrap();
        let mut numbers: Vec<u64> =
            told.as_object().unwrap().values().filter_map(serde_json::Value::as_u64).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..=13).collect::<Vec<u64>>());
    }
}
