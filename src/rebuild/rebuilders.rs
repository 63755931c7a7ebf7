//! Views by number, for builds that are asked for by key.

use std::collections::HashMap;

use crate::disk::{PageInMemory, ViewState};
use crate::error::{Error, Result};
use crate::page::{Slot, SlotSet, SlotsByPage, ViewId};
use crate::revision::Revision;
use crate::schedule::Horizon;
use crate::sync::{Arc, Mutex, Weak};
use crate::time::TimeRange;

use super::flights::{FlightKey, Lead};

/// The flight that an attempt leads.
pub(crate) type Held = Option<Lead<PageInMemory>>;

/// What became of some slots of a page that were to be made fresh.
#[derive(Debug, Default)]
pub(crate) struct WorkedOff {
    /// Built here.
    pub(crate) built: SlotSet,
    /// Fresh already, found right without a build, or built by somebody else meanwhile.
    pub(crate) found: SlotSet,
    /// Those whose build failed, in order.
    pub(crate) failed: Vec<(Slot, Error)>,
}

impl WorkedOff {
    /// Adds what became of other slots of the page.
    pub(crate) fn add(&mut self, other: Self) {
        self.built = self.built.union(other.built);
        self.found = self.found.union(other.found);
        self.failed.extend(other.failed);
        self.failed.sort_by_key(|(slot, _)| slot.0);
    }
}

/// A view that builds, its types forgotten: a record is known by its page's key and its slot, an
/// entity by the bytes of its key.
pub(crate) trait Rebuilder: Send + Sync {
    /// Makes a record fresh on the calling thread: finds it so, waits for whoever builds it, or
    /// builds it.
    fn make_fresh(&self, page: &[u8], slot: u32) -> Result<()>;

    /// The same without working off what nests too deep: an attempt that is unwound leaves the
    /// flight that it led in `held`, and the next goes on with it.
    fn attempt(&self, page: &[u8], slot: u32, held: &mut Held) -> Result<()>;

    /// Begins to work off many pages, one after the other.
    fn begin_shift(self: Arc<Self>) -> Box<dyn Shift>;

    /// What a build of a record goes by.
    fn flight(&self, page: &[u8], slot: u32) -> FlightKey;

    /// The pages of an entity that hold the buckets which start in a range, and which slots those
    /// are, in order.
    fn pages(&self, entity: &[u8], range: TimeRange) -> Result<SlotsByPage>;

    /// How many buckets start in a range.
    fn buckets(&self, range: TimeRange) -> Result<u64>;

    /// The days that the view keeps filled by itself.
    fn horizon(&self) -> Option<&Horizon>;

    /// Names the keys of the entities of which it does, one after the other. This runs the
    /// application's code, whose panics are errors.
    fn name_entities(self: Arc<Self>, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()>;
}

impl dyn Rebuilder {
    /// Makes some records of a page fresh, in the order of their slots, and stores them together.
    /// Those that began before `floor` are built anew, fresh or not. A record that cannot be built
    /// hurts none of the others; the error is one of the file or of the call.
    pub(crate) fn work_off(
        self: Arc<Self>,
        page: &[u8],
        slots: SlotSet,
        floor: Revision,
    ) -> Result<WorkedOff> {
        let mut shift = self.begin_shift();
        let worked = shift.work_off(page, slots, floor);
        // Also after a failure: what is made is stored, and nobody is left waiting for it.
        let refused = shift.finish()?;
        let mut worked = worked?;
        for Refused { error, .. } in refused {
            let built = std::mem::take(&mut worked.built);
            worked.failed.extend(built.iter().map(|slot| (slot, error.clone())));
        }
        Ok(worked)
    }
}

/// Pages of a view that are worked off one after the other: while one is built, the writer has those
/// before it.
pub(crate) trait Shift {
    /// As [`Rebuilder::work_off`], but that what was built is on its way to the file when this
    /// returns, and may still be refused.
    fn work_off(&mut self, page: &[u8], slots: SlotSet, floor: Revision) -> Result<WorkedOff>;

    /// Waits until all that was built is stored. What could not be is answered, a page each, unless
    /// nothing can be stored at all. Has to be called, also after an error.
    fn finish(&mut self) -> Result<Vec<Refused>>;
}

/// A page that was built and is not stored: it would be too large.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) page: Box<[u8]>,
    /// Those of its slots that were built.
    pub(crate) slots: SlotSet,
    pub(crate) error: Error,
}

/// The views that build, as far as somebody holds a handle on them.
#[derive(Default)]
pub(crate) struct Rebuilders {
    /// View -> its definitions of this opening, the latest last. Those of one view build alike.
    views: Mutex<HashMap<ViewId, Vec<Known>>>,
}

struct Known {
    state: Weak<ViewState>,
    rebuilder: Weak<dyn Rebuilder>,
}

impl Rebuilders {
    pub(super) fn add(&self, state: &Arc<ViewState>, rebuilder: Weak<dyn Rebuilder>) {
        let mut views = self.views.lock();
        views.retain(|_, known| {
            known.retain(|known| known.rebuilder.strong_count() > 0);
            !known.is_empty()
        });
        let known = Known { state: Arc::downgrade(state), rebuilder };
        views.entry(state.id()).or_default().push(known);
    }

    /// One whose definition has not ended.
    pub(super) fn find(&self, view: ViewId) -> Option<Arc<dyn Rebuilder>> {
        self.views.lock().get(&view).and_then(|known| latest(known))
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<(ViewId, Arc<dyn Rebuilder>)> {
        let views = self.views.lock();
        views.iter().filter_map(|(view, known)| Some((*view, latest(known)?))).collect()
    }
}

/// The latest whose definition has not ended.
fn latest(known: &[Known]) -> Option<Arc<dyn Rebuilder>> {
    let stands = |known: &&Known| known.state.upgrade().is_some_and(|it| it.check().is_ok());
    known.iter().rev().filter(stands).find_map(|known| known.rebuilder.upgrade())
}

impl std::fmt::Debug for Rebuilders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rebuilders({} views)", self.views.lock().len())
    }
}
