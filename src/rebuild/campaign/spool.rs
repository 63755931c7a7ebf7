//! Writing down the work of a run, so that it goes on without whoever asked for it.

use crate::disk::operations::{BegunDay, Spool as SpoolSome, StartRun, SyncAll};
use crate::disk::{Chunk, Item, RunCounts, RunKind, RunRow, RunStage};
use crate::error::Result;
use crate::page::ViewId;
use crate::rebuild::runs::{Live, Runs, sweep};
use crate::rebuild::workshop::Workshop;
use crate::revision::Revision;
use crate::sync::Arc;
use crate::time::{TimeRange, Timestamp};

/// The most items of a chunk: it bounds what is done again after a crash.
const ITEMS_MAX: u64 = 256;
/// And the most buckets, unless one item has more.
const BUCKETS_MAX: u64 = 1 << 12;
/// And about how many bytes.
const CHUNK_BYTES: usize = 32 << 10;
/// Chunks of a lane written at once.
const CHUNKS_AT_ONCE: usize = 16;
/// So many lanes there may be, and so many chunks in each.
const LANES_MAX: usize = 4;
const LANE_LEN: u32 = u32::MAX / LANES_MAX as u32;

/// The work of a run on its way into the file, bounded in memory. Dropped before the run is started
/// it leaves nothing.
pub(crate) struct Spool<'w> {
    workshop: &'w Workshop,
    head: RunRow,
    /// Known once something was written.
    id: Option<u64>,
    lanes: [Lane; LANES_MAX],
    /// How many buckets it is about.
    total: u64,
    /// The day of a horizon that it fills.
    day: Option<BegunDay>,
}

/// Chunks that are worked off before those of the next lane, whatever is spooled first.
#[derive(Default)]
struct Lane {
    chunk: Option<Chunk>,
    /// What the chunk holds: buckets, bytes.
    buckets: u64,
    bytes: usize,
    /// Full ones that are not written yet.
    chunks: Vec<Vec<u8>>,
    written: u32,
}

impl Lane {
    fn end_chunk(&mut self) {
        self.chunks.extend(self.chunk.take().map(|chunk| chunk.to_bytes()));
        (self.buckets, self.bytes) = (0, 0);
    }
}

impl<'w> Spool<'w> {
    pub(crate) fn new(
        workshop: &'w Workshop,
        kind: RunKind,
        name: &str,
        views: Vec<ViewId>,
        range: TimeRange,
    ) -> Self {
        let created = workshop.shared().options.clock.now();
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
        let (lanes, day) = (<[Lane; LANES_MAX]>::default(), None);
        Self { workshop, head, id: None, lanes, total: 0, day }
    }

    /// From its start on a day of a horizon is begun.
    pub(super) fn begins(&mut self, day: BegunDay) {
        self.day = Some(day);
    }

    /// Adds an item of so many buckets.
    pub(crate) fn add(&mut self, view: ViewId, item: Item, buckets: u64) -> Result<()> {
        self.add_to(0, view, item, buckets)
    }

    /// Adds an item to one of the lanes.
    pub(super) fn add_to(
        &mut self,
        lane: usize,
        view: ViewId,
        item: Item,
        buckets: u64,
    ) -> Result<()> {
        self.total = self.total.saturating_add(buckets);
        let at = lane;
        let lane = &mut self.lanes[at];
        let fits = |chunk: &Chunk| {
            chunk.view == view
                && (chunk.items.len() as u64) < ITEMS_MAX
                && lane.buckets.saturating_add(buckets) <= BUCKETS_MAX
                && lane.bytes + item.weight() <= CHUNK_BYTES
        };
        if !lane.chunk.as_ref().is_some_and(fits) {
            lane.end_chunk();
        }
        lane.buckets = lane.buckets.saturating_add(buckets);
        lane.bytes += item.weight();
        lane.chunk.get_or_insert_with(|| Chunk { view, items: Vec::new() }).items.push(item);
        if lane.chunks.len() >= CHUNKS_AT_ONCE { self.write(at) } else { Ok(()) }
    }

    fn write(&mut self, at: usize) -> Result<()> {
        let some = self.take(at);
        self.id = Some(self.workshop.writer()?.run(some)?);
        Ok(())
    }

    /// The full chunks of a lane, to be written.
    fn take(&mut self, at: usize) -> SpoolSome {
        let lane = &mut self.lanes[at];
        let chunks = std::mem::take(&mut lane.chunks);
        let before = u32::try_from(at).expect("a few lanes") * LANE_LEN;
        let first = before + lane.written;
        lane.written += u32::try_from(chunks.len()).expect("a few at once");
        SpoolSome { id: self.id, head: self.head.clone(), first, chunks }
    }

    /// Starts the run, durably. With `anew` everything is built that began before this.
    pub(in crate::rebuild) fn start(mut self, anew: bool) -> Result<Arc<Live>> {
        let mut left = Vec::new();
        for lane in 0..LANES_MAX {
            self.lanes[lane].end_chunk();
            // One without work has a head all the same.
            if !self.lanes[lane].chunks.is_empty() || lane == 0 && self.id.is_none() {
                left.push(self.take(lane));
            }
        }
        let id = self.id;
        let (shared, writer) = (self.workshop.shared(), self.workshop.writer()?);
        let (now, day) = (shared.options.clock.now(), self.day.take());
        let (total, chunks) = (self.total, self.lanes.iter().map(|lane| lane.written).sum());
        let (id, row) = writer.run(StartRun { id, left, total, chunks, anew, day, now })?;
        // From here on it is a run, and is promised when it is synced: builders begin meanwhile.
        self.id = None;
        let live = self.workshop.runs().add(Live::new(id, row, now));
        shared.bell.ring();
        writer.run(SyncAll)?;
        drop(writer);
        if live.has_ended() {
            Runs::tell_ended(shared, &live);
        }
        Ok(live)
    }
}

impl Drop for Spool<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id
            && let Ok(writer) = self.workshop.writer()
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
    use crate::rebuild::campaign::Run;
    use crate::rebuild::engine::Engine;

    use super::*;

    fn engine() -> Arc<Engine> {
        Arc::new(Engine::in_memory(Options { builders: 0, ..Options::default() }).unwrap())
    }

    fn always() -> TimeRange {
        TimeRange::new(Timestamp::MIN, Timestamp::MAX)
    }

    /// A spool of so many entities of a view that is none.
    fn spool(engine: &Arc<Engine>, entities: u32, buckets: u64) -> Spool<'_> {
        let mut spool =
            Spool::new(engine.workshop(), RunKind::Precompute, "sun", Vec::new(), always());
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
            first_chunk(engine.shared(), run.id, 0).unwrap().unwrap().1.items.len()
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

    #[test]
    fn what_is_spooled_to_a_lane_comes_before_all_of_the_next() {
        let engine = engine();
        let mut spool = spool(&engine, 0, 1);
        for entity in 0..20_000_u32 {
            let lane = (entity % 3) as usize;
            let item = Item::Entity(entity.to_be_bytes().as_slice().into());
            spool.add_to(lane, ViewId(1), item, 1).unwrap();
        }
        let run = spool.start(false).unwrap();
        let (mut from, mut found) = (0, Vec::new());
        while let Some((number, chunk)) = first_chunk(engine.shared(), run.id, from).unwrap() {
            found.extend(chunk.items);
            from = number + 1;
        }
        let lane = |lane: u32| (0..20_000_u32).filter(move |entity| entity % 3 == lane);
        let item = |entity: u32| Item::Entity(entity.to_be_bytes().as_slice().into());
        let expected: Vec<Item> = (0..3).flat_map(lane).map(item).collect();
        assert!(found == expected, "another order");
        assert_eq!((run.row().total, run.row().chunks_left), (20_000, 81));
    }

    /// A run whose chunks are these bytes, said to be so many.
    fn run_of(engine: &Arc<Engine>, chunks: Vec<Vec<u8>>, said: u32) -> Run {
        let head = spool(engine, 0, 1).head.clone();
        let writer = engine.writer().unwrap();
        let id = writer.run(SpoolSome { id: None, head, first: 0, chunks }).unwrap();
        let now = Timestamp::EPOCH;
        let (id, left) = (Some(id), Vec::new());
        let start = StartRun { id, left, total: 1, chunks: said, anew: false, day: None, now };
        let (id, row) = writer.run(start).unwrap();
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
