//! tidetable under a trace: a store with a page for every key, and memory for so many of them.

use std::error::Error;
use std::path::Path;

use tempfile::TempDir;
use tidetable::{Layer, Options, Store, Timestamp, View};

use super::lis::Trace;
use super::ratio::Cache;

/// A view without time has one record a page, so a page is an entry. A request that finds its page in
/// memory is a hit; any other has it read from the file, and the record tells which it was.
pub(super) struct Tide {
    store: Store,
    view: View<u32, u32>,
    memory_bytes: usize,
    folder: TempDir,
}

/// How many pages the first guess at the memory for a page is made from.
const PROBED: u32 = 100;
const MEMORY_PROBED: usize = 64 << 20;
/// The file's own cache takes an eighth of the memory, so of what is given to find room for a page
/// more it takes a part too; a store is opened again until its pages are those that were asked for.
const TRIES: usize = 8;
const BATCH: u32 = 4096;
const FILE: &str = "trace.tide";

impl Tide {
    /// With memory for `capacity` pages by the store's own account: it is read over and over, and
    /// opened anew with other memory, until it holds that many or, as what shards have left over
    /// lets no page in, up to one in a thousand less.
    pub(super) fn new(trace: &Trace, capacity: usize) -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join(FILE);
        fill(&path, trace.keys())?;
        let (store, view) = open(&path, MEMORY_PROBED)?;
        read(&view, PROBED.min(trace.keys()))?;
        let metrics = store.metrics();
        let page_bytes = metrics.bytes_resident.div_ceil(metrics.pages_resident.max(1)) as usize;
        drop(view);
        store.close()?;

        // Enough to fill every shard, though keys fall into them unevenly.
        let asked = u32::try_from(2 * capacity)?.min(trace.keys());
        let mut memory_bytes = page_bytes * capacity / 7 * 8;
        for _ in 0..TRIES {
            let (store, view) = open(&path, memory_bytes)?;
            read(&view, asked)?;
            let pages = store.metrics().pages_resident as usize;
            drop(view);
            store.close()?;
            if (capacity - capacity / 1000..=capacity).contains(&pages) {
                break;
            }
            let lacking = capacity as isize - pages as isize;
            let step = lacking * page_bytes.cast_signed() * 8 / 7;
            memory_bytes = memory_bytes.saturating_add_signed(step);
        }
        let (store, view) = open(&path, memory_bytes)?;
        Ok(Self { store, view, memory_bytes, folder })
    }

    /// The same with nothing in memory.
    pub(super) fn emptied(self) -> Result<Self, Box<dyn Error>> {
        let Self { store, view, memory_bytes, folder } = self;
        drop(view);
        store.close()?;
        let (store, view) = open(&folder.path().join(FILE), memory_bytes)?;
        Ok(Self { store, view, memory_bytes, folder })
    }

    /// How many pages it holds, and what one weighs.
    pub(super) fn held(&self) -> (u64, u64) {
        let metrics = self.store.metrics();
        (metrics.pages_resident, metrics.bytes_resident / metrics.pages_resident.max(1))
    }
}

impl Cache for Tide {
    fn ask(&self, key: u32) -> bool {
        let record = self.view.get(&key, Timestamp::EPOCH).expect("every key was stored");
        debug_assert_eq!(record.to_native(), key);
        record.layer() == Layer::Memory
    }
}

fn open(path: &Path, memory_bytes: usize) -> tidetable::Result<(Store, View<u32, u32>)> {
    // It begins with nothing in memory, as the others do.
    let options = Options { memory_bytes, warm_up: false, ..Options::default() };
    let store = Store::open_with(path, options)?;
    let view = store.view("trace").without_build()?;
    Ok((store, view))
}

fn fill(path: &Path, keys: u32) -> tidetable::Result<()> {
    let (store, view) = open(path, MEMORY_PROBED)?;
    for first in (0..keys).step_by(BATCH as usize) {
        let batch = first..keys.min(first + BATCH);
        view.put_many(batch.map(|key| (key, Timestamp::EPOCH, key)))?;
    }
    drop(view);
    store.close()
}

fn read(view: &View<u32, u32>, keys: u32) -> tidetable::Result<()> {
    for key in 0..keys {
        view.get(&key, Timestamp::EPOCH)?;
    }
    Ok(())
}
