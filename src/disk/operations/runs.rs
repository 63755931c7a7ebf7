//! Runs: their work written down, its progress, their end.

use redb::{ReadableTable, Table};

use crate::error::{Error, ErrorKind, Result};
use crate::time::Timestamp;

use super::super::batch::Batch;
use super::super::committed::Committed;
use super::super::operation::{Operation, Speed};
use super::super::run_row::{
    CHUNK, FAILURE, FAILURES_LISTED_MAX, FailureRow, HEAD, RunCounts, RunRow, RunStage, row_key,
};
use super::super::tables::RUNS;
use super::horizon::BegunDay;

/// The table of runs in a transaction that writes it.
type Runs<'t> = Table<'t, &'static [u8], &'static [u8]>;

fn open<'t>(batch: &mut Batch<'t>) -> Result<Runs<'t>> {
    let runs = batch.txn().open_table(RUNS);
    batch.keep(runs)
}

fn head(batch: &mut Batch<'_>, runs: &Runs<'_>, id: u64) -> Result<Option<RunRow>> {
    let found = runs.get(&*row_key(id, HEAD, 0)).map(|row| row.map(|row| row.value().to_vec()));
    // Of an operation, not of the transaction: one damaged run stops no others.
    batch.keep(found)?.map(|bytes| RunRow::from_bytes(&bytes)).transpose()
}

fn put(batch: &mut Batch<'_>, runs: &mut Runs<'_>, key: &[u8], row: &[u8]) -> Result<()> {
    let kept = runs.insert(key, row).map(drop);
    batch.keep(kept)
}

fn put_head(batch: &mut Batch<'_>, runs: &mut Runs<'_>, id: u64, row: &mut RunRow) -> Result<()> {
    row.revision = batch.revision();
    put(batch, runs, &row_key(id, HEAD, 0), &row.to_bytes())
}

fn no_such_run(id: u64) -> Error {
    Error::new(ErrorKind::Absent, format!("there is no run {id} any more; it was pruned"))
}

/// Writes down the work of a run, a few chunks at a time. The first time it gives the run its id.
pub(crate) struct Spool {
    pub(crate) id: Option<u64>,
    pub(crate) head: RunRow,
    /// The number of the first of these chunks.
    pub(crate) first: u32,
    pub(crate) chunks: Vec<Vec<u8>>,
}

impl Operation for Spool {
    type Applied = u64;
    type Answer = u64;

    fn speed(&self) -> Speed {
        // Worth nothing before the run is started, and that is synced.
        Speed::Derived
    }

    fn weight(&self) -> usize {
        self.chunks.iter().map(Vec::len).sum()
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<u64> {
        let mut runs = open(batch)?;
        // No other operation of this file has this revision.
        let id = self.id.unwrap_or(batch.revision().get());
        if self.id.is_none() {
            put_head(batch, &mut runs, id, &mut self.head)?;
        }
        for (number, chunk) in (self.first..).zip(&self.chunks) {
            put(batch, &mut runs, &row_key(id, CHUNK, number), chunk)?;
        }
        Ok(id)
    }

    fn answer(self, id: u64, _: &Committed) -> u64 {
        id
    }
}

/// Starts a run, with the last of its work, which mostly is all of it. One without work has ended.
pub(crate) struct StartRun {
    /// None if nothing was written yet.
    pub(crate) id: Option<u64>,
    /// What is not written yet.
    pub(crate) left: Vec<Spool>,
    pub(crate) total: u64,
    pub(crate) chunks: u32,
    /// Whether everything is built that began before this operation.
    pub(crate) anew: bool,
    /// The day of a view's horizon that it fills: from here on it is begun.
    pub(crate) day: Option<BegunDay>,
    pub(crate) now: Timestamp,
}

impl Operation for StartRun {
    type Applied = (u64, RunRow);
    type Answer = (u64, RunRow);

    fn speed(&self) -> Speed {
        // Who starts it has it synced before he promises it.
        Speed::Derived
    }

    fn weight(&self) -> usize {
        self.left.iter().map(Spool::weight).sum()
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<(u64, RunRow)> {
        for some in &mut self.left {
            some.id = self.id;
            self.id = Some(some.apply(batch)?);
        }
        let id = self.id.expect("something was written, or is left to be");
        let mut runs = open(batch)?;
        let mut row = head(batch, &runs, id)?.ok_or_else(|| no_such_run(id))?;
        (row.total, row.chunks_left, row.started) = (self.total, self.chunks, self.now);
        if self.anew {
            row.floor = batch.revision();
        }
        row.stage = RunStage::Going;
        if self.chunks == 0 {
            (row.stage, row.ended) = (RunStage::Done, self.now);
        }
        put_head(batch, &mut runs, id, &mut row)?;
        self.day.as_ref().map_or(Ok(()), |day| day.note(batch))?;
        Ok((id, row))
    }

    fn answer(self, started: (u64, RunRow), _: &Committed) -> (u64, RunRow) {
        started
    }
}

/// Notes what was done of a chunk, after the records that were built for it: commits keep their
/// order, so what a run says is done is never lost. The last chunk ends the run, and that is synced.
pub(crate) struct FinishChunk {
    pub(crate) id: u64,
    pub(crate) chunk: u32,
    /// What is left of the chunk; nothing when all of it is done.
    pub(crate) rest: Option<Vec<u8>>,
    pub(crate) counts: RunCounts,
    pub(crate) failures: Vec<FailureRow>,
    pub(crate) now: Timestamp,
}

impl Operation for FinishChunk {
    type Applied = RunRow;
    type Answer = RunRow;

    fn speed(&self) -> Speed {
        Speed::Derived
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<RunRow> {
        let mut runs = open(batch)?;
        let id = self.id;
        let mut row = head(batch, &runs, id)?.ok_or_else(|| no_such_run(id))?;
        row.counts = row.counts.plus(self.counts);
        for failure in &self.failures {
            if row.failures_listed == FAILURES_LISTED_MAX {
                break;
            }
            let key = row_key(id, FAILURE, row.failures_listed);
            put(batch, &mut runs, &key, &failure.to_bytes())?;
            row.failures_listed += 1;
        }
        let key = row_key(id, CHUNK, self.chunk);
        match &self.rest {
            // Of a run that has ended all chunks go.
            Some(rest) if !row.stage.has_ended() => put(batch, &mut runs, &key, rest)?,
            _ => {
                let removed = runs.remove(&*key).map(|removed| removed.is_some());
                row.chunks_left = row.chunks_left.saturating_sub(u32::from(batch.keep(removed)?));
            }
        }
        if row.chunks_left == 0 && !row.stage.has_ended() {
            (row.stage, row.ended) = (RunStage::Done, self.now);
            batch.must_sync();
        }
        put_head(batch, &mut runs, id, &mut row)?;
        Ok(row)
    }

    fn answer(self, row: RunRow, _: &Committed) -> RunRow {
        row
    }
}

/// Pauses a run, lets it go on, or ends it. One that has ended stays as it is.
pub(crate) struct TurnRun {
    pub(crate) id: u64,
    pub(crate) stage: RunStage,
    /// Why it failed, if it did.
    pub(crate) error: String,
    pub(crate) now: Timestamp,
}

impl Operation for TurnRun {
    type Applied = RunRow;
    type Answer = RunRow;

    fn speed(&self) -> Speed {
        Speed::Synced
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<RunRow> {
        let mut runs = open(batch)?;
        let mut row = head(batch, &runs, self.id)?.ok_or_else(|| no_such_run(self.id))?;
        if !row.stage.has_ended() {
            row.stage = self.stage;
            if self.stage.has_ended() {
                (row.ended, row.error) = (self.now, std::mem::take(&mut self.error));
            }
            put_head(batch, &mut runs, self.id, &mut row)?;
        }
        Ok(row)
    }

    fn answer(self, row: RunRow, _: &Committed) -> RunRow {
        row
    }
}

/// Removes some rows of a run: those chunks that are left, or everything, its head last. Answers
/// whether more may be left.
pub(crate) struct SweepRun {
    pub(crate) id: u64,
    pub(crate) whole: bool,
}

/// Rows removed in one transaction: it bounds how long a caller waits behind it.
const ROWS_AT_ONCE: usize = 512;

impl Operation for SweepRun {
    type Applied = bool;
    type Answer = bool;

    fn speed(&self) -> Speed {
        Speed::Derived
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<bool> {
        let mut runs = open(batch)?;
        let first = row_key(self.id, CHUNK, 0);
        let last = row_key(self.id, if self.whole { FAILURE } else { CHUNK }, u32::MAX);
        let keys = runs.range(&*first..=&*last).and_then(|rows| {
            let keys = rows.take(ROWS_AT_ONCE).map(|row| row.map(|(key, _)| key.value().to_vec()));
            keys.collect::<Result<Vec<_>, _>>()
        });
        let mut keys = batch.keep(keys)?;
        let more = keys.len() == ROWS_AT_ONCE;
        if self.whole && !more {
            keys.push(row_key(self.id, HEAD, 0));
        }
        for key in keys {
            let removed = runs.remove(&*key).map(drop);
            batch.keep(removed)?;
        }
        Ok(more)
    }

    fn answer(self, more: bool, _: &Committed) -> bool {
        more
    }
}
