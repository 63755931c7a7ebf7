//! Deleting records.

use std::borrow::Borrow;

use crate::disk::Scope;
use crate::disk::operations::{Changed, Delete, Reason};
use crate::error::Result;
use crate::key::{EntityKey, EntityPrefix};
use crate::page::{PageKey, RecordType};
use crate::rebuild::refuse_inside_build;
use crate::time::{TimeRange, Timestamp};

use super::any_view::AnyView;
use super::core::Core;
use super::handle::View;

/// Entities that are deleted together: it bounds what is held in memory of a list.
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

    /// The same for many entities, a thousand of them at a time with one sync. Returns how many records
    /// there were. Where the list holds what cannot be an entity, what comes before it is deleted, and
    /// nothing after it.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn delete_many<K: Borrow<E>>(&self, entities: impl IntoIterator<Item = K>) -> Result<u64> {
        let mut entities = entities.into_iter().fuse();
        let mut deleted = 0;
        loop {
            let mut failed = None;
            let keys = entities.by_ref().take(AT_ONCE).map_while(|entity| {
                let key = self.core.entity(entity.borrow());
                key.map_err(|error| failed = Some(error)).ok()
            });
            let keys: Vec<_> = keys.collect();
            let is_last = keys.len() < AT_ONCE;
            if !keys.is_empty() {
                deleted += self.core.delete(Scope::of_entities(keys), Reason::Asked)?;
            }
            match failed {
                Some(error) => return Err(error),
                None if is_last => return Ok(deleted),
                None => {}
            }
        }
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
    /// The scope of an entity's buckets that start in a range; `None` if there are none.
    pub(super) fn buckets_scope(&self, entity: &E, range: TimeRange) -> Result<Option<Scope>> {
        self.scope_of(self.entity(entity)?, range)
    }
}

impl AnyView {
    fn delete(&self, scope: Scope, reason: Reason) -> Result<u64> {
        refuse_inside_build("a deletion").map_err(|error| self.named(error))?;
        let deleted = self.delete_in_steps(&scope, reason);
        // Who waits for one of them waits in vain, also where only some of them went.
        self.engine.flights().tell_all(&PageKey::view_bounds(self.state.id()).0);
        deleted
    }

    /// Deletes what a scope names. Large deletions go in several steps, each durable; how many records
    /// went is returned at the end.
    fn delete_in_steps(&self, scope: &Scope, reason: Reason) -> Result<u64> {
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
                return Ok(deleted);
            }
        }
    }

    fn scope_of(&self, entity: PageKey, range: TimeRange) -> Result<Option<Scope>> {
        let grid = self.state.grid();
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
