//! Records into their pages.

use std::collections::BTreeMap;

use crate::cache::CacheKey;
use crate::error::Result;
use crate::graph::{Cause, Colour, DepsRow, MarkRow, Origin, Reading, Seed, Tries};
use crate::page::{Fate, Merged, Page, PageKey, Slot, SlotSet, StoredBody, merge, without};
use crate::revision::Revision;
use crate::sync::Arc;
use crate::time::Timestamp;

use super::super::announcements::Word;
use super::super::batch::Batch;
use super::super::colour::Judgement;
use super::super::committed::Committed;
use super::super::links::Relinks;
use super::super::operation::{Operation, Speed};
use super::super::shared::PageInMemory;
use super::super::undeclared::{Before, unexplained};
use super::super::view_state::ViewState;

/// Records of one page that are to be stored.
pub(crate) struct Part {
    pub(crate) key: PageKey,
    /// The new records, the other slots empty, until they are taken. Their facts count in `readings`,
    /// from one, what they have read; zero is nothing.
    pub(crate) page: Option<Page>,
    /// Its body as it will stand on disk if nothing else is in the page.
    pub(crate) body: Option<Arc<StoredBody>>,
    pub(crate) readings: Vec<Arc<Reading>>,
}

impl Part {
    /// About what it takes until the answer is taken.
    fn bytes(&self) -> usize {
        self.page.as_ref().map_or(0, Page::bytes) + Reading::bytes(&self.readings)
    }
}

/// Stores records, built or put, in any number of pages of one view, as one operation.
pub(crate) struct StoreRecords {
    pub(crate) view: Arc<ViewState>,
    pub(crate) parts: Vec<Part>,
    pub(crate) speed: Speed,
    /// Whether somebody waits to read them.
    pub(crate) wanted: bool,
    pub(crate) now: Timestamp,
    /// Empty: room for the answer, from the thread that will let go of it.
    pub(crate) room: Vec<StoredPage>,
}

/// What became of the records.
pub(crate) struct Stored {
    /// The pages as they stand after the commit, in the order of the parts; a part that was deleted
    /// while it was being built has none.
    pub(crate) pages: Vec<StoredPage>,
    /// How many records have other bytes than before, or were not there.
    pub(crate) changed: u64,
    /// What they were made of: it goes where the answer is taken, which is mostly where it came about. Who
    /// lets go of memory that another thread has asked for may have to wait for that one, and it for him.
    _parts: Vec<Part>,
}

/// A page with records that were stored.
#[derive(Debug)]
pub(crate) struct StoredPage {
    pub(crate) key: PageKey,
    pub(crate) page: PageInMemory,
    /// The records that have other bytes than before, or were not there.
    pub(crate) changed: SlotSet,
    /// Those that came out as they were.
    pub(crate) unchanged: SlotSet,
}

/// What of a page's records was stored.
pub(crate) struct Outcome {
    key: PageKey,
    pub(super) changed: SlotSet,
    unchanged: SlotSet,
}

/// A part as it will stand, nothing of it written yet.
pub(super) struct ReadyPart {
    key: PageKey,
    merged: Merged,
    body: Option<Arc<StoredBody>>,
    before: DepsRow,
    after: DepsRow,
    relinks: Relinks,
    /// The slots that are stored, by what they have read, with their colour.
    coloured: Vec<(SlotSet, Judgement)>,
    /// Records that stood and were not right by what their view says of all.
    stamped: SlotSet,
}

impl Operation for StoreRecords {
    type Applied = Vec<Outcome>;
    type Answer = Stored;

    fn speed(&self) -> Speed {
        self.speed
    }

    fn weight(&self) -> usize {
        self.parts.iter().map(Part::bytes).sum()
    }

    fn is_patient(&self) -> bool {
        self.speed == Speed::Derived && !self.wanted
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<Self::Applied> {
        let (ready, mut seeds) = (self.ready(batch)?, Vec::new());
        let outcomes = self.stage(batch, ready, &mut seeds)?;
        // After all edges stand, so that records stored together concern each other too.
        batch.spread(seeds, self.now)?;
        Ok(outcomes)
    }

    fn answer(self, outcomes: Self::Applied, committed: &Committed) -> Stored {
        let changed = outcomes.iter().map(|outcome| u64::from(outcome.changed.len())).sum();
        let mut pages = self.room;
        for Outcome { key, changed, unchanged } in outcomes {
            let page = committed.page(key.as_slice());
            pages.extend(page.map(|page| StoredPage { key, page, changed, unchanged }));
        }
        Stored { pages, changed, _parts: self.parts }
    }
}

impl StoreRecords {
    /// Its parts as they will stand. Nothing is staged before everything is ready: a page over its
    /// limit refuses the operation whole.
    pub(super) fn ready(&mut self, batch: &mut Batch<'_>) -> Result<Vec<ReadyPart>> {
        self.view.check()?;
        let mut ready = Vec::with_capacity(self.parts.len());
        let mut parts = std::mem::take(&mut self.parts);
        for part in &mut parts {
            ready.extend(self.ready_part(batch, part)?);
        }
        self.parts = parts;
        Ok(ready)
    }

    /// Stages what is ready. Whom it concerns is to be told when all edges of the operation stand.
    pub(super) fn stage(
        &self,
        batch: &mut Batch<'_>,
        ready: Vec<ReadyPart>,
        seeds: &mut Vec<(Seed, Cause)>,
    ) -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::with_capacity(ready.len());
        for part in ready {
            let Merged { changed, unchanged, .. } = part.merged;
            outcomes.push(Outcome { key: part.key.clone(), changed, unchanged });
            self.stage_part(batch, part, seeds)?;
        }
        Ok(outcomes)
    }

    fn ready_part(&self, batch: &mut Batch<'_>, part: &mut Part) -> Result<Option<ReadyPart>> {
        let Part { key, page, body, readings } = part;
        let page = page.take().expect("an operation is applied once");
        let Some(heeded) = self.heed(page, key.as_slice())? else { return Ok(None) };
        let Heeded { page, is_whole, overtaken } = heeded;
        // As the facts count what was read: the first are those that have read nothing.
        let mut coloured = Vec::with_capacity(readings.len() + 2);
        coloured.push((SlotSet::EMPTY, Judgement::FRESH));
        for reading in readings.iter() {
            coloured.push((SlotSet::EMPTY, batch.judge(reading, self.now)?));
        }
        let before = batch.links.deps(key.as_slice())?.unwrap_or_default();
        let mut after = before.clone();
        let mut ids = Vec::with_capacity(readings.len() + 1);
        ids.push(0);
        ids.extend(readings.iter().map(|reading| after.intern(reading.dependencies.clone())));
        let given = Given::of(&page);
        let page = page.with_facts(|facts| {
            let read = facts.dependencies as usize;
            facts.dependencies = ids[read];
            facts.fresh_until = facts.fresh_until.min(coloured[read].1.fresh_until);
        });
        let standing = batch.pages.standing(&self.view, key.as_slice())?;
        let row = batch.views().by_id(self.view.id());
        let stale_before = row.map(|row| row.stamp.stale_before);
        let mut stamped = SlotSet::EMPTY;
        if let (Some(standing), Some(row)) = (&standing, row) {
            let is_stamped = |slot: &Slot| row.stamp.colour(standing.facts(*slot)) > Colour::Fresh;
            stamped =
                page.present().filter(|slot| standing.holds(*slot)).filter(is_stamped).collect();
        }
        let merged = merge(standing.as_deref(), page, batch.revision(), self.view.shape())
            .map_err(|error| error.at_view(self.view.name()))?;
        self.report_unexplained(batch, key, standing.as_deref(), &merged, readings, &given)?;
        after.retain(|id| merged.page.all_facts().iter().any(|facts| facts.dependencies == id));
        let (mut relinks, mut stale) = (Relinks::default(), SlotSet::EMPTY);
        for Given { slots, begun, reading } in given {
            let stored = slots.minus(merged.superseded);
            match &standing {
                None => relinks.add(stored, 0, ids[reading]),
                Some(standing) => stored.iter().for_each(|slot| {
                    let has_read = standing.has_facts(slot);
                    let from = if has_read { standing.facts(slot).dependencies } else { 0 };
                    relinks.add(SlotSet::one(slot), from, ids[reading]);
                }),
            }
            let all_late = stale_before.is_none_or(|before| begun < before);
            let late = if all_late { stored } else { stored.intersection(overtaken) };
            stale = stale.union(late);
            let (slots, _) = &mut coloured[reading];
            *slots = slots.union(stored.minus(late));
        }
        coloured.push((stale, Judgement::overtaken(batch.revision(), self.now)));
        let body = body.as_ref().filter(|_| is_whole && merged.as_given).cloned();
        let key = key.clone();
        Ok(Some(ReadyPart { key, merged, body, before, after, relinks, coloured, stamped }))
    }

    /// Tells of records that were built to other bytes though nothing that they read has changed.
    fn report_unexplained(
        &self,
        batch: &mut Batch<'_>,
        key: &PageKey,
        standing: Option<&Page>,
        merged: &Merged,
        readings: &[Arc<Reading>],
        given: &[Given],
    ) -> Result<()> {
        // Where records expire, time itself is what they are built from and do not declare.
        let declares_all = self.view.expiry().is_none();
        let changed = !merged.changed.is_empty() && declares_all;
        let Some(page) = standing.filter(|_| changed) else { return Ok(()) };
        let marks = batch.links.marks(key.as_slice())?;
        let Some(row) = batch.views().by_id(self.view.id()) else { return Ok(()) };
        let before = Before { page, marks: marks.as_ref(), stale_before: row.stamp.stale_before };
        let (nothing, changed) = (Reading::nothing(), merged.changed);
        let changed = given.iter().flat_map(|given| {
            given.slots.intersection(changed).iter().map(|slot| (slot, given.reading))
        });
        for (slot, reading) in changed {
            let reading = match reading {
                0 => &nothing,
                number => &*readings[number - 1],
            };
            if batch.is_unexplained(&before, slot, &merged.page, reading)? {
                let bucket = PageKey::split(key.as_slice()).and_then(|(_, _, number)| {
                    self.view.grid().bucket_in(number, slot.0, self.view.page_len())
                });
                self.view.counters().builds_unexplained.add(1);
                batch.shared().last_unexplained.note(unexplained(&self.view, key, bucket));
            }
        }
        Ok(())
    }

    /// Obeys what was said of the records while they were built: without those that were deleted,
    /// and which of the others were invalidated. A put is later than every deletion before it, and
    /// than every invalidation but those after the revision that it was made as of.
    fn heed(&self, page: Page, key: &[u8]) -> Result<Option<Heeded>> {
        let mut overtaken = SlotSet::EMPTY;
        let mut deleted = SlotSet::EMPTY;
        let announcements = self.view.announcements().lock();
        if announcements.are_silent_since(page.floor().begun) {
            return Ok(Some(Heeded { page, is_whole: true, overtaken }));
        }
        for slot in page.present() {
            let begun = page.facts(slot).begun;
            let heeds = |word| word == Word::Invalidated || !page.was_put(slot);
            match announcements.since(begun, key, slot, &page, heeds) {
                None => {}
                Some(Word::Invalidated) => overtaken.insert(slot),
                Some(Word::Deleted) if mutant!("deletions_are_heeded") => {}
                Some(Word::Deleted) => deleted.insert(slot),
            }
        }
        drop(announcements);
        if deleted.is_empty() {
            return Ok(Some(Heeded { page, is_whole: true, overtaken }));
        }
        let fate = |slot| if deleted.contains(slot) { Fate::Goes } else { Fate::Stays };
        let (left, _) = without(&page, fate, self.view.shape())?;
        Ok(left.map(|page| Heeded { page, is_whole: false, overtaken }))
    }

    fn stage_part(
        &self,
        batch: &mut Batch<'_>,
        ready: ReadyPart,
        seeds: &mut Vec<(Seed, Cause)>,
    ) -> Result<()> {
        let ReadyPart { merged, body, relinks, coloured, stamped, .. } = ready;
        let Merged { changed, unchanged, superseded, .. } = merged;
        let (id, key_bytes) = (self.view.id(), ready.key.as_slice());
        let counters = self.view.counters();
        counters.records_changed.add(changed.len().into());
        counters.records_unchanged.add(unchanged.len().into());
        counters.records_superseded.add(superseded.len().into());
        batch.relink(id, key_bytes, &ready.before, &ready.after, &relinks)?;
        let mut marks = batch.links.marks(key_bytes)?.unwrap_or_default();
        let had_marks = !marks.is_empty();
        let tries_before: BTreeMap<Slot, Tries> = marks.all_tries().collect();
        let marked_before = marks.marked();
        let stored = coloured.iter().fold(SlotSet::EMPTY, |all, (slots, _)| all.union(*slots));
        marks.clear(stored);
        // What somebody else has built meanwhile stands all the same.
        let built = stored.union(superseded);
        batch.backlog.settle(key_bytes, built)?;
        for (slots, Judgement { colour, cause, .. }) in coloured {
            if let Some(cause) = cause.filter(|_| !slots.is_empty()) {
                if colour == Colour::Stale {
                    counters.records_overtaken.add(u64::from(slots.len()));
                }
                let is_upstream = cause.origin == Origin::Upstream;
                marks.raise(slots, colour, cause);
                if is_upstream {
                    self.put_off(&mut marks, slots, &tries_before, key_bytes);
                }
            }
        }
        let newly = marks.marked().minus(marked_before);
        if !newly.is_empty() {
            batch.note_marked(key_bytes);
        }
        let newly_cause = newly.iter().next().and_then(|slot| marks.cause(slot)).cloned();
        let cured = marked_before.union(stamped).intersection(unchanged).minus(marks.marked());
        if had_marks || !marks.is_empty() {
            batch.links.stage_marks(key_bytes, marks);
        }
        batch.pages.stage(&self.view, key_bytes, Some(merged.page), body, self.wanted);
        if !changed.is_empty() {
            batch.note_content(id);
        }
        if batch.views().readers(id).is_empty() {
            return Ok(());
        }
        if !changed.is_empty() {
            let cause = Cause::new(Origin::Changed, batch.revision(), self.now);
            seeds.push((Seed::Changed { page: key_bytes.into(), slots: changed }, cause));
        }
        if !cured.is_empty() {
            let cause = Cause::new(Origin::Changed, batch.revision(), self.now);
            seeds.push((Seed::Cured { page: key_bytes.into(), slots: cured }, cause));
        }
        if let Some(cause) = newly_cause {
            seeds.push((Seed::Readers { page: key_bytes.into(), slots: newly }, cause));
        }
        Ok(())
    }

    /// Records that are marked from the beginning, because what they were built from is: built again
    /// they would come out the same, until that is fresh. So they are tried again as what fails is,
    /// the first time at once, or builders would go round and round.
    fn put_off(
        &self,
        marks: &mut MarkRow,
        slots: SlotSet,
        before: &BTreeMap<Slot, Tries>,
        page: &[u8],
    ) {
        let retry = self.view.governor().conduct().retry;
        for slot in slots.iter() {
            let attempts = before.get(&slot).map_or(0, |tries| tries.attempts).saturating_add(1);
            let next_attempt = match attempts - 1 {
                0 => Timestamp::MIN,
                again => {
                    let seed = CacheKey::new(page).hash() ^ u64::from(slot.0);
                    retry.after(again, self.now, seed)
                }
            };
            marks.set_tries(slot, Tries { attempts, next_attempt });
        }
    }
}

/// A part's page after what was said of its records while they were built.
struct Heeded {
    page: Page,
    /// None of them was deleted.
    is_whole: bool,
    /// Those that were invalidated.
    overtaken: SlotSet,
}

/// Records of a part that came about together.
struct Given {
    slots: SlotSet,
    /// When their build began.
    begun: Revision,
    /// What they have read, as their facts count it.
    reading: usize,
}

impl Given {
    /// The records of a page, by the facts that they share: mostly all of them do.
    fn of(page: &Page) -> Vec<Self> {
        let facts = page.all_facts().iter();
        let mut given: Vec<Self> = facts
            .map(|facts| Self {
                slots: SlotSet::EMPTY,
                begun: facts.begun,
                reading: facts.dependencies as usize,
            })
            .collect();
        if let [all] = &mut *given {
            all.slots = page.held();
        } else {
            page.present().for_each(|slot| given[page.facts_number(slot)].slots.insert(slot));
        }
        given
    }
}
