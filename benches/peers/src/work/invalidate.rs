//! Saying that something has changed, durably.
//!
//! tidetable is told of a source that a page of 144 fresh records was built from, a different one each
//! time, and marks them; before each round all is made fresh again. Its builders are off, so that what
//! is measured is the call. The others know no dependencies: they overwrite one row in a transaction
//! of its own, synced, which is the least that a durable word costs there. With 64 callers the figure
//! is calls a second of all of them, and `invalidate_64_syncs` says how many syncs each of them cost.
//!
//! `mark_1m`: one source that a million records in 7,000 pages were built from.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::bench::Bench;
use crate::clock::{millis, nanos};
use crate::data::Data;
use crate::engine::{FileEngine, Sources, TIDETABLE, Tidetable, building, store_options};
use crate::figure::Better;
use crate::key::SLOTS;
use crate::rounds::{Contender, alternate_cold};
use crate::spread::Spread;

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

/// Something to call: the nth source, or the nth row.
struct Called<'a> {
    engine: &'static str,
    call: Box<dyn Fn(u32) + Sync + 'a>,
    /// What has to be done before each round.
    prepare: Box<dyn Fn() + Sync + 'a>,
    /// Syncs so far, where the engine counts them.
    syncs: Box<dyn Fn() -> u64 + Sync + 'a>,
}

fn calls(bench: &mut Bench) {
    bench.tell("invalidate_one");
    let rounds = bench.either(5, 11);
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
    let one = |called: &Called<'_>| {
        (called.prepare)();
        nanos(|| (0..single).for_each(|nth| (called.call)(nth))) / f64::from(single)
    };
    let contenders = called.iter().map(|called| Contender::new(called.engine, || one(called)));
    let alone = alternate_cold(rounds, contenders.collect());

    // Sources of all entities but those before are asked for, each once.
    let each = (entities / CALLERS).clamp(1, 10);
    let mut counted = Vec::new();
    let many = |called: &Called<'_>, counted: &mut Vec<f64>| {
        (called.prepare)();
        let before = (called.syncs)();
        let took = nanos(|| {
            thread::scope(|scope| {
                for caller in 0..CALLERS {
                    scope.spawn(move || {
                        (0..each).for_each(|nth| (called.call)(caller * each + nth));
                    });
                }
            });
        });
        if called.engine == TIDETABLE {
            counted.push(((called.syncs)() - before) as f64 / f64::from(CALLERS * each));
        }
        f64::from(CALLERS * each) / took * 1e9
    };
    let counted_too = RefCell::new(&mut counted);
    let contenders = called.iter().map(|called| {
        Contender::new(called.engine, || many(called, &mut counted_too.borrow_mut()))
    });
    let together = alternate_cold(rounds, contenders.collect());
    drop(called);

    let rates = alone.iter().map(|(engine, spread)| {
        let Spread { median, least, most } = *spread;
        (*engine, Spread { median: 1e9 / median, least: 1e9 / most, most: 1e9 / least })
    });
    let rates: Vec<_> = rates.collect();
    let micros = alone.into_iter().map(|(engine, spread)| (engine, spread.scaled(1e-3)));
    if bench.args.wants("invalidate_one") {
        bench.report("invalidate_one", "us", Better::Less, micros);
    }
    if bench.args.wants("invalidate_one_rate") {
        bench.report("invalidate_one_rate", "calls/s", Better::More, rates);
    }
    if bench.args.wants("invalidate_64_callers") {
        bench.report("invalidate_64_callers", "calls/s", Better::More, together);
    }
    if bench.args.wants("invalidate_64_syncs") && !counted.is_empty() {
        let rows = [(TIDETABLE, Spread::of(counted))];
        bench.report("invalidate_64_syncs", "syncs/call", Better::Less, rows);
    }
}

/// The nth call names a source of the nth entity.
fn tide_calls<'a>(bench: &Bench, folder: &std::path::Path) -> Called<'a> {
    let options = tidetable::Options { builders: 0, ..store_options(bench.memory()) };
    let tide = Tidetable::open(folder, options, Sources::Buildings(DEPENDENCIES));
    tide.precompute(&bench.data);
    let entities = bench.data.entities();
    let store = tide.store.clone();
    let call = move |nth: u32| {
        let source = building(nth % entities, nth % DEPENDENCIES, DEPENDENCIES);
        let report = store.invalidate(source).expect("an invalidation");
        assert!(report.stale == u64::from(SLOTS) || nth >= entities, "{report:?}");
    };
    let metrics = tide.store.clone();
    let syncs = move || metrics.metrics().syncs;
    let prepare = move || tide.refresh();
    let (call, prepare, syncs) = (Box::new(call), Box::new(prepare), Box::new(syncs));
    Called { engine: TIDETABLE, call, prepare, syncs }
}

/// The nth call overwrites a row of the nth entity by another record than it has: SQLite does not
/// write, and so does not sync, what is the same.
fn row_calls<'a>(engine: Box<dyn FileEngine>, versions: &'a [Data; 2]) -> Called<'a> {
    let (name, round) = (engine.name(), Arc::new(AtomicUsize::new(0)));
    let next = round.clone();
    let call = move |nth: u32| {
        let data = &versions[round.load(Ordering::Relaxed) % 2];
        // Another row where callers come round to an entity again.
        let row = (nth * SLOTS + nth / data.entities()) % data.len();
        engine.write(&mut |writer| writer.put(data, &[row]));
    };
    let prepare = move || _ = next.fetch_add(1, Ordering::Relaxed);
    Called { engine: name, call: Box::new(call), prepare: Box::new(prepare), syncs: Box::new(|| 0) }
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
