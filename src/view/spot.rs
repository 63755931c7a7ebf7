//! Where a record stands.

use crate::disk::ViewState;
use crate::error::Error;
use crate::grid::{Bucket, Place};
use crate::page::{PageKey, Slot};

/// A bucket of an entity, located: everything a read needs to find it.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    pub(super) bucket: Bucket,
    pub(super) place: Place,
    pub(super) key: PageKey,
}

impl Spot {
    pub(super) fn slot(&self) -> Slot {
        Slot(self.place.slot)
    }

    /// The error with the view's name, the bucket, and the entity as a field.
    pub(super) fn told_of(&self, view: &ViewState, error: Error) -> Error {
        let error = error.at_view(view.name()).at_bucket(self.bucket);
        error.at_entity(self.key.entity_of_page())
    }

    /// Another bucket of the same page.
    pub(super) fn beside(&self, slot: Slot, bucket: Bucket) -> Self {
        let place = Place { slot: slot.0, ..self.place };
        Self { bucket, place, key: self.key.clone() }
    }
}
