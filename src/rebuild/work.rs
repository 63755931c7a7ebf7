//! What builders do, in words for people and tests.

use crate::error::Error;
use crate::grid::Bucket;

/// Why something was done in the background. Earlier ones go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[non_exhaustive]
pub enum Reason {
    /// A read waits for it: one with a deadline, or a future.
    Awaited,
    /// It was asked for with [`View::request`](crate::View::request).
    Requested,
    /// It was used much before the store was opened, or asked for with
    /// [`View::warm`](crate::View::warm): nothing is built, pages come into memory.
    WarmUp,
    /// A reader was served it although it was not fresh.
    ServedMarked,
    /// It is marked: something that it was built from has changed, or may have.
    Marked,
    /// Its view is stamped: a new version, an invalidation of the whole view, too many marks.
    Stamped,
    /// It belongs to a [`Run`](crate::Run).
    Run,
    /// It was read and will expire soon.
    Expiring,
    /// Its view keeps records for a time only: nothing is built, the others are deleted. Takes turns
    /// with what is marked, so that neither waits for the end of the other.
    Retention,
}

/// One piece of background work that was done.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Worked {
    /// Why it was done.
    pub reason: Reason,
    /// The view; `None` where the piece was not of one page of a view.
    pub view: Option<String>,
    /// The entity's key as the file has it.
    pub entity: Option<Vec<u8>>,
    /// The buckets that were to be made fresh.
    pub buckets: Vec<Bucket>,
    /// How many of them were built.
    pub built: u64,
    /// How many pages came into memory.
    pub warmed: u64,
    /// How many records retention deleted.
    pub retired: u64,
    /// What went wrong, an error a bucket.
    pub failed: Vec<Error>,
    /// Whether somebody waits for more of the same.
    pub(super) is_awaited: bool,
}

impl Worked {
    /// Of a piece that is not of one page.
    pub(super) fn other(reason: Reason) -> Self {
        let (buckets, failed) = (Vec::new(), Vec::new());
        let (built, warmed, retired) = (0, 0, 0);
        let (view, entity, is_awaited) = (None, None, false);
        Self { reason, view, entity, buckets, built, warmed, retired, failed, is_awaited }
    }

    /// Whether what the file called marked was fresh in memory. Between its commit and its telling the
    /// cache the writer has both true, and until it goes on the same is found again and again.
    pub(super) fn found_all_fresh(&self) -> bool {
        self.reason == Reason::Marked && self.built == 0 && self.failed.is_empty()
    }
}
