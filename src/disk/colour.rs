//! What colour a record has when it is stored or spared.
//!
//! Decided in the writer's transaction, from what was observed: by a build of what it read, or of
//! the same things read again without building (the evidence for sparing).

use crate::error::Result;
use crate::graph::{Cause, Colour, NodeParts, Observation, Origin, Reading};
use crate::page::{PageKey, Slot, ViewId};
use crate::revision::Revision;
use crate::time::Timestamp;

use super::batch::Batch;

/// A colour, and why.
#[derive(Clone, Debug)]
pub(super) struct Judgement {
    pub(super) colour: Colour,
    pub(super) cause: Option<Cause>,
}

impl Judgement {
    pub(super) const FRESH: Self = Self { colour: Colour::Fresh, cause: None };

    /// Stale, because of what was said of the record itself while it was built.
    pub(super) fn overtaken(revision: Revision, since: Timestamp) -> Self {
        let cause = Cause::new(Origin::Overtaken, revision, since);
        Self { colour: Colour::Stale, cause: Some(cause) }
    }
}

impl Batch<'_> {
    /// Stale if something observed has changed since, suspect if something is marked.
    pub(super) fn judge(&mut self, reading: &Reading, now: Timestamp) -> Result<Judgement> {
        let mut suspect = None;
        for observed in &reading.observations {
            let (colour, through) = self.judge_one(observed, now)?;
            let cause = |origin| Cause { through, ..Cause::new(origin, self.revision(), now) };
            match colour {
                Colour::Fresh => {}
                Colour::Suspect if suspect.is_none() => suspect = Some(cause(Origin::Upstream)),
                Colour::Suspect => {}
                Colour::Stale => {
                    let origin = match observed.node.parts() {
                        NodeParts::Page(_) => Origin::Overtaken,
                        _ => Origin::Node(observed.node.clone()),
                    };
                    return Ok(Judgement { colour, cause: Some(cause(origin)) });
                }
            }
        }
        let colour = if suspect.is_some() { Colour::Suspect } else { Colour::Fresh };
        Ok(Judgement { colour, cause: suspect })
    }

    fn judge_one(&mut self, observed: &Observation, now: Timestamp) -> Result<(Colour, Through)> {
        let seen = observed.seen;
        let colour = match observed.node.parts() {
            NodeParts::Source { .. } | NodeParts::Kind(_) => {
                let touched = &self.ledger.touched;
                if touched.changed_since(&observed.node, seen, observed.version) {
                    Colour::Stale
                } else {
                    Colour::Fresh
                }
            }
            NodeParts::Page(page) => return self.judge_page(page, observed, now),
            NodeParts::Entity(view, _) | NodeParts::View(view) => self.judge_many(view, observed),
        };
        Ok((colour, None))
    }

    /// Whether the records of some slots are those that were observed, and unmarked.
    fn judge_page(
        &mut self,
        page: &[u8],
        observed: &Observation,
        now: Timestamp,
    ) -> Result<(Colour, Through)> {
        let (first, last) = observed.slots;
        let view = PageKey::split(page).and_then(|(id, _, _)| self.shared().view(id));
        // A view that is no more: nothing of it can be what was observed.
        let Some(view) = view else { return Ok((Colour::Stale, None)) };
        let row = self.views().by_id(view.id()).cloned();
        let Some(row) = row else { return Ok((Colour::Stale, None)) };
        let sealed = view.sealed(page, now);
        let marks = self.mark_row(page)?;
        let (mut present, mut colour, mut through) = (0_u32, Colour::Fresh, None);
        if let Some(standing) = self.standing(&view, page)? {
            for slot in (u32::from(first)..=u32::from(last).min(standing.slots() - 1)).map(Slot) {
                // What retention has left of a record is none.
                if !standing.holds(slot) {
                    continue;
                }
                present += 1;
                let facts = standing.facts(slot);
                let here = || Some((page.into(), slot.0 as u16));
                if facts.changed > observed.seen {
                    return Ok((Colour::Stale, here()));
                }
                let mark = marks.as_ref().map_or(Colour::Fresh, |marks| marks.colour(slot));
                let is_marked = mark.max(row.colour_of(facts)) > Colour::Fresh;
                if is_marked && !sealed.contains(slot) && colour == Colour::Fresh {
                    (colour, through) = (Colour::Suspect, here());
                }
            }
        }
        if present != u32::from(observed.present) {
            return Ok((Colour::Stale, Some((page.into(), first))));
        }
        if observed.marked && colour == Colour::Fresh {
            (colour, through) = (Colour::Suspect, Some((page.into(), first)));
        }
        Ok((colour, through))
    }

    /// Whether anything in a view has moved since it was looked at. What was marked then and was
    /// read is told by the observation; what was not read does not matter.
    fn judge_many(&mut self, view: ViewId, observed: &Observation) -> Colour {
        let seen = observed.seen;
        let Some(row) = self.views().by_id(view) else { return Colour::Stale };
        let stamped = row.stale_before > seen || row.suspect_before > seen;
        let Some(moves) = self.views().moves(view) else { return Colour::Stale };
        if moves.changed > seen {
            Colour::Stale
        } else if observed.marked || stamped || moves.marked > seen {
            Colour::Suspect
        } else {
            Colour::Fresh
        }
    }
}

/// The record by which a mark comes.
type Through = Option<(Box<[u8]>, u16)>;
