//! Working off a piece of a run.

use std::collections::VecDeque;

use crate::disk::operations::FinishChunk;
use crate::disk::{
    Chunk, FAILURES_LISTED_MAX, FailureRow, Item, RunCounts, RunKind, kept_message, tries,
};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::SlotSet;
use crate::page::{PageKey, Slot, ViewId};
use crate::rebuild::rebuilders::{Rebuilder, WorkedOff};
use crate::rebuild::runs::{Live, Runs};
use crate::rebuild::workshop::Workshop;
use crate::revision::Revision;
use crate::schedule::BreakerState;
use crate::sync::Arc;
use crate::time::{TimeRange, Timestamp};

use super::{gone, is_known};

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
}

/// How working off a piece went.
enum Went {
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
        }
    }

    /// Of which view it is.
    pub(super) fn view(&self) -> ViewId {
        self.chunk.view
    }

    /// Works off what it can, until the run is stopped. What is left stays in the chunk.
    fn work(&mut self, workshop: &Workshop) -> Result<Went> {
        let mut items = VecDeque::from(std::mem::take(&mut self.chunk.items));
        let mut went = Ok(Went::On);
        while self.live.goes_on()
            && let Some(item) = items.pop_front()
        {
            let before = (self.tally.counts, self.tally.failures.len());
            match self.work_item(workshop, &item) {
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
    fn work_item(&mut self, workshop: &Workshop, item: &Item) -> Result<Vec<Item>> {
        let mut pages = match item {
            Item::Entity(entity) => self.rebuilder.pages(entity, self.range)?,
            Item::Page(page, slots) => vec![(page.clone(), *slots)],
            Item::Within(entity, range) => self.rebuilder.pages(entity, *range)?,
        };
        for place in 0..pages.len() {
            let (page, slots) = &mut pages[place];
            *slots = self.work_page(workshop, page, *slots)?;
            if !slots.is_empty() {
                let left = pages.drain(place..);
                return Ok(left.map(|(page, slots)| Item::Page(page, slots)).collect());
            }
        }
        Ok(Vec::new())
    }

    /// The slots whose builds were turned away.
    fn work_page(&mut self, workshop: &Workshop, page: &[u8], slots: SlotSet) -> Result<SlotSet> {
        let entity = PageKey::split(page).map_or(&[][..], |(_, entity, _)| entity);
        self.live.note(entity, RunCounts::default());
        let begun = workshop.shared().published();
        let mut worked = if self.cautiously {
            self.work_off_cautiously(workshop, page, slots)?
        } else {
            self.work_off(page, slots)?
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
        Ok(turned_away)
    }

    fn work_off(&self, page: &[u8], slots: SlotSet) -> Result<WorkedOff> {
        match self.rebuilder.clone().work_off(page, slots, self.floor) {
            Err(error) if is_of_a_record(&error) => {
                let failed = slots.iter().map(|slot| (slot, error.clone())).collect();
                Ok(WorkedOff { failed, ..WorkedOff::default() })
            }
            worked => worked,
        }
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
        let mut worked =
            workshop.one_by_one(page, slots.minus(rest), |slots| self.work_off(page, slots))?;
        worked.add(resting);
        Ok(worked)
    }

    /// Tells the file what was done, and what is left if that is not all.
    fn finish(&mut self, workshop: &Workshop, runs: &Runs) -> Result<()> {
        let left = !self.chunk.items.is_empty();
        let noted = self.tally.counts;
        let writer = workshop.writer()?;
        let row = writer.run(FinishChunk {
            id: self.live.id,
            chunk: self.number,
            rest: left.then(|| self.chunk.to_bytes()),
            counts: noted,
            failures: std::mem::take(&mut self.tally.failures),
            now: workshop.shared().options.clock.now(),
        })?;
        self.finished = true;
        self.live.lay_down(self.number, noted, left, Some(row.clone()));
        let ended = runs.show(workshop.shared(), &writer, &self.live, row)?;
        drop(writer);
        if ended {
            Runs::tell_ended(workshop.shared(), &self.live);
        }
        Ok(())
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

impl Runs {
    /// Works off a piece, on the calling thread. A record that cannot be built is counted and hurts
    /// nobody; an error of the file ends the run, and one of this opening alone is returned: the run
    /// goes on later. How many records were built.
    pub(crate) fn work(&self, workshop: &Workshop, mut piece: Piece) -> Result<u64> {
        let (live, view) = (piece.live.clone(), piece.view());
        let went = piece.work(workshop);
        if piece.left_gaps {
            // Wanted from now on, and nobody has looked there since.
            workshop.shared().bell.ring();
        }
        let counts = piece.tally.counts;
        // Also after an error: what was built before it is there.
        let nothing_done = counts.done == 0 && !piece.chunk.items.is_empty();
        let finished = if nothing_done { Ok(()) } else { piece.finish(workshop, self) };
        drop(piece);
        let outcome = match went {
            Ok(Went::On) => finished,
            Ok(Went::Away) => {
                live.rest_until(turned_away_until(workshop, view));
                finished
            }
            Err(error) => self.after(workshop, &live, view, error),
        };
        live.report(workshop.shared().options.clock.now());
        outcome.map(|()| counts.done.saturating_sub(counts.failed + counts.already_fresh))
    }

    fn after(&self, workshop: &Workshop, live: &Live, view: ViewId, error: Error) -> Result<()> {
        match error.kind() {
            ErrorKind::Reopen | ErrorKind::Busy => Err(error),
            ErrorKind::Definition => {
                // Defined anew, with the same layout: the new definition goes on.
                if is_known(workshop.shared(), view)? {
                    return Err(error);
                }
                self.fail(workshop, live, &gone())
            }
            _ => self.fail(workshop, live, &error),
        }
    }
}

/// Until when builds of a view are turned away, about.
fn turned_away_until(workshop: &Workshop, view: ViewId) -> Timestamp {
    let now = workshop.shared().options.clock.now();
    let Some(view) = workshop.shared().view(view) else { return now };
    match view.governor().breaker_state(now) {
        BreakerState::Open { until, .. } => until,
        _ => {
            let rest = view.governor().conduct().breaker.unwrap_or_default().rest;
            now.checked_add(rest).unwrap_or(Timestamp::MAX)
        }
    }
}

/// What concerns some records and leaves the others as they are.
fn is_of_a_record(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Build | ErrorKind::Absent | ErrorKind::Input)
}
