//! What the store has done, counted.

use super::counter::Counter;
use super::histogram::{Histogram, Latency};
use super::view_metrics::{ViewMetrics, ViewsCounted};

/// Counters of one opening, as a plain snapshot. Cheap to take, and to keep on.
///
/// As JSON, with most of the numbers left out:
/// ```json
/// {
///   "hits": 120345, "loads": 310, "builds": 290, "build_failures": 1, "commits": 288,
///   "latencies": {
///     "hits": { "count": 117, "mean_ns": 210, "p50_ns": 191, "p95_ns": 351, "p99_ns": 543, "max_ns": 911 },
///     "misses": { "count": 310, "mean_ns": 40210, "p50_ns": 38911, "...": 0 },
///     "builds": { "count": 291, "...": 0 },
///     "commits": { "count": 288, "...": 0 }
///   },
///   "views": [
///     { "name": "exposure", "hits": 120345, "loads": 310, "build_latency": { "count": 291, "...": 0 } }
///   ]
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Metrics {
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
    /// Times that builds of a view were held back because they kept failing.
    pub breakers_opened: u64,
    /// Builds in the background.
    pub background_builds: u64,
    /// Reads that were handed to the background.
    pub orders: u64,
    /// Those of them that were not answered in time.
    pub orders_timed_out: u64,
    /// Reads that wait now until the background takes them.
    pub orders_waiting: u64,
    /// Pages noted now as to be built soon, because of what readers saw of them.
    pub pages_noticed: u64,
    /// Runs that came to their end.
    pub runs_finished: u64,
    /// Pages that were brought into memory before anybody asked for them.
    pub pages_warmed: u64,
    /// Records that retention deleted in the background.
    pub records_retired: u64,
    /// Records stored whose bytes are new.
    pub records_changed: u64,
    /// Records rebuilt to the bytes they had.
    pub records_unchanged: u64,
    /// Built records that gave way to one stored after their build began.
    pub records_superseded: u64,
    /// Suspect records found right without being built.
    pub records_spared: u64,
    /// Records that were stale when they were stored: what they had read moved while they were
    /// built.
    pub records_overtaken: u64,
    /// Records rebuilt to other bytes though nothing that they declare to read had changed: see
    /// [`Store::last_unexplained`](crate::Store::last_unexplained).
    pub builds_unexplained: u64,
    /// Records marked stale one by one; what a stamp on a whole view marks is not counted.
    pub records_made_stale: u64,
    /// Records marked suspect one by one.
    pub records_made_suspect: u64,
    /// Transactions committed.
    pub commits: u64,
    /// Those of them that were synced.
    pub syncs: u64,
    /// Pages on disk that failed their checks and count as missing.
    pub pages_damaged: u64,
    /// Pages in memory now.
    pub pages_resident: u64,
    /// Bytes of pages in memory now, those that only handles keep alive included.
    pub bytes_resident: u64,
    /// Pages that left memory to make room.
    pub evictions: u64,
    /// Events that the [`Observer`](crate::Observer) was not told: those of its own calls, and what
    /// the writer found beyond what it keeps.
    pub events_dropped: u64,
    /// How long things took.
    pub latencies: Latencies,
    /// Each view that was defined in this opening, by name; one that was deleted counts in the
    /// totals alone.
    pub views: Vec<ViewMetrics>,
}

/// How long things took, as a plain snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Latencies {
    /// Reads of one record that found it in memory, of which at most one in 1,024 is timed. What
    /// asking the clock costs is in it, and it is a good part of so short a time.
    pub hits: Latency,
    /// Looks for a page that went to the file.
    pub misses: Latency,
    /// Build functions, whether they failed or not, what was built within them included.
    pub builds: Latency,
    /// Transactions, from the first operation to where readers see them.
    pub commits: Latency,
}

/// The counters behind [`Metrics`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) views: ViewsCounted,
    pub(crate) background_builds: Counter,
    pub(crate) orders: Counter,
    pub(crate) orders_timed_out: Counter,
    pub(crate) runs_finished: Counter,
    pub(crate) pages_warmed: Counter,
    pub(crate) records_retired: Counter,
    pub(crate) records_made_stale: Counter,
    pub(crate) records_made_suspect: Counter,
    pub(crate) commits: Counter,
    pub(crate) syncs: Counter,
    pub(crate) pages_damaged: Counter,
    pub(crate) hit_latency: Histogram,
    pub(crate) miss_latency: Histogram,
    pub(crate) commit_latency: Histogram,
}

impl Counters {
    /// Everything counted here; what the cache and the events know is added by their owner.
    pub(crate) fn snapshot(&self) -> Metrics {
        let (views, total) = self.views.snapshot();
        Metrics {
            hits: total.hits,
            loads: total.loads,
            builds: total.builds,
            build_failures: total.build_failures,
            builds_slow: total.builds_slow,
            builds_refused: total.builds_refused,
            gave_up: total.gave_up,
            breakers_opened: total.breakers_opened,
            background_builds: self.background_builds.get(),
            orders: self.orders.get(),
            orders_timed_out: self.orders_timed_out.get(),
            runs_finished: self.runs_finished.get(),
            pages_warmed: self.pages_warmed.get(),
            records_retired: self.records_retired.get(),
            records_changed: total.records_changed,
            records_unchanged: total.records_unchanged,
            records_superseded: total.records_superseded,
            records_spared: total.records_spared,
            records_overtaken: total.records_overtaken,
            builds_unexplained: total.builds_unexplained,
            records_made_stale: self.records_made_stale.get(),
            records_made_suspect: self.records_made_suspect.get(),
            commits: self.commits.get(),
            syncs: self.syncs.get(),
            pages_damaged: self.pages_damaged.get(),
            latencies: Latencies {
                hits: self.hit_latency.snapshot(),
                misses: self.miss_latency.snapshot(),
                builds: total.build_latency,
                commits: self.commit_latency.snapshot(),
            },
            views,
            ..Metrics::default()
        }
    }
}
