//! tidetable, through what it makes public alone.

use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use tidetable::{
    Bucket, BuildContext, BuildError, Grid, Missing, Options, Record, Refresh, Span, Store,
    TimeRange, Timestamp, View,
};

use crate::data::Data;
use crate::key::{Key, SLOTS, start_of};
use crate::record::{Exposure, RecordBytes};

use super::{Engine, FileEngine, Reader, TIDETABLE, Writer};

/// A store with the one view, as its documentation has it: default options but for the memory, page
/// length and compression by default, and a build function by page that costs nothing.
pub struct Tidetable {
    pub store: Store,
    pub view: View<u32, Exposure>,
    data: Outside,
}

/// What builds copy, and a rebuild finds changed.
type Outside = Arc<RwLock<Option<Data>>>;

/// What the builds say that they read.
#[derive(Clone, Copy, PartialEq)]
pub enum Sources {
    None,
    /// So many buildings, no two entities the same.
    Buildings(u32),
    /// One for all records.
    Weather,
}

/// How a store is opened for a work.
const FILE: &str = "exposure.tide";

/// Default options with so much memory, and without the ten seconds after an opening in which what
/// the builders do in the background, runs among it, is held back for the sake of a program that
/// starts: an engine here is measured as one that has been open for a while.
pub fn store_options(memory_bytes: usize) -> Options {
    Options { memory_bytes, background_ramp: Span::ZERO, ..Options::default() }
}

/// The nth building that an entity reads, of so many.
pub fn building(entity: u32, nth: u32, count: u32) -> (&'static str, u32) {
    ("building", entity * count + nth)
}

pub fn open(folder: &Path, memory_bytes: usize) -> Box<dyn FileEngine> {
    Box::new(Tidetable::open(folder, store_options(memory_bytes), Sources::None))
}

impl Tidetable {
    pub fn open(folder: &Path, options: Options, sources: Sources) -> Self {
        Self::of(Store::open_with(folder.join(FILE), options).expect("a store"), sources)
    }

    /// Without a file.
    pub fn in_memory(options: Options, sources: Sources) -> Self {
        Self::of(Store::in_memory_with(options).expect("a store"), sources)
    }

    fn of(store: Store, sources: Sources) -> Self {
        let data = Outside::default();
        let view = define(&store, sources, data.clone());
        Self { store, view, data }
    }

    /// From here on builds copy these records. Nothing is announced.
    pub fn change(&self, data: &Data) {
        *self.data.write().unwrap_or_else(PoisonError::into_inner) = Some(data.clone());
    }

    /// Builds all records in a run, synced when it returns.
    pub fn precompute(&self, data: &Data) {
        self.change(data);
        let run = self.view.precompute(0..data.entities(), slots(0..SLOTS)).expect("a run");
        let status = run.wait().expect("the run ends");
        assert_eq!((status.done, status.failed), (u64::from(data.len()), 0), "{status:?}");
        self.store.sync().expect("a sync");
    }
}

impl Tidetable {
    /// Builds these records again, in one run.
    pub fn rebuild_some(&self, nths: &[u32]) {
        let refresh = nths.iter().fold(Refresh::all(), |refresh, nth| {
            let (entity, slot) = (nth / SLOTS, nth % SLOTS);
            refresh.records(&self.view.of_range(&entity, slots(slot..slot + 1)))
        });
        let status = self.store.refresh(&refresh).expect("a run").wait().expect("the run ends");
        assert_eq!((status.done, status.failed), (nths.len() as u64, 0), "{status:?}");
    }

    /// Builds what is not fresh, and waits for it.
    pub fn refresh(&self) {
        let run = self.store.refresh(&Refresh::lacking()).expect("a run");
        assert_eq!(run.wait().expect("the run ends").failed, 0);
    }

    /// Builds everything again.
    pub fn rebuild(&self) {
        let run = self.store.refresh(&Refresh::all()).expect("a run");
        assert_eq!(run.wait().expect("the run ends").failed, 0);
    }
}

fn define(store: &Store, sources: Sources, data: Outside) -> View<u32, Exposure> {
    let definition = store.view::<u32, Exposure>("sun_exposure").grid(Grid::minutes(10));
    let build = move |cx: &BuildContext, entity: &u32, buckets: &[Bucket]| {
        match sources {
            Sources::None => {}
            Sources::Buildings(count) => {
                (0..count).for_each(|nth| cx.depends_on(building(*entity, nth, count)));
            }
            Sources::Weather => cx.depends_on(("weather", 1)),
        }
        let data = data.read().unwrap_or_else(PoisonError::into_inner).clone();
        let data = data.ok_or("nothing to build from")?;
        let record = |bucket: &Bucket| data.built(*entity, bucket.start().as_millis());
        Ok::<_, BuildError>(buckets.iter().map(record).collect())
    };
    definition.build_page(build).expect("a view")
}

fn slots(slots: Range<u32>) -> TimeRange {
    let [start, end] = [slots.start, slots.end].map(|slot| Timestamp::from_millis(start_of(slot)));
    TimeRange::new(start, end)
}

impl Engine for Tidetable {
    fn name(&self) -> &'static str {
        TIDETABLE
    }

    fn read(&self, work: &mut dyn FnMut(&mut dyn Reader)) {
        work(&mut Handle(self.view.when_missing(Missing::Miss)));
    }
}

impl FileEngine for Tidetable {
    fn load(&self, data: &Data) {
        self.precompute(data);
    }

    fn write(&self, work: &mut dyn FnMut(&mut dyn Writer)) {
        work(&mut Handle(self.view.when_missing(Missing::Miss)));
    }

    fn close(self: Box<Self>) {
        self.store.close().expect("a clean close");
    }
}

struct Handle(View<u32, Exposure>);

impl Handle {
    #[inline(always)]
    fn find(&self, key: Key) -> Option<Record<Exposure>> {
        self.0.get(&key.entity, Timestamp::from_millis(key.start)).ok()
    }
}

impl Reader for Handle {
    #[inline(always)]
    fn get(&mut self, key: Key) -> Option<u64> {
        self.find(key).map(|record| record.touch())
    }

    fn timeline(&mut self, entity: u32, range: Range<u32>) -> u64 {
        let timeline = self.0.range(&entity, slots(range)).expect("a timeline");
        timeline.iter().fold(0, |sum, (_, record)| sum.wrapping_add(record.touch()))
    }

    fn many(&mut self, entities: &[u32], slot: u32) -> u64 {
        let records = self.0.get_many(entities, Timestamp::from_millis(start_of(slot)));
        records.iter().fold(0, |sum, record| {
            sum.wrapping_add(record.as_ref().map_or(0, |record| record.touch()))
        })
    }

    /// By the call that answers "none" without an error.
    fn misses(&mut self, keys: &[Key]) -> usize {
        let peek = |key: &&Key| self.0.peek(&key.entity, Timestamp::from_millis(key.start));
        keys.iter().filter(|key| peek(key).expect("a look").is_none()).count()
    }

    fn record(&mut self, key: Key) -> Option<RecordBytes> {
        self.find(key)?.archived_bytes().try_into().ok()
    }
}

impl Writer for Handle {
    fn put(&mut self, data: &Data, nths: &[u32]) {
        let records = nths.iter().map(|nth| {
            let key = Key::nth(*nth);
            (key.entity, Timestamp::from_millis(key.start), data.record(*nth))
        });
        self.0.put_many(records).expect("records are put");
    }
}
