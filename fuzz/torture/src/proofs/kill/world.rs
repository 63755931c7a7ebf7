//! The store of a round as its child and its judge define it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use tidetable::{Grid, Input, Options, Result, Span, Store, TimeRange, Timestamp, View};

use super::log::{KEYS, Ledger, Thing};

/// What is built, by the source and the input's key of its own number, and another source.
pub const ENTITIES: u64 = 24;
pub const BUCKETS: u64 = 4;
/// Sources, and keys of the input that are set by themselves.
pub const SOURCES: u64 = 12;
/// Records that are put together: more than a page.
pub const TOGETHER: u64 = 24;
/// Entities of the views that are asked for and that runs fill.
pub const ORDERED: u64 = KEYS as u64;

pub const KIND: &str = "source";

/// A record, with what its build read.
#[derive(rkyv::Archive, rkyv::Serialize)]
pub struct Cell {
    pub place: u64,
    pub near: u64,
    pub far: u64,
    pub input: u64,
}

/// The versions of the application's own data.
pub type Sources = Arc<Vec<AtomicU64>>;

pub struct World {
    pub store: Store,
    pub puts: View<u64, u64>,
    pub together: View<u64, u64>,
    pub input: Input<u64, u64>,
    /// Set together: their keys are beyond those of all others.
    pub inputs_together: Input<u64, u64>,
    pub low: View<u64, Cell>,
    pub high: View<u64, Cell>,
    pub synced: View<u64, Cell>,
    pub asked: View<u64, Cell>,
    pub ran: View<u64, Cell>,
    pub sources: Sources,
}

pub fn path(folder: &Path) -> std::path::PathBuf {
    folder.join("store")
}

pub fn at(bucket: u64) -> Timestamp {
    Timestamp::from_millis(bucket as i64 * 60_000)
}

pub fn all() -> TimeRange {
    TimeRange::new(at(0), at(BUCKETS))
}

pub fn place(entity: u64, at: Timestamp) -> u64 {
    (entity << 32) | (at.as_millis() as u64 / 60_000)
}

/// The other source that a record of the upper view reads.
pub fn far_of(entity: u64) -> u64 {
    (entity + 5) % SOURCES
}

/// Options for a store in which everything that can happen does so often.
pub fn options(builders: usize) -> Options {
    Options {
        builders,
        background_ramp: Span::ZERO,
        memory_bytes: 1 << 20,
        unsynced_age_max: Span::millis(20),
        ..Options::default()
    }
}

/// What the application's own data is, as far as it was written down.
pub fn sources(ledger: &Ledger) -> Sources {
    let version = |source| ledger.line(Thing::Source, source).begun.into();
    Arc::new((0..SOURCES as usize).map(version).collect())
}

impl World {
    pub fn open(path: &Path, builders: usize, sources: Sources) -> Result<Self> {
        let store = Store::open_with(path, options(builders))?;
        let puts = store.view("puts").grid(Grid::minutes(1)).page_len(2).without_build()?;
        let together = store.view("together").grid(Grid::minutes(1)).page_len(5);
        let together = together.without_build()?;
        let (input, inputs_together) = (store.input("input")?, store.input("inputs_together")?);
        let read: Input<u64, u64> = input.clone();
        let low = built(&store, "low", &sources, move |cx, entity, _, near| {
            let input = cx.input(&read, &(entity % SOURCES))?;
            Ok((near, 0, input.map_or(0, |value| value.to_native())))
        })?;
        let (read, ours): (View<u64, Cell>, _) = (low.clone(), sources.clone());
        let high = built(&store, "high", &sources, move |cx, entity, at, _| {
            let far = far_of(entity);
            cx.depends_on((KIND, far));
            let far = ours[far as usize].load(SeqCst);
            let low = cx.get(&read, &entity, at)?;
            Ok((low.near.to_native(), far, low.input.to_native()))
        })?;
        let alone = |name| built(&store, name, &sources, |_, _, _, near| Ok((near, 0, 0)));
        let (synced, asked, ran) = (alone("synced")?, alone("asked")?, alone("ran")?);
        Ok(Self {
            store,
            puts,
            together,
            input,
            inputs_together,
            low,
            high,
            synced,
            asked,
            ran,
            sources,
        })
    }

    /// What a record must have in it of an entity: of the near source, and of the far one.
    pub fn sources_of(&self, entity: u64, has_far: bool) -> impl Iterator<Item = u64> {
        [Some(entity % SOURCES), has_far.then(|| far_of(entity))].into_iter().flatten()
    }
}

type Read = (u64, u64, u64);

fn built(
    store: &Store,
    name: &str,
    sources: &Sources,
    read: impl Fn(&tidetable::BuildContext, u64, Timestamp, u64) -> Result<Read, tidetable::BuildError>
    + Send
    + Sync
    + 'static,
) -> Result<View<u64, Cell>> {
    let sources = sources.clone();
    let view = store.view::<u64, Cell>(name).grid(Grid::minutes(1)).page_len(3);
    view.build(move |cx, &entity, bucket| {
        let near = entity % SOURCES;
        cx.depends_on((KIND, near));
        let near = sources[near as usize].load(SeqCst);
        let (near, far, input) = read(cx, entity, bucket.start(), near)?;
        Ok(Cell { place: place(entity, bucket.start()), near, far, input })
    })
}
