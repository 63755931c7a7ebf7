//! What the store has done, counted.

use crate::sync::{AtomicU64, Ordering, thread_number};

/// Counters of one opening, as a plain snapshot. Cheap to take, and to keep on.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Metrics {
    /// Looks for a page that found it in memory: one for a record, one a page for a range.
    pub hits: u64,
    /// Looks for a page that went to the file, found or not.
    pub loads: u64,
    /// Build functions run to a record.
    pub builds: u64,
    /// Build functions that failed or panicked.
    pub build_failures: u64,
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
    /// Reads that were handed to the builders: those with a deadline, and those of futures.
    pub orders: u64,
    /// Those that were not answered before their deadline.
    pub orders_timed_out: u64,
    /// Records built by builders that no read waited for.
    pub background_builds: u64,
    /// Pages that were brought into memory before anybody asked for them.
    pub pages_warmed: u64,
    /// Records that retention deleted in the background.
    pub records_expired: u64,
    /// Pages in memory now.
    pub pages_resident: u64,
    /// Bytes of pages in memory now, those that only handles keep alive included.
    pub bytes_resident: u64,
    /// Pages that left memory to make room.
    pub evictions: u64,
}

/// Stripes of a counter that every read touches: enough that threads seldom share one.
const STRIPES: usize = 64;

/// A counter whose stripes lie in cache lines of their own, so that readers on several cores do
/// not pass one line back and forth.
#[derive(Debug)]
pub(crate) struct Striped([Line; STRIPES]);

#[derive(Debug, Default)]
#[repr(align(128))]
struct Line(AtomicU64);

impl Default for Striped {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Line::default()))
    }
}

impl Striped {
    /// Counts one, in the stripe of the calling thread. Threads take stripes in turn.
    #[inline]
    pub(crate) fn count(&self) {
        self.0[thread_number() as usize % STRIPES].0.fetch_add(1, Ordering::Relaxed);
    }

    fn sum(&self) -> u64 {
        self.0.iter().map(|line| line.0.load(Ordering::Relaxed)).sum()
    }
}

/// The counters behind [`Metrics`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) hits: Striped,
    pub(crate) loads: Counter,
    pub(crate) builds: Counter,
    pub(crate) build_failures: Counter,
    pub(crate) records_changed: Counter,
    pub(crate) records_unchanged: Counter,
    pub(crate) records_superseded: Counter,
    pub(crate) records_spared: Counter,
    pub(crate) records_overtaken: Counter,
    pub(crate) builds_unexplained: Counter,
    pub(crate) records_made_stale: Counter,
    pub(crate) records_made_suspect: Counter,
    pub(crate) commits: Counter,
    pub(crate) syncs: Counter,
    pub(crate) pages_damaged: Counter,
    pub(crate) orders: Counter,
    pub(crate) orders_timed_out: Counter,
    pub(crate) background_builds: Counter,
    pub(crate) pages_warmed: Counter,
    pub(crate) records_expired: Counter,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, many: u64) {
        self.0.fetch_add(many, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    /// Everything counted here; what the cache knows is added by its owner.
    pub(crate) fn snapshot(&self) -> Metrics {
        Metrics {
            hits: self.hits.sum(),
            loads: self.loads.get(),
            builds: self.builds.get(),
            build_failures: self.build_failures.get(),
            records_changed: self.records_changed.get(),
            records_unchanged: self.records_unchanged.get(),
            records_superseded: self.records_superseded.get(),
            records_spared: self.records_spared.get(),
            records_overtaken: self.records_overtaken.get(),
            builds_unexplained: self.builds_unexplained.get(),
            records_made_stale: self.records_made_stale.get(),
            records_made_suspect: self.records_made_suspect.get(),
            commits: self.commits.get(),
            syncs: self.syncs.get(),
            pages_damaged: self.pages_damaged.get(),
            orders: self.orders.get(),
            orders_timed_out: self.orders_timed_out.get(),
            background_builds: self.background_builds.get(),
            pages_warmed: self.pages_warmed.get(),
            records_expired: self.records_expired.get(),
            ..Metrics::default()
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::sync::thread;

    #[test]
    fn counts_of_all_threads_add_up() {
        let counter = Striped::default();
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| (0..100).for_each(|_| counter.count()));
            }
        });
        assert_eq!(counter.sum(), 300);
    }
}
