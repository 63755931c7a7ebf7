//! Finding that a suspect or expired record need not be built again.

use crate::error::Result;
use crate::graph::{Cause, Colour, Origin, Reading, Seed};
use crate::page::{Facts, PageKey, Slot, SlotSet, verified};
use crate::sync::Arc;
use crate::time::Timestamp;

use super::super::batch::Batch;
use super::super::committed::Committed;
use super::super::operation::{Operation, Speed};
use super::super::shared::PageInMemory;
use super::super::view_state::ViewState;

/// Makes a suspect or expired record fresh by evidence: everything it read was looked at and found
/// unchanged. The evidence is judged here as the reading of a build is.
pub(crate) struct Spare {
    pub(crate) view: Arc<ViewState>,
    pub(crate) key: PageKey,
    pub(crate) slot: Slot,
    /// The record's facts when the evidence was gathered. Another record there is none of its
    /// business.
    pub(crate) facts: Facts,
    pub(crate) evidence: Arc<Reading>,
    /// From when on it is expired by itself, whatever it was built from.
    pub(crate) expires: Timestamp,
    pub(crate) now: Timestamp,
}

impl Operation for Spare {
    /// Whether the record was spared.
    type Applied = bool;
    /// The page, if the record was spared.
    type Answer = Option<PageInMemory>;

    fn speed(&self) -> Speed {
        Speed::Derived
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<bool> {
        self.view.check()?;
        let key = self.key.as_slice();
        let Some(row) = batch.views().by_id(self.view.id()).cloned() else { return Ok(false) };
        let Some(standing) = batch.pages.standing(&self.view, key)? else { return Ok(false) };
        if !standing.holds(self.slot) {
            return Ok(false);
        }
        let facts = *standing.facts(self.slot);
        if facts != self.facts && !mutant!("evidence_is_of_the_record") {
            return Ok(false);
        }
        let mut marks = batch.links.marks(key)?.unwrap_or_default();
        // Known to have changed, or of another version: only a build cures that.
        if marks.colour(self.slot).max(row.stamp.colour(&facts)) == Colour::Stale {
            return Ok(false);
        }
        let judgement = batch.judge(&self.evidence, self.now)?;
        let fresh_until = self.expires.min(judgement.fresh_until);
        // Expired again by now, it would be no answer to whoever asks.
        let holds = judgement.colour == Colour::Fresh || mutant!("evidence_is_judged");
        if !holds || fresh_until <= self.now {
            return Ok(false);
        }
        let (slot, revision, shape) = (self.slot, batch.revision(), self.view.shape());
        let page = verified(&standing, |at| at == slot, revision, fresh_until, shape)?;
        marks.clear(SlotSet::one(slot));
        batch.links.stage_marks(key, marks);
        batch.backlog.settle(key, SlotSet::one(slot))?;
        batch.pages.stage(&self.view, key, Some(page), None, true);
        self.view.counters().records_spared.add(1);
        if !batch.views().readers(self.view.id()).is_empty() {
            let seed = Seed::Cured { page: key.into(), slots: SlotSet::one(slot) };
            let cause = Cause::new(Origin::Upstream, revision, self.now);
            batch.spread(vec![(seed, cause)], self.now)?;
        }
        Ok(true)
    }

    fn answer(self, spared: bool, committed: &Committed) -> Self::Answer {
        spared.then(|| committed.page(self.key.as_slice())).flatten()
    }
}
