//! A view as it is to whoever does not know its types.
//!
//! Most of what is done about records is done by their keys. It stands here and in what is
//! implemented for this type elsewhere, and is compiled once, not for each pair of types that an
//! application has.

use std::fmt;

use crate::disk::{Shared, ViewState};
use crate::error::{Error, Result};
use crate::freshness::Freshness;
use crate::grid::Bucket;
use crate::key::check_entity_key;
use crate::page::{PageKey, Slot};
use crate::rebuild::{Engine, Rebuilder};
use crate::sync::{Arc, Weak};

use super::any_record::AnyRecord;
use super::lookup::Found;
use super::policy::Policy;
use super::spot::Spot;

/// A defined view, whatever its types.
#[derive(Clone)]
pub(super) struct AnyView {
    pub(super) engine: Arc<Engine>,
    pub(super) state: Arc<ViewState>,
    pub(super) makes: Makes,
    /// The view itself, for builds and reads that are put off.
    pub(super) itself: Weak<dyn Typed>,
}

/// What a view's build function makes at a time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Makes {
    /// There is none: its records are put.
    Nothing,
    Buckets,
    Pages,
}

/// The view with its types, by what is asked of it where they are not known.
pub(super) trait Typed: Rebuilder {
    fn any(&self) -> &AnyView;

    /// Reads the record of a bucket by policy.
    fn read(&self, spot: &Spot, policy: Policy) -> Result<AnyRecord>;
}

impl fmt::Debug for AnyView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "View({}, version {})", self.state.name(), self.state.version())
    }
}

impl AnyView {
    #[inline]
    pub(super) fn shared(&self) -> &Shared {
        self.engine.shared()
    }

    /// The view with its types, for a build that is put off.
    pub(super) fn rebuilder(&self) -> Arc<dyn Rebuilder> {
        self.itself.upgrade().expect("whoever reads holds a handle")
    }

    /// Whether there is a build function and a file to store into.
    pub(super) fn builds(&self) -> bool {
        self.makes != Makes::Nothing && !self.shared().options.read_only
    }

    /// Where the record of a bucket stands, of the entity that a key begins with.
    pub(super) fn spot_of(&self, entity: &PageKey, bucket: Bucket) -> Result<Spot> {
        let place = self.state.grid().place(bucket, self.state.page_len());
        let place = place.map_err(|error| self.named(error))?;
        Ok(Spot { bucket, place, key: PageKey::at(entity, place.page) })
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
        let (number, start, end) = bucket.parts();
        self.freshness_of_one(found, slot, number, start, end)
    }

    /// Handed over in parts, the bucket stays where it is in a hit, which does not come here.
    fn freshness_of_one(
        &self,
        found: &Found,
        slot: Slot,
        number: i64,
        start: i64,
        end: i64,
    ) -> Freshness {
        let resident = found.hold.resident();
        if self.state.is_timed(resident, slot) {
            let bucket = Bucket::of_parts(number, start, end);
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

    /// Refuses the key of an entity that is too long.
    pub(super) fn check_entity(&self, entity: &PageKey) -> Result<()> {
        check_entity_key(PageKey::entity_bytes(entity)).map_err(|error| self.named(error))
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
