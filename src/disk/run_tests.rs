//! The rows of a run, from the first chunk of its work to the last that goes.

use redb::ReadableTable;

use crate::rebuild::Engine;
use crate::revision::Revision;
use crate::sync::Arc;
use crate::sync::channel::bounded;
use crate::time::{TimeRange, Timestamp};

use super::batch::Batch;
use super::operation::{Operation, Speed};
use super::operations::{FinishChunk, Spool, StartRun, SweepRun, TurnRun};
use super::run_row::{CHUNK, FAILURE, FailureRow, HEAD, split_row_key};
use super::run_row::{RunCounts, RunKind, RunRow, RunStage};
use super::tables::RUNS;
use super::writer_tests::{engine, of};

const NOW: Timestamp = Timestamp::EPOCH;

/// A run, its work written down and begun.
struct World {
    engine: Arc<Engine>,
    id: u64,
}

impl World {
    fn of(chunks: u32) -> Self {
        let engine = Arc::new(engine());
        let head = RunRow {
            kind: RunKind::Precompute,
            stage: RunStage::Spooling,
            name: "run".to_owned(),
            range: TimeRange::new(NOW, NOW),
            floor: Revision::ZERO,
            revision: Revision::ZERO,
            created: NOW,
            started: NOW,
            ended: NOW,
            total: 0,
            counts: RunCounts::default(),
            chunks_left: 0,
            failures_listed: 0,
            error: String::new(),
            views: Vec::new(),
        };
        let work = (0..chunks).map(|number| number.to_be_bytes().to_vec()).collect();
        let left = vec![Spool { id: None, head, first: 0, chunks: work }];
        let total = u64::from(chunks);
        let start = StartRun { id: None, left, total, chunks, anew: false, day: None, now: NOW };
        let (id, row) = engine.writer().unwrap().run(start).unwrap();
        assert_eq!((row.stage, row.chunks_left), (RunStage::Going, chunks));
        Self { engine, id }
    }

    fn run<O: Operation>(&self, operation: O) -> O::Answer {
        self.engine.writer().unwrap().run(operation).unwrap()
    }

    fn finish(&self, chunk: u32, rest: Option<Vec<u8>>, failures: Vec<FailureRow>) -> RunRow {
        let counts = RunCounts { done: 1, ..RunCounts::default() };
        self.run(FinishChunk { id: self.id, chunk, rest, counts, failures, now: NOW })
    }

    fn sweep(&self, whole: bool) -> bool {
        self.run(SweepRun { id: self.id, whole })
    }

    /// How many rows of each kind it has: heads, chunks, failures.
    fn rows(&self) -> [usize; 3] {
        let (tell, told) = bounded(1);
        let count = move |batch: &mut Batch<'_>| {
            let runs = batch.txn().open_table(RUNS);
            let runs = batch.keep(runs)?;
            let mut rows = [0; 3];
            for entry in runs.iter().unwrap() {
                let (_, tag, _) = split_row_key(entry.unwrap().0.value()).unwrap();
                rows[[HEAD, CHUNK, FAILURE].iter().position(|known| *known == tag).unwrap()] += 1;
            }
            tell.send(rows).unwrap();
            Ok(())
        };
        self.run(of(&self.engine, Speed::Derived, count));
        told.recv().unwrap()
    }
}

#[test]
fn a_run_of_more_rows_than_go_at_once_is_swept_until_none_is_left() {
    let it = World::of(1100);
    assert_eq!(it.rows(), [1, 1100, 0]);
    assert_eq!([it.sweep(false), it.sweep(false), it.sweep(false)], [true, true, false]);
    assert_eq!(it.rows(), [1, 0, 0], "what is known of it stays");
    let it = World::of(1100);
    assert_eq!([it.sweep(true), it.sweep(true)], [true, true]);
    assert_eq!(it.rows(), [1, 76, 0], "the head goes last");
    assert!(!it.sweep(true));
    assert_eq!(it.rows(), [0; 3]);
}

#[test]
fn a_run_ends_with_its_last_chunk_and_what_is_left_of_one_is_kept() {
    let it = World::of(2);
    let row = it.finish(0, Some(vec![7]), Vec::new());
    assert_eq!((row.stage, row.chunks_left, row.counts.done), (RunStage::Going, 2, 1));
    let row = it.finish(0, None, Vec::new());
    assert_eq!((row.stage, row.chunks_left, row.counts.done), (RunStage::Going, 1, 2));
    // One that is gone already takes none of the others with it.
    assert_eq!(it.finish(0, None, Vec::new()).chunks_left, 1);
    let row = it.finish(1, None, Vec::new());
    assert_eq!((row.stage, row.chunks_left), (RunStage::Done, 0));
    assert_eq!(it.rows(), [1, 0, 0]);
}

#[test]
fn of_a_run_that_has_ended_no_chunk_comes_back() {
    let it = World::of(3);
    let error = String::new();
    let row = it.run(TurnRun { id: it.id, stage: RunStage::Cancelled, error, now: NOW });
    assert_eq!(row.stage, RunStage::Cancelled);
    assert!(!it.sweep(false));
    // A builder had it in hand.
    let row = it.finish(1, Some(vec![7]), Vec::new());
    assert_eq!((row.stage, row.counts.done), (RunStage::Cancelled, 1));
    assert_eq!(it.rows(), [1, 0, 0]);
}
