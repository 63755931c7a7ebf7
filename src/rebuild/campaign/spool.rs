//! Writing down the work of a run, so that it goes on without whoever asked for it.

use crate::disk::operations::{Spool as SpoolSome, StartRun};
use crate::disk::{Chunk, Item, RunCounts, RunKind, RunRow, RunStage};
use crate::error::Result;
use crate::page::ViewId;
use crate::rebuild::engine::Engine;
use crate::rebuild::runs::{Live, Runs, sweep};
use crate::revision::Revision;
use crate::sync::Arc;
use crate::time::{TimeRange, Timestamp};

use super::run::Run;

/// The most items of a chunk: it bounds what is done again after a crash.
const ITEMS_MAX: u64 = 256;
/// And the most buckets, unless one item has more.
const BUCKETS_MAX: u64 = 1 << 12;
/// And about how many bytes.
const CHUNK_BYTES: usize = 32 << 10;
/// Chunks written at once.
const CHUNKS_AT_ONCE: usize = 16;

/// The work of a run on its way into the file, bounded in memory. Dropped before the run is started
/// it leaves nothing.
pub(crate) struct Spool<'e> {
    engine: &'e Arc<Engine>,
    head: RunRow,
    /// Known once something was written.
    id: Option<u64>,
    chunk: Chunk,
    /// What the chunk holds: buckets, bytes.
    buckets: u64,
    bytes: usize,
    chunks: Vec<Vec<u8>>,
    /// How many chunks were written, and how many buckets they and what is here are about.
    written: u32,
    total: u64,
}

impl<'e> Spool<'e> {
    pub(crate) fn new(
        engine: &'e Arc<Engine>,
        kind: RunKind,
        name: &str,
        views: Vec<ViewId>,
        range: TimeRange,
    ) -> Self {
        let created = engine.shared().options.clock.now();
        let head = RunRow {
            kind,
            stage: RunStage::Spooling,
            name: name.to_owned(),
            range,
            floor: Revision::ZERO,
            revision: Revision::ZERO,
            created,
            started: created,
            ended: Timestamp::MIN,
            total: 0,
            counts: RunCounts::default(),
            chunks_left: 0,
            failures_listed: 0,
            error: String::new(),
            views,
        };
        Self {
            engine,
            head,
            id: None,
            chunk: Chunk { view: ViewId(0), items: Vec::new() },
            buckets: 0,
            bytes: 0,
            chunks: Vec::new(),
            written: 0,
            total: 0,
        }
    }

    /// Adds an item of so many buckets.
    pub(crate) fn add(&mut self, view: ViewId, item: Item, buckets: u64) -> Result<()> {
        let full = self.chunk.items.len() as u64 == ITEMS_MAX
            || self.buckets.saturating_add(buckets) > BUCKETS_MAX
            || self.bytes + item.weight() > CHUNK_BYTES;
        if full || self.chunk.view != view {
            self.end_chunk()?;
        }
        self.chunk.view = view;
        self.buckets = self.buckets.saturating_add(buckets);
        self.bytes += item.weight();
        self.total = self.total.saturating_add(buckets);
        self.chunk.items.push(item);
        Ok(())
    }

    fn end_chunk(&mut self) -> Result<()> {
        if !self.chunk.items.is_empty() {
            self.chunks.push(self.chunk.to_bytes());
            self.chunk.items.clear();
            (self.buckets, self.bytes) = (0, 0);
        }
        if self.chunks.len() >= CHUNKS_AT_ONCE { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<()> {
        let chunks = std::mem::take(&mut self.chunks);
        let (id, head, first) = (self.id, self.head.clone(), self.written);
        let count = u32::try_from(chunks.len()).expect("a few at once");
        self.id = Some(self.engine.writer()?.run(SpoolSome { id, head, first, chunks })?);
        self.written += count;
        Ok(())
    }

    /// Starts the run, durably. With `anew` everything is built that began before this.
    pub(crate) fn start(mut self, anew: bool) -> Result<Run> {
        self.end_chunk()?;
        if !self.chunks.is_empty() || self.id.is_none() {
            self.write()?;
        }
        let id = self.id.expect("something was written");
        let now = self.engine.shared().options.clock.now();
        let (total, chunks) = (self.total, self.written);
        let row = self.engine.writer()?.run(StartRun { id, total, chunks, anew, now })?;
        // From here on it is a run.
        self.id = None;
        let live = self.engine.runs().add(Live::new(id, row, now));
        if live.has_ended() {
            Runs::tell_ended(self.engine.shared(), &live);
        }
        self.engine.shared().bell.ring();
        Ok(Run::new(self.engine.clone(), live))
    }
}

impl Drop for Spool<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id
            && let Ok(writer) = self.engine.writer()
        {
            // What cannot be removed now is removed at the next opening.
            let _ = sweep(&writer, id, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::disk::{first_chunk, run_heads};
    use crate::options::Options;

    use super::*;

    fn engine() -> Arc<Engine> {
        Arc::new(Engine::in_memory(Options { builders: 0, ..Options::default() }).unwrap())
    }

    fn always() -> TimeRange {
        TimeRange::new(Timestamp::MIN, Timestamp::MAX)
    }

    /// A spool of so many entities of a view that is none.
    fn spool(engine: &Arc<Engine>, entities: u32, buckets: u64) -> Spool<'_> {
        let mut spool = Spool::new(engine, RunKind::Precompute, "sun", Vec::new(), always());
        for entity in 0..entities {
            let key = entity.to_be_bytes().as_slice().into();
            spool.add(ViewId(1), Item::Entity(key), buckets).unwrap();
        }
        spool
    }

    #[test]
    fn a_spool_that_is_dropped_leaves_nothing() {
        let engine = engine();
        let dropped = spool(&engine, 20_000, 1);
        let id = dropped.id.expect("some of it is in the file");
        assert_eq!(run_heads(engine.shared()).unwrap().len(), 1);
        drop(dropped);
        assert!(run_heads(engine.shared()).unwrap().is_empty());
        assert!(first_chunk(engine.shared(), id, 0).unwrap().is_none());
    }

    #[test]
    fn a_spool_that_was_cut_is_removed_by_who_takes_up_the_runs() {
        let engine = engine();
        let cut = spool(&engine, 20_000, 1);
        let id = cut.id.expect("some of it is in the file");
        std::mem::forget(cut);
        Runs::default().take_up(engine.shared(), &engine.writer().unwrap()).unwrap();
        assert!(run_heads(engine.shared()).unwrap().is_empty());
        assert!(first_chunk(engine.shared(), id, 0).unwrap().is_none());
    }

    #[test]
    fn a_chunk_is_bounded_in_entities_in_buckets_and_in_bytes() {
        let engine = engine();
        let first = |spool: Spool<'_>| {
            let run = spool.start(false).unwrap();
            first_chunk(engine.shared(), run.id(), 0).unwrap().unwrap().1.items.len()
        };
        assert_eq!(first(spool(&engine, 1000, 1)), 256);
        assert_eq!(first(spool(&engine, 1000, 1000)), 4);
        assert_eq!(first(spool(&engine, 1000, 1_000_000)), 1);
        let mut long = spool(&engine, 0, 1);
        for _ in 0..300 {
            long.add(ViewId(1), Item::Entity(vec![7; 1000].into()), 1).unwrap();
        }
        assert_eq!(first(long), 32);
    }

    /// A run whose chunks are these bytes, said to be so many.
    fn run_of(engine: &Arc<Engine>, chunks: Vec<Vec<u8>>, said: u32) -> Run {
        let head = spool(engine, 0, 1).head.clone();
        let writer = engine.writer().unwrap();
        let id = writer.run(SpoolSome { id: None, head, first: 0, chunks }).unwrap();
        let now = Timestamp::EPOCH;
        let start = StartRun { id, total: 1, chunks: said, anew: false, now };
        let row = writer.run(start).unwrap();
        Run::new(engine.clone(), engine.runs().add(Live::new(id, row, now)))
    }

    #[test]
    fn chunks_that_are_damaged_or_missing_fail_their_run_and_no_other() {
        let engine = engine();
        let missing = run_of(&engine, Vec::new(), 1);
        let damaged = run_of(&engine, vec![vec![9; 3]], 1);
        assert!(engine.runs().next_piece(engine.workshop()).unwrap().is_none());
        for (run, why) in [(missing, "missing"), (damaged, "unreadable")] {
            let status = run.wait().unwrap();
            assert_eq!(status.state, crate::rebuild::RunState::Failed);
            assert!(status.error.unwrap().contains(why));
        }
    }
}
