//! Builds under way that are to be done by some time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::grid::Bucket;
use crate::sync::{Arc, Mutex, thread_number, unique_number};
use crate::time::Span;

/// A build under way that has a deadline.
#[derive(Clone, Debug)]
#[allow(dead_code, reason = "for whoever watches over the builders")]
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
    #[allow(dead_code, reason = "for whoever watches over the builders")]
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.begun) > Duration::from(self.deadline)
    }
}

/// The builds under way that have a deadline, on all threads.
#[derive(Debug)]
pub(crate) struct Overdue(Mutex<BTreeMap<u64, Watch>>);

/// A build that is watched, until dropped.
#[derive(Debug)]
pub(crate) struct Watched<'a> {
    overdue: &'a Overdue,
    number: u64,
}

impl Default for Overdue {
    fn default() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }
}

impl Overdue {
    /// Watches a build.
    pub(crate) fn enter(&self, watch: Watch) -> Watched<'_> {
        let number = unique_number();
        self.0.lock().insert(number, watch);
        Watched { overdue: self, number }
    }

    /// Of the builds that take too long, the one that began first.
    #[allow(dead_code, reason = "for whoever watches over the builders")]
    pub(crate) fn oldest_overdue(&self, now: Instant) -> Option<Watch> {
        let watches = self.0.lock();
        let overdue = watches.values().filter(|watch| watch.is_overdue(now));
        overdue.min_by_key(|watch| watch.begun).cloned()
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        let gone = self.overdue.0.lock().remove(&self.number);
        // After the lock.
        drop(gone);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
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
}
