//! Noting builds that the process may not survive.

use crate::error::Result;
use crate::page::Slot;
use crate::time::Timestamp;

use super::super::batch::Batch;
use super::super::committed::Committed;
use super::super::operation::{Operation, Speed};

/// Notes, before it begins, that a record is being built. Storing it, or noting its failure, takes
/// the note back.
pub(crate) struct NoteBegun {
    pub(crate) page: Box<[u8]>,
    pub(crate) slot: Slot,
    pub(crate) now: Timestamp,
}

impl Operation for NoteBegun {
    type Applied = ();
    type Answer = ();

    fn speed(&self) -> Speed {
        Speed::Synced
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<()> {
        let at = self.now.as_millis().to_le_bytes();
        batch.backlog.put_begun(&self.page, self.slot, &at)
    }

    fn answer(self, (): (), _: &Committed) {}
}

/// Takes such a note back where nothing was stored and nothing has failed.
pub(crate) struct NoteEnded {
    pub(crate) page: Box<[u8]>,
    pub(crate) slot: Slot,
}

impl Operation for NoteEnded {
    type Applied = ();
    type Answer = ();

    fn speed(&self) -> Speed {
        // The next note that something has begun takes it along.
        Speed::Derived
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<()> {
        batch.backlog.remove_begun(&self.page, self.slot)
    }

    fn answer(self, (): (), _: &Committed) {}
}
