//! A view's coarse marks, as its readers see them.

use std::collections::VecDeque;

use crate::revision::Revision;
use crate::sync::{AtomicI64, AtomicU64, Mutex, Ordering};
use crate::time::Timestamp;

use super::view_row::ViewRow;

/// The two stamps of a view, compared with the facts of a record whenever it is served.
///
/// The writer raises them when it publishes, before the published revision; nobody lowers them.
#[derive(Debug)]
pub(crate) struct Stamps {
    stale_before: AtomicU64,
    suspect_before: AtomicU64,
    stamped_at: AtomicI64,
    /// The last times that they were raised in this opening, for bounded staleness.
    raised: Mutex<VecDeque<(Revision, Timestamp)>>,
}

/// How many times are remembered.
const RAISED_MAX: usize = 64;

impl Stamps {
    /// As the view's row has them.
    pub(crate) fn of(row: &ViewRow) -> Self {
        Self {
            stale_before: AtomicU64::new(row.stale_before.get()),
            suspect_before: AtomicU64::new(row.suspect_before.get()),
            stamped_at: AtomicI64::new(row.stamped_at.as_millis()),
            raised: Mutex::new(VecDeque::from([(last(row), row.stamped_at)])),
        }
    }

    /// Records whose S lies before it are stale.
    #[inline]
    pub(crate) fn stale_before(&self) -> Revision {
        Revision::from_raw(self.stale_before.load(Ordering::Acquire))
    }

    /// Records whose V lies before it are suspect.
    #[inline]
    pub(crate) fn suspect_before(&self) -> Revision {
        Revision::from_raw(self.suspect_before.load(Ordering::Acquire))
    }

    /// When one of them was last raised.
    pub(crate) fn stamped_at(&self) -> Timestamp {
        Timestamp::from_millis(self.stamped_at.load(Ordering::Acquire))
    }

    /// When they were first raised above a revision; `None` if that is forgotten.
    pub(crate) fn first_above(&self, revision: Revision) -> Option<Timestamp> {
        let raised = self.raised.lock();
        let above = raised.iter().position(|(raised, _)| *raised > revision)?;
        // The first that is remembered may be the last of several, unless it is the first of all.
        let forgotten = above == 0 && raised.len() == RAISED_MAX;
        (!forgotten).then(|| raised[above].1)
    }

    /// Raises them to what the row says now.
    pub(super) fn raise(&self, row: &ViewRow) {
        let mut raised = self.raised.lock();
        if raised.back().is_none_or(|(revision, _)| *revision < last(row)) {
            raised.push_back((last(row), row.stamped_at));
            if raised.len() > RAISED_MAX {
                raised.pop_front();
            }
        }
        drop(raised);
        self.stamped_at.store(row.stamped_at.as_millis(), Ordering::Release);
        self.stale_before.fetch_max(row.stale_before.get(), Ordering::AcqRel);
        self.suspect_before.fetch_max(row.suspect_before.get(), Ordering::AcqRel);
    }

    /// Nothing is known any more: every record is at least suspect.
    pub(super) fn distrust_all(&self) {
        self.suspect_before.store(u64::MAX, Ordering::Release);
    }

    /// Every record is stale to whoever still looks through these stamps.
    pub(super) fn end(&self) {
        self.stale_before.store(u64::MAX, Ordering::Release);
    }
}

/// The revision to which they were raised last.
fn last(row: &ViewRow) -> Revision {
    row.stale_before.max(row.suspect_before)
}
