//! Noting how far a stamped view has been looked through.

use crate::error::Result;
use crate::page::ViewId;

use super::super::backlog::note_sweep;
use super::super::batch::Batch;
use super::super::committed::Committed;
use super::super::operation::{Operation, Speed};
use super::super::stamp::Stamp;

/// Notes that all pages of a view before a key are right by this stamp, or stand in a row of
/// their own. Not if the view has another by now.
pub(crate) struct NoteSweep {
    pub(crate) view: ViewId,
    pub(crate) stamp: Stamp,
    /// Where to go on (inclusive); `None` if the end was reached.
    pub(crate) cursor: Option<Box<[u8]>>,
}

impl Operation for NoteSweep {
    type Applied = ();
    type Answer = ();

    fn speed(&self) -> Speed {
        // What was built on the way comes earlier in the same history.
        Speed::Derived
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<()> {
        let Some(row) = batch.views().by_id(self.view).cloned() else { return Ok(()) };
        let noted = note_sweep(batch.txn(), &row, self.stamp, self.cursor.take());
        batch.keep(noted)
    }

    fn answer(self, (): (), _: &Committed) {}
}
