//! Builds under way that are to be done by some time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::grid::Bucket;
use crate::sync::{Arc, Condvar, Mutex, thread_number, unique_number};
use crate::time::Span;

/// A build under way that has a deadline.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    pub(crate) begun: Instant,
    /// How long it may take.
    pub(crate) deadline: Span,
    pub(crate) view: Arc<str>,
    pub(crate) bucket: Bucket,
    /// The number of the thread that runs it.
    pub(crate) thread: u64,
}

impl Watch {
    /// A build that begins now, on this thread.
    pub(crate) fn begin(view: Arc<str>, bucket: Bucket, deadline: Span, begun: Instant) -> Self {
        Self { begun, deadline, view, bucket, thread: thread_number() }
    }

    /// Whether it takes too long.
    fn is_overdue(&self, now: Instant) -> bool {
        self.due().is_some_and(|due| due < now)
    }

    /// When it takes too long; `None` beyond the end of the clock's time.
    fn due(&self) -> Option<Instant> {
        self.begun.checked_add(self.deadline.into())
    }
}

/// The builds under way that have a deadline, on all threads.
#[derive(Debug, Default)]
pub(crate) struct Overdue {
    state: Mutex<State>,
    /// Told when somebody would sleep too long.
    sooner: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Number of the watch -> build.
    watches: BTreeMap<u64, Watch>,
    /// Builds that were found overdue; each is found once.
    found: BTreeSet<u64>,
    /// Until when whoever watches sleeps; `None`: until it is told.
    sleeps_until: Option<Instant>,
    closed: bool,
}

/// A build that is watched, until dropped.
#[derive(Debug)]
pub(crate) struct Watched<'a> {
    overdue: &'a Overdue,
    number: u64,
}

impl Overdue {
    /// Watches a build.
    pub(crate) fn enter(&self, watch: Watch) -> Watched<'_> {
        let number = unique_number();
        let mut state = self.state.lock();
        // Most builds end long before their deadline: who sleeps until another's is not woken.
        let wakes = watch.due().is_some_and(|due| state.sleeps_until.is_none_or(|at| due < at));
        state.watches.insert(number, watch);
        drop(state);
        if wakes {
            self.sooner.notify_all();
        }
        Watched { overdue: self, number }
    }

    /// Sleeps until a build takes too long that was not found before; `None` once it is closed.
    pub(crate) fn next(&self) -> Option<Watch> {
        let mut state = self.state.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some((number, watch)) = state.first_overdue(Instant::now()) {
                state.found.insert(number);
                return Some(watch);
            }
            state.sleeps_until = state.first_due();
            match state.sleeps_until {
                None => self.sooner.wait(&mut state),
                Some(until) => {
                    self.sooner.wait_until(&mut state, until);
                }
            }
        }
    }

    /// The build that takes too long and began first, found before or not.
    #[cfg(test)]
    pub(crate) fn oldest_overdue(&self, now: Instant) -> Option<Watch> {
        let state = self.state.lock();
        let overdue = state.watches.values().filter(|watch| watch.is_overdue(now));
        overdue.min_by_key(|watch| watch.begun).cloned()
    }

    /// Ends the watching.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.sooner.notify_all();
    }
}

impl State {
    fn not_found(&self) -> impl Iterator<Item = (&u64, &Watch)> {
        self.watches.iter().filter(|(number, _)| !self.found.contains(number))
    }

    /// Of the builds that take too long, the one that began first.
    fn first_overdue(&self, now: Instant) -> Option<(u64, Watch)> {
        let overdue = self.not_found().filter(|(_, watch)| watch.is_overdue(now));
        let first = overdue.min_by_key(|(_, watch)| watch.begun);
        first.map(|(number, watch)| (*number, watch.clone()))
    }

    fn first_due(&self) -> Option<Instant> {
        self.not_found().filter_map(|(_, watch)| watch.due()).min()
    }
}

impl Watched<'_> {
    /// Whether it was found to take too long while it ran.
    pub(crate) fn was_found(&self) -> bool {
        self.overdue.state.lock().found.contains(&self.number)
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        let gone = {
            let mut state = self.overdue.state.lock();
            state.found.remove(&self.number);
            state.watches.remove(&self.number)
        };
        // After the lock.
        drop(gone);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::time::Duration;

    use crate::grid::Grid;
    use crate::time::Timestamp;

    use super::*;

    #[test]
    fn of_what_takes_too_long_the_first_that_began_is_named_until_it_is_done() {
        let bucket = Grid::timeless().bucket_at(Timestamp::EPOCH).unwrap();
        let (overdue, begun) = (Overdue::default(), Instant::now());
        let after = |seconds| begun + Duration::from_secs(seconds);
        let watch = |view: &str, at, deadline| {
            overdue.enter(Watch::begin(view.into(), bucket, Span::seconds(deadline), after(at)))
        };
        let patient = watch("patient", 0, 100);
        let second = watch("second", 2, 5);
        let first = watch("first", 1, 5);
        let oldest = |at| overdue.oldest_overdue(after(at)).map(|watch| watch.view.to_string());
        assert_eq!(oldest(6), None);
        assert_eq!(oldest(8).as_deref(), Some("first"));
        drop(first);
        assert_eq!(oldest(8).as_deref(), Some("second"));
        drop(second);
        assert_eq!(oldest(100), None);
        assert_eq!(oldest(101).as_deref(), Some("patient"));
        drop(patient);
        assert_eq!(oldest(101), None);
    }

    #[test]
    fn who_sleeps_is_woken_by_a_build_that_is_due_earlier_and_finds_each_once() {
        let bucket = Grid::timeless().bucket_at(Timestamp::EPOCH).unwrap();
        let overdue = Overdue::default();
        let watch = |view: &str, deadline| {
            overdue.enter(Watch::begin(view.into(), bucket, deadline, Instant::now()))
        };
        crate::sync::thread::scope(|scope| {
            let watching = scope.spawn(|| {
                std::iter::from_fn(|| overdue.next()).map(|watch| watch.view.to_string()).collect()
            });
            let patient = watch("patient", Span::days(1));
            let hasty = watch("hasty", Span::millis(1));
            while !hasty.was_found() {
                crate::sync::thread::yield_now();
            }
            assert!(!patient.was_found());
            overdue.close();
            let found: Vec<String> = watching.join().unwrap();
            assert_eq!(found, ["hasty"]);
        });
    }
}
