//! Working off a piece of a run.

use crate::disk::operations::FinishChunk;
use crate::disk::{Chunk, FAILURES_LISTED_MAX, FailureRow, Item, RunCounts};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::SlotSet;
use crate::page::{PageKey, ViewId};
use crate::rebuild::rebuilders::{Rebuilder, WorkedOff};
use crate::rebuild::runs::{Live, Runs};
use crate::rebuild::workshop::Workshop;
use crate::revision::Revision;
use crate::sync::Arc;
use crate::time::TimeRange;

use super::{gone, is_known};

/// A chunk of a run, in hand. Dropped before it is worked off it can be taken again.
pub(crate) struct Piece {
    live: Arc<Live>,
    number: u32,
    chunk: Chunk,
    rebuilder: Arc<dyn Rebuilder>,
    range: TimeRange,
    floor: Revision,
    tally: Tally,
    /// Whether the file knows what was done of it.
    finished: bool,
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
        range: TimeRange,
        floor: Revision,
    ) -> Self {
        let tally = Tally::default();
        Self { live, number, chunk, rebuilder, range, floor, tally, finished: false }
    }

    /// Of which view it is.
    pub(super) fn view(&self) -> ViewId {
        self.chunk.view
    }

    /// Works off what it can, until the run is stopped. How many items are done, and why it went no
    /// further if that is an error.
    fn work(&mut self) -> (usize, Result<()>) {
        let items = std::mem::take(&mut self.chunk.items);
        let mut done = 0;
        let mut outcome = Ok(());
        while let Some(item) = items.get(done)
            && self.live.goes_on()
        {
            let before = (self.tally.counts, self.tally.failures.len());
            outcome = match item {
                Item::Entity(entity) => self.work_entity(entity),
                Item::Page(page, slots) => self.work_page(page, *slots),
            };
            if outcome.is_err() {
                // It is done again as a whole, or never.
                let noted = self.tally.counts.minus(before.0);
                self.live.forget(noted);
                self.tally.counts = before.0;
                self.tally.failures.truncate(before.1);
                break;
            }
            done += 1;
        }
        self.chunk.items = items;
        (done, outcome)
    }

    fn work_entity(&mut self, entity: &[u8]) -> Result<()> {
        self.live.note(entity, RunCounts::default());
        let pages = self.rebuilder.pages(entity, self.range)?;
        pages.iter().try_for_each(|(page, slots)| self.work_page(page, *slots))
    }

    fn work_page(&mut self, page: &[u8], slots: SlotSet) -> Result<()> {
        let entity = PageKey::split(page).map_or(&[][..], |(_, entity, _)| entity);
        self.live.note(entity, RunCounts::default());
        let worked = match self.rebuilder.clone().work_off(page, slots, self.floor) {
            Ok(worked) => worked,
            Err(error) if is_of_a_record(&error) => {
                let failed = slots.iter().map(|slot| (slot, error.clone())).collect();
                WorkedOff { failed, ..WorkedOff::default() }
            }
            Err(error) => return Err(error),
        };
        let done = RunCounts {
            done: slots.len().into(),
            failed: worked.failed.len() as u64,
            already_fresh: worked.found.len().into(),
        };
        self.tally.counts = self.tally.counts.plus(done);
        self.tally.list(page, worked);
        self.live.note(entity, done);
        Ok(())
    }

    /// Tells the file what was done, and what is left if that is not all.
    fn finish(&mut self, workshop: &Workshop, runs: &Runs, done: usize) -> Result<()> {
        let rest = self.chunk.items.split_off(done);
        let left = !rest.is_empty();
        let rest = left.then(|| Chunk { view: self.chunk.view, items: rest }.to_bytes());
        let noted = self.tally.counts;
        let writer = workshop.writer()?;
        let row = writer.run(FinishChunk {
            id: self.live.id,
            chunk: self.number,
            rest,
            counts: noted,
            failures: std::mem::take(&mut self.tally.failures),
            now: workshop.shared().options.clock.now(),
        })?;
        self.finished = true;
        self.live.lay_down(self.number, noted, left, Some(row.clone()));
        runs.show(workshop.shared(), &writer, &self.live, row)
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
                message: error.message().to_owned(),
            }
        }));
    }
}

impl Runs {
    /// Works off a piece, on the calling thread. A record that cannot be built is counted and hurts
    /// nobody; an error of the file ends the run, and one of this opening alone is returned: the run
    /// goes on later.
    pub(crate) fn work(&self, workshop: &Workshop, mut piece: Piece) -> Result<()> {
        let (live, view) = (piece.live.clone(), piece.view());
        let (done, outcome) = piece.work();
        // Also after an error: what was built before it is there.
        let nothing_done = done == 0 && !piece.chunk.items.is_empty();
        let finished = if nothing_done { Ok(()) } else { piece.finish(workshop, self, done) };
        drop(piece);
        let outcome = match outcome {
            Ok(()) => finished,
            Err(error) => self.after(workshop, &live, view, error),
        };
        live.report(workshop.shared().options.clock.now());
        outcome
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

/// What concerns some records and leaves the others as they are.
fn is_of_a_record(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Build | ErrorKind::Absent | ErrorKind::Input)
}
