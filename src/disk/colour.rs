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

/// A colour, and why; and how long that may be believed.
#[derive(Clone, Debug)]
pub(super) struct Judgement {
    pub(super) colour: Colour,
    pub(super) cause: Option<Cause>,
    /// From when on something that was read is expired.
    pub(super) fresh_until: Timestamp,
}

impl Judgement {
    pub(super) const FRESH: Self =
        Self { colour: Colour::Fresh, cause: None, fresh_until: Timestamp::MAX };

    /// Stale, because of what was said of the record itself while it was built.
    pub(super) fn overtaken(revision: Revision, since: Timestamp) -> Self {
        let cause = Cause::new(Origin::Overtaken, revision, since);
        Self { colour: Colour::Stale, cause: Some(cause), fresh_until: Timestamp::MAX }
    }
}

impl Batch<'_> {
    /// Stale if something observed has changed since, suspect if something is marked.
    pub(super) fn judge(&mut self, reading: &Reading, now: Timestamp) -> Result<Judgement> {
        let (mut suspect, mut fresh_until) = (None, reading.fresh_until);
        for observed in &reading.observations {
            let (colour, through, expires) = self.judge_one(observed, now)?;
            fresh_until = fresh_until.min(expires);
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
                    return Ok(Judgement { colour, cause: Some(cause(origin)), fresh_until });
                }
            }
        }
        let colour = if suspect.is_some() { Colour::Suspect } else { Colour::Fresh };
        Ok(Judgement { colour, cause: suspect, fresh_until })
    }

    fn judge_one(&mut self, observed: &Observation, now: Timestamp) -> Result<Judged> {
        let colour = match observed.node.view_of_records() {
            None => self.judge_outside(observed),
            Some(view) => match observed.node.parts() {
                NodeParts::Page(page) => return self.judge_page(page, observed, now),
                _ => self.judge_many(view, observed),
            },
        };
        Ok((colour, None, Timestamp::MAX))
    }

    /// Whether a source or a kind was announced since.
    fn judge_outside(&self, observed: &Observation) -> Colour {
        let Observation { node, seen, version, .. } = observed;
        let changed = self.ledger.touched.changed_since(node, *seen, *version);
        if changed && !mutant!("touched_sources_colour") { Colour::Stale } else { Colour::Fresh }
    }

    /// Whether the records of some slots are those that were observed, and unmarked; and until when
    /// they count. Since they were observed they may have been renewed, and count longer; or announced
    /// and built anew to the same bytes, from something that expires, and count less long.
    fn judge_page(
        &mut self,
        page: &[u8],
        observed: &Observation,
        now: Timestamp,
    ) -> Result<Judged> {
        let (first, last) = observed.slots;
        let view = PageKey::split(page).and_then(|(id, _, _)| self.shared().views.get(id));
        // A view that is no more: nothing of it can be what was observed.
        let never = Timestamp::MAX;
        let Some(view) = view else { return Ok((Colour::Stale, None, never)) };
        let row = self.views().by_id(view.id()).cloned();
        let Some(row) = row else { return Ok((Colour::Stale, None, never)) };
        let sealed = view.sealed(page, now);
        let marks = self.links.marks(page)?;
        let (mut present, mut colour, mut through) = (0_u32, Colour::Fresh, None);
        let mut fresh_until = never;
        if let Some(standing) = self.pages.standing(&view, page)? {
            for slot in (u32::from(first)..=u32::from(last).min(standing.slots() - 1)).map(Slot) {
                // What retention has left of a record is none.
                if !standing.holds(slot) {
                    continue;
                }
                present += 1;
                let facts = standing.facts(slot);
                let here = || Some((page.into(), slot.0 as u16));
                if facts.changed > observed.seen && !mutant!("changed_content_colours") {
                    return Ok((Colour::Stale, here(), never));
                }
                let mark = marks.as_ref().map_or(Colour::Fresh, |marks| marks.colour(slot));
                let is_marked = mark.max(row.stamp.colour(facts)) > Colour::Fresh;
                if sealed.contains(slot) {
                    continue;
                }
                fresh_until = fresh_until.min(facts.fresh_until);
                if is_marked && colour == Colour::Fresh && !mutant!("marks_at_store_colour") {
                    (colour, through) = (Colour::Suspect, here());
                }
            }
        }
        if present != u32::from(observed.present) {
            return Ok((Colour::Stale, Some((page.into(), first)), never));
        }
        // Of what was there the marks of now would do: what is neither marked nor changed by now was found
        // right as it was. What was missing because its build failed has no mark.
        if observed.marked && colour == Colour::Fresh && !mutant!("marks_when_read_colour") {
            (colour, through) = (Colour::Suspect, Some((page.into(), first)));
        }
        Ok((colour, through, fresh_until))
    }

    /// Whether anything in a view has moved since it was looked at. What was marked then and was
    /// read is told by the observation; what was not read does not matter.
    fn judge_many(&mut self, view: ViewId, observed: &Observation) -> Colour {
        let seen = observed.seen;
        let Some(row) = self.views().by_id(view) else { return Colour::Stale };
        let stamped = row.stamp.raised() > seen;
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

/// What is found of one observation, and until when that counts.
type Judged = (Colour, Through, Timestamp);

/// The record by which a mark comes.
type Through = Option<(Box<[u8]>, u16)>;
