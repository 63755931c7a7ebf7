//! Deleting records.

use std::borrow::Borrow;

use crate::disk::Scope;
use crate::disk::operations::{Changed, Delete, Reason};
use crate::error::Result;
use crate::key::{EntityKey, EntityPrefix};
use crate::page::{PageKey, RecordType};
use crate::rebuild::refuse_inside_build;
use crate::time::{TimeRange, Timestamp};

use super::core::Core;
use super::handle::View;

/// Deletions in hand at once: they share commits, and it bounds what is held in memory of a list.
const AT_ONCE: usize = 1024;

impl<E: EntityKey + ?Sized, R: RecordType> View<E, R> {
    /// Deletes all records of an entity, durably. Returns how many there were.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) inside a build and in a store opened to read only; and
    /// [the file's errors](crate#errors).
    pub fn delete(&self, entity: &E) -> Result<u64> {
        self.core.delete(Scope::Entity(self.core.entity(entity)?), Reason::Asked)
    }

    /// The same for many entities: a thousand of them share a sync. Returns how many records there
    /// were. The list is read as the deletions go on; if it fails in between, what came before is
    /// deleted.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn delete_many<K: Borrow<E>>(&self, entities: impl IntoIterator<Item = K>) -> Result<u64> {
        let scope = |entity: K| self.core.entity(entity.borrow()).map(Scope::Entity);
        self.core.delete_each(entities.into_iter().map(scope), Reason::Asked)
    }

    /// The same for all entities whose key begins so: see [`EntityPrefix`].
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn delete_prefix<P: EntityPrefix<E> + ?Sized>(&self, prefix: &P) -> Result<u64> {
        self.core.delete(Scope::of_prefix::<E, P>(prefix), Reason::Asked)
    }

    /// Deletes an entity's records of the buckets that start in a range, durably. Returns how many
    /// there were.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn delete_range(&self, entity: &E, range: impl Into<TimeRange>) -> Result<u64> {
        let scope = self.core.buckets_scope(entity, range.into())?;
        scope.map_or(Ok(0), |scope| self.core.delete(scope, Reason::Asked))
    }

    /// Deletes, of every entity, the records whose bucket ended at `instant` or before; of a view
    /// without buckets those built before it. Looks at every page of the view, some hundred in a
    /// transaction. Returns how many records there were.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn delete_before(&self, instant: Timestamp) -> Result<u64> {
        self.core.delete(Scope::Before(instant), Reason::Asked)
    }

    /// Deletes what the view's retention no longer keeps, by the store's clock. Nothing without one.
    ///
    /// Unlike the other deletions this one is no change to what was built from the records: that
    /// stays fresh, and still learns of changes further up.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn apply_retention(&self) -> Result<u64> {
        let now = self.core.shared().options.clock.now();
        let instant = self.core.state.retain().and_then(|span| now.checked_sub(span));
        instant.map_or(Ok(0), |at| self.core.delete(Scope::Before(at), Reason::Retention))
    }

    /// Deletes all records of the view; the view itself stays. To delete both, see
    /// [`Store::delete_view`](crate::Store::delete_view).
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn clear(&self) -> Result<u64> {
        self.core.delete(Scope::All, Reason::Asked)
    }
}

impl<E: EntityKey + ?Sized, R: RecordType> Core<E, R> {
    fn delete(&self, scope: Scope, reason: Reason) -> Result<u64> {
        self.delete_each([Ok(scope)], reason)
    }

    /// Deletes what scopes name. Large deletions go in several steps, each durable; how many records
    /// went is returned at the end.
    fn delete_each(
        &self,
        scopes: impl IntoIterator<Item = Result<Scope>>,
        reason: Reason,
    ) -> Result<u64> {
        refuse_inside_build("a deletion").map_err(|error| self.named(error))?;
        let now = self.shared().options.clock.now();
        let mut scopes = scopes.into_iter();
        let mut deleted = 0;
        let mut in_hand: Vec<(Scope, Option<Box<[u8]>>)> = Vec::new();
        loop {
            for scope in scopes.by_ref().take(AT_ONCE - in_hand.len()) {
                in_hand.push((scope?, None));
            }
            if in_hand.is_empty() {
                // Who waits for one of them waits in vain.
                self.engine.flights().tell_all(&PageKey::view_bounds(self.state.id()).0);
                return Ok(deleted);
            }
            // Asked for anew each time: an observer may close the store, which waits for every way to
            // the writer.
            let writer = self.engine.writer().map_err(|error| self.named(error))?;
            let mut waiting = Vec::with_capacity(in_hand.len());
            for (scope, cursor) in in_hand.drain(..) {
                let delete = Delete { view: self.state.clone(), scope, reason, now, cursor };
                waiting.push((delete.scope.clone(), writer.submit(delete)?));
            }
            drop(writer);
            for (scope, receipt) in waiting {
                let part = receipt.wait()?;
                deleted += part.records;
                in_hand.extend(part.cursor.map(|cursor| (scope, Some(cursor))));
            }
            self.shared().events.tell_late();
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
