//! The application of the workload: what it owns, and its handles on a store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use tidetable::{
    Bucket, BuildContext, BuildError, Clock, Error, ErrorKind, Grid, Input, ManualClock, Options,
    Result, Span, Store, Timestamp, View, ViewDefinition,
};

use super::recipes::{BUCKETS, ENTITIES, PLACES, Place, Reads, SOURCES, Spot, make};
use super::truth::Truth;
use crate::disk::Disk;

pub type Entity = (u8, u8);
pub type Answers = View<Entity, Vec<u32>>;

/// What the application owns: the version of each source.
#[derive(Debug, Default)]
pub struct World([AtomicU32; SOURCES]);

/// An open store, and the application that has it open.
pub struct App {
    pub world: Arc<World>,
    pub clock: Arc<ManualClock>,
    pub store: Store,
    /// Those that are defined, in the order of their places.
    views: Vec<Option<Answers>>,
    pub input: Option<Input<u8, u32>>,
}

const MINUTE_MS: i64 = 60_000;

pub fn entity(index: usize) -> Entity {
    [(0, 0), (0, 1), (1, 0)][index]
}

pub fn entity_index(entity: Entity) -> usize {
    (0..ENTITIES).find(|index| self::entity(*index) == entity).expect("there are no others")
}

pub fn start_of(bucket: usize) -> Timestamp {
    Timestamp::from_millis(bucket as i64 * MINUTE_MS)
}

pub fn starts_of(buckets: std::ops::Range<usize>) -> std::ops::Range<Timestamp> {
    start_of(buckets.start)..start_of(buckets.end)
}

pub fn spot_of(entity: Entity, bucket: Bucket) -> Spot {
    if bucket.is_timeless() {
        return 0;
    }
    entity_index(entity) * BUCKETS + (bucket.start().as_millis() / MINUTE_MS) as usize
}

/// When the workload begins: its buckets are over.
pub fn beginning() -> Timestamp {
    start_of(BUCKETS)
}

/// How long what is given is kept: one bucket after the other goes in the course of a workload.
pub const KEPT_MINUTES: i64 = 3;

impl World {
    pub fn version(&self, source: usize) -> u32 {
        self.0[source].load(Relaxed)
    }

    pub fn set(&self, source: usize, version: u32) {
        self.0[source].store(version, Relaxed);
    }

    pub fn set_all(&self, versions: [u32; SOURCES]) {
        (0..SOURCES).for_each(|source| self.set(source, versions[source]));
    }
}

impl App {
    /// Opens the store on a disk. Nothing of it is defined yet.
    pub fn open(
        disk: &Disk,
        create: bool,
        memory_bytes: usize,
        clock: &Arc<ManualClock>,
        world: &Arc<World>,
    ) -> Result<Self> {
        let options = Options {
            create,
            builders: 0,
            clock: clock.clone(),
            memory_bytes,
            // Nothing is synced but what asks for it: when is for the workload to say.
            unsynced_age_max: Span::hours(1),
            retention_every: Span::minutes(1),
            ..Options::default()
        };
        let store = Store::open_backend(disk.backend(), options)?;
        let (views, input) = (vec![None; PLACES.len()], None);
        Ok(Self { world: world.clone(), clock: clock.clone(), store, views, input })
    }

    /// Defines the views as they are to be. Those that are defined so already stay as they are.
    pub fn define(&mut self, defined: &[Option<(u32, u32)>; PLACES.len()]) -> Result<()> {
        let input = self.store.input("input")?;
        self.input = Some(input.clone());
        for place in PLACES {
            self.views[place as usize] = match defined[place as usize] {
                Some((version, page_len)) => Some(self.define_view(place, version, page_len)?),
                None => None,
            };
        }
        Ok(())
    }

    fn define_view(&self, place: Place, version: u32, page_len: u32) -> Result<Answers> {
        let mut definition: ViewDefinition<Entity, Vec<u32>> =
            self.store.view(place.name()).version(version).without_breaker();
        if !place.is_timeless() {
            definition = definition.grid(Grid::minutes(1)).page_len(page_len);
        }
        if place == Place::Given {
            definition = definition.retain(Span::minutes(KEPT_MINUTES));
        }
        if place == Place::Put {
            return definition.without_build();
        }
        let (world, input) = (self.world.clone(), self.input.clone());
        let views = self.views.clone();
        definition.build(move |cx, entity, bucket| {
            let mut reads = Build { world: &world, input: input.as_ref(), views: &views, cx };
            let made = make(place, spot_of(*entity, bucket), version, &mut reads)?;
            Ok::<_, BuildError>(made)
        })
    }

    /// The store's clock.
    pub fn now(&self) -> i64 {
        self.clock.now().as_millis()
    }

    pub fn view(&self, place: Place) -> &Answers {
        self.views[place as usize].as_ref().expect("no step is about a view that is deleted")
    }

    pub fn input(&self) -> &Input<u8, u32> {
        self.input.as_ref().expect("it is defined with the views")
    }

    pub fn define_none_of(&mut self, place: Place) {
        self.views[place as usize] = None;
    }

    /// Views that a handle is held of.
    pub fn views(&self) -> impl Iterator<Item = (Place, &Answers)> {
        PLACES.into_iter().filter_map(|place| Some((place, self.views[place as usize].as_ref()?)))
    }

    /// The application's data become what was announced.
    pub fn become_as(&self, truth: &Truth) {
        self.world.set_all(truth.sources);
    }
}

/// Reads of one build, from the store.
struct Build<'a> {
    world: &'a World,
    input: Option<&'a Input<u8, u32>>,
    views: &'a [Option<Answers>],
    cx: &'a BuildContext,
}

impl Build<'_> {
    fn view(&self, place: Place) -> &Answers {
        self.views[place as usize].as_ref().expect("what others read is never deleted")
    }
}

impl Reads for Build<'_> {
    type Error = Error;

    fn source(&mut self, source: usize) -> Result<u32> {
        let version = self.world.version(source);
        match source % 2 {
            0 => self.cx.depends_on(("source", source as u64)),
            _ => self.cx.depends_on_at(("source", source as u64), u64::from(version)),
        }
        Ok(version)
    }

    fn all_sources(&mut self) -> Result<[u32; SOURCES]> {
        self.cx.depends_on_kind("source");
        Ok(std::array::from_fn(|source| self.world.version(source)))
    }

    fn input(&mut self, key: usize) -> Result<Option<u32>> {
        let input = self.input.expect("it is defined before all views");
        Ok(self.cx.input(input, &(key as u8))?.map(|value| value.to_native()))
    }

    fn record(&mut self, place: Place, at: Spot) -> Result<Option<Vec<u32>>> {
        let view = self.view(place);
        match self.cx.get(view, &entity(at / BUCKETS), start_of(at % BUCKETS)) {
            Ok(record) => Ok(Some(record.iter().map(|word| word.to_native()).collect())),
            Err(error) if error.kind() == ErrorKind::Absent => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn records(&mut self, place: Place, of: usize) -> Result<Vec<u32>> {
        let timeline = self.cx.range(self.view(place), &entity(of), starts_of(0..BUCKETS))?;
        let words = timeline.iter().flat_map(|(_, record)| record.iter());
        Ok(words.map(|word| word.to_native()).collect())
    }

    fn all_put(&mut self) -> Result<Vec<u32>> {
        let mut all = Vec::new();
        for (of, timeline) in self.cx.scan(self.view(Place::Put), starts_of(0..BUCKETS))? {
            for (bucket, record) in timeline.iter() {
                all.push(spot_of(of, bucket) as u32);
                all.extend(record.iter().map(|word| word.to_native()));
            }
        }
        Ok(all)
    }
}
