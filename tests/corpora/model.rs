//! A list of operations on a store, each held against a map that knows no pages, caches or files:
//! what reads return, what deletions count, what definitions refuse, over closing, reopening and
//! the loss of power after a sync; and several writes as one, also on a disk that fails.

#[path = "model/beside.rs"]
mod beside;
#[path = "model/disk.rs"]
mod disk;
#[path = "model/expected.rs"]
mod expected;
#[path = "model/writes.rs"]
mod writes;

use std::sync::Arc;

use tidetable::{
    ErrorKind, Freshness, Grid, ManualClock, Marked, Missing, Options, Span, Store, TimeRange,
    Timestamp, View,
};

use beside::{Beside, Tables};
use disk::Disk;
use expected::{BUCKET_MS, Content, Expected, built, fails};

type Records = View<u8, Vec<u8>>;

/// What the bytes still have to say; zeros when they have said all.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// Few entities, so that operations meet.
    fn entity(&mut self) -> u8 {
        self.byte() % 4
    }

    /// A bucket's number; often around the origin, where pages abut.
    fn bucket(&mut self) -> i64 {
        i64::from(self.byte().cast_signed() / 2)
    }

    fn buckets(&mut self) -> std::ops::Range<i64> {
        let (first, len) = (self.bucket(), self.byte() % 48);
        first..first + i64::from(len)
    }

    fn content(&mut self) -> Content {
        // Now and then long: pages then compress, and differ much in size.
        let (len, seed) = (self.byte(), self.byte());
        vec![seed; if len > 250 { 20_000 } else { usize::from(len % 16) }]
    }
}

struct Run {
    disk: Disk,
    store: Store,
    view: Records,
    version: u32,
    page_len: u32,
    memory_bytes: usize,
    expected: Expected,
    tables: Option<Tables>,
    beside: Beside,
}

fn open(disk: Disk, memory_bytes: usize) -> Store {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(0)));
    let options = Options { memory_bytes, clock, ..Options { builders: 0, ..Options::default() } };
    Store::open_backend(Box::new(disk), options).expect("what was left opens again")
}

fn define(store: &Store, version: u32, page_len: u32) -> tidetable::Result<Records> {
    store
        .view("records")
        .grid(Grid::fixed(Span::millis(BUCKET_MS)))
        .page_len(page_len)
        .version(version)
        // It would open by the clock, and what it keeps from being built is no failure of the model's.
        .without_breaker()
        .build(|context, entity, bucket| {
            let number = bucket.start().as_millis() / BUCKET_MS;
            if fails(*entity, number) {
                return Err("this one never comes to be".into());
            }
            Ok(built(*entity, number, context.version()))
        })
}

/// What `Bytes` can name.
const BUCKETS: std::ops::Range<i64> = -64..64 + 48;

/// Whether a stretch of time holds what is expected there, and nothing else.
fn are_as(
    expected: &Expected,
    timeline: &tidetable::Timeline<Vec<u8>>,
    entity: u8,
    buckets: std::ops::Range<i64>,
) -> bool {
    let found = timeline.iter().map(|(b, r)| (b.start().as_millis() / BUCKET_MS, r.as_slice()));
    found.eq(buckets.filter_map(|at| Some((at, &**expected.peek(entity, at)?.0))))
}

fn at(bucket: i64) -> Timestamp {
    Timestamp::from_millis(bucket * BUCKET_MS)
}

fn range(buckets: std::ops::Range<i64>) -> TimeRange {
    TimeRange::new(at(buckets.start), at(buckets.end))
}

impl Run {
    fn begin(bytes: &mut Bytes<'_>) -> Self {
        let memory_bytes = [0, 64 << 10, 8 << 20][usize::from(bytes.byte() % 3)];
        let page_len = u32::from(bytes.byte() % 64) + 1;
        let disk = Disk::default();
        let store = open(disk.clone(), memory_bytes);
        let view = define(&store, 1, page_len).expect("a new view");
        let (expected, beside) = (Expected::default(), Beside::default());
        let (version, tables) = (1, None);
        Self { disk, store, view, version, page_len, memory_bytes, expected, tables, beside }
    }

    fn step(&mut self, bytes: &mut Bytes<'_>) {
        let kind = bytes.byte();
        // All other numbers mean what they meant before these were tried.
        if kind >= 0xE0 {
            return self.write_together(bytes);
        }
        match kind % 16 {
            0 | 1 => self.put(bytes),
            2..=4 => self.get(bytes.entity(), bytes.bucket()),
            5 => self.peek(bytes.entity(), bytes.bucket()),
            6 => self.fill(bytes.entity(), bytes.buckets()),
            7 => self.range(bytes.entity(), bytes.buckets()),
            8 => {
                let entity = bytes.entity();
                let deleted = self.view.delete(&entity).expect("a deletion");
                assert_eq!(deleted, self.expected.delete(|of, _| of == entity));
            }
            9 => {
                let (entity, buckets) = (bytes.entity(), bytes.buckets());
                let deleted = self.view.delete_range(&entity, range(buckets.clone()));
                let counted = self.expected.delete(|of, at| of == entity && buckets.contains(&at));
                assert_eq!(deleted.expect("a deletion"), counted);
            }
            10 => {
                let bucket = bytes.bucket();
                let deleted = self.view.delete_before(at(bucket)).expect("a deletion");
                assert_eq!(deleted, self.expected.delete(|_, at| at < bucket));
            }
            11 => {
                let deleted = self.view.clear().expect("a deletion");
                assert_eq!(deleted, self.expected.delete(|_, _| true));
            }
            12 => self.reopen(bytes.byte()),
            13 => self.raise_version(),
            14 => self.change_page_len(u32::from(bytes.byte() % 64) + 1),
            _ => self.put_many(bytes),
        }
    }

    fn put(&mut self, bytes: &mut Bytes<'_>) {
        let (entity, bucket, content) = (bytes.entity(), bytes.bucket(), bytes.content());
        self.view.put(&entity, at(bucket), &content).expect("a put");
        self.expected.put(entity, bucket, content, self.version);
    }

    fn put_many(&mut self, bytes: &mut Bytes<'_>) {
        let mut records = Vec::new();
        for _ in 0..bytes.byte() % 24 {
            records.push((bytes.entity(), at(bytes.bucket()), bytes.content()));
        }
        let count = self.view.put_many(records.iter().map(|(e, at, c)| (*e, *at, c)));
        assert_eq!(count.expect("puts"), records.len() as u64);
        for (entity, at, content) in records {
            self.expected.put(entity, at.as_millis() / BUCKET_MS, content, self.version);
        }
    }

    fn get(&mut self, entity: u8, bucket: i64) {
        match (self.view.get(&entity, at(bucket)), self.expected.get(entity, bucket, self.version))
        {
            (Ok(record), Some(content)) => {
                assert_eq!(record.as_slice(), content);
                assert!(record.is_fresh() && record.version() == self.version);
            }
            (Err(error), None) => assert_eq!(error.kind(), ErrorKind::Build),
            (got, expected) => panic!("{got:?} is not {expected:?}"),
        }
    }

    fn peek(&self, entity: u8, bucket: i64) {
        let found = self.view.peek(&entity, at(bucket)).expect("a look");
        let expected = self.expected.peek(entity, bucket);
        assert_eq!(found.is_some(), expected.is_some());
        if let (Some(record), Some((content, version))) = (found, expected) {
            assert_eq!(record.as_slice(), content);
            assert_eq!(record.version(), version);
            let old = version != self.version;
            let freshness = if old { Freshness::OldVersion } else { Freshness::Fresh };
            assert_eq!(record.freshness(), freshness);
        }
    }

    fn fill(&mut self, entity: u8, buckets: std::ops::Range<i64>) {
        let filled = self.view.fill(&entity, range(buckets.clone())).expect("a fill");
        let (built, standing, failed) = self.expected.fill(entity, buckets, self.version);
        assert_eq!((filled.built, filled.already_fresh), (built, standing));
        assert_eq!(filled.failed.len() as u64, failed);
    }

    fn range(&mut self, entity: u8, buckets: std::ops::Range<i64>) {
        let timeline = self.view.range(&entity, range(buckets.clone()));
        let (_, _, failed) = self.expected.fill(entity, buckets.clone(), self.version);
        match timeline {
            Ok(timeline) => {
                assert!(failed == 0 && timeline.is_fresh());
                self.holds(&timeline, entity, buckets);
            }
            Err(error) => assert!(failed > 0 && error.kind() == ErrorKind::Build, "{error}"),
        }
    }

    fn holds(
        &self,
        timeline: &tidetable::Timeline<Vec<u8>>,
        entity: u8,
        buckets: std::ops::Range<i64>,
    ) {
        assert!(are_as(&self.expected, timeline, entity, buckets), "entity {entity}");
    }

    /// Whether all is there, and nothing else.
    fn is_as(&self, expected: &Expected, beside: &Beside) -> bool {
        let view = self.view.when_missing(Missing::Miss).when_marked(Marked::Serve);
        let records = (0..4).all(|entity| {
            let timeline = view.range(&entity, range(BUCKETS)).expect("a range");
            are_as(expected, &timeline, entity, BUCKETS)
        });
        // Beside those that were asked for lie some that were not.
        let asked = expected.asked().iter().all(|(entity, bucket)| {
            [*bucket, *bucket + 1].into_iter().all(|bucket| {
                let pending = self.view.pending(entity, at(bucket)).expect("a look");
                let old =
                    expected.peek(*entity, bucket).map(|(_, version)| version != self.version);
                let asked = expected.asked().contains(&(*entity, bucket));
                pending.is_some() == old.unwrap_or(asked)
            })
        });
        records && asked && self.tables.as_ref().is_none_or(|tables| tables.are_as(beside))
    }

    /// By a close, by dropping what there is, or from what a sync had brought to the disk.
    fn reopen(&mut self, how: u8) {
        let disk = match how % 3 {
            0 => {
                self.store.close().expect("a close");
                self.disk.clone()
            }
            1 => self.disk.clone(),
            _ => {
                self.store.sync().expect("a sync");
                self.disk.copy()
            }
        };
        if how % 3 == 1 {
            self.open_again(disk);
        } else {
            self.open_beside(disk);
        }
        self.all_holds();
    }

    /// Opens a disk when nothing is left of what was open before.
    fn open_again(&mut self, disk: Disk) {
        // The old handles hold the store open until they are gone.
        let aside = open(Disk::default(), 0);
        self.view = define(&aside, 1, 1).expect("a new view");
        self.tables = self.tables.take().map(|_| Tables::of(&aside));
        self.store = aside;
        self.open_beside(disk);
    }

    fn open_beside(&mut self, disk: Disk) {
        self.disk = disk.clone();
        self.store = open(disk, self.memory_bytes);
        self.view = define(&self.store, self.version, self.page_len).expect("the view as it was");
        self.tables = self.tables.take().map(|_| Tables::of(&self.store));
    }

    fn raise_version(&mut self) {
        self.version += 1;
        self.view = define(&self.store, self.version, self.page_len).expect("a higher version");
        let older = define(&self.store, self.version - 1, self.page_len).map_err(|e| e.kind());
        assert!(matches!(older, Err(ErrorKind::Definition)), "{older:?}");
    }

    fn change_page_len(&mut self, page_len: u32) {
        if page_len != self.page_len {
            let refused = define(&self.store, self.version, page_len).map_err(|e| e.kind());
            assert!(matches!(refused, Err(ErrorKind::Definition)), "{refused:?}");
        }
        self.version += 1;
        self.page_len = page_len;
        self.view = define(&self.store, self.version, page_len).expect("a higher version");
    }

    /// Everything that is there, and nothing else.
    fn all_holds(&self) {
        assert!(self.is_as(&self.expected, &self.beside), "{:?}", self.beside);
        #[cfg(fuzzing)]
        self.store.assert_holds();
        if let Some(damage) = self.store.last_damage() {
            panic!("{damage}");
        }
    }
}

/// To open a store costs as much as a dozen operations: a short input is carried on by bytes drawn from
/// it, so that every run has enough of them to meet.
fn carried_on(data: &[u8]) -> Vec<u8> {
    let fold = |state: u64, byte: &u8| (state ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    let mut state = data.iter().fold(0xcbf2_9ce4_8422_2325, fold) | 1;
    let mut bytes = data.to_vec();
    while bytes.len() < BYTES_MIN {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.push((state >> 32) as u8);
    }
    bytes
}

/// A dozen operations for a fuzzer, who learns more from many inputs than from a long one; a hundred
/// where what he found is replayed, the same ones first.
const BYTES_MIN: usize = if cfg!(fuzzing) { 32 } else { 240 };

pub(crate) fn holds(data: &[u8]) {
    let data = carried_on(data);
    let mut bytes = Bytes(&data);
    let mut run = Run::begin(&mut bytes);
    while !bytes.0.is_empty() {
        run.step(&mut bytes);
    }
    run.reopen(0);
}
