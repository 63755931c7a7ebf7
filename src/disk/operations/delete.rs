//! Deleting records.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::graph::{Cause, DepsRow, Node, Origin, Seed};
use crate::page::{Fate, Page, PageKey, Slot, SlotSet, SlotsByPage, without};
use crate::sync::Arc;
use crate::time::Timestamp;

use super::super::announcements::Word;
use super::super::batch::Batch;
use super::super::committed::Committed;
use super::super::links::Relinks;
use super::super::operation::{Operation, Speed};
use super::super::scope::{Scope, ScopeOf};
use super::super::view_state::ViewState;

/// Deletes some of the records in a scope, page by page from a cursor on, and forgets what was asked
/// for there.
#[derive(Debug)]
pub(crate) struct Delete {
    pub(crate) view: Arc<ViewState>,
    pub(crate) scope: Scope,
    pub(crate) reason: Reason,
    pub(crate) now: Timestamp,
    /// Where to go on; `None` at the start.
    pub(crate) cursor: Option<Box<[u8]>>,
}

/// Why records are deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The application says so: to what was built from them that is a change.
    Asked,
    /// They are old. What was built from them stays right, so those that something has read leave
    /// their facts, by which later changes still find their way.
    Retention,
}

/// A page as a deletion leaves it.
pub(super) struct Left {
    pub(super) key: Box<[u8]>,
    pub(super) page: Option<Page>,
    /// What went, with what had gone before.
    pub(super) gone: SlotSet,
    /// What others are told has gone: everything but what retention takes, which is no change.
    pub(super) changed: SlotSet,
}

/// One step of a deletion, nothing of it written yet.
pub(super) struct ReadyDelete {
    scope: ScopeOf,
    left: Vec<Left>,
    /// What was asked for and goes, by page.
    unwanted: SlotsByPage,
    part: DeletePart,
}

/// What one step of a deletion comes to.
#[derive(Debug)]
pub(crate) struct DeletePart {
    pub(crate) records: u64,
    /// Where to go on; `None` when all is done.
    pub(crate) cursor: Option<Box<[u8]>>,
}

/// Pages looked at in one transaction: it bounds how long others wait behind a large deletion.
pub(crate) const PAGES_AT_ONCE: usize = 512;

impl Operation for Delete {
    type Applied = DeletePart;
    type Answer = DeletePart;

    fn speed(&self) -> Speed {
        Speed::Synced
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<DeletePart> {
        let (ready, mut seeds) = (self.ready(batch)?, Vec::new());
        let part = self.stage(batch, ready, &mut seeds)?;
        batch.spread(seeds, self.now)?;
        Ok(part)
    }

    fn answer(self, part: DeletePart, _: &Committed) -> DeletePart {
        part
    }
}

impl Delete {
    /// What one step of it comes to; nothing is staged.
    pub(super) fn ready(&self, batch: &mut Batch<'_>) -> Result<ReadyDelete> {
        self.view.check()?;
        let scope = self.view.scope(self.scope.clone());
        let (mut pages, mut keys) = (BTreeSet::new(), BTreeSet::new());
        for (first, until) in scope.stretches() {
            let from = self.cursor.as_deref().map_or(&*first, |cursor| cursor.max(&first));
            let room = (PAGES_AT_ONCE + 1).saturating_sub(keys.len());
            if room == 0 || from >= &*until {
                continue;
            }
            let found = batch.pages.keys(from, &until, room)?;
            keys.extend(found.iter().cloned());
            pages.extend(found);
            keys.extend(batch.backlog.wanted_keys(from, &until, room)?);
        }
        let mut records = 0;
        let (mut left, mut unwanted) = (Vec::new(), Vec::new());
        let cursor = keys.iter().nth(PAGES_AT_ONCE).cloned();
        for key in keys.into_iter().take(PAGES_AT_ONCE) {
            let Some((_, _, number)) = PageKey::split(&key) else { continue };
            if !scope.concerns(number) {
                continue;
            }
            if let Some(row) = batch.backlog.wanted(&key)? {
                let slots = row.wanted().iter().filter(|slot| scope.holds_slot(number, *slot));
                unwanted.push((key.clone(), slots.collect()));
            }
            if !pages.contains(&key) {
                continue;
            }
            let Some(page) = batch.pages.standing(&self.view, &key)? else {
                // Damaged beyond reading: whatever it held, it was meant to go. Who read it and who
                // it had read is lost with it, so its readers are told even by retention.
                let changed = (0..self.view.page_len()).map(Slot).collect();
                left.push(Left { key, page: None, gone: changed, changed });
                continue;
            };
            let within = |slot: &Slot| page.has_facts(*slot) && scope.holds(number, *slot, &page);
            let slots: SlotSet = (0..page.slots()).map(Slot).filter(within).collect();
            let read = self.read_by_others(batch, &key, &page)?;
            let fate = |slot| match slots.contains(slot) {
                false => Fate::Stays,
                true if read.contains(slot) => Fate::LeavesFacts,
                true => Fate::Goes,
            };
            let (stays, gone) = without(&page, fate, self.view.shape())?;
            // Facts that nobody needs any more go with the last of their readers.
            let buried = |slot| page.is_tombstone(slot) && !read.contains(slot);
            if !gone.is_empty() || slots.iter().any(buried) {
                records += gone.len() as u64;
                // What retention has left of a record is the way from later changes to its readers:
                // they are told when it goes.
                let changed = if self.reason == Reason::Asked { slots } else { SlotSet::EMPTY };
                left.push(Left { key, page: stays, gone: slots, changed });
            }
        }
        Ok(ReadyDelete { scope, left, unwanted, part: DeletePart { records, cursor } })
    }

    /// Stages what is ready. Whom it concerns is to be told when all edges of the operation stand.
    pub(super) fn stage(
        &self,
        batch: &mut Batch<'_>,
        ready: ReadyDelete,
        seeds: &mut Vec<(Seed, Cause)>,
    ) -> Result<DeletePart> {
        let ReadyDelete { scope, left, unwanted, part } = ready;
        if self.reason == Reason::Asked {
            let goes_on = self.cursor.is_some();
            let mut announcements = self.view.announcements().lock();
            announcements.remember(batch.revision(), scope, Word::Deleted, goes_on);
        }
        for (key, slots) in unwanted {
            batch.backlog.settle(&key, slots)?;
        }
        for left in left {
            batch.backlog.settle(&left.key, left.gone)?;
            self.stage_page(batch, left, seeds)?;
        }
        Ok(part)
    }

    /// The slots whose facts have to stay, because something has read them.
    fn read_by_others(&self, batch: &Batch<'_>, key: &[u8], page: &Page) -> Result<SlotSet> {
        let id = self.view.id();
        if self.reason == Reason::Asked || batch.ledger.views.readers(id).is_empty() {
            return Ok(SlotSet::EMPTY);
        }
        let node = Node::page(key);
        // Whoever has read the whole entity or view has read them all.
        let mut above = node.coarser();
        while let Some(coarse) = above {
            if batch.links.has_readers(coarse.as_slice())? {
                return Ok((0..page.slots()).map(Slot).collect());
            }
            above = coarse.coarser();
        }
        Ok(batch.links.read_slots(node.as_slice(), page.slots())?.into_iter().collect())
    }

    /// What is asked for of what goes is left to the caller.
    pub(super) fn stage_page(
        &self,
        batch: &mut Batch<'_>,
        left: Left,
        seeds: &mut Vec<(Seed, Cause)>,
    ) -> Result<()> {
        let Left { key, page, changed, .. } = left;
        let key = &*key;
        let id = self.view.id();
        let before = batch.links.deps(key)?.unwrap_or_default();
        let Some(page) = page else {
            batch.links.forget(key)?;
            batch.pages.stage(&self.view, key, None, None, false);
            return self.announce(batch, key, changed, seeds);
        };
        let stays = |id: u32| page.all_facts().iter().any(|facts| facts.dependencies == id);
        let standing = batch.pages.standing(&self.view, key)?;
        let mut relinks = Relinks::default();
        if let Some(standing) = &standing {
            let went = |slot: &Slot| standing.has_facts(*slot) && !page.has_facts(*slot);
            for slot in (0..standing.slots()).map(Slot).filter(went) {
                relinks.add(SlotSet::one(slot), standing.facts(slot).dependencies, 0);
            }
        }
        let mut after: DepsRow = before.clone();
        after.retain(stays);
        batch.relink(id, key, &before, &after, &relinks)?;
        if let Some(mut marks) = batch.links.marks(key)? {
            let went = (0..page.slots()).map(Slot).filter(|slot| !page.has_facts(*slot));
            marks.clear(went.collect());
            batch.links.stage_marks(key, marks);
        }
        batch.pages.stage(&self.view, key, Some(page), None, false);
        self.announce(batch, key, changed, seeds)
    }

    fn announce(
        &self,
        batch: &mut Batch<'_>,
        key: &[u8],
        changed: SlotSet,
        seeds: &mut Vec<(Seed, Cause)>,
    ) -> Result<()> {
        if changed.is_empty() {
            return Ok(());
        }
        batch.note_content(self.view.id());
        let cause = Cause::new(Origin::Deleted, batch.revision(), self.now);
        seeds.push((Seed::Changed { page: key.into(), slots: changed }, cause));
        Ok(())
    }
}
