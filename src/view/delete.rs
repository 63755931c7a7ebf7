//! Deleting records.

use crate::disk::Scope;
use crate::disk::operations::{Changed, Delete, Reason};
use crate::error::Result;
use crate::key::EntityKey;
use crate::page::{PageKey, RecordType};
use crate::rebuild::refuse_inside_build;
use crate::time::TimeRange;

use super::core::Core;

impl<E: EntityKey + ?Sized, R: RecordType> Core<E, R> {
    /// Deletes what a scope names. Large deletions go in several steps, each durable; how many
    /// records went is returned at the end.
    pub(super) fn delete(&self, scope: Scope, reason: Reason) -> Result<u64> {
        refuse_inside_build("a deletion").map_err(|error| self.named(error))?;
        let now = self.shared().options.clock.now();
        let mut deleted = 0;
        let mut cursor = None;
        loop {
            let (view, scope) = (self.state.clone(), scope.clone());
            // Asked for anew each time: an observer may close the store, which waits for every way to
            // the writer.
            let writer = self.engine.writer().map_err(|error| self.named(error))?;
            let part = writer.run(Delete { view, scope, reason, now, cursor })?;
            drop(writer);
            self.shared().events.tell_late();
            deleted += part.records;
            cursor = part.cursor;
            if cursor.is_none() {
                // Who waits for one of them waits in vain.
                self.engine.flights().tell_all(&PageKey::view_bounds(self.state.id()).0);
                return Ok(deleted);
            }
        }
    }

    /// The scope of an entity's buckets that start in a range; `None` if there are none.
    pub(super) fn buckets_scope(&self, entity: &E, range: TimeRange) -> Result<Option<Scope>> {
        let grid = self.state.grid();
        let entity = self.entity(entity)?;
        let Some((first, last)) = self.ends(range)? else {
            return Ok(None);
        };
        let place =
            |bucket| grid.place(bucket, self.state.page_len()).map_err(|error| self.named(error));
        Ok(Some(Scope::Buckets { entity, first: place(first)?, last: place(last)? }))
    }

    /// Records of this view, as something that changed.
    pub(super) fn changed(&self, scope: Scope) -> Changed {
        Changed::Records(self.state.clone(), scope)
    }
}
