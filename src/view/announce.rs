//! Saying that records of a view are worthless, whatever they were built from.

use crate::disk::Scope;
use crate::disk::operations::Changed;
use crate::error::Result;
use crate::key::{EntityKey, EntityPrefix};
use crate::page::RecordType;
use crate::time::TimeRange;

use super::changes::Changes;
use super::handle::View;
use super::invalidated::Invalidated;

impl<E: EntityKey + ?Sized, R: RecordType> View<E, R> {
    /// Says that all records of an entity are worthless now, whatever they were built from, durably:
    /// they are stale, and what was built from them is suspect. Costs a look at each page.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn invalidate(&self, entity: &E) -> Result<Invalidated> {
        self.announce(self.of_entity(entity))
    }

    /// The same for an entity's records of the buckets that start in a range.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn invalidate_range(&self, entity: &E, range: impl Into<TimeRange>) -> Result<Invalidated> {
        self.announce(self.of_range(entity, range))
    }

    /// The same for the records of all entities whose key begins so: see [`EntityPrefix`].
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn invalidate_prefix<P: EntityPrefix<E> + ?Sized>(
        &self,
        prefix: &P,
    ) -> Result<Invalidated> {
        self.announce(self.of_prefix(prefix))
    }

    /// The same for the records of all entities whose bucket starts in a range. Looks at every page
    /// of the view.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn invalidate_between(&self, range: impl Into<TimeRange>) -> Result<Invalidated> {
        self.announce(self.between(range))
    }

    /// The same for all records of the view. Costs one write, however many there are.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn invalidate_all(&self) -> Result<Invalidated> {
        self.announce(self.whole())
    }

    /// All records of an entity, to be announced with other [`Changes`] or looked at with
    /// [`Store::preview`](crate::Store::preview).
    pub fn of_entity(&self, entity: &E) -> Changes {
        let scope = self.core.entity(entity).map(Scope::Entity);
        Changes::new().records(scope.map(|scope| self.core.changed(scope)))
    }

    /// An entity's records of the buckets that start in a range, as [`Changes`].
    pub fn of_range(&self, entity: &E, range: impl Into<TimeRange>) -> Changes {
        match self.core.buckets_scope(entity, range.into()).transpose() {
            Some(scope) => Changes::new().records(scope.map(|scope| self.core.changed(scope))),
            None => Changes::new(),
        }
    }

    /// The records of all entities whose key begins so, as [`Changes`].
    pub fn of_prefix<P: EntityPrefix<E> + ?Sized>(&self, prefix: &P) -> Changes {
        Changes::new().records(Ok(self.core.changed(Scope::of_prefix::<E, P>(prefix))))
    }

    /// The records of all entities whose bucket starts in a range, as [`Changes`].
    pub fn between(&self, range: impl Into<TimeRange>) -> Changes {
        Changes::new().records(Ok(self.core.changed(Scope::Between(range.into()))))
    }

    /// All records of the view, as [`Changes`].
    pub fn whole(&self) -> Changes {
        let id = self.core.state.check().map(|()| self.core.state.id());
        Changes::new().records(id.map(Changed::View))
    }

    fn announce(&self, changes: Changes) -> Result<Invalidated> {
        self.core.state.check()?;
        changes.announce(&self.core.engine).map_err(|error| self.core.named(error))
    }
}
