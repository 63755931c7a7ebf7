//! Asking for records that are built in the background.

use crate::error::{Error, Result};
use crate::page::{Page, PageKey, Slot, SlotSet, SlotsByPage};
use crate::sync::Arc;
use crate::time::Timestamp;

use super::super::batch::Batch;
use super::super::committed::Committed;
use super::super::operation::{Operation, Speed};
use super::super::view_state::ViewState;

/// Asks for records of any number of pages. Those that stand are not asked for again, unless they
/// are expired, which no mark says; one of them that was tried in vain is tried again.
pub(crate) struct Want {
    pub(crate) view: Arc<ViewState>,
    pub(crate) pages: SlotsByPage,
    pub(crate) now: Timestamp,
}

/// What asking came to, in records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Were not wanted and are now.
    pub(crate) newly: u64,
    /// Were wanted before.
    pub(crate) known: u64,
    /// Stand, right or not.
    pub(crate) standing: u64,
    /// Of the last two, those that had been tried in vain.
    pub(crate) revived: u64,
}

impl Operation for Want {
    type Applied = Asked;
    type Answer = Asked;

    fn speed(&self) -> Speed {
        Speed::Synced
    }

    fn weight(&self) -> usize {
        weight(&self.pages)
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<Asked> {
        self.check()?;
        self.stage(batch)
    }

    fn answer(self, asked: Asked, _: &Committed) -> Asked {
        asked
    }
}

impl Want {
    pub(super) fn check(&self) -> Result<()> {
        check(&self.view, &self.pages)
    }

    /// Asks for what does not stand as the transaction leaves it.
    pub(super) fn stage(&self, batch: &mut Batch<'_>) -> Result<Asked> {
        let mut asked = Asked::default();
        for (key, slots) in &self.pages {
            let slots = slots.intersection(self.buckets(key));
            let standing = batch.pages.standing(&self.view, key)?;
            let marked = batch.links.marks(key)?.unwrap_or_default().marked();
            let kept = marked.union(self.view.sealed(key, self.now));
            let counts =
                |page: &Page, slot| page.facts(slot).fresh_until > self.now || kept.contains(slot);
            let stand = |slot: &Slot| {
                standing.as_ref().is_some_and(|page| page.holds(*slot) && counts(page, *slot))
            };
            let standing: SlotSet = slots.iter().filter(stand).collect();
            let missing = slots.minus(standing);
            let mut row = batch.backlog.wanted(key)?.unwrap_or_default();
            let mut revived = row.revive(slots);
            let newly = row.want(missing);
            if !newly.union(revived).is_empty() {
                batch.backlog.put_wanted(key, &row)?;
            }
            if let Some(mut marks) = batch.links.marks(key)? {
                let marked = marks.revive(slots);
                revived = revived.union(marked);
                if !marked.is_empty() {
                    batch.links.stage_marks(key, marks);
                }
            }
            asked.newly += u64::from(newly.len());
            asked.known += u64::from(missing.minus(newly).len());
            asked.standing += u64::from(standing.len());
            asked.revived += u64::from(revived.len());
        }
        Ok(asked)
    }

    /// The slots of a page in which buckets stand.
    fn buckets(&self, key: &[u8]) -> SlotSet {
        let Some((_, _, number)) = PageKey::split(key) else { return SlotSet::EMPTY };
        let (grid, page_len) = (self.view.grid(), self.view.page_len());
        let is_bucket = |slot: &Slot| grid.bucket_in(number, slot.0, page_len).is_some();
        (0..grid.page_slots(number, page_len)).map(Slot).filter(is_bucket).collect()
    }
}

/// Takes back what was asked for: nothing more is tried of it. Answers how much that was.
pub(crate) struct Unwant {
    pub(crate) view: Arc<ViewState>,
    pub(crate) pages: SlotsByPage,
    pub(crate) why: Unwanted,
}

/// Why something is wanted no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unwanted {
    /// Somebody takes it back, and is told so.
    TakenBack,
    /// It was found to be there. What was deleted since, and may have been asked for again, stays.
    Found,
}

impl Operation for Unwant {
    type Applied = u64;
    type Answer = u64;

    fn speed(&self) -> Speed {
        match self.why {
            Unwanted::TakenBack => Speed::Synced,
            Unwanted::Found => Speed::Derived,
        }
    }

    fn weight(&self) -> usize {
        weight(&self.pages)
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<u64> {
        check(&self.view, &self.pages)?;
        let mut taken = 0;
        for (key, slots) in &self.pages {
            let wanted = batch.backlog.wanted(key)?.unwrap_or_default().wanted();
            let mut slots = wanted.intersection(*slots);
            if self.why == Unwanted::Found && !slots.is_empty() {
                let standing = batch.pages.standing(&self.view, key)?;
                let stand = |slot: &Slot| standing.as_ref().is_some_and(|page| page.holds(*slot));
                slots = slots.iter().filter(stand).collect();
            }
            if !slots.is_empty() {
                batch.backlog.settle(key, slots)?;
                taken += u64::from(slots.len());
            }
        }
        Ok(taken)
    }

    fn answer(self, taken: u64, _: &Committed) -> u64 {
        taken
    }
}

/// Refuses pages of another view, before anything is staged.
fn check(view: &ViewState, pages: &SlotsByPage) -> Result<()> {
    view.check()?;
    let own = |key: &[u8]| PageKey::split(key).is_some_and(|(id, ..)| id == view.id());
    if pages.iter().all(|(key, _)| own(key)) {
        return Ok(());
    }
    Err(Error::damaged("a record is wanted by a key that is none of this view's")
        .at_view(view.name()))
}

fn weight(pages: &SlotsByPage) -> usize {
    pages.iter().map(|(key, _)| key.len() + size_of::<SlotSet>()).sum()
}
