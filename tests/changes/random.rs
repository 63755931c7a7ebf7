//! Whatever is done to a store, in whatever order: what is called fresh is right.

use std::sync::{Arc, Mutex};

use tidetable::{Changes, Input, Marked, Missing, Options, Store, View};

use crate::common::disk::{Cut, Disk, Images, Random};
use crate::common::record::{at, buckets, grid, patient};

use super::world::{NOW, Outside};

const ENTITIES: u32 = 3;
const MINUTES: i64 = 6;
const STEPS: u32 = 120;

type Numbers = View<u32, u64>;

/// What the application owns, with what it knows of its inputs.
#[derive(Clone, Default)]
struct Truth {
    sources: [Outside; ENTITIES as usize],
    inputs: [Option<u64>; ENTITIES as usize],
    version: u32,
}

impl Truth {
    /// What `base` builds now. Only where the source is odd is the input read.
    fn base(&self, entity: u32, minute: i64) -> u64 {
        let source = self.sources[entity as usize].get();
        let input = self.inputs[entity as usize].unwrap_or(3);
        let read = if source % 2 == 1 { input * 100 } else { 0 };
        source * 1000 + read + minute as u64 + u64::from(self.version) * 1_000_000
    }

    fn total(&self, entity: u32, minutes: std::ops::RangeInclusive<i64>) -> u64 {
        minutes.map(|minute| self.base(entity, minute)).sum()
    }
}

struct Views {
    store: Store,
    input: Input<u32, u64>,
    base: Numbers,
    /// The range of an entity.
    sum: Numbers,
    /// A minute and the minute before it in the same view.
    running: Numbers,
    itself: Arc<Mutex<Option<Numbers>>>,
    /// Whatever records `base` has.
    all: Numbers,
    /// A minute if it is there.
    peeked: Numbers,
}

impl Views {
    fn open(disk: &Disk, truth: &Truth) -> Self {
        let options = Options { memory_bytes: 1 << 20, ..patient() };
        let store = Store::open_backend(disk.backend(), options).unwrap();
        let input = store.input::<u32, u64>("input").unwrap();
        let (known, read) = (truth.sources.clone(), input.clone());
        let base = store.view::<u32, u64>("base").grid(grid()).page_len(4).version(truth.version);
        let base = base.build(move |cx, id, bucket| {
            cx.depends_on(("source", *id));
            let source = known[*id as usize].get();
            let mut value = source * 1000 + (bucket.start().as_millis() / 60_000) as u64;
            if source % 2 == 1 {
                value += cx.input(&read, id)?.map_or(3, |input| input.to_native()) * 100;
            }
            Ok(value + u64::from(cx.version()) * 1_000_000)
        });
        let base = base.unwrap();
        let read = base.clone();
        let sum = store.view::<u32, u64>("sum").build(move |cx, id, _| {
            let line = cx.range(&read, id, buckets(0..MINUTES))?;
            Ok(line.iter().map(|(_, record)| record.to_native()).sum())
        });
        let itself: Arc<Mutex<Option<Numbers>>> = Arc::default();
        let (own, read) = (itself.clone(), base.clone());
        let running = store.view::<u32, u64>("running").grid(grid()).page_len(4);
        let running = running.build(move |cx, id, bucket| {
            let here = cx.get(&read, id, bucket.start())?.to_native();
            if bucket.start() == at(0) {
                return Ok(here);
            }
            let running = own.lock().unwrap().clone().unwrap();
            let before = at(bucket.start().as_millis() / 60_000 - 1);
            Ok(here + cx.get(&running, id, before)?.to_native())
        });
        let running = running.unwrap();
        *itself.lock().unwrap() = Some(running.clone());
        let read = base.when_missing(Missing::Miss);
        let all = store.view::<u32, u64>("all").build(move |cx, _, _| {
            let all = cx.scan(&read, buckets(0..MINUTES))?;
            Ok(all.iter().flat_map(|(_, line)| line.iter()).map(|(_, one)| one.to_native()).sum())
        });
        let read = base.clone();
        let peeked = store.view::<u32, u64>("peeked").grid(grid()).page_len(4);
        let peeked = peeked.build(move |cx, id, bucket| {
            Ok(cx.peek(&read, id, bucket.start())?.map_or(7, |record| record.to_native()))
        });
        let (sum, all, peeked) = (sum.unwrap(), all.unwrap(), peeked.unwrap());
        Self { store, input, base, sum, running, itself, all, peeked }
    }

    fn close(self) {
        self.itself.lock().unwrap().take();
        self.store.close().unwrap();
    }

    /// What is fresh and not right.
    fn wrong(&self, truth: &Truth) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut check = |view: &Numbers, id: u32, minute: i64, right: &dyn Fn() -> u64| {
            let Some(record) = view.peek(&id, at(minute)).unwrap() else { return };
            if record.is_fresh() && record.to_native() != right() {
                let (name, has) = (view.name(), record.to_native());
                wrong.push(format!("{name} of {id} at {minute} is {has}, not {}", right()));
            }
        };
        let is_there = |id: u32, minute| self.base.peek(&id, at(minute)).unwrap().is_some();
        for id in 0..ENTITIES {
            check(&self.sum, id, 0, &|| truth.total(id, 0..=MINUTES - 1));
            for minute in 0..MINUTES {
                check(&self.base, id, minute, &|| truth.base(id, minute));
                check(&self.running, id, minute, &|| truth.total(id, 0..=minute));
                check(&self.peeked, id, minute, &|| {
                    if is_there(id, minute) { truth.base(id, minute) } else { 7 }
                });
            }
        }
        let places = || (0..ENTITIES).flat_map(|id| (0..MINUTES).map(move |minute| (id, minute)));
        let there = || places().filter(|(id, minute)| is_there(*id, *minute));
        check(&self.all, 0, 0, &|| there().map(|(id, minute)| truth.base(id, minute)).sum());
        wrong
    }
}

/// A history that a seed decides.
struct Run {
    random: Random,
    truth: Truth,
    disk: Disk,
    /// What was on the disk before its calls were kept.
    base: Vec<u8>,
    views: Views,
    done: Vec<String>,
}

impl Run {
    fn new(seed: u64) -> Self {
        let truth = Truth { version: 1, ..Truth::default() };
        let disk = Disk::default();
        let views = Views::open(&disk, &truth);
        let (random, base) = (Random(seed | 1), Vec::new());
        Self { random, truth, disk, base, views, done: vec![format!("seed {seed:#x}")] }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random.below(bound)
    }

    /// The disk as power cut now leaves it.
    fn cut(disk: &Disk, base: &[u8], cut: Cut) -> Vec<u8> {
        let calls = disk.calls();
        Images::new(base.to_vec(), &calls).after(calls.len(), cut)
    }

    fn go_on_with(&mut self, bytes: Vec<u8>) {
        self.base.clone_from(&bytes);
        self.disk = Disk::holding(bytes);
        let views = Views::open(&self.disk, &self.truth);
        std::mem::replace(&mut self.views, views).close();
    }

    fn step(&mut self) {
        let (id, minute) = (self.below(ENTITIES.into()) as u32, self.below(MINUTES as u64) as i64);
        let value = self.below(6);
        let source = self.truth.sources[id as usize].clone();
        let what = self.below(24);
        self.done.push(format!("{what}: id {id}, minute {minute}, value {value}"));
        let (views, store) = (&self.views, &self.views.store);
        match what {
            0..=1 => {
                source.set(value);
                store.invalidate(("source", id)).unwrap();
            }
            2 => {
                source.set(value);
                store.invalidate_kind("source").unwrap();
            }
            3 => store.change(("source", id), || source.set(value)).unwrap(),
            4 => {
                views.input.set(&id, &value).unwrap();
                self.truth.inputs[id as usize] = Some(value);
            }
            5 => {
                views.input.remove(&id).unwrap();
                self.truth.inputs[id as usize] = None;
            }
            6..=8 => {
                let record = views.running.get(&id, at(minute)).unwrap();
                let right = self.truth.total(id, 0..=minute);
                assert!(record.is_fresh() && record.to_native() == right, "{:?}", self.done);
            }
            9..=10 => {
                let record = views.sum.get(&id, NOW).unwrap();
                let right = self.truth.total(id, 0..=MINUTES - 1);
                assert!(record.is_fresh() && record.to_native() == right, "{:?}", self.done);
            }
            11..=12 => assert!(views.all.get(&0, NOW).unwrap().is_fresh(), "{:?}", self.done),
            13..=14 => {
                let record = views.peeked.get(&id, at(minute)).unwrap();
                // What it peeked at may be marked, and is served as it is.
                let beneath = views.base.peek(&id, at(minute)).unwrap();
                let stands = beneath.is_none_or(|record| record.is_fresh());
                assert!(record.is_fresh() == stands, "{:?}", self.done);
            }
            15 => {
                let record = views.base.get(&id, at(minute)).unwrap();
                let right = self.truth.base(id, minute);
                assert!(record.is_fresh() && record.to_native() == right, "{:?}", self.done);
            }
            16 => drop(views.base.invalidate_range(&id, buckets(0..minute)).unwrap()),
            17 => match value {
                0 => drop(views.base.invalidate_all().unwrap()),
                1 => drop(views.running.invalidate_all().unwrap()),
                2 => drop(views.base.invalidate_between(buckets(minute..MINUTES)).unwrap()),
                _ => drop(views.running.invalidate(&id).unwrap()),
            },
            18 => drop(views.base.delete_range(&id, buckets(minute..minute + 1)).unwrap()),
            19 => {
                let changes = Changes::new().source(("source", id)).kind("other");
                source.set(value);
                store.invalidate_all(&changes.view("sum")).unwrap();
            }
            20 => {
                drop(views.base.when_marked(Marked::Serve).range(&id, buckets(0..minute)).unwrap())
            }
            21 => {
                store.sync().unwrap();
                let kept = Self::cut(&self.disk, &self.base, Cut::Nothing);
                self.truth.version += u32::from(value == 0);
                self.go_on_with(kept);
            }
            22 => {
                let kept = Self::cut(&self.disk, &self.base, Cut::Unsynced);
                self.go_on_with(kept);
            }
            _ => {
                // Power is cut within a change that has happened.
                let cut = store.change(("source", id), || {
                    source.set(value);
                    Self::cut(&self.disk, &self.base, Cut::Unsynced)
                });
                self.go_on_with(cut.unwrap());
            }
        }
    }
}

fn run(seed: u64) {
    let mut run = Run::new(seed);
    for _ in 0..STEPS {
        run.step();
        let wrong = run.views.wrong(&run.truth);
        assert!(wrong.is_empty(), "{wrong:#?} after {:#?}", run.done);
    }
    run.views.close();
}

fn histories(seed: u64, many: u32) {
    let mut seeds = Random(seed);
    for _ in 0..many {
        run(seeds.next());
    }
}

#[test]
fn what_is_called_fresh_is_right_in_any_history() {
    histories(0x7469_6465_7461_626c, 12);
}

#[test]
#[ignore = "takes minutes"]
fn what_is_called_fresh_is_right_in_hundreds_of_histories() {
    histories(0x6672_6573_6821_2121, 400);
}
