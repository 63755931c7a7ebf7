//! Several writes as one.

use std::collections::BTreeMap;
use std::fmt;

use crate::disk::operations::{
    Changed, Delete, Invalidate, PAGES_AT_ONCE, Reason, StoreRecords, Want, WriteTogether,
    WrittenTogether,
};
use crate::disk::{Scope, Speed, ViewState};
use crate::error::{Error, Result};
use crate::key::{EntityKey, IntoSource, Source};
use crate::page::{PageKey, RecordType, SlotSet, ViewId};
use crate::rebuild::{Engine, refuse_inside_build};
use crate::revision::Revision;
use crate::sync::Arc;
use crate::time::Timestamp;

use super::changes::Changes;
use super::context::Begun;
use super::core::Core;
use super::draft::store_records;
use super::handle::View;
use super::input::Input;
use super::invalidated::Invalidated;
use super::puts::{Puts, flights_at};

/// Several writes that are committed together: all of them, or none, with one sync.
///
/// ```
/// use tidetable::{Store, Timestamp};
///
/// let store = Store::in_memory()?;
/// let texts = store.input::<u64, String>("texts")?;
/// let read = texts.clone();
/// let lengths = store.view::<u64, u64>("lengths").build(move |cx, id, _| {
///     Ok(cx.input(&read, id)?.map_or(0, |text| text.len() as u64))
/// })?;
/// store
///     .writes()
///     .set(&texts, &7, &"a text".to_owned())?
///     .request(&lengths, &7, Timestamp::EPOCH)?
///     .commit()?;
/// # let pending = lengths.request(&7, Timestamp::EPOCH)?;
/// # assert_eq!(pending.wait()?.to_native(), 6);
/// # Ok::<(), tidetable::Error>(())
/// ```
///
/// In whatever order they are added, records and values count first, then what is announced, then what
/// is asked for: a record that is put beside the announcement of a source that it was made from is
/// stale; one that is asked for is built from what stands after all of it. Of several for one bucket or
/// key the last stays.
///
/// Each write is checked when it is added, and the whole once more when it is committed. Nothing is
/// written before [`commit`](Self::commit), nor without it. Somebody who reads two records meanwhile may
/// still find one of them as it was and the other as it is.
///
/// Get one from [`Store::writes`](crate::Store::writes).
#[must_use = "nothing is written before `commit`"]
pub struct Writes<'s> {
    engine: &'s Arc<Engine>,
    /// When records that are put count as made.
    begun: Begun,
    /// View -> what is written to it.
    views: BTreeMap<ViewId, OfView>,
    announced: Vec<Changed>,
    /// Why the last commit failed, if it did.
    failed: Option<Error>,
}

/// What is written to one view.
struct OfView {
    state: Arc<ViewState>,
    puts: Puts,
    /// Page -> the entity of which it is the only one.
    removed: BTreeMap<Box<[u8]>, PageKey>,
    /// Page -> slots that are asked for.
    wanted: BTreeMap<Box<[u8]>, SlotSet>,
}

impl<'s> Writes<'s> {
    pub(crate) fn new(engine: &'s Arc<Engine>) -> Self {
        let begun = Begun::now(engine.shared());
        Self { engine, begun, views: BTreeMap::new(), announced: Vec::new(), failed: None }
    }

    /// Sets the value of an input's key.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) for a key or value out of bounds or an input of another store.
    pub fn set<K: EntityKey + ?Sized, V: RecordType>(
        &mut self,
        input: &Input<K, V>,
        key: &K,
        value: &V,
    ) -> Result<&mut Self> {
        self.put(input.view(), key, Timestamp::EPOCH, value)
    }

    /// Removes the value of an input's key, if it has one.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn remove<K: EntityKey + ?Sized, V: RecordType>(
        &mut self,
        input: &Input<K, V>,
        key: &K,
    ) -> Result<&mut Self> {
        let core = &*input.view().core;
        let spot = core.locate(key, Timestamp::EPOCH)?;
        core.check(&spot.key)?;
        let (page, entity) = (spot.key.as_slice(), core.entity(key)?);
        let of_view = self.of(core)?;
        of_view.puts.take_back(page);
        of_view.removed.insert(page.into(), entity);
        Ok(self)
    }

    /// Stores a record computed elsewhere, as [`View::put`] does. It counts as made from what was
    /// published when these writes [began](crate::Store::writes), or were last committed: what was read
    /// before that belongs into that commit, or into writes of its own.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) for a record, key or instant out of bounds or a view of
    /// another store.
    pub fn put<E: EntityKey + ?Sized, R: RecordType>(
        &mut self,
        view: &View<E, R>,
        entity: &E,
        instant: Timestamp,
        record: &R,
    ) -> Result<&mut Self> {
        self.put_depending(view, entity, instant, record, [] as [Source; 0])
    }

    /// Stores a record computed elsewhere and says what it was computed from, as
    /// [`View::put_depending`] does. If one of the sources was announced as changed since then, the
    /// record is stale from the beginning: begin before you read.
    ///
    /// # Errors
    /// As [`put`](Self::put), and for a source that cannot be.
    pub fn put_depending<E: EntityKey + ?Sized, R: RecordType>(
        &mut self,
        view: &View<E, R>,
        entity: &E,
        instant: Timestamp,
        record: &R,
        sources: impl IntoIterator<Item = impl IntoSource>,
    ) -> Result<&mut Self> {
        let core = &*view.core;
        let sources: Result<Vec<Source>> =
            sources.into_iter().map(IntoSource::into_source).collect();
        let sources = sources.map_err(|error| core.named(error))?;
        let reading = Arc::new(core.read_from(&sources, self.begun.revision)?);
        let begun = self.begun;
        let of_view = self.of(core)?;
        let page = core.put_into(&mut of_view.puts, entity, instant, record, (begun, &reading))?;
        of_view.removed.remove(page.as_slice());
        Ok(self)
    }

    /// Says that a source has changed, as [`Store::invalidate`](crate::Store::invalidate) does.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) for a source that cannot be.
    pub fn invalidate(&mut self, source: impl IntoSource) -> Result<&mut Self> {
        self.invalidate_all(&Changes::new().source(source))
    }

    /// Says that many things have changed.
    ///
    /// # Errors
    /// As [`invalidate`](Self::invalidate), and [`Absent`](crate::ErrorKind::Absent) for a view that
    /// the file does not know.
    pub fn invalidate_all(&mut self, changes: &Changes) -> Result<&mut Self> {
        self.announced.extend(changes.resolve(self.engine)?);
        Ok(self)
    }

    /// Asks for a record, as [`View::request`] does. To look after it later ask once more with
    /// [`View::request`], which writes nothing as long as it was not tried in vain, or look with
    /// [`View::pending`].
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) for a view without a build function, an entity or instant out
    /// of bounds or a view of another store.
    pub fn request<E: EntityKey + ?Sized, R: RecordType>(
        &mut self,
        view: &View<E, R>,
        entity: &E,
        instant: Timestamp,
    ) -> Result<&mut Self> {
        let core = &*view.core;
        core.check_fills()?;
        let spot = core.locate(entity, instant)?;
        core.check(&spot.key)?;
        let slots = self.of(core)?.wanted.entry(spot.key.as_slice().into()).or_default();
        slots.insert(spot.slot());
        Ok(self)
    }

    /// Commits all of it, durably. It is empty then, whatever the answer: after an error all is to be added
    /// again, and until something is, a commit gives the same error. Costs a sync, which callers at the
    /// same time share. It is one piece of work, behind which other writers wait: of 100,000 values that
    /// took half a second to a second, so where they need not go together write some thousand at a time.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) inside a build, in a store opened to read only, or where a page
    /// would become too long; [`Definition`](crate::ErrorKind::Definition) where one of the views was
    /// defined anew or deleted meanwhile (nothing is written then); and [the file's errors](crate#errors).
    pub fn commit(&mut self) -> Result<WriteReport> {
        refuse_inside_build("committing writes")?;
        // One that was refused has left nothing of its view.
        self.views.retain(|_, of_view| !of_view.is_empty());
        if self.views.is_empty() && self.announced.is_empty() {
            let revision = self.engine.shared().published();
            let nothing = WriteReport { revision, ..WriteReport::default() };
            return self.failed.clone().map_or(Ok(nothing), Err);
        }
        let written = self.write();
        self.failed = written.as_ref().err().cloned();
        written
    }

    fn write(&mut self) -> Result<WriteReport> {
        let views = std::mem::take(&mut self.views);
        let changes = std::mem::take(&mut self.announced);
        let now = self.engine.shared().options.clock.now();
        let mut places = Vec::new();
        let (mut stores, mut deletions, mut wants) = (Vec::new(), Vec::new(), Vec::new());
        for (_, of_view) in views {
            places.extend(of_view.puts.places());
            let (store, deleted, want) = of_view.into_operations(self.engine, now)?;
            stores.extend(store);
            deletions.extend(deleted);
            wants.extend(want);
        }
        let announced = Invalidate { changes, now };
        let asked = !wants.is_empty();
        let together = WriteTogether { stores, deletions, announced, wants, now };
        let written = self.engine.writer()?.run(together);
        let shared = self.engine.shared();
        // The next ones count from here.
        self.begun = Begun::now(shared);
        shared.events.tell_late();
        // Who waits for what was asked for has it.
        self.engine.flights().tell_each(flights_at(&places));
        let (WrittenTogether { changed, deleted, requested, marked }, revision) = written?;
        if asked {
            shared.bell.call();
        }
        let invalidated = Invalidated::new(self.engine, marked, revision);
        Ok(WriteReport { revision, changed, removed: deleted, requested, invalidated })
    }

    /// What is written to a view.
    fn of<E: EntityKey + ?Sized, R: RecordType>(
        &mut self,
        core: &Core<E, R>,
    ) -> Result<&mut OfView> {
        if !Arc::ptr_eq(self.engine, &core.engine) {
            let message =
                "these writes are for another store; begin them with the store that it is of";
            return Err(core.named(Error::input(message)));
        }
        core.state.check()?;
        Ok(self.views.entry(core.state.id()).or_insert_with(|| OfView {
            state: core.state.clone(),
            puts: Puts::new(&core.state),
            removed: BTreeMap::new(),
            wanted: BTreeMap::new(),
        }))
    }
}

impl OfView {
    fn is_empty(&self) -> bool {
        self.puts.is_empty() && self.removed.is_empty() && self.wanted.is_empty()
    }

    fn into_operations(
        self,
        engine: &Engine,
        now: Timestamp,
    ) -> Result<(Option<StoreRecords>, Vec<Delete>, Option<Want>)> {
        let Self { state: view, puts, removed, wanted } = self;
        let store = match puts.is_empty() {
            true => None,
            false => Some(store_records(engine, &view, puts.finish()?, Speed::Synced, false)?),
        };
        // One page each: none takes more than one step.
        let entities: Vec<PageKey> = removed.into_values().collect();
        let deletions = entities.chunks(PAGES_AT_ONCE).map(|entities| {
            let scope = Scope::of_entities(entities.to_vec());
            Delete { view: view.clone(), scope, reason: Reason::Asked, now, cursor: None }
        });
        let deletions = deletions.collect();
        let pages: Vec<_> = wanted.into_iter().collect();
        let want = (!pages.is_empty()).then(|| Want { view: view.clone(), pages, now });
        Ok((store, deletions, want))
    }
}

impl fmt::Debug for Writes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Writes(to {} views, {} changes)", self.views.len(), self.announced.len())
    }
}

/// What [`Writes`] came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct WriteReport {
    /// The revision from which on all of it stands.
    pub revision: Revision,
    /// Records and values that differ from what stood there before.
    pub changed: u64,
    /// Values that were removed.
    pub removed: u64,
    /// Records that were asked for, do not stand and had not been asked for before.
    pub requested: u64,
    /// What the announcements marked. What was built from records and values that changed is marked
    /// too, and is not in here.
    pub invalidated: Invalidated,
}

impl fmt::Display for WriteReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { revision, changed, removed, requested, invalidated } = self;
        write!(f, "{revision}: {changed} changed, {removed} removed, {requested} asked for")?;
        if invalidated.stale + invalidated.suspect > 0 || !invalidated.stamped.is_empty() {
            write!(f, "; announced at {invalidated}")?;
        }
        Ok(())
    }
}
