//! Readers, writers and deleters, all at once and at full speed: what a read says is fresh is held
//! against what was acknowledged before it began.
//!
//! `READS` says how many reads there are.

#![expect(clippy::unwrap_used, reason = "what fails in a test fails the test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::common::block_on::block_on;
use crate::common::disk::Random;
use tidetable::{
    BuildContext, Changes, ErrorKind, Grid, Marked, Missing, Options, Record, Result, Span, Store,
    TimeRange, Timestamp, View,
};

/// So many take some seconds where nothing is optimized.
const READS_DEFAULT: u64 = 4_000;
const READERS: u64 = 4;
const SOURCES: u64 = 3;
const ENTITIES: u64 = 6;
const BUCKETS: u64 = 6;

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(600);

type Pairs = View<u64, u64>;

/// A number that only grows, and how far it was acknowledged to have grown.
#[derive(Debug, Default)]
struct Counter {
    now: AtomicU64,
    acknowledged: AtomicU64,
}

/// Two numbers as one record.
fn pair(left: u64, right: u64) -> u64 {
    left << 32 | right
}

fn parts(pair: u64) -> (u64, u64) {
    (pair >> 32, pair & u64::from(u32::MAX))
}

/// What the threads share.
struct World {
    counters: Arc<Vec<Counter>>,
    store: Store,
    /// Records of one number each: the left and the right side of the others.
    sides: [View<u64, u64>; 2],
    /// Records of both numbers, each view one further away from them.
    pairs: [Pairs; 3],
    reads: AtomicU64,
    fresh: AtomicU64,
    over: AtomicBool,
    /// Whether threads of the store's build too; then some reads are left to them.
    has_builders: bool,
}

fn at(bucket: u64) -> Timestamp {
    Timestamp::from_millis(bucket as i64 * 60_000)
}

fn all() -> TimeRange {
    TimeRange::new(at(0), at(BUCKETS))
}

/// The source of each side.
fn source(entity: u64, side: usize) -> usize {
    ((entity + side as u64) % SOURCES) as usize
}

fn define_side(store: &Store, counters: &Arc<Vec<Counter>>, side: usize) -> Result<View<u64, u64>> {
    let counters = counters.clone();
    let view = store.view::<u64, u64>(["left", "right"][side]);
    view.grid(Grid::minutes(1)).page_len(2).build(move |cx: &BuildContext, entity, _| {
        let source = source(*entity, side);
        cx.depends_on(("counter", source as u64));
        Ok(counters[source].now.load(Ordering::SeqCst))
    })
}

fn define_pairs(store: &Store, sides: &[View<u64, u64>; 2]) -> Result<[Pairs; 3]> {
    let [left, right] = sides.clone();
    let near = store.view::<u64, u64>("near").grid(Grid::minutes(1)).page_len(3);
    let near = near.build(move |cx, entity, bucket| {
        let left = cx.get(&left, entity, bucket.start())?.to_native();
        Ok(pair(left, right.get(entity, bucket.start())?.to_native()))
    })?;
    let read = near.clone();
    let far = store.view::<u64, u64>("far").grid(Grid::minutes(1)).page_len(4);
    let far = far
        .build(move |cx, entity, bucket| Ok(cx.get(&read, entity, bucket.start())?.to_native()))?;
    let read = far.clone();
    let least = store.view::<u64, u64>("least").build(move |cx, entity, _| {
        let all = cx.range(&read, entity, all())?;
        let sides = all.iter().map(|(_, it)| parts(it.to_native()));
        Ok(sides.reduce(|a, b| (a.0.min(b.0), a.1.min(b.1))).map_or(0, |(l, r)| pair(l, r)))
    })?;
    Ok([near, far, least])
}

/// Ends the others, however its thread ends.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl World {
    fn new(memory_bytes: usize, builders: usize) -> Self {
        let background_ramp = Span::ZERO;
        let options = Options { memory_bytes, builders, background_ramp, ..Options::default() };
        let store = Store::in_memory_with(options).unwrap();
        let counters = Arc::new((0..SOURCES).map(|_| Counter::default()).collect());
        let sides = [0, 1].map(|side| define_side(&store, &counters, side).unwrap());
        let pairs = define_pairs(&store, &sides).unwrap();
        let (reads, fresh) = (AtomicU64::new(0), AtomicU64::new(0));
        let (over, has_builders) = (AtomicBool::new(false), builders > 0);
        Self { counters, store, sides, pairs, reads, fresh, over, has_builders }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    fn acknowledged(&self, entity: u64) -> [u64; 2] {
        [0, 1].map(|side| self.counters[source(entity, side)].acknowledged.load(Ordering::SeqCst))
    }

    /// Changes its own source again and again.
    fn grow(&self, source: usize) {
        let mut random = Random(source as u64 + 11);
        let key = ("counter", source as u64);
        while !self.is_over() {
            let counter = &self.counters[source];
            let next = counter.acknowledged.load(Ordering::SeqCst) + 1;
            let grow = || counter.now.store(next, Ordering::SeqCst);
            match random.below(8) {
                0 => self.store.change(key, grow).unwrap(),
                1 => {
                    grow();
                    drop(self.store.invalidate_kind("counter").unwrap());
                }
                2 => {
                    grow();
                    let changes = Changes::new().source_at(key, next).source(("other", 1));
                    drop(self.store.invalidate_all(&changes).unwrap());
                }
                _ => {
                    grow();
                    drop(self.store.invalidate(key).unwrap());
                }
            }
            counter.acknowledged.store(next, Ordering::SeqCst);
            // Now and then there is time for something to be fresh.
            (0..random.below(64)).for_each(|_| thread::yield_now());
        }
    }

    /// Deletes and invalidates records in the midst of it.
    fn meddle(&self) {
        let mut random = Random(5);
        while !self.is_over() {
            let entity = random.below(ENTITIES);
            let bucket = random.below(BUCKETS);
            let range = at(bucket)..at(bucket + 2);
            let view = match random.below(5) {
                side @ 0..2 => &self.sides[side as usize],
                place => &self.pairs[place as usize - 2],
            };
            match random.below(8) {
                0 => drop(view.delete(&entity).unwrap()),
                1..3 => drop(view.delete_range(&entity, range).unwrap()),
                3 => drop(view.invalidate_all().unwrap()),
                4 => drop(view.invalidate_between(range).unwrap()),
                _ => drop(view.invalidate_range(&entity, range).unwrap()),
            }
            (0..random.below(256)).for_each(|_| thread::yield_now());
        }
    }

    fn read(&self, reader: u64, reads: u64) {
        let _ending = Ending(&self.over);
        let mut random = Random(reader * 7 + 3);
        while !self.is_over() && self.reads.fetch_add(1, Ordering::SeqCst) < reads {
            let (entity, bucket) = (random.below(ENTITIES), random.below(BUCKETS));
            let place = random.below(5) as usize;
            let before = self.acknowledged(entity);
            let view = if place < 2 { &self.sides[place] } else { &self.pairs[place - 2] };
            let hold = |record: &Record<u64>| {
                if !record.is_fresh() {
                    return;
                }
                self.fresh.fetch_add(1, Ordering::SeqCst);
                let value = record.to_native();
                let held = match place {
                    0 | 1 => value >= before[place],
                    _ => parts(value).0 >= before[0] && parts(value).1 >= before[1],
                };
                let parts = if place < 2 { (value, value) } else { parts(value) };
                assert!(
                    held,
                    "view {place}, entity {entity}, bucket {bucket} says it is fresh and is \
                     {parts:?}; {before:?} were acknowledged before; {record:?}"
                );
            };
            let may_miss = |read: Result<Record<u64>>| match read {
                Ok(record) => hold(&record),
                // Deleted again and again while it was built.
                Err(error) if error.kind() == ErrorKind::Absent => {}
                Err(error) if error.to_string().contains("was deleted while") => {}
                Err(error) => panic!("{error}"),
            };
            match random.below(if self.has_builders { 16 } else { 10 }) {
                0..4 => may_miss(view.get(&entity, at(bucket))),
                4 => may_miss(view.when_marked(Marked::Serve).get(&entity, at(bucket))),
                5 => may_miss(view.when_missing(Missing::Miss).get(&entity, at(bucket))),
                6..8 => drop(view.peek(&entity, at(bucket)).unwrap().inspect(hold)),
                8 => match view.range(&entity, all()) {
                    Ok(timeline) => timeline.into_iter().for_each(|(_, record)| hold(&record)),
                    Err(error) if error.to_string().contains("was deleted while") => {}
                    Err(error) => panic!("{error}"),
                },
                9 => drop(view.fill(&entity, all()).unwrap()),
                10..12 => match view.within(LONG).get(&entity, at(bucket)) {
                    Err(error) if error.kind() == ErrorKind::Busy => {}
                    read => may_miss(read),
                },
                12 => match view.within(Duration::ZERO).get(&entity, at(bucket)) {
                    Err(error) if error.kind() == ErrorKind::Busy => {}
                    read => may_miss(read),
                },
                13 => may_miss(block_on(view.get_async(&entity, at(bucket)))),
                14 => drop(view.request(&entity, at(bucket)).unwrap()),
                _ => {
                    let pending = view.request(&entity, at(bucket)).unwrap();
                    may_miss(pending.wait());
                }
            }
        }
    }

    /// When nothing moves any more everything is fresh, and what it should be.
    fn is_right_when_it_is_quiet(&self) {
        for (place, view) in self.sides.iter().chain(&self.pairs).enumerate() {
            for entity in 0..ENTITIES {
                let now = self.acknowledged(entity);
                for bucket in 0..BUCKETS {
                    let record = view.get(&entity, at(bucket)).unwrap();
                    assert!(record.is_fresh(), "view {place}: {record:?}");
                    let expected = if place < 2 { now[place] } else { pair(now[0], now[1]) };
                    assert_eq!(record.to_native(), expected, "view {place}, entity {entity}");
                }
            }
        }
    }
}

fn reads() -> u64 {
    let value = std::env::var("READS").ok();
    value.map_or(READS_DEFAULT, |value| value.parse().expect("READS is a number"))
}

fn runs_with(memory_bytes: usize, builders: usize) {
    let world = World::new(memory_bytes, builders);
    thread::scope(|scope| {
        (0..READERS).for_each(|reader| {
            drop(scope.spawn({
                let world = &world;
                move || world.read(reader, reads())
            }))
        });
        (0..SOURCES as usize).for_each(|source| {
            drop(scope.spawn({
                let world = &world;
                move || world.grow(source)
            }))
        });
        scope.spawn(|| world.meddle());
    });
    let fresh = world.fresh.load(Ordering::SeqCst);
    assert!(fresh > reads() / 100, "only {fresh} reads were fresh: nothing was held against them");
    world.is_right_when_it_is_quiet();
    world.store.close().unwrap();
}

#[test]
fn what_says_that_it_is_fresh_contains_all_that_was_acknowledged_before_the_read() {
    runs_with(8 << 20, 0);
}

#[test]
fn the_same_holds_where_nothing_stays_in_memory() {
    runs_with(0, 0);
}

#[test]
fn the_same_holds_while_builders_work() {
    runs_with(8 << 20, 2);
}

#[test]
fn the_same_holds_while_builders_work_and_nothing_stays_in_memory() {
    runs_with(0, 2);
}
