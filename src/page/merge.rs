//! New pages out of old ones.

use crate::error::Result;
use crate::revision::Revision;

use super::body::{Page, Slot};
use super::build::PageBuilder;
use super::facts::Facts;
use super::shape::RecordShape;

/// An old page and what has been stored since, as one.
pub(crate) struct Merged {
    pub(crate) page: Page,
    /// Whether the new page is what was to be stored, byte for byte, so that a body compressed
    /// beforehand is its body.
    pub(crate) as_given: bool,
    /// Records whose bytes differ from what stood there, or that are new.
    pub(crate) changed: u32,
    /// Records rebuilt to the same bytes.
    pub(crate) unchanged: u32,
    /// Built records that gave way to a record stored after their build began.
    pub(crate) superseded: u32,
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
        let changed = u32::try_from(given.present().count()).expect("within the page length");
        let page = given.with_facts(|facts| {
            facts.verified = revision;
            facts.changed = revision;
        });
        return Ok(Merged { page, as_given: true, changed, unchanged: 0, superseded: 0 });
    };
    // A local day can come to hold more buckets when its zone's rules change.
    let slots = given.slots().max(standing.slots());
    let mut new = PageBuilder::new(slots, *shape);
    let (mut changed, mut unchanged, mut superseded) = (0, 0, 0);
    for slot in (0..slots).map(Slot) {
        let stands = standing.holds(slot);
        if !given.holds(slot) {
            if stands {
                new.copy(standing, slot, *standing.facts(slot))?;
            }
        } else if stands
            && !given.was_put(slot)
            && standing.facts(slot).verified > given.facts(slot).begun
        {
            superseded += 1;
            new.copy(standing, slot, *standing.facts(slot))?;
        } else {
            let same = stands && standing.record(slot) == given.record(slot);
            *(if same { &mut unchanged } else { &mut changed }) += 1;
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
            new.copy_to(to, from, at, *from.facts(at))?;
        }
    }
    Ok(new.finish())
}

/// The page without the slots that `drops` names; `None` when nothing is left, and how many went.
pub(crate) fn without(
    page: &Page,
    drops: impl Fn(Slot) -> bool,
    shape: &RecordShape,
) -> Result<(Option<Page>, u32)> {
    let mut new = PageBuilder::new(page.slots(), *shape);
    let mut dropped = 0;
    for slot in page.present() {
        if drops(slot) {
            dropped += 1;
        } else {
            new.copy(page, slot, *page.facts(slot))?;
        }
    }
    Ok(((!new.is_empty()).then(|| new.finish()), dropped))
}
