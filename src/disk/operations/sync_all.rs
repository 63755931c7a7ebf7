//! A sync and nothing else.

use crate::error::Result;

use super::super::batch::Batch;
use super::super::committed::Committed;
use super::super::operation::{Operation, Speed};

/// Makes every commit so far durable.
pub(crate) struct SyncAll;

impl Operation for SyncAll {
    type Applied = ();
    type Answer = ();

    fn speed(&self) -> Speed {
        Speed::Synced
    }

    fn stages(&self) -> bool {
        false
    }

    fn apply(&mut self, _: &mut Batch<'_>) -> Result<()> {
        Ok(())
    }

    fn answer(self, (): (), _: &Committed) {}
}
