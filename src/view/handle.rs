//! The handle that applications hold.

use std::borrow::Borrow;
use std::fmt;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::grid::Grid;
use crate::key::{EntityKey, IntoSource, Source, decode_entity};
use crate::page::RecordType;
use crate::revision::Revision;
use crate::schedule::BreakerState;
use crate::sync::Arc;
use crate::time::{Span, TimeRange, Timestamp};

use super::census::Census;
use super::core::Core;
use super::entities::Entities;
use super::explanation::Explanation;
use super::fill::Filled;
use super::get_async::GetAsync;
use super::pending::Pending;
use super::policy::{Marked, Missing, Policy};
use super::record::Record;
use super::timeline::Timeline;

/// A view: records of type `R` about entities of type `E`, by time.
///
/// A handle is cheap to clone and may be used from many threads. It keeps the store open. It comes from
/// [`ViewDefinition::build`](crate::ViewDefinition::build) and its kin.
///
/// - To read: [`get`](Self::get), [`range`](Self::range), [`peek`](Self::peek),
///   [`nearest`](Self::nearest); of many entities [`get_many`](Self::get_many),
///   [`scan`](Self::scan).
/// - To read by another policy: [`when_missing`](Self::when_missing),
///   [`when_marked`](Self::when_marked), [`within`](Self::within), [`get_async`](Self::get_async).
/// - To have built ahead: [`fill`](Self::fill), [`request`](Self::request),
///   [`precompute`](Self::precompute), [`fill_horizon`](Self::fill_horizon).
/// - To store what is not built: [`put`](Self::put), [`put_many`](Self::put_many),
///   [`put_depending`](Self::put_depending).
/// - To say that records are worthless: [`invalidate`](Self::invalidate) and its kin.
/// - To delete: [`delete`](Self::delete) and its kin, [`clear`](Self::clear).
/// - To look into it: [`explain`](Self::explain), [`status`](Self::status),
///   [`census`](Self::census), [`entities`](Self::entities).
pub struct View<E: ?Sized, R> {
    pub(super) core: Arc<Core<E, R>>,
    policy: Policy,
}

impl<E: EntityKey + ?Sized, R: RecordType> View<E, R> {
    pub(super) fn new(core: Arc<Core<E, R>>, policy: Policy) -> Self {
        Self { core, policy }
    }

    /// The record of an entity at an instant, by the view's policies: built if it is missing, built
    /// anew if it is not fresh, unless they say otherwise.
    ///
    /// A hit costs a fraction of a microsecond, a read from the file some tens of them. Of many
    /// callers who want one missing record, one builds and the others wait for it.
    ///
    /// # Errors
    /// [`Build`](crate::ErrorKind::Build) if the build function failed or panicked, or records need
    /// each other in a circle; [`Busy`](crate::ErrorKind::Busy) if there is none and nothing is built
    /// just now, because too many build or the view's breaker is open;
    /// [`Absent`](crate::ErrorKind::Absent) if there is none and the policy does not build;
    /// [`Input`](crate::ErrorKind::Input) for an entity key over the limit or an instant that the grid
    /// cannot hold; and [the file's errors](crate#errors).
    #[inline]
    pub fn get(&self, entity: &E, instant: Timestamp) -> Result<Record<R>> {
        self.core.get(entity, instant, &self.policy)
    }

    /// The same as a future, for any executor. What is in memory is answered at once; the rest is left
    /// to the store's builders ([`Options::builders`](crate::Options::builders)), so polling never
    /// builds, loads or waits.
    ///
    /// The deadline of [`within`](Self::within) does not count here: let the executor's timer drop the
    /// future.
    ///
    /// # Errors
    /// As [`get`](Self::get), and [`Busy`](crate::ErrorKind::Busy) at once where too many reads wait
    /// for builders already.
    pub fn get_async(&self, entity: &E, instant: Timestamp) -> GetAsync<E, R> {
        let asked = self.core.asked(entity, instant);
        GetAsync::new(self.core.clone(), asked, self.policy)
    }

    /// Asks for a record and returns at once: a builder makes it, before all that nobody asked for. The
    /// request is in the file when this returns, so it outlives a restart; for many records there is
    /// [`request_many`](Self::request_many).
    ///
    /// A record that rests because its builds failed too often is tried again.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) for a view without a build function, inside a build, in a
    /// store opened to read only, or for an entity or instant out of bounds; and
    /// [the file's errors](crate#errors).
    pub fn request(&self, entity: &E, instant: Timestamp) -> Result<Pending<E, R>> {
        let mut pending = self.core.request([(entity, instant)])?;
        Ok(pending.pop().expect("one was asked for"))
    }

    /// Asks for many records with one sync: all of them, or none.
    ///
    /// # Errors
    /// As [`request`](Self::request), for the first that is refused.
    pub fn request_many<K: Borrow<E>>(
        &self,
        records: impl IntoIterator<Item = (K, Timestamp)>,
    ) -> Result<Vec<Pending<E, R>>> {
        self.core.request(records)
    }

    /// What is under way for a record, without asking for it: a request of somebody else's or from
    /// before a restart, the rebuild of a record that is marked, a build that a reader runs just now, or
    /// one that has failed for the last time. `None` if nothing is: the record is there and stands,
    /// nobody asked, it was cancelled, or the view builds nothing. [`peek`](Self::peek) tells which.
    ///
    /// # Errors
    /// As [`peek`](Self::peek), and [`Input`](crate::ErrorKind::Input) inside a build.
    pub fn pending(&self, entity: &E, instant: Timestamp) -> Result<Option<Pending<E, R>>> {
        self.core.pending(entity, instant)
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
        let read = self.core.peek(&self.core.locate(entity, instant)?)?;
        Ok(read.map(Record::of))
    }

    /// Why the record of an entity at an instant is as it is: its freshness and the causes, what it
    /// was built from, when and at which revisions, and what was built from it. Never builds. For
    /// people and tools: it reads the dependencies, which no other read does.
    ///
    /// # Errors
    /// As [`peek`](Self::peek).
    pub fn explain(&self, entity: &E, instant: Timestamp) -> Result<Explanation> {
        self.core.explain(&self.core.locate(entity, instant)?)
    }

    /// The records of the buckets that start in a range, in order of time, by the view's policies. A
    /// range that lies within one bucket holds no start, and so no record.
    ///
    /// Each page is looked up once: a day costs hardly more than one record. At most about a million
    /// buckets at once.
    ///
    /// # Errors
    /// As [`get`](Self::get), for the first bucket that could not be built;
    /// [`Input`](crate::ErrorKind::Input) for a longer range.
    #[inline]
    pub fn range(&self, entity: &E, range: impl Into<TimeRange>) -> Result<Timeline<R>> {
        self.core.range(entity, range.into(), self.policy)
    }

    /// The records of all entities, for the buckets that start in a range, by the view's policies;
    /// each entity with its timeline, in the order of their keys. All of them are in memory at once;
    /// [`entities`](Self::entities) goes through them one at a time.
    ///
    /// # Errors
    /// As [`range`](Self::range) and [`entities`](Self::entities), for the first that fails.
    pub fn scan(&self, range: impl Into<TimeRange>) -> Result<Vec<(E::Owned, Timeline<R>)>> {
        self.core.scan(range.into(), self.policy)
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
        let nearest = self.core.nearest(&self.core.prefix(entity), instant, tolerance)?;
        Ok(nearest.map(Record::of))
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
    /// the others, unless so many fail in a row that the view
    /// [rests](crate::ViewDefinition::breaker); the report lists it, and
    /// [`complete`](crate::report::Filled::complete) makes an error of it:
    ///
    /// ```
    /// # use tidetable::{Grid, Span, Store, Timestamp};
    /// # let store = Store::in_memory()?;
    /// # let midnight = Timestamp::EPOCH;
    /// # let noon = midnight.checked_add(Span::hours(12)).expect("within time");
    /// let tides = store.view::<str, f64>("tides").grid(Grid::hours(1)).build(|_, _, _| Ok(1.5))?;
    /// assert_eq!(tides.fill("Dover", midnight..noon)?.complete()?, 12); // as many were built
    /// # Ok::<(), tidetable::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) for a view without a build function, a store opened to
    /// read only, or an entity or range out of bounds; and [the file's errors](crate#errors).
    pub fn fill(&self, entity: &E, range: impl Into<TimeRange>) -> Result<Filled> {
        self.core.fill(&self.core.maker(entity).of_entity(), range.into(), Policy::default())
    }

    /// Stores a record computed elsewhere. It is synced when this returns, so it costs a sync, which
    /// callers at the same time share; for many records there is [`put_many`](Self::put_many).
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) inside a build, in a store opened to read only, or for a
    /// record, key or instant out of bounds (nothing is written then); and
    /// [the file's errors](crate#errors).
    pub fn put(&self, entity: &E, instant: Timestamp, record: &R) -> Result<()> {
        self.core.put_many([(entity, instant, record)], &[], None).map(drop)
    }

    /// Stores many records as one operation with one sync; all of them, or none. Of several for one
    /// bucket the last stays: where each counts, give the view a finer grid, or put their sum. Returns how
    /// many were given.
    ///
    /// # Errors
    /// As [`put`](Self::put), for the first that is refused.
    pub fn put_many<K: Borrow<E>, V: Borrow<R>>(
        &self,
        records: impl IntoIterator<Item = (K, Timestamp, V)>,
    ) -> Result<u64> {
        self.core.put_many(records, &[], None).map(|put| put.given)
    }

    /// Stores a record computed elsewhere and says what it was computed from: an invalidation of one
    /// of the sources marks it.
    ///
    /// `as_of` is [`Store::revision`](crate::Store::revision) as it was before any of the sources
    /// was read: if one of them was announced as changed since then, the record is stale from the
    /// beginning.
    ///
    /// # Errors
    /// As [`put`](Self::put), and for a source that cannot be.
    pub fn put_depending(
        &self,
        entity: &E,
        instant: Timestamp,
        record: &R,
        sources: impl IntoIterator<Item = impl IntoSource>,
        as_of: Revision,
    ) -> Result<()> {
        let sources: Result<Vec<Source>> =
            sources.into_iter().map(IntoSource::into_source).collect();
        let sources = sources.map_err(|error| self.core.named(error))?;
        self.core.put_many([(entity, instant, record)], &sources, Some(as_of)).map(drop)
    }

    /// Stores many records as [`put_many`](Self::put_many) does. How many of them changed something.
    pub(super) fn put_counting_changes<K: Borrow<E>, V: Borrow<R>>(
        &self,
        records: impl IntoIterator<Item = (K, Timestamp, V)>,
    ) -> Result<u64> {
        self.core.put_many(records, &[], None).map(|put| put.changed)
    }

    /// Counts the view's records: how many are fresh, and which versions made them. Looks at every
    /// page.
    ///
    /// # Errors
    /// [The file's errors](crate#errors).
    pub fn census(&self) -> Result<Census> {
        self.core.census()
    }

    /// The entities that the view holds records of, in the order of their keys. Costs a look into
    /// the file for each, however many records it has. An item is an error where a key is none of
    /// `E`; [the file's errors](crate#errors) end the listing.
    #[must_use]
    pub fn entities(&self) -> Entities<E, R> {
        Entities::new(self.core.clone())
    }

    /// The entity of an encoded key, as [`Error::entity`](crate::Error::entity), reports and
    /// explanations have it; `None` if it is no key of this type.
    #[must_use]
    pub fn decode_entity(&self, key: &[u8]) -> Option<E::Owned> {
        decode_entity::<E>(key)
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

    /// The same view, for reads that wait so long at most for a build, and then take what there is:
    /// the record that is not fresh and says so, or [`Busy`](crate::ErrorKind::Busy). The build is a
    /// builder's, and goes on. [`Duration::ZERO`] never waits.
    ///
    /// It holds for [`get`](Self::get) and [`get_many`](Self::get_many); inside a build it does not
    /// count.
    #[must_use]
    pub fn within(&self, longest: Duration) -> Self {
        Self { policy: Policy { within: Some(longest), ..self.policy }, ..self.clone() }
    }

    /// Switches the use of stored records off, or on again, for all handles of the view until the store
    /// is closed: while it is off every `get`, `range`, `scan` and `get_many` outside a build runs the
    /// build function. What they build is stored all the same; `peek` and `nearest` show it.
    pub fn set_precomputed(&self, precomputed: bool) {
        self.core.state.bypass(!precomputed);
    }

    /// Whether stored records are used.
    #[must_use]
    pub fn is_precomputed(&self) -> bool {
        !self.core.state.is_bypassed()
    }

    /// Whether the view builds, and if not, why and until when: see
    /// [`ViewDefinition::breaker`](crate::ViewDefinition::breaker). For people.
    #[must_use]
    pub fn breaker_state(&self) -> BreakerState {
        let now = self.core.shared().options.clock.now();
        self.core.state.governor().breaker_state(now)
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
        Self { core: self.core.clone(), policy: self.policy }
    }
}

impl<E: ?Sized, R> fmt::Debug for View<E, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core.fmt(f)
    }
}
