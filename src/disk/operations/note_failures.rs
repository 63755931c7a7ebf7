//! Noting what could not be built in the background.

use crate::error::{Error, Result};
use crate::graph::{Colour, Tries};
use crate::page::{PageKey, Slot};
use crate::revision::Revision;
use crate::time::Timestamp;

use super::super::backlog::Failure;
use super::super::batch::Batch;
use super::super::committed::Committed;
use super::super::operation::{Operation, Speed};

/// Notes that records of a page could not be built. If the note is lost in a crash they are tried
/// sooner, no more.
pub(crate) struct NoteFailures {
    pub(crate) page: Box<[u8]>,
    pub(crate) failed: Vec<Failed>,
    /// What was published when the tries began: what was said of the records since then may have
    /// cured them.
    pub(crate) begun: Revision,
    pub(crate) now: Timestamp,
}

/// A record that could not be built.
pub(crate) struct Failed {
    pub(crate) slot: Slot,
    pub(crate) error: Error,
    /// How often it has failed now: once more than the row said when the try began. And when it is
    /// tried again; [`Timestamp::MAX`] lets it rest.
    pub(crate) tries: Tries,
}

impl Operation for NoteFailures {
    type Applied = ();
    type Answer = ();

    fn speed(&self) -> Speed {
        Speed::Derived
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<()> {
        // Of a view that is no more nothing is noted.
        let Some((id, ..)) = PageKey::split(&self.page) else { return Ok(()) };
        let (Some(view), Some(row)) =
            (batch.shared().views.get(id), batch.views().by_id(id).cloned())
        else {
            return Ok(());
        };
        let (standing, sealed) =
            (batch.pages.standing(&view, &self.page)?, view.sealed(&self.page, self.now));
        let mut marks = batch.links.marks(&self.page)?.unwrap_or_default();
        let mut wanted = batch.backlog.wanted(&self.page)?.unwrap_or_default();
        let (marks_before, wanted_before) = (marks.clone(), wanted.clone());
        for Failed { slot, error, tries } in &self.failed {
            let slot = *slot;
            batch.backlog.remove_begun(&self.page, slot)?;
            let tries = if let Some(before) = marks.tries(slot) {
                let overtaken = marks.cause(slot).is_some_and(|cause| cause.revision > self.begun);
                let tries = self.agreed(Some(before).filter(|_| !overtaken), *tries);
                marks.set_tries(slot, tries);
                // The mark may stand over what retention has left of a record, and that is asked for.
                if wanted.tries(slot).is_some() {
                    wanted.set_tries(slot, tries);
                }
                tries
            } else {
                let is_right = standing.as_ref().is_some_and(|page| {
                    let is_fresh = || {
                        let facts = page.facts(slot);
                        row.stamp.colour(facts) == Colour::Fresh && facts.fresh_until > self.now
                    };
                    page.holds(slot) && (sealed.contains(slot) || is_fresh())
                });
                if is_right {
                    // Somebody else has built it, or it is history by now.
                    continue;
                }
                let tries = match wanted.tries(slot) {
                    None => *tries,
                    before => self.agreed(before, *tries),
                };
                wanted.set_tries(slot, tries);
                tries
            };
            let failure = Failure::new(error, tries.attempts, self.begun, self.now);
            batch.backlog.put_failure(&self.page, slot, &failure)?;
        }
        if wanted != wanted_before {
            batch.backlog.put_wanted(&self.page, &wanted)?;
        }
        if marks != marks_before {
            batch.links.stage_marks(&self.page, marks);
        }
        Ok(())
    }

    fn answer(self, (): (), _: &Committed) {}
}

impl NoteFailures {
    /// The tries as they are noted, unless the record was asked for or invalidated while it was
    /// tried: then that try counts as the first, and the next one may begin at once.
    fn agreed(&self, before: Option<Tries>, tries: Tries) -> Tries {
        let attempts = before.map_or(0, |before| before.attempts).saturating_add(1);
        if before.is_some() && attempts == tries.attempts {
            return tries;
        }
        Tries { attempts, next_attempt: self.now }
    }
}
