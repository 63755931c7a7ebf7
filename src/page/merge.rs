//! New pages out of old ones.

use crate::error::Result;
use crate::revision::Revision;
use crate::time::Timestamp;

use super::body::Page;
use super::build::PageBuilder;
use super::facts::Facts;
use super::shape::RecordShape;
use super::slots::{Slot, SlotSet};

/// An old page and what has been stored since, as one.
pub(crate) struct Merged {
    pub(crate) page: Page,
    /// Whether the new page is what was to be stored, byte for byte, so that a body compressed
    /// beforehand is its body.
    pub(crate) as_given: bool,
    /// Records whose bytes differ from what stood there, or that are new.
    pub(crate) changed: SlotSet,
    /// Records rebuilt to the same bytes.
    pub(crate) unchanged: SlotSet,
    /// Built records that gave way to a record stored after their build began.
    pub(crate) superseded: SlotSet,
}

/// Applies `given` to what stands, as the operation `revision`.
///
/// A record whose bytes did not change keeps its C: early cut-off. A built record never replaces
/// one that was put or verified after the build began: that one is newer, whoever finishes last.
pub(crate) fn merge(
    standing: Option<&Page>,
    given: Page,
    revision: Revision,
    shape: &RecordShape,
) -> Result<Merged> {
    let Some(standing) = standing else {
        let changed = given.held();
        let page = given.with_facts(|facts| {
            facts.verified = revision;
            facts.changed = revision;
        });
        let (unchanged, superseded) = (SlotSet::EMPTY, SlotSet::EMPTY);
        return Ok(Merged { page, as_given: true, changed, unchanged, superseded });
    };
    // A local day can come to hold more buckets when its zone's rules change.
    let slots = given.slots().max(standing.slots());
    let mut new = PageBuilder::new(slots, *shape);
    let [mut changed, mut unchanged, mut superseded] = [SlotSet::EMPTY; 3];
    for slot in (0..slots).map(Slot) {
        let stands = standing.holds(slot);
        if !given.holds(slot) {
            if standing.has_facts(slot) {
                new.copy(standing, slot, *standing.facts(slot))?;
            }
        } else if stands
            && !given.was_put(slot)
            && standing.facts(slot).verified > given.facts(slot).begun
        {
            superseded.insert(slot);
            new.copy(standing, slot, *standing.facts(slot))?;
        } else {
            let same = stands && standing.record(slot) == given.record(slot);
            (if same { &mut unchanged } else { &mut changed }).insert(slot);
            let kept = if same { standing.facts(slot).changed } else { revision };
            let facts = Facts { verified: revision, changed: kept, ..*given.facts(slot) };
            new.copy(&given, slot, facts)?;
        }
    }
    let page = new.finish();
    // The very bytes: records that share their facts in `given` may not here, and one that was given
    // twice has left its first bytes there.
    let as_given = page.body() == given.body();
    Ok(Merged { page, as_given, changed, unchanged, superseded })
}

/// Adds records to a page with the facts they had: pages are laid out anew, nothing is rebuilt.
/// `moves` says from where to where; a slot that already holds a record keeps it.
pub(crate) fn import<'a>(
    standing: Option<&Page>,
    slots: u32,
    moves: impl Iterator<Item = (&'a Page, Slot, Slot)>,
    shape: &RecordShape,
) -> Result<Page> {
    let mut new = PageBuilder::new(slots, *shape);
    for slot in standing.into_iter().flat_map(Page::present) {
        let from = standing.expect("it has slots");
        new.copy(from, slot, *from.facts(slot))?;
    }
    for (from, at, to) in moves {
        if !standing.is_some_and(|page| page.holds(to)) {
            // What it read stands beside the old page and is not taken along: records laid out
            // anew are of an old version, which only a build cures.
            new.copy_to(to, from, at, Facts { dependencies: 0, ..*from.facts(at) })?;
        }
    }
    Ok(new.finish())
}

/// What becomes of a record when some of its page's are deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Stays,
    /// Nothing is left of it.
    Goes,
    /// Its facts stay: others have read it.
    LeavesFacts,
}

/// The page after a deletion, `None` when nothing is left, and the records that went. The fate of
/// what earlier deletions left is asked for too.
pub(crate) fn without(
    page: &Page,
    fate: impl Fn(Slot) -> Fate,
    shape: &RecordShape,
) -> Result<(Option<Page>, Vec<Slot>)> {
    let mut new = PageBuilder::new(page.slots(), *shape);
    let mut gone = Vec::new();
    for slot in (0..page.slots()).map(Slot).filter(|slot| page.has_facts(*slot)) {
        let (fate, facts) = (fate(slot), *page.facts(slot));
        if fate != Fate::Stays && page.holds(slot) {
            gone.push(slot);
        }
        match fate {
            Fate::Stays => new.copy(page, slot, facts)?,
            Fate::LeavesFacts => new.bury(slot, facts),
            Fate::Goes => {}
        }
    }
    Ok(((!new.is_empty()).then(|| new.finish()), gone))
}

/// The page with some records found right by the operation `revision`: their V is raised, and they
/// count until `fresh_until`.
pub(crate) fn verified(
    page: &Page,
    found_right: impl Fn(Slot) -> bool,
    revision: Revision,
    fresh_until: Timestamp,
    shape: &RecordShape,
) -> Result<Page> {
    let mut new = PageBuilder::new(page.slots(), *shape);
    for slot in (0..page.slots()).map(Slot).filter(|slot| page.has_facts(*slot)) {
        let mut facts = *page.facts(slot);
        if found_right(slot) {
            facts.verified = revision;
            facts.fresh_until = fresh_until;
        }
        new.copy(page, slot, facts)?;
    }
    Ok(new.finish())
}
