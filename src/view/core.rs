//! What all handles of one definition share.

use std::any::TypeId;
use std::fmt;
use std::marker::PhantomData;

use crate::disk::{Definition, Shared, ViewState};
use crate::error::{BuildError, Error, Result};
use crate::freshness::Freshness;
use crate::grid::{Bucket, PageNumber, Place};
use crate::key::{EntityKey, check_entity_key};
use crate::page::{PageKey, RecordType, Slot, SlotSet};
use crate::rebuild::{Engine, Rebuilder};
use crate::sync::{Arc, Mutex, Weak};
use crate::time::{TimeRange, Timestamp};

use super::context::BuildContext;
use super::filling::Filling;
use super::lookup::Found;

/// Makes the record of one bucket.
pub(super) type BuildBucket<E, R> =
    dyn Fn(&BuildContext, &E, Bucket) -> Result<R, BuildError> + Send + Sync;
/// Makes the records of several buckets of one page, one for each, in order.
pub(super) type BuildPage<E, R> =
    dyn Fn(&BuildContext, &E, &[Bucket]) -> Result<Vec<R>, BuildError> + Send + Sync;

/// How a view's records come to be.
pub(super) enum BuildFunction<E: ?Sized, R> {
    /// They are put.
    None,
    Bucket(Box<BuildBucket<E, R>>),
    Page(Box<BuildPage<E, R>>),
}

/// The pages that a stretch of time lies in, and which of their slots, for whatever entity.
pub(super) type Spans = Arc<[(PageNumber, SlotSet)]>;

/// A defined view with its types and its build function.
pub(super) struct Core<E: ?Sized, R> {
    pub(super) engine: Arc<Engine>,
    pub(super) state: Arc<ViewState>,
    pub(super) build: BuildFunction<E, R>,
    /// What it keeps filled by itself.
    pub(super) filling: Option<Filling<E>>,
    /// The range that runs asked for last, and the pages and slots that it lies in: if not too many.
    pub(super) asked: Mutex<Option<(TimeRange, Spans)>>,
    /// The view itself, for builds that are put off.
    itself: Weak<dyn Rebuilder>,
    types: PhantomData<fn(&E) -> R>,
}

impl<E: ?Sized, R> fmt::Debug for Core<E, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "View({}, version {})", self.state.name(), self.state.version())
    }
}

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

impl<E: EntityKey + ?Sized, R: RecordType> Core<E, R> {
    pub(super) fn new(
        engine: Arc<Engine>,
        definition: Definition,
        build: BuildFunction<E, R>,
        filling: Option<Filling<E>>,
    ) -> Result<Arc<Self>> {
        debug_assert_eq!(definition.record_type, TypeId::of::<R>());
        let state = engine.define(definition)?;
        let core = Arc::new_cyclic(|itself: &Weak<Self>| {
            let itself = itself.clone();
            let asked = Mutex::default();
            Self { engine, state, build, filling, asked, itself, types: PhantomData }
        });
        if !matches!(core.build, BuildFunction::None) {
            core.engine.add_rebuilder(&core.state, core.itself.clone());
        }
        Ok(core)
    }

    /// The view without its types.
    pub(super) fn rebuilder(&self) -> Arc<dyn Rebuilder> {
        self.itself.upgrade().expect("whoever reads holds a handle")
    }

    pub(super) fn shared(&self) -> &Shared {
        self.engine.shared()
    }

    /// Where the record of an entity at an instant stands.
    #[inline]
    pub(super) fn locate(&self, entity: &E, instant: Timestamp) -> Result<Spot> {
        let bucket = self.state.grid().bucket_at(instant).map_err(|error| self.named(error))?;
        self.spot(entity, bucket)
    }

    /// Where the record of an entity's bucket stands.
    #[inline]
    pub(super) fn spot(&self, entity: &E, bucket: Bucket) -> Result<Spot> {
        let place = self.state.grid().place(bucket, self.state.page_len());
        let place = place.map_err(|error| self.named(error))?;
        Ok(Spot { bucket, place, key: PageKey::new(self.state.id(), entity, place.page) })
    }

    /// What may be believed of the record of a bucket, in a page that holds it.
    #[inline]
    pub(super) fn freshness(&self, found: &Found, slot: Slot, bucket: Bucket) -> Freshness {
        let now = || self.shared().options.clock.now();
        self.state.freshness_at(found.hold.resident(), slot, bucket, now)
    }

    /// The same for a reader who is served the record: he is the first to see that it is about to
    /// expire.
    #[inline]
    pub(super) fn freshness_to_serve(
        &self,
        found: &Found,
        slot: Slot,
        bucket: Bucket,
    ) -> Freshness {
        let resident = found.hold.resident();
        if self.state.all_fresh(resident) {
            return Freshness::Fresh;
        }
        self.freshness_of_one(found, slot, bucket)
    }

    fn freshness_of_one(&self, found: &Found, slot: Slot, bucket: Bucket) -> Freshness {
        let resident = found.hold.resident();
        if self.state.is_timed(resident, slot) {
            return self.freshness_by_the_clock(found, slot, bucket);
        }
        self.state.freshness(resident, slot)
    }

    #[cold]
    fn freshness_by_the_clock(&self, found: &Found, slot: Slot, bucket: Bucket) -> Freshness {
        let now = self.shared().options.clock.now();
        let resident = found.hold.resident();
        let freshness = self.state.freshness_by_the_clock(resident, slot, bucket, now);
        self.look_ahead(found, slot, bucket, freshness, now);
        freshness
    }

    /// Whether a record stands in a slot about which nothing is to be done.
    pub(super) fn record_stands(&self, found: &Found, slot: Slot, bucket: Bucket) -> bool {
        found.page().holds(slot) && self.freshness(found, slot, bucket).stands()
    }

    /// What all page keys of an entity begin with.
    pub(super) fn entity(&self, entity: &E) -> Result<PageKey> {
        let prefix = PageKey::entity(self.state.id(), entity);
        check_entity_key(PageKey::entity_bytes(&prefix)).map_err(|error| self.named(error))?;
        Ok(prefix)
    }

    /// Refuses keys that are too long, handles that have ended, and a closed store. A hit needs none
    /// of it: nothing that is refused here is ever in memory.
    pub(super) fn check(&self, key: &PageKey) -> Result<()> {
        self.state.check()?;
        check_entity_key(key.entity_of_page()).map_err(|error| self.named(error))
    }

    /// The error with the view's name.
    pub(super) fn named(&self, error: Error) -> Error {
        error.at_view(self.state.name())
    }

    /// The error with the view's name, the bucket, and the entity as a field.
    pub(super) fn at(&self, spot: &Spot, error: Error) -> Error {
        spot.told_of(&self.state, error)
    }
}
