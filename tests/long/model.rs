//! Programs of many operations against a map that does the same.

#![expect(clippy::unwrap_used, reason = "what fails in a test fails the test")]

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use crate::common::cases::each;
use crate::common::still;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tidetable::proof::StorageBackend;
use tidetable::{
    Freshness, Grid, Marked, Missing, Options, Record, Span, Store, TimeRange, Timestamp, View,
};

const MINUTES: i64 = 10;
const ENTITIES: u8 = 3;
const BUCKETS: std::ops::Range<i64> = -20..20;

/// A file that outlives the stores opened on it, without a disk to wait for.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<Mutex<Vec<u8>>>);

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        out.copy_from_slice(&self.0.lock().unwrap()[offset as usize..][..out.len()]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.lock().unwrap().resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap()[offset as usize..][..data.len()].copy_from_slice(data);
        Ok(())
    }
}

#[derive(Clone, Debug)]
enum Step {
    Put(u8, i64, u8),
    PutMany(Vec<(u8, i64, u8)>),
    Get(u8, i64),
    Peek(u8, i64),
    Nearest(u8, i64, i64),
    Range(u8, i64, i64, bool),
    Fill(u8, i64, i64),
    Prefetch(i64, i64),
    Delete(u8),
    DeleteRange(u8, i64, i64),
    DeleteBefore(i64),
    Clear,
    Reopen,
    Redefine(usize),
}

fn step() -> impl Strategy<Value = Step> {
    use Step::{
        Clear, Delete, DeleteBefore, DeleteRange, Fill, Get, Nearest, Peek, Prefetch, Put, PutMany,
        Range, Redefine, Reopen,
    };
    let bucket = || BUCKETS;
    let at = || (0..ENTITIES, BUCKETS);
    prop_oneof![
        8 => (at(), any::<u8>()).prop_map(|((e, b), v)| Put(e, b, v)),
        4 => prop::collection::vec((0..ENTITIES, BUCKETS, any::<u8>()), 0..12).prop_map(PutMany),
        10 => at().prop_map(|(e, b)| Get(e, b)),
        6 => at().prop_map(|(e, b)| Peek(e, b)),
        4 => (at(), 0..9_i64).prop_map(|((e, b), t)| Nearest(e, b, t)),
        6 => (at(), bucket(), any::<bool>()).prop_map(|((e, b), c, m)| Range(e, b, c, m)),
        5 => (at(), bucket()).prop_map(|((e, b), c)| Fill(e, b, c)),
        2 => (bucket(), bucket()).prop_map(|(b, c)| Prefetch(b, c)),
        2 => (0..ENTITIES).prop_map(Delete),
        4 => (at(), bucket()).prop_map(|((e, b), c)| DeleteRange(e, b, c)),
        2 => bucket().prop_map(DeleteBefore),
        1 => Just(Clear),
        3 => Just(Reopen),
        3 => (0..PAGE_LENS.len()).prop_map(Redefine),
    ]
}

const PAGE_LENS: [u32; 4] = [1, 3, 8, 64];

fn start(bucket: i64) -> Timestamp {
    Timestamp::from_seconds(bucket * MINUTES * 60)
}

fn range(from: i64, to: i64) -> TimeRange {
    TimeRange::new(start(from), start(to))
}

fn build(version: u32, entity: u8, bucket: i64) -> Vec<u8> {
    [version as u8, entity, bucket as u8].repeat(bucket.rem_euclid(7) as usize)
}

/// What the map knows of a record: its bytes, the version that made it, whether it was put.
#[derive(Clone, Debug, PartialEq)]
struct Known {
    value: Vec<u8>,
    version: u32,
    put: bool,
}

struct Both {
    disk: Disk,
    memory_bytes: usize,
    store: Store,
    view: View<u8, Vec<u8>>,
    version: u32,
    page_len: u32,
    known: BTreeMap<(u8, i64), Known>,
}

impl Both {
    fn new(memory_bytes: usize) -> Self {
        let disk = Disk::default();
        let store = open(&disk, memory_bytes);
        let view = define(&store, 1, 8);
        Self { disk, memory_bytes, store, view, version: 1, page_len: 8, known: BTreeMap::new() }
    }

    fn made(&mut self, entity: u8, bucket: i64) -> bool {
        let version = self.version;
        let stands = self.known.get(&(entity, bucket)).is_some_and(|k| k.version == version);
        if !stands {
            let value = build(version, entity, bucket);
            self.known.insert((entity, bucket), Known { value, version, put: false });
        }
        !stands
    }

    fn put(&mut self, entity: u8, bucket: i64, seed: u8) -> Vec<u8> {
        let value = vec![seed; usize::from(seed) * 3];
        let known = Known { value: value.clone(), version: self.version, put: true };
        self.known.insert((entity, bucket), known);
        value
    }

    fn is(&self, entity: u8, bucket: i64, record: Option<&Record<Vec<u8>>>) {
        let expected = self.known.get(&(entity, bucket));
        let got = record.map(|record| {
            assert_eq!(record.bucket().start(), start(bucket));
            let fresh = if record.version() == self.version {
                Freshness::Fresh
            } else {
                Freshness::OldVersion
            };
            assert_eq!(record.freshness(), fresh);
            let value = record.as_slice().to_vec();
            Known { value, version: record.version(), put: record.was_put() }
        });
        assert_eq!(got.as_ref(), expected, "entity {entity}, bucket {bucket}");
    }

    fn are(&self, entity: u8, from: i64, to: i64, records: Vec<Record<Vec<u8>>>) {
        let expected: Vec<i64> =
            (from..to).filter(|bucket| self.known.contains_key(&(entity, *bucket))).collect();
        assert_eq!(records.len(), expected.len(), "records of {entity} in {from}..{to}");
        for (bucket, record) in expected.into_iter().zip(&records) {
            self.is(entity, bucket, Some(record));
        }
    }

    fn forget(&mut self, goes: impl Fn(u8, i64) -> bool) -> u64 {
        let before = self.known.len();
        self.known.retain(|(entity, bucket), _| !goes(*entity, *bucket));
        (before - self.known.len()) as u64
    }

    fn as_it_stands(&self) -> View<u8, Vec<u8>> {
        self.view.when_missing(Missing::Miss).when_marked(Marked::Serve)
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Put(entity, bucket, seed) => {
                let value = self.put(entity, bucket, seed);
                self.view.put(&entity, start(bucket), &value).unwrap();
            }
            Step::PutMany(ref records) => {
                let records: Vec<_> = records
                    .iter()
                    .map(|&(e, b, seed)| (e, start(b), self.put(e, b, seed)))
                    .collect();
                let count = records.len() as u64;
                assert_eq!(self.view.put_many(records).unwrap(), count);
            }
            Step::Get(entity, bucket) => {
                self.made(entity, bucket);
                let record = self.view.get(&entity, start(bucket)).unwrap();
                self.is(entity, bucket, Some(&record));
            }
            Step::Peek(entity, bucket) => {
                let record = self.view.peek(&entity, start(bucket)).unwrap();
                self.is(entity, bucket, record.as_ref());
            }
            Step::Nearest(entity, bucket, tolerance) => self.nearest(entity, bucket, tolerance),
            Step::Range(entity, from, to, builds) => {
                let view = if builds { self.view.clone() } else { self.as_it_stands() };
                if builds {
                    (from..to).for_each(|bucket| _ = self.made(entity, bucket));
                }
                let records = view.range(&entity, range(from, to)).unwrap();
                self.are(entity, from, to, records.into_iter().map(|(_, record)| record).collect());
            }
            Step::Fill(entity, from, to) => {
                let built = (from..to).filter(|bucket| self.made(entity, *bucket)).count() as u64;
                let filled = self.view.fill(&entity, range(from, to)).unwrap();
                let all = (to - from).max(0) as u64;
                assert_eq!((filled.built, filled.already_fresh), (built, all - built));
                assert_eq!(filled.complete().unwrap(), built);
            }
            Step::Prefetch(from, to) => {
                self.view.prefetch(0..ENTITIES, range(from, to)).unwrap();
            }
            _ => self.run_rare(step),
        }
    }

    fn run_rare(&mut self, step: &Step) {
        match *step {
            Step::Delete(entity) => {
                let gone = self.forget(|e, _| e == entity);
                assert_eq!(self.view.delete(&entity).unwrap(), gone);
            }
            Step::DeleteRange(entity, from, to) => {
                let gone = self.forget(|e, b| e == entity && (from..to).contains(&b));
                assert_eq!(self.view.delete_range(&entity, range(from, to)).unwrap(), gone);
            }
            Step::DeleteBefore(bucket) => {
                let gone = self.forget(|_, b| b < bucket);
                assert_eq!(self.view.delete_before(start(bucket)).unwrap(), gone);
            }
            Step::Clear => {
                let gone = self.forget(|_, _| true);
                assert_eq!(self.view.clear().unwrap(), gone);
            }
            Step::Reopen => {
                self.store.close().unwrap();
                self.store = open(&self.disk, self.memory_bytes);
                self.view = define(&self.store, self.version, self.page_len);
            }
            Step::Redefine(page_len) => {
                self.version += 1;
                self.page_len = PAGE_LENS[page_len];
                self.view = define(&self.store, self.version, self.page_len);
            }
            _ => unreachable!("the others run above"),
        }
    }

    fn nearest(&self, entity: u8, bucket: i64, tolerance: i64) {
        let distance = |b: &i64| ((b - bucket).abs(), *b);
        let held = BUCKETS.filter(|b| self.known.contains_key(&(entity, *b)));
        let expected = held.filter(|b| distance(b).0 <= tolerance).min_by_key(distance);
        let most = Span::minutes(tolerance * MINUTES);
        let record = self.view.nearest(&entity, start(bucket), most).unwrap();
        match expected {
            Some(expected) => self.is(entity, expected, record.as_ref()),
            None => assert!(record.is_none(), "nothing lies within {tolerance} buckets"),
        }
    }

    fn compare_all(&self) {
        for entity in 0..ENTITIES {
            let records = self.as_it_stands().range(&entity, range(BUCKETS.start, BUCKETS.end));
            let records = records.unwrap().into_iter().map(|(_, record)| record).collect();
            self.are(entity, BUCKETS.start, BUCKETS.end, records);
        }
        let held = |entity: &u8| self.known.keys().any(|(e, _)| e == entity);
        let entities: Vec<u8> = self.view.entities().map(Result::unwrap).collect();
        assert_eq!(entities, (0..ENTITIES).filter(held).collect::<Vec<_>>());
        assert_eq!(self.store.metrics().pages_damaged, 0);
    }
}

fn open(disk: &Disk, memory_bytes: usize) -> Store {
    let options = Options { memory_bytes, ..still::options() };
    Store::open_backend(Box::new(disk.clone()), options).unwrap()
}

fn define(store: &Store, version: u32, page_len: u32) -> View<u8, Vec<u8>> {
    let definition = store.view("model").grid(Grid::minutes(MINUTES)).page_len(page_len);
    let view = definition.version(version).build(move |_, entity, bucket| {
        Ok(build(version, *entity, bucket.start().as_millis() / (MINUTES * 60_000)))
    });
    view.unwrap()
}

#[test]
fn a_store_does_what_a_map_would() {
    const SEED: [u8; 32] = *b"the same programs on every run..";
    println!("seed: {SEED:?}");
    let config =
        Config { cases: 300 / each() as u32, failure_persistence: None, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &SEED);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let memory = prop_oneof![Just(0_usize), Just(16 << 10), Just(1 << 20)];
    let programs = (memory, prop::collection::vec(step(), 60));
    let outcome = runner.run(&programs, |(memory_bytes, steps)| {
        let mut both = Both::new(memory_bytes);
        steps.iter().for_each(|step| both.run(step));
        both.compare_all();
        both.run(&Step::Reopen);
        both.compare_all();
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}
