//! Builds whose source changes while they run.
//!
//! The cache and its marks are the real ones. The writer and the file are plain values under a lock
//! each, that follow the rules of the real ones: one operation after the other; commit, cache,
//! published revision, acknowledgement.

use std::sync::OnceLock;

use crate::cache::{Budget, Cache, CacheKey, Installed, Publication, Resident, Weighed};
use crate::graph::Colour;
use crate::revision::Life;
use crate::sync::{Arc, AtomicU64, Mutex, Ordering, thread};

/// A record, by what its source was when it was built.
#[derive(Clone, Copy, Debug)]
struct Page(u64);

impl Weighed for Page {
    fn bytes(&self) -> usize {
        1000
    }
}

const KEY: CacheKey<'static> = CacheKey::with_hash(1, b"key");
const OLD: u64 = 0;
const NEW: u64 = 1;

/// What stands in the file: a page and its marks.
#[derive(Clone, Copy)]
struct Row {
    page: Page,
    colour: Colour,
}

/// What the writer keeps from one operation to the next.
struct Writer {
    last: u64,
    /// When the source was last announced.
    touched: u64,
}

struct World {
    /// Not the engine's: it may order nothing.
    source: AtomicU64,
    writer: Mutex<Writer>,
    file: Mutex<Option<Row>>,
    cache: Cache<Page>,
    published: AtomicU64,
    /// The revision of the announcement. It only looks on.
    announced: OnceLock<u64>,
}

impl World {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            source: AtomicU64::new(OLD),
            writer: Mutex::new(Writer { last: 0, touched: 0 }),
            file: Mutex::new(None),
            cache: Cache::with_shards(Budget::new(1 << 20), Life::begin(), 1),
            published: AtomicU64::new(0),
            announced: OnceLock::new(),
        })
    }

    fn in_memory(&self, row: Row) -> Resident<Page> {
        let resident = Resident::new(self.cache.budget(), KEY, row.page, 1);
        let (stale, suspect) = (row.colour == Colour::Stale, row.colour == Colour::Suspect);
        resident.marks().raise(&[stale.into()], &[suspect.into()]);
        resident
    }

    /// A build, from its beginning to the acknowledgement of its record.
    fn build(&self) {
        let begun = self.published.load(Ordering::Acquire);
        let page = Page(self.source.load(Ordering::Relaxed));
        let mut writer = self.writer.lock();
        writer.last += 1;
        let colour = if writer.touched > begun { Colour::Stale } else { Colour::Fresh };
        let row = Row { page, colour };
        *self.file.lock() = Some(row);
        let resident = Arc::new(self.in_memory(row));
        self.cache.publish(KEY, Publication::Replace { resident, admit: true });
        self.published.store(writer.last, Ordering::Release);
    }

    /// The source changes; then that is announced, and acknowledged.
    fn change(&self) {
        self.source.store(NEW, Ordering::Relaxed);
        let mut writer = self.writer.lock();
        writer.last += 1;
        writer.touched = writer.last;
        self.announced.set(writer.last).expect("there is one announcement");
        if let Some(row) = &mut *self.file.lock() {
            row.colour = Colour::Stale;
        }
        self.cache.publish(KEY, Publication::Raise { stale: &[1], suspect: &[] });
        self.published.store(writer.last, Ordering::Release);
    }

    /// A read, wherever the page comes from.
    fn read(&self) {
        let began = self.published.load(Ordering::Acquire);
        let Some(resident) = self.cache.get(KEY).or_else(|| self.load()) else { return };
        let fresh = resident.marks().colour(0) == Colour::Fresh;
        if fresh && self.announced.get().is_some_and(|&announced| announced <= began) {
            assert_eq!(resident.value().0, NEW, "an old value is called fresh");
        }
    }

    fn load(&self) -> Option<Arc<Resident<Page>>> {
        let ticket = self.cache.ticket(KEY);
        let row = (*self.file.lock())?;
        Some(match self.cache.install(ticket, self.in_memory(row)) {
            Installed::Cached(page) | Installed::Joined(page) | Installed::Private(page) => page,
        })
    }
}

/// A build and a reader, while the source changes; then what is left, as the cache and the file have
/// it.
fn change_during_build(world: &Arc<World>) {
    let [builder, reader] = [World::build, World::read].map(|run: fn(&World)| {
        let world = Arc::clone(world);
        thread::spawn(move || run(&world))
    });
    world.change();
    // The announcement is acknowledged, whatever became of the build.
    world.read();
    builder.join().unwrap();
    reader.join().unwrap();
    world.read();
    world.cache.publish(KEY, Publication::Remove);
    world.read();
}

#[test]
fn a_first_build_that_a_change_overtook_is_never_fresh() {
    loom::model(|| change_during_build(&World::new()));
}

#[test]
fn a_record_that_is_built_again_during_a_change_is_fresh_only_with_what_is_new() {
    loom::model(|| {
        let world = World::new();
        world.build();
        change_during_build(&world);
    });
}
