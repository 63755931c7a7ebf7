//! Numbers that only grow.

use crate::sync::{AtomicU64, Ordering, THREAD_PLACES, thread_place};

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, many: u64) {
        self.0.fetch_add(many, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One for each thread that has a place of its own, and one that all others share.
const STRIPES: usize = THREAD_PLACES + 1;

/// A counter whose stripes lie in cache lines of their own, so that readers on several cores do
/// not pass one line back and forth; and a thread that has a stripe to itself counts without the
/// lock of an atomic addition, which costs as much as the rest of a look into the cache.
#[derive(Debug)]
pub(crate) struct Striped([Line; STRIPES]);

#[derive(Debug, Default)]
#[repr(align(128))]
struct Line(AtomicU64);

/// The stripe of one thread, found once for a call that looks at it before and after.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally<'a> {
    count: &'a AtomicU64,
    /// Whether nobody else writes it.
    is_own: bool,
}

/// Of so many hits that a thread counts, one is timed.
const TIMED_EVERY: u64 = 1024;
/// How many are counted before the first that is timed.
const TIMED_FIRST: u64 = 16;

impl Default for Striped {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Line::default()))
    }
}

impl Striped {
    /// The stripe of the calling thread.
    #[inline]
    pub(crate) fn here(&self) -> Tally<'_> {
        match thread_place() {
            Some(place) => Tally { count: &self.0[place].0, is_own: true },
            None => Tally { count: &self.0[STRIPES - 1].0, is_own: false },
        }
    }

    /// Adds what was counted elsewhere.
    pub(super) fn add(&self, many: u64) {
        self.here().add(many);
    }

    pub(super) fn sum(&self) -> u64 {
        self.0.iter().map(|line| line.0.load(Ordering::Relaxed)).sum()
    }
}

impl Tally<'_> {
    /// Counts one.
    #[inline]
    pub(crate) fn count(self) {
        self.add(1);
    }

    #[inline]
    fn add(self, many: u64) {
        if self.is_own {
            self.count.store(self.count.load(Ordering::Relaxed) + many, Ordering::Relaxed);
        } else {
            self.count.fetch_add(many, Ordering::Relaxed);
        }
    }

    /// Whether the next that is counted here is one to be timed. Never the first: that one is not
    /// like the others; but soon, for a thread that does not count many.
    #[inline]
    pub(crate) fn is_due(self) -> bool {
        self.count.load(Ordering::Relaxed) % TIMED_EVERY == TIMED_FIRST
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::thread;

    #[test]
    fn counts_of_all_threads_add_up() {
        let counter = Striped::default();
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| (0..100).for_each(|_| counter.here().count()));
            }
        });
        counter.add(7);
        assert_eq!(counter.sum(), 307);
    }

    #[test]
    fn one_of_a_thousand_and_twenty_four_is_due_and_never_the_first() {
        let counter = Striped::default();
        let due = (1..=3000).filter(|_| {
            let due = counter.here().is_due();
            counter.here().count();
            due
        });
        assert_eq!(due.collect::<Vec<u32>>(), [17, 1041, 2065]);
    }
}
