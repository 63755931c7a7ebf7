//! Numbers that only grow.

use crate::sync::{AtomicU64, Ordering, thread_number};

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

/// Stripes of a counter that every read touches: enough that threads seldom share one.
const STRIPES: usize = 64;

/// A counter whose stripes lie in cache lines of their own, so that readers on several cores do
/// not pass one line back and forth.
#[derive(Debug)]
pub(crate) struct Striped([Line; STRIPES]);

#[derive(Debug, Default)]
#[repr(align(128))]
struct Line(AtomicU64);

/// The stripe of one thread, found once for a call that looks at it before and after.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally<'a>(&'a AtomicU64);

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
    /// The stripe of the calling thread. Threads take stripes in turn.
    #[inline]
    pub(crate) fn here(&self) -> Tally<'_> {
        Tally(&self.0[thread_number() as usize % STRIPES].0)
    }

    /// Adds what was counted elsewhere.
    pub(super) fn add(&self, many: u64) {
        self.here().0.fetch_add(many, Ordering::Relaxed);
    }

    pub(super) fn sum(&self) -> u64 {
        self.0.iter().map(|line| line.0.load(Ordering::Relaxed)).sum()
    }
}

impl Tally<'_> {
    /// Counts one.
    #[inline]
    pub(crate) fn count(self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the next that is counted here is one to be timed. Never the first: that one is not
    /// like the others; but soon, for a thread that does not count many.
    #[inline]
    pub(crate) fn is_due(self) -> bool {
        self.0.load(Ordering::Relaxed) % TIMED_EVERY == TIMED_FIRST
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
