//! Working off a piece of a run.

use std::collections::VecDeque;

use crate::disk::operations::FinishChunk;
use crate::disk::{
    Chunk, FAILURES_LISTED_MAX, FailureRow, Item, Receipt, RunCounts, RunKind, RunRow,
    kept_message, tries,
};
use crate::error::{Error, ErrorKind, Result};
use crate::page::{PageKey, Slot, SlotSet, ViewId};
use crate::rebuild::rebuilders::{Rebuilder, Refused, Shift, WorkedOff};
use crate::rebuild::runs::Live;
use crate::rebuild::workshop::Workshop;
use crate::revision::Revision;
use crate::sync::Arc;
use crate::time::TimeRange;

/// A chunk of a run, in hand. Dropped before it is worked off it can be taken again.
pub(crate) struct Piece {
    live: Arc<Live>,
    number: u32,
    chunk: Chunk,
    rebuilder: Arc<dyn Rebuilder>,
    range: TimeRange,
    floor: Revision,
    /// What is built is noted before it begins: it may be what ended the process.
    cautiously: bool,
    /// What fails is tried again by itself: the view is to be kept filled.
    fills_gaps: bool,
    /// Whether something was noted that is to be tried again.
    left_gaps: bool,
    tally: Tally,
    /// Whether the file knows what was done of it.
    finished: bool,
    /// Its pages, as long as some may not be stored yet.
    given: Vec<Box<[u8]>>,
}

/// How working off a piece went.
pub(super) enum Went {
    /// To its end, or until the run was stopped.
    On,
    /// Builds were turned away: the view fails too often, or too much is built at once.
    Away,
}

/// What was done of a piece.
#[derive(Default)]
struct Tally {
    counts: RunCounts,
    failures: Vec<FailureRow>,
}

impl Piece {
    pub(super) fn new(
        live: Arc<Live>,
        number: u32,
        chunk: Chunk,
        rebuilder: Arc<dyn Rebuilder>,
        cautiously: bool,
    ) -> Self {
        let row = live.row();
        let (range, floor, tally) = (row.range, row.floor, Tally::default());
        let (fills_gaps, finished) = (row.kind == RunKind::Horizon, false);
        Self {
            live,
            number,
            chunk,
            rebuilder,
            range,
            floor,
            cautiously,
            fills_gaps,
            left_gaps: false,
            tally,
            finished,
            given: Vec::new(),
        }
    }

    /// Of which view it is.
    pub(super) fn view(&self) -> ViewId {
        self.chunk.view
    }

    pub(super) fn live(&self) -> &Arc<Live> {
        &self.live
    }

    pub(super) fn rebuilder(&self) -> &Arc<dyn Rebuilder> {
        &self.rebuilder
    }

    pub(super) fn is_cautious(&self) -> bool {
        self.cautiously
    }

    pub(super) fn left_gaps(&self) -> bool {
        self.left_gaps
    }

    pub(super) fn counts(&self) -> RunCounts {
        self.tally.counts
    }

    /// Whether there is nothing to tell the file.
    pub(super) fn is_as_it_was(&self) -> bool {
        self.tally.counts.done == 0 && !self.chunk.items.is_empty()
    }

    /// Works off what it can, until the run is stopped. What is left stays in the chunk; what was
    /// built is stored when the shift is over.
    pub(super) fn work(&mut self, workshop: &Workshop, shift: &mut dyn Shift) -> Result<Went> {
        let mut items = VecDeque::from(std::mem::take(&mut self.chunk.items));
        let mut went = Ok(Went::On);
        while self.live.goes_on()
            && let Some(item) = items.pop_front()
        {
            let before = (self.tally.counts, self.tally.failures.len(), self.given.len());
            match self.work_item(workshop, shift, &item) {
                Ok(left) if left.is_empty() => {}
                Ok(left) => {
                    // The others first: one of them that can be built ends the turning away.
                    items.extend(left);
                    went = Ok(Went::Away);
                    break;
                }
                Err(error) => {
                    // It is done again as a whole, or never.
                    self.live.forget(self.tally.counts.minus(before.0));
                    self.tally.counts = before.0;
                    self.tally.failures.truncate(before.1);
                    self.given.truncate(before.2);
                    items.push_front(item);
                    went = Err(error);
                    break;
                }
            }
        }
        self.chunk.items = items.into();
        went
    }

    /// What is left of an item, because builds were turned away.
    fn work_item(
        &mut self,
        workshop: &Workshop,
        shift: &mut dyn Shift,
        item: &Item,
    ) -> Result<Vec<Item>> {
        let mut pages = match item {
            Item::Entity(entity) => self.rebuilder.pages(entity, self.range)?,
            Item::Page(page, slots) => vec![(page.clone(), *slots)],
            Item::Within(entity, range) => self.rebuilder.pages(entity, *range)?,
        };
        for place in 0..pages.len() {
            let (page, slots) = &mut pages[place];
            *slots = self.work_page(workshop, shift, page, *slots)?;
            if !slots.is_empty() {
                let left = pages.drain(place..);
                return Ok(left.map(|(page, slots)| Item::Page(page, slots)).collect());
            }
        }
        Ok(Vec::new())
    }

    /// The slots whose builds were turned away.
    fn work_page(
        &mut self,
        workshop: &Workshop,
        shift: &mut dyn Shift,
        page: &[u8],
        slots: SlotSet,
    ) -> Result<SlotSet> {
        let entity = PageKey::split(page).map_or(&[][..], |(_, entity, _)| entity);
        self.live.note(entity, RunCounts::default());
        let begun = workshop.shared().published();
        let mut worked = if self.cautiously {
            self.work_off_cautiously(workshop, page, slots)?
        } else {
            all_failed(slots, shift.work_off(page, slots, self.floor))?
        };
        let away = |(_, error): &(Slot, Error)| error.kind() == ErrorKind::Busy;
        let turned_away: SlotSet =
            worked.failed.extract_if(.., |failed| away(failed)).map(|(slot, _)| slot).collect();
        let done = RunCounts {
            done: slots.minus(turned_away).len().into(),
            failed: worked.failed.len() as u64,
            already_fresh: worked.found.len().into(),
        };
        if self.fills_gaps && !worked.failed.is_empty() {
            let failed = worked.failed.clone();
            workshop.note_failures(page, &self.rebuilder, begun, failed)?;
            self.left_gaps = true;
        }
        self.tally.counts = self.tally.counts.plus(done);
        self.tally.list(page, worked);
        self.live.note(entity, done);
        self.given.push(page.into());
        Ok(turned_away)
    }

    /// Takes note of a page that was built and could not be stored, if it is one of this piece.
    pub(super) fn refuse(&mut self, workshop: &Workshop, refused: &Refused) -> Result<()> {
        let Refused { page, slots, error } = refused;
        let Some(at) = self.given.iter().position(|given| given == page) else { return Ok(()) };
        self.given.swap_remove(at);
        let failed: Vec<_> = slots.iter().map(|slot| (slot, error.clone())).collect();
        if self.fills_gaps {
            let begun = workshop.shared().published();
            workshop.note_failures(page, &self.rebuilder, begun, failed.clone())?;
            self.left_gaps = true;
        }
        let counts = RunCounts { failed: failed.len() as u64, ..RunCounts::default() };
        self.tally.counts = self.tally.counts.plus(counts);
        self.tally.list(page, WorkedOff { failed, ..WorkedOff::default() });
        let entity = PageKey::split(page).map_or(&[][..], |(_, entity, _)| entity);
        self.live.note(entity, counts);
        Ok(())
    }

    /// Forgets what was done: it is not known what of it is stored. All of the chunk is looked at
    /// again.
    pub(super) fn forget(mut self) {
        self.live.forget(self.tally.counts);
        self.tally = Tally::default();
    }

    /// One record after the other; the run passes those over that rest.
    fn work_off_cautiously(
        &self,
        workshop: &Workshop,
        page: &[u8],
        slots: SlotSet,
    ) -> Result<WorkedOff> {
        let mut resting = WorkedOff::default();
        let mut rest = SlotSet::EMPTY;
        for slot in slots.iter() {
            let tried = tries(workshop.shared(), page, slot)?;
            if let Some(tried) = tried.filter(|tried| tried.tries.rests()) {
                resting.failed.push((slot, tried.why()));
                rest.insert(slot);
            }
        }
        let mut worked = workshop.one_by_one(page, slots.minus(rest), |slots| {
            all_failed(slots, self.rebuilder.clone().work_off(page, slots, self.floor))
        })?;
        worked.add(resting);
        Ok(worked)
    }

    /// Tells the writer what was done, and what is left if that is not all.
    pub(super) fn submit(&mut self, workshop: &Workshop) -> Result<Receipt<RunRow>> {
        let left = !self.chunk.items.is_empty();
        workshop.writer()?.submit(FinishChunk {
            id: self.live.id,
            chunk: self.number,
            rest: left.then(|| self.chunk.to_bytes()),
            counts: self.tally.counts,
            failures: std::mem::take(&mut self.tally.failures),
            now: workshop.shared().options.clock.now(),
        })
    }

    /// Lays it down, now that the file knows what was done of it.
    pub(super) fn lay_down(mut self, row: RunRow) {
        self.finished = true;
        let left = !self.chunk.items.is_empty();
        self.live.lay_down(self.number, self.tally.counts, left, Some(row));
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        if !self.finished {
            self.live.lay_down(self.number, self.tally.counts, true, None);
        }
    }
}

impl Tally {
    fn list(&mut self, page: &[u8], worked: WorkedOff) {
        let Some((view, entity, number)) = PageKey::split(page) else { return };
        let room = (FAILURES_LISTED_MAX as usize).saturating_sub(self.failures.len());
        self.failures.extend(worked.failed.into_iter().take(room).map(|(slot, error)| {
            FailureRow {
                view,
                entity: entity.into(),
                page: number.0,
                slot: slot.0,
                kind: error.kind(),
                message: kept_message(&error),
            }
        }));
    }
}

/// What became of some slots, all of which have failed if the error is theirs.
fn all_failed(slots: SlotSet, worked: Result<WorkedOff>) -> Result<WorkedOff> {
    match worked {
        Err(error) if is_of_a_record(&error) => {
            let failed = slots.iter().map(|slot| (slot, error.clone())).collect();
            Ok(WorkedOff { failed, ..WorkedOff::default() })
        }
        worked => worked,
    }
}

/// What concerns some records and leaves the others as they are.
fn is_of_a_record(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Build | ErrorKind::Absent | ErrorKind::Input)
}
