//! How many build at once.

use crate::sync::{AtomicUsize, Ordering};

/// Counts those who are in, and turns away whoever would be too many. Nobody waits.
#[derive(Debug)]
pub(crate) struct Admission(AtomicUsize);

/// One that is in, until dropped.
#[derive(Debug)]
pub(crate) struct Admitted<'a>(&'a Admission);

impl Default for Admission {
    fn default() -> Self {
        Self(AtomicUsize::new(0))
    }
}

impl Admission {
    /// Enters, unless `most` are in already.
    pub(crate) fn enter(&self, most: usize) -> Option<Admitted<'_>> {
        let one_more = |inside: usize| (inside < most).then_some(inside + 1);
        if mutant!("places_are_counted_at_once") {
            let inside = one_more(self.0.load(Ordering::Relaxed))?;
            self.0.store(inside, Ordering::Relaxed);
            return Some(Admitted(self));
        }
        // No ordering hangs on it: who enters sees nothing of those who left.
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        Some(Admitted(self))
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn whoever_would_be_too_many_is_turned_away_until_one_leaves() {
        let admission = Admission::default();
        let first = admission.enter(2).unwrap();
        let second = admission.enter(2).unwrap();
        assert!(admission.enter(2).is_none());
        drop(first);
        let third = admission.enter(2).unwrap();
        assert!(admission.enter(2).is_none() && admission.enter(3).is_some());
        drop((second, third));
        assert!(admission.enter(1).is_some() && admission.enter(0).is_none());
    }

    #[test]
    fn whoever_panics_leaves() {
        let admission = Admission::default();
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _admitted = admission.enter(1).unwrap();
            panic!("as the test wants it");
        }));
        assert!(panicked.is_err() && admission.enter(1).is_some());
    }
}
