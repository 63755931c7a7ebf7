//! What is scheduled: a store, those who read it and those who change what its records are built from.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64 as Noted, Ordering::SeqCst};

use shuttle::sync::Mutex;
use shuttle::sync::atomic::AtomicU64;
use shuttle::thread;
use tidetable::{
    Grid, Input, ManualClock, Marked, Missing, Options, Span, Store, TimeRange, Timestamp, View,
};

use crate::disk::Random;

/// What some threads do at once, each one thing after the other.
#[derive(Clone, Debug)]
pub struct Program {
    builders: usize,
    memory_bytes: usize,
    warm: bool,
    /// The records that are built from others take them as they are, marked or not.
    lenient: bool,
    threads: Vec<Vec<Step>>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The source changes, and that is announced.
    Announce(usize),
    /// The same with what cannot be forgotten.
    Change(usize),
    /// It is announced that it may have changed.
    Touch(usize),
    /// The kind of all sources is announced, after each of them has changed.
    AnnounceAll,
    GetDirect(usize),
    PeekDirect(usize),
    ServeDirect(usize),
    GetAbove,
    PeekAbove,
    Fill,
    Delete(usize),
    Request,
    /// Pages of others take the room.
    Crowd,
}

/// As many as direct records: one each. The last is an input of the store's.
const SOURCES: usize = 3;
const INPUT: usize = SOURCES - 1;
const ENTITY: u32 = 7;
/// A page with the two lists of a thread's shortcut is some 1,200 bytes in memory.
const MEMORY_BYTES: [usize; 3] = [0, 3_000, 1 << 20];

impl Program {
    pub fn draw(random: &mut Random) -> Self {
        let threads = 2 + random.below(3);
        // All about one source, or about whichever: threads that meet seldom show nothing.
        let only = Some(random.below(2 * SOURCES as u64) as usize).filter(|only| *only < SOURCES);
        let threads = (0..threads).map(|_| {
            let steps = 1 + random.below(3);
            (0..steps).map(|_| Step::draw(random, only)).collect()
        });
        Self {
            threads: threads.collect(),
            builders: random.below(3) as usize % 2,
            memory_bytes: MEMORY_BYTES[random.below(3) as usize],
            warm: random.below(3) > 0,
            lenient: random.below(3) == 0,
        }
    }

    /// Runs once, in a schedule; panics where something does not hold.
    pub fn run(&self) {
        let world = Arc::new(World::open(self));
        if self.warm {
            world.quiet();
        }
        let begin = |steps: &Vec<Step>| {
            let (world, steps) = (world.clone(), steps.clone());
            thread::spawn(move || steps.into_iter().for_each(|step| world.take(step)))
        };
        let threads: Vec<_> = self.threads.iter().map(begin).collect();
        for thread in threads {
            if let Err(panicked) = thread.join() {
                std::panic::resume_unwind(panicked);
            }
        }
        world.quiet();
        world.store.close().expect("nothing of memory fails");
    }
}

impl Step {
    fn draw(random: &mut Random, only: Option<usize>) -> Self {
        let any = random.below(SOURCES as u64) as usize;
        let which = only.unwrap_or(any);
        match random.below(18) {
            0..=2 => Self::Announce(which),
            3 => Self::Change(which),
            4 => Self::AnnounceAll,
            5 | 6 => Self::Touch(which),
            7 | 8 => Self::GetDirect(which),
            9 => Self::PeekDirect(which),
            10 => Self::ServeDirect(which),
            11..=13 => Self::GetAbove,
            14 => Self::PeekAbove,
            15 => [Self::Fill, Self::Request][any % 2],
            16 => Self::Delete(which),
            _ => Self::Crowd,
        }
    }
}

/// What the sources are: each a number that grows.
struct Sources {
    now: [AtomicU64; SOURCES],
    /// What was acknowledged; it only looks on.
    acknowledged: [Noted; SOURCES],
}

struct World {
    store: Store,
    sources: Arc<Sources>,
    input: Input<u32, u64>,
    setting: Mutex<()>,
    /// Bucket n holds what source n is.
    direct: View<u32, u64>,
    /// What all of them are.
    above: View<u32, [u64; SOURCES]>,
    other: View<u32, u64>,
}

impl World {
    fn open(program: &Program) -> Self {
        let options = Options {
            builders: program.builders,
            memory_bytes: program.memory_bytes,
            clock: Arc::new(ManualClock::new(instant(1000))),
            background_ramp: Span::ZERO,
            ..Options::default()
        };
        let store = Store::in_memory_with(options).expect("the options are in range");
        let sources =
            Arc::new(Sources { now: Default::default(), acknowledged: Default::default() });
        let input = store.input::<u32, u64>("input").expect("it is defined once");
        let (now, read) = (sources.clone(), input.clone());
        let direct = store
            .view::<u32, u64>("direct")
            .grid(Grid::minutes(1))
            .page_len(2)
            .build(move |cx, _, bucket| {
                let source = (bucket.start().as_millis() / 60_000) as usize;
                if source == INPUT {
                    return Ok(cx.input(&read, &ENTITY)?.map_or(0, |value| value.to_native()));
                }
                cx.depends_on(("source", source as u32));
                Ok(now.now[source].load(SeqCst))
            })
            .expect("it is defined once");
        let read = if program.lenient { direct.when_marked(Marked::Serve) } else { direct.clone() };
        let above = store
            .view::<u32, [u64; SOURCES]>("above")
            .build(move |_, entity, _| {
                let mut parts = [0; SOURCES];
                for (source, part) in parts.iter_mut().enumerate() {
                    *part = read.get(entity, instant(source))?.to_native();
                }
                Ok(parts)
            })
            .expect("it is defined once");
        let other = store.view::<u32, u64>("other").build(|_, _, _| Ok(0));
        let other = other.expect("it is defined once");
        Self { store, sources, input, setting: Mutex::default(), direct, above, other }
    }

    fn take(&self, step: Step) {
        match step {
            Step::Announce(INPUT) | Step::Change(INPUT) => self.set(),
            // What is read of the input is touched, and the input is not.
            Step::Touch(INPUT) => _ = held(self.direct.invalidate(&ENTITY)),
            Step::Touch(source) => _ = held(self.store.invalidate(("source", source as u32))),
            Step::Announce(source) => {
                let now = self.sources.change(source);
                held(self.store.invalidate(("source", source as u32)));
                self.sources.acknowledge(source, now);
            }
            Step::Change(source) => {
                let of = ("source", source as u32);
                let now = held(self.store.change(of, || self.sources.change(source)));
                self.sources.acknowledge(source, now);
            }
            Step::AnnounceAll => {
                let now = [0, 1].map(|source| self.sources.change(source));
                held(self.store.invalidate_kind("source"));
                [0, 1].into_iter().for_each(|at| self.sources.acknowledge(at, now[at]));
            }
            Step::GetDirect(source) => self.direct(&self.direct, source),
            Step::PeekDirect(source) => {
                self.direct(
                    &self.direct.when_missing(Missing::Miss).when_marked(Marked::Serve),
                    source,
                );
            }
            Step::ServeDirect(source) => {
                self.direct(&self.direct.when_marked(Marked::Serve), source)
            }
            Step::GetAbove => self.above(&self.above),
            Step::PeekAbove => {
                self.above(&self.above.when_missing(Missing::Miss).when_marked(Marked::Serve));
            }
            Step::Fill => _ = held(self.direct.fill(&ENTITY, all())),
            Step::Delete(source) => {
                let bucket = TimeRange::from(instant(source)..instant(source + 1));
                held(self.direct.delete_range(&ENTITY, bucket));
            }
            Step::Request => _ = held(self.above.request(&ENTITY, instant(0))),
            Step::Crowd => (0..3).for_each(|entity| _ = held(self.other.get(&entity, instant(0)))),
        }
    }

    fn set(&self) {
        // One after the other: the input holds whatever was set last.
        let _setting = self.setting.lock();
        let now = self.sources.now[INPUT].fetch_add(1, SeqCst) + 1;
        held(self.input.set(&ENTITY, &now));
        self.sources.acknowledge(INPUT, now);
    }

    fn direct(&self, view: &View<u32, u64>, source: usize) {
        let before = self.sources.acknowledged[source].load(SeqCst);
        let record = match view.get(&ENTITY, instant(source)) {
            Ok(record) => record,
            Err(error) if error.kind() == tidetable::ErrorKind::Absent => return,
            Err(error) => panic!("a read failed: {error}"),
        };
        self.sources.check(source, before, record.to_native(), record.is_fresh());
    }

    fn above(&self, view: &View<u32, [u64; SOURCES]>) {
        let before = [0, 1, 2].map(|source| self.sources.acknowledged[source].load(SeqCst));
        let record = match view.get(&ENTITY, instant(0)) {
            Ok(record) => record,
            Err(error) if error.kind() == tidetable::ErrorKind::Absent => return,
            Err(error) => panic!("a read failed: {error}"),
        };
        for (source, before) in before.into_iter().enumerate() {
            let held = record.archived()[source].to_native();
            self.sources.check(source, before, held, record.is_fresh());
        }
    }

    /// Nothing changes any more: every record can be had fresh, and is what the sources are.
    fn quiet(&self) {
        (0..SOURCES).for_each(|source| self.direct(&self.direct, source));
        let record = held(self.above.get(&ENTITY, instant(0)));
        assert!(record.is_fresh(), "all is quiet, and a record is {}", record.freshness());
        for source in 0..SOURCES {
            let now = match source {
                INPUT => held(self.input.get(&ENTITY)).map_or(0, |value| value.to_native()),
                _ => self.sources.now[source].load(SeqCst),
            };
            let built = record.archived()[source].to_native();
            assert_eq!(built, now, "all is quiet, and source {source} is something else");
        }
    }
}

impl Sources {
    fn change(&self, source: usize) -> u64 {
        self.now[source].fetch_add(1, SeqCst) + 1
    }

    fn acknowledge(&self, source: usize, now: u64) {
        self.acknowledged[source].fetch_max(now, SeqCst);
    }

    fn check(&self, source: usize, before: u64, held: u64, is_fresh: bool) {
        let after = self.now[source].load(SeqCst);
        assert!(held <= after, "source {source} was never {held}, at most {after}");
        assert!(
            held >= before || !is_fresh,
            "source {source} was known to be {before}; a record with {held} is called fresh"
        );
    }
}

fn instant(minute: usize) -> Timestamp {
    Timestamp::from_seconds(60 * minute as i64)
}

fn all() -> TimeRange {
    TimeRange::from(instant(0)..instant(SOURCES))
}

fn held<T>(outcome: tidetable::Result<T>) -> T {
    outcome.unwrap_or_else(|error| panic!("nothing of memory fails: {error}"))
}
