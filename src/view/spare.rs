//! Making a suspect or expired record fresh without building it.

use crate::disk::PageInMemory;
use crate::disk::operations::Spare;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::rebuild::evidence::gather;
use crate::rebuild::{self, Lead};
use crate::revision::Revision;
use crate::sync::Arc;

use super::any_view::AnyView;
use super::lookup::{Look, look_again};
use super::spot::Spot;

impl AnyView {
    /// Finds out whether a suspect record is still right, or one that expired with what it was built
    /// from: then it is fresh, and this is its page. `None` if it has to be built; so has one that began
    /// before `floor`, right or not.
    pub(super) fn spare(
        &self,
        spot: &Spot,
        floor: Revision,
        lead: &Lead<PageInMemory>,
    ) -> Result<Option<PageInMemory>> {
        let Look::Found(found) = look_again(self.shared(), &self.state, &spot.key)? else {
            return Ok(None);
        };
        let slot = spot.slot();
        if !found.page().holds(slot) {
            return Ok(None);
        }
        if !self.freshness(&found, slot, spot.bucket).may_be_right() {
            return Ok(None);
        }
        let facts = *found.page().facts(slot);
        // Its own time is over: of what it was built from besides there is no evidence. The writer
        // would say no in the end; nothing is looked at in vain.
        let expires = self.state.expires(spot.key.as_slice(), spot.bucket, facts.built_at);
        if facts.begun < floor || expires <= self.shared().options.clock.now() {
            return Ok(None);
        }
        // Records further up may have to be made fresh for it, and more behind those: that nests as
        // builds do.
        let (running, frame) = rebuild::enter(lead.step(), || self.target(spot))?;
        let gathered = gather(&self.engine, &spot.key, facts.dependencies, facts.verified);
        drop(running);
        if frame.is_unwound() {
            return Err(Error::unwinding());
        }
        // Whatever went wrong on the way, the record's own build will say.
        let Ok(Some(evidence)) = gathered else { return Ok(None) };
        let (view, key, evidence) = (self.state.clone(), spot.key.clone(), Arc::new(evidence));
        let now = self.shared().options.clock.now();
        let spare = Spare { view, key, slot, facts, evidence, expires, now };
        let spared = self.engine.writer()?.run(spare).map_err(|error| self.at(spot, error))?;
        if spared.is_some() {
            let event = Event::Spared { view: self.state.name(), bucket: spot.bucket };
            self.shared().events.tell(&event);
        }
        Ok(spared)
    }
}
