//! Nothing, but at once.

use crate::error::Result;

use super::super::batch::Batch;
use super::super::committed::Committed;
use super::super::operation::{Operation, Speed};

/// Ends the writer's patience with what was sent before it.
pub(crate) struct Hurry;

impl Operation for Hurry {
    type Applied = ();
    type Answer = ();

    fn speed(&self) -> Speed {
        // Behind what it is to hurry.
        Speed::Derived
    }

    fn apply(&mut self, _: &mut Batch<'_>) -> Result<()> {
        Ok(())
    }

    fn answer(self, (): (), _: &Committed) {}
}
