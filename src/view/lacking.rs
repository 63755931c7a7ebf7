//! What a page lacks.

use crate::grid::Bucket;
use crate::page::{Slot, SlotSet};

/// What a page lacks: some of its slots, and the bucket of each.
pub(super) struct Lacking {
    pub(super) slots: SlotSet,
    pub(super) buckets: Vec<Bucket>,
}

impl Lacking {
    pub(super) fn iter(&self) -> impl Iterator<Item = (Slot, Bucket)> {
        debug_assert_eq!(self.slots.len() as usize, self.buckets.len());
        self.slots.iter().zip(self.buckets.iter().copied())
    }
}
