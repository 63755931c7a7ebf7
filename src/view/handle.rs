//! The handle that applications hold.

use std::borrow::Borrow;
use std::fmt;

use crate::disk::Scope;
use crate::error::{Error, Result};
use crate::grid::Grid;
use crate::key::EntityKey;
use crate::page::RecordType;
use crate::sync::Arc;
use crate::time::{Span, TimeRange, Timestamp};

use super::core::Core;
use super::entities::Entities;
use super::fill::Filled;
use super::policy::{Marked, Missing, Policy};
use super::record::Record;
use super::timeline::Timeline;

/// A view: records of type `R` about entities of type `E`, by time.
///
/// A handle is cheap to clone and may be used from many threads. It keeps the store open.
pub struct View<E: ?Sized, R> {
    core: Arc<Core<E, R>>,
    policy: Policy,
    retain: Option<Span>,
}

impl<E: EntityKey + ?Sized, R: RecordType> View<E, R> {
    pub(super) fn new(core: Core<E, R>, policy: Policy, retain: Option<Span>) -> Self {
        Self { core: Arc::new(core), policy, retain }
    }

    /// The record of an entity at an instant, by the view's policies: built if it is missing, built
    /// anew if it is not fresh, unless they say otherwise.
    ///
    /// A hit costs tens of nanoseconds, a read from the file about a microsecond. Of many callers
    /// who want one missing record, one builds and the others wait for it.
    ///
    /// # Errors
    /// [`Build`](crate::ErrorKind::Build) if the build function failed or panicked, or records need
    /// each other in a circle; [`Absent`](crate::ErrorKind::Absent) if there is none and the
    /// policy does not build; [`Input`](crate::ErrorKind::Input) for an entity key over the limit or
    /// an instant that the grid cannot hold; and [the file's errors](crate#errors).
    #[inline]
    pub fn get(&self, entity: &E, instant: Timestamp) -> Result<Record<R>> {
        self.core.get(entity, instant, self.policy)
    }

    /// What is there now, whatever its colour. Never builds.
    ///
    /// `None` means not built. A record that is there but empty is a record.
    ///
    /// # Errors
    /// [`Damaged`](crate::ErrorKind::Damaged) if something is there that fails its checks;
    /// [`Input`](crate::ErrorKind::Input) for an entity key over the limit or an instant that the
    /// grid cannot hold; and [the file's errors](crate#errors).
    pub fn peek(&self, entity: &E, instant: Timestamp) -> Result<Option<Record<R>>> {
        self.core.peek(&self.core.locate(entity, instant)?)
    }

    /// The records of the buckets that start in a range, in order of time, by the view's policies.
    ///
    /// Each page is looked up once: a day costs hardly more than one record. At most about a million
    /// buckets at once.
    ///
    /// # Errors
    /// As [`get`](Self::get), for the first bucket that could not be built;
    /// [`Input`](crate::ErrorKind::Input) for a longer range.
    pub fn range(&self, entity: &E, range: impl Into<TimeRange>) -> Result<Timeline<R>> {
        self.core.range(entity, range.into(), self.policy)
    }

    /// The records of many entities at one instant, in the order asked, each by the view's
    /// policies. One that fails leaves the others as they are. Each costs what a
    /// [`get`](Self::get) does.
    pub fn get_many<K: Borrow<E>>(
        &self,
        entities: impl IntoIterator<Item = K>,
        instant: Timestamp,
    ) -> Vec<Result<Record<R>>> {
        self.core.get_many(entities, instant, self.policy)
    }

    /// The record whose bucket starts nearest to an instant and at most `tolerance` away; of two
    /// equally near the earlier. Never builds. Looks at one bucket after the other, outwards, so a
    /// far record costs as many [`peek`](Self::peek)s as there are buckets nearer.
    ///
    /// # Errors
    /// As [`peek`](Self::peek); [`Input`](crate::ErrorKind::Input) for a negative tolerance, and
    /// where 10,000 buckets hold no record and the tolerance reaches further.
    pub fn nearest(
        &self,
        entity: &E,
        instant: Timestamp,
        tolerance: Span,
    ) -> Result<Option<Record<R>>> {
        if tolerance < Span::ZERO {
            let message = format!("the tolerance is {tolerance}; it cannot be negative");
            return Err(self.core.named(Error::input(message)));
        }
        self.core.nearest(entity, instant, tolerance)
    }

    /// Brings the pages of a range into memory, so that later reads hit. Never builds. Returns how
    /// many pages came from the file.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) as for [`range`](Self::range); and
    /// [the file's errors](crate#errors).
    pub fn prefetch<K: Borrow<E>>(
        &self,
        entities: impl IntoIterator<Item = K>,
        range: impl Into<TimeRange>,
    ) -> Result<u64> {
        self.core.prefetch(entities, range.into())
    }

    /// Builds what is missing or not fresh among the buckets that start in a range, now, in the
    /// calling thread; at most about a million buckets at once. A bucket that fails does not stop
    /// the others; the report lists it.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) for a view without a build function, a store opened to
    /// read only, or an entity or range out of bounds; and [the file's errors](crate#errors).
    pub fn fill(&self, entity: &E, range: impl Into<TimeRange>) -> Result<Filled> {
        self.core.fill(entity, range.into(), Policy::default())
    }

    /// Stores a record computed elsewhere. It is synced when this returns, so it costs a sync, which
    /// callers at the same time share; for many records there is [`put_many`](Self::put_many).
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) inside a build, in a store opened to read only, or for a
    /// record, key or instant out of bounds (nothing is written then); and
    /// [the file's errors](crate#errors).
    pub fn put(&self, entity: &E, instant: Timestamp, record: &R) -> Result<()> {
        self.core.put_many([(entity, instant, record)]).map(drop)
    }

    /// Stores many records as one operation with one sync; all of them, or none. Of several for one
    /// bucket the last stays. Returns how many were given.
    ///
    /// # Errors
    /// As [`put`](Self::put), for the first that is refused.
    pub fn put_many<K: Borrow<E>, V: Borrow<R>>(
        &self,
        records: impl IntoIterator<Item = (K, Timestamp, V)>,
    ) -> Result<u64> {
        self.core.put_many(records)
    }

    /// The entities that the view holds records of, in the order of their keys. Costs a look into
    /// the file for each, however many records it has. An item is an error where a key is none of
    /// `E`; [the file's errors](crate#errors) end the listing.
    #[must_use]
    pub fn entities(&self) -> Entities<E, R> {
        Entities::new(self.core.clone())
    }

    /// Deletes all records of an entity, durably. Returns how many there were.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) inside a build and in a store opened to read only; and
    /// [the file's errors](crate#errors).
    pub fn delete(&self, entity: &E) -> Result<u64> {
        self.core.delete(Scope::Entity(self.core.entity(entity)?))
    }

    /// Deletes an entity's records of the buckets that start in a range, durably. Returns how many
    /// there were.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn delete_range(&self, entity: &E, range: impl Into<TimeRange>) -> Result<u64> {
        match self.core.buckets_scope(entity, range.into())? {
            Some(scope) => self.core.delete(scope),
            None => Ok(0),
        }
    }

    /// Deletes, of every entity, the records whose bucket ended at `instant` or before; of a view
    /// without buckets those built before it. Looks at every page of the view, some hundred in a
    /// transaction. Returns how many records there were.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn delete_before(&self, instant: Timestamp) -> Result<u64> {
        self.core.delete(Scope::Before(instant))
    }

    /// Deletes what the view's retention no longer keeps, by the store's clock. Nothing without one.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn delete_expired(&self) -> Result<u64> {
        let now = self.core.shared().options.clock.now();
        match self.retain.and_then(|span| now.checked_sub(span)) {
            Some(instant) => self.delete_before(instant),
            None => Ok(0),
        }
    }

    /// Deletes all records of the view; the view itself stays. To delete both, see
    /// [`Store::delete_view`](crate::Store::delete_view).
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn clear(&self) -> Result<u64> {
        self.core.delete(Scope::All)
    }

    /// The same view, for reads that do something else when there is no record.
    #[must_use]
    pub fn when_missing(&self, missing: Missing) -> Self {
        Self { policy: Policy { missing, ..self.policy }, ..self.clone() }
    }

    /// The same view, for reads that do something else when the record is not fresh.
    #[must_use]
    pub fn when_marked(&self, marked: Marked) -> Self {
        Self { policy: Policy { marked, ..self.policy }, ..self.clone() }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.core.state.name()
    }

    /// The version that it is defined with.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.core.state.version()
    }

    /// How it divides time.
    #[must_use]
    pub fn grid(&self) -> &Grid {
        self.core.state.grid()
    }

    /// How many buckets its pages hold.
    #[must_use]
    pub fn page_len(&self) -> u32 {
        self.core.state.page_len()
    }
}

impl<E: ?Sized, R> Clone for View<E, R> {
    fn clone(&self) -> Self {
        Self { core: self.core.clone(), policy: self.policy, retain: self.retain }
    }
}

impl<E: ?Sized, R> fmt::Debug for View<E, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core.fmt(f)
    }
}
