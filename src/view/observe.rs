//! Reads inside a build: each is noted, with what there was to be seen.

use crate::disk::Shared;
use crate::error::{ErrorKind, Result};
use crate::graph::{Node, Observation};
use crate::page::{Page, PageKey, Slot, ViewId};
use crate::rebuild;
use crate::revision::Revision;
use crate::time::Timestamp;

use super::any_record::AnyRecord;
use super::any_view::AnyView;
use super::policy::{Missing, Policy};
use super::spot::Spot;

/// Tells the build that runs on this thread what it has read from a store.
pub(super) fn observe(shared: &Shared, observation: Observation) {
    rebuild::note(shared.cache.life(), |reads| reads.observe(observation));
}

/// What a build saw of some slots of a page: `None` if there is no such page. `seen` was published
/// before the look; `marked` says whether a record among them was not to be relied on.
pub(super) fn of_slots(
    key: &PageKey,
    page: Option<&Page>,
    (first, last): (u32, u32),
    seen: Revision,
    marked: bool,
) -> Observation {
    let slots = (first as u16, last as u16);
    let node = Node::page(key.as_slice());
    let mut observation = Observation { slots, marked, ..Observation::whole(node, seen) };
    if let Some(page) = page {
        let within = (first..=last.min(page.slots() - 1)).map(Slot);
        for slot in within.filter(|slot| page.holds(*slot)) {
            observation.present += 1;
            observation.seen = observation.seen.max(page.facts(slot).changed);
        }
    }
    observation
}

/// The membership and the content of a whole view, of which something expires at `fresh_until`.
pub(super) fn of_view(
    view: ViewId,
    seen: Revision,
    marked: bool,
    fresh_until: Timestamp,
) -> Observation {
    Observation { marked, fresh_until, ..Observation::whole(Node::view(view), seen) }
}

impl AnyView {
    /// Notes a record that a build was given, or that it was given none, and passes it on.
    pub(super) fn observed(
        &self,
        spot: &Spot,
        read: Result<AnyRecord>,
        policy: Policy,
    ) -> Result<AnyRecord> {
        match &read {
            Ok(record) => self.observed_record(spot, record),
            Err(error) => {
                // A build that failed may succeed the next time, and what was deleted while it was
                // built is built by the next: what is made in their absence is not to be relied on.
                let there_is_none = error.kind() == ErrorKind::Absent
                    && (policy.missing == Missing::Miss
                        || !self.builds()
                        || self.is_retired(spot.bucket));
                self.observed_absence(spot, !there_is_none);
            }
        }
        read
    }

    pub(super) fn observed_record(&self, spot: &Spot, record: &AnyRecord) {
        // What C says is enough for one record: had it changed since, C would be greater.
        let marked = record.freshness().is_marked();
        let slots = (spot.place.slot, spot.place.slot);
        let seen = of_slots(&spot.key, Some(record.page()), slots, Revision::ZERO, marked);
        observe(self.shared(), seen);
    }

    /// Notes that there is no record. One that appears is a change, whatever its revision.
    pub(super) fn observed_absence(&self, spot: &Spot, marked: bool) {
        let slots = (spot.place.slot, spot.place.slot);
        observe(self.shared(), of_slots(&spot.key, None, slots, Revision::ZERO, marked));
    }
}
