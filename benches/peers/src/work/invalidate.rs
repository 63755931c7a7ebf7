//! Saying that something has changed, durably.
//!
//! tidetable is told of a source that a page of 144 fresh records was built from, a different one each
//! time, and marks them; before each round all is made fresh again. Its builders are off, so that what
//! is measured is the call. The others know no dependencies: they overwrite one row in a transaction
//! of its own, synced, which is the least that a durable word costs there. In each turn one caller is
//! followed by 64, whose threads are there before; of these the figure is calls a second of all of
//! them, and `invalidate_64_syncs` says how many syncs each call costs.
//!
//! `mark_1m`: one source that a million records in 7,000 pages were built from.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::bench::Bench;
use crate::clock::{millis, nanos};
use crate::data::Data;
use crate::engine::{FileEngine, Sources, TIDETABLE, Tidetable, building, store_options};
use crate::figure::Better;
use crate::key::SLOTS;
use crate::rounds::{self, Contender, alternate_cold};

pub const WORKS: &[&str] = &[
    "invalidate_one",
    "invalidate_one_rate",
    "invalidate_64_callers",
    "invalidate_64_syncs",
    "mark_1m",
];

const DEPENDENCIES: u32 = 10;
const CALLERS: u32 = 64;
const ENTITIES_MARKED: u32 = 7_000;

pub fn measure(bench: &mut Bench) {
    bench.drop_shelf();
    if bench.args.wants_any(&WORKS[..4]) {
        calls(bench);
    }
    if bench.args.wants("mark_1m") && bench.args.runs(TIDETABLE) {
        marks(bench);
    }
}

/// Something to call.
struct Called<'a> {
    engine: &'static str,
    /// Gives a thread what it calls: the nth source, or the nth row.
    caller: Box<dyn Fn(&mut Calls<'_>) + Sync + 'a>,
    /// What has to be done before one caller or many begin.
    prepare: Box<dyn Fn() + Sync + 'a>,
    /// Syncs so far, where the engine counts them.
    syncs: Box<dyn Fn() -> u64 + Sync + 'a>,
}

/// What a thread does with what it calls.
type Calls<'a> = dyn FnMut(&mut dyn FnMut(u32)) + 'a;

fn calls(bench: &mut Bench) {
    bench.tell("invalidate_one");
    let turns = bench.either(5, 11);
    let versions = [bench.data.clone(), bench.data.changed()];
    let entities = bench.data.entities();
    let called: Vec<Called<'_>> = (bench.file_peers().into_iter())
        .map(|peer| {
            let folder = bench.fresh_folder(&format!("invalidate-{}", peer.name));
            if peer.name == TIDETABLE {
                return tide_calls(bench, &folder);
            }
            row_calls(bench.loaded(peer, &folder), &versions)
        })
        .collect();

    let single = bench.either(100, 400);
    // Sources of all entities but those before are asked for, each once.
    let each = (entities / CALLERS).clamp(1, 10);
    let contenders = called
        .iter()
        .map(|called| Contender::new(called.engine, move || round(called, single, each)));
    let done = rounds::run(turns, contenders.collect());
    drop(called);

    let spreads = |of: fn(&Round) -> f64| done.spreads(|round| Some(of(round)));
    if bench.args.wants("invalidate_one") {
        bench.report("invalidate_one", "us", Better::Less, spreads(|round| round.alone * 1e6));
    }
    if bench.args.wants("invalidate_one_rate") {
        let rates = spreads(|round| 1.0 / round.alone);
        bench.report("invalidate_one_rate", "calls/s", Better::More, rates);
    }
    if bench.args.wants("invalidate_64_callers") {
        let rates = spreads(|round| 1.0 / round.crowded);
        bench.report("invalidate_64_callers", "calls/s", Better::More, rates);
    }
    if bench.args.wants("invalidate_64_syncs") {
        let mut syncs = spreads(|round| round.syncs);
        syncs.retain(|(engine, _)| *engine == TIDETABLE);
        bench.report("invalidate_64_syncs", "syncs/call", Better::Less, syncs);
    }
}

/// What one engine came to in one turn: alone and crowded, so that the disk's moods fall on both.
struct Round {
    /// Seconds a call of one caller.
    alone: f64,
    /// Seconds a call of many, of what all of them take.
    crowded: f64,
    /// Syncs a call of many.
    syncs: f64,
}

fn round(called: &Called<'_>, single: u32, each: u32) -> Round {
    (called.prepare)();
    let mut took = 0.0;
    (called.caller)(&mut |call| took = nanos(|| (0..single).for_each(&mut *call)));
    let alone = took / 1e9 / f64::from(single);
    (called.prepare)();
    let before = (called.syncs)();
    let took = together(called, each);
    let calls = f64::from(CALLERS * each);
    let syncs = ((called.syncs)() - before) as f64 / calls;
    Round { alone, crowded: took.as_secs_f64() / calls, syncs }
}

/// From the first caller's beginning to the last one's end. They begin when all are there, each with
/// what it calls through: one caller alone has neither a thread nor a connection to open meanwhile.
fn together(called: &Called<'_>, each: u32) -> Duration {
    let ready = &Barrier::new(CALLERS as usize);
    let spans: Vec<[Instant; 2]> = thread::scope(|scope| {
        let caller = |caller: u32| {
            scope.spawn(move || {
                let mut span = None;
                (called.caller)(&mut |call| {
                    ready.wait();
                    let began = Instant::now();
                    (caller * each..(caller + 1) * each).for_each(call);
                    span = Some([began, Instant::now()]);
                });
                span.expect("a caller who called")
            })
        };
        let callers: Vec<_> = (0..CALLERS).map(caller).collect();
        callers.into_iter().map(|caller| caller.join().expect("a caller who ends")).collect()
    });
    let began = spans.iter().map(|[began, _]| *began).min().expect("callers");
    let ended = spans.iter().map(|[_, ended]| *ended).max().expect("callers");
    ended - began
}

/// The nth call names a source of the nth entity.
fn tide_calls<'a>(bench: &Bench, folder: &std::path::Path) -> Called<'a> {
    let options = tidetable::Options { builders: 0, ..store_options(bench.memory()) };
    let tide = Tidetable::open(folder, options, Sources::Buildings(DEPENDENCIES));
    tide.precompute(&bench.data);
    let entities = bench.data.entities();
    let store = tide.store.clone();
    let caller = move |calls: &mut Calls<'_>| {
        calls(&mut |nth| {
            let source = building(nth % entities, nth % DEPENDENCIES, DEPENDENCIES);
            let report = store.invalidate(source).expect("an invalidation");
            assert!(report.stale == u64::from(SLOTS) || nth >= entities, "{report:?}");
        });
    };
    let metrics = tide.store.clone();
    let syncs = move || metrics.metrics().syncs;
    let prepare = move || tide.refresh();
    let (caller, prepare, syncs) = (Box::new(caller), Box::new(prepare), Box::new(syncs));
    Called { engine: TIDETABLE, caller, prepare, syncs }
}

/// The nth call overwrites a row of the nth entity by another record than it has: SQLite does not
/// write, and so does not sync, what is the same.
fn row_calls<'a>(engine: Box<dyn FileEngine>, versions: &'a [Data; 2]) -> Called<'a> {
    let name = engine.name();
    // Whether a row holds the second version.
    let held: Vec<_> = versions[0].all().map(|_| AtomicBool::new(false)).collect();
    let caller = move |calls: &mut Calls<'_>| {
        engine.write(&mut |writer| {
            calls(&mut |nth| {
                // Another row where callers come round to an entity again.
                let entities = versions[0].entities();
                let row = (nth * SLOTS + nth / entities) % versions[0].len();
                let held = held[row as usize].fetch_not(Ordering::Relaxed);
                writer.put(&versions[usize::from(!held)], &[row]);
            });
        });
    };
    let (caller, prepare, syncs) = (Box::new(caller), Box::new(|| ()), Box::new(|| 0));
    Called { engine: name, caller, prepare, syncs }
}

fn marks(bench: &mut Bench) {
    bench.tell("mark_1m");
    let data = Data::new((ENTITIES_MARKED * SLOTS) as usize);
    let folder = bench.fresh_folder("mark");
    let options = tidetable::Options { builders: 0, ..store_options(bench.memory()) };
    let tide = Tidetable::open(&folder, options, Sources::Weather);
    tide.precompute(&data);
    let mark = || {
        tide.refresh();
        let mut report = None;
        let took = millis(|| report = tide.store.invalidate(("weather", 1)).ok());
        let stale = report.expect("an invalidation").stale;
        assert_eq!(stale, u64::from(data.len()), "all records are marked");
        took
    };
    let spreads = alternate_cold(bench.either(3, 9), vec![Contender::new(TIDETABLE, mark)]);
    bench.report("mark_1m", "ms", Better::Less, spreads);
    tide.store.close().expect("a clean close");
}
