//! One look at the file for all loads between two commits.

use crate::sync::{Arc, Mutex};

/// What was opened of the state that the last commit left, kept until the next one: to begin a read
/// transaction and to open its tables costs more than to find a page in it.
///
/// A load must see every commit that was published before it began. So the writer calls
/// [`pass`](Self::pass) behind each commit and before anything of it is published; and what somebody
/// began to open before that and comes back with after it is kept for nobody else.
///
/// A read transaction that lives from one commit to the next keeps no more pages of the file than one
/// that begins just before the second: what the first has freed.
#[derive(Debug)]
pub(super) struct Latest<S>(Mutex<Kept<S>>);

#[derive(Debug)]
struct Kept<S> {
    /// How many commits were passed.
    commits: u64,
    snapshot: Option<Arc<S>>,
}

impl<S> Latest<S> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Kept { commits: 0, snapshot: None }))
    }

    /// What is kept, or what `open` opens now.
    pub(super) fn get<E>(&self, open: impl FnOnce() -> Result<S, E>) -> Result<Arc<S>, E> {
        let commits = {
            let kept = self.0.lock();
            if let Some(snapshot) = &kept.snapshot {
                return Ok(Arc::clone(snapshot));
            }
            kept.commits
        };
        let snapshot = Arc::new(open()?);
        let mut kept = self.0.lock();
        let is_old = kept.commits != commits && !mutant!("old_looks_are_not_kept");
        if !is_old && kept.snapshot.is_none() {
            kept.snapshot = Some(Arc::clone(&snapshot));
        }
        Ok(snapshot)
    }

    /// There is a new commit, or the file closes.
    pub(super) fn pass(&self) {
        let old = {
            let mut kept = self.0.lock();
            kept.commits += 1;
            kept.snapshot.take()
        };
        // Not under the lock: it ends a transaction.
        drop(old);
    }

    /// Leaves what is kept to nobody, its destructor included.
    pub(super) fn forget(&mut self) {
        std::mem::forget(self.0.get_mut().snapshot.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::AtomicU64;
    use crate::sync::Ordering::SeqCst;

    fn opening(committed: &AtomicU64) -> impl FnOnce() -> Result<u64, ()> {
        || Ok(committed.load(SeqCst))
    }

    #[test]
    fn one_opening_serves_until_the_next_commit() {
        let (latest, committed) = (Latest::new(), AtomicU64::new(1));
        assert_eq!(*latest.get(opening(&committed)).unwrap(), 1);
        committed.store(2, SeqCst);
        assert_eq!(*latest.get(opening(&committed)).unwrap(), 1, "not passed yet");
        latest.pass();
        assert_eq!(*latest.get(opening(&committed)).unwrap(), 2);
    }

    #[test]
    fn what_was_opened_before_a_commit_and_brought_after_it_is_given_to_no_other() {
        let (latest, committed) = (Latest::new(), AtomicU64::new(1));
        let slow = latest.get(|| {
            let seen = committed.load(SeqCst);
            committed.store(2, SeqCst);
            latest.pass();
            Ok::<_, ()>(seen)
        });
        assert_eq!(*slow.unwrap(), 1, "right for the one who began before");
        assert_eq!(*latest.get(opening(&committed)).unwrap(), 2);
    }

    #[test]
    fn an_opening_that_fails_leaves_nothing() {
        let latest = Latest::new();
        assert!(latest.get(|| Err(())).is_err());
        assert_eq!(*latest.get(|| Ok::<_, ()>(7)).unwrap(), 7);
    }
}
