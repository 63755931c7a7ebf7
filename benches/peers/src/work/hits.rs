//! Reads of one record that is in memory.
//!
//! Every engine holds all records and has been asked for them once. With two threads the figure is
//! the wall time of both by the operations of both: half of one thread's where two do twice as much.
//! In each turn one thread is followed by two, so that what the machine does falls on both figures.
//! Each thread has a core of its own: a round is some thirty milliseconds, and two threads that begin on
//! one core stay there for several of them.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use crate::bench::Bench;
use crate::engine::{Engine, TIDETABLE};
use crate::figure::Better;
use crate::pin::take_core;
use crate::rounds::{Contender, alternate_warm};

/// Each with one thread and with two.
pub const WORKS: &[&str] =
    &["hit_1t", "hit_2t", "hit_hot_1t", "hit_hot_2t", "hit_uniform_1t", "hit_uniform_2t"];

/// Those that answer from memory of their own.
const IN_MEMORY: &[&str] = &[TIDETABLE, "quick_cache", "moka", "foyer", "moka_sqlite_json"];
/// Of the draws, so many for those that look into a file's pages each time, however warm.
const FILE_DRAWS: usize = 1 << 16;

/// What one engine came to in one turn.
struct Round {
    alone: f64,
    /// Of those that answer from memory.
    by_two: Option<f64>,
}

pub fn measure(bench: &mut Bench) {
    for works in WORKS.chunks(2) {
        if bench.args.wants_any(works) {
            hits(bench, works[0], works[1]);
        }
    }
}

fn hits(bench: &mut Bench, alone: &str, by_two: &str) {
    bench.tell(alone);
    bench.shelf();
    // They are short.
    let rounds = if alone == "hit_hot_1t" { 3 * bench.rounds() } else { bench.rounds() };
    let done = {
        let draws = match alone {
            "hit_1t" => &bench.draws.zipf,
            "hit_hot_1t" => &bench.draws.hottest,
            _ => &bench.draws.uniform,
        };
        let draws = draws[..bench.either(1 << 17, draws.len())].to_vec();
        let with_files = alone == "hit_1t";
        let engines = bench.shelf().some(|name| with_files || IN_MEMORY.contains(&name));
        let contenders = engines.into_iter().map(|engine| {
            let in_memory = IN_MEMORY.contains(&engine.name());
            let draws = if in_memory { &draws[..] } else { &draws[..FILE_DRAWS] };
            Contender::new(engine.name(), move || Round {
                alone: nanos_each(engine, draws, 1),
                by_two: in_memory.then(|| nanos_each(engine, draws, 2)),
            })
        });
        alternate_warm(rounds, contenders.collect())
    };
    if bench.args.wants(alone) {
        bench.report(alone, "ns", Better::Less, done.spreads(|round| Some(round.alone)));
    }
    if bench.args.wants(by_two) {
        bench.report(by_two, "ns", Better::Less, done.spreads(|round| round.by_two));
    }
}

/// Nanoseconds by operation, of all threads together; each begins elsewhere in the draws.
pub fn nanos_each(engine: &dyn Engine, draws: &[u32], threads: usize) -> f64 {
    let ready = Barrier::new(threads);
    let times: Vec<(Instant, Instant)> = thread::scope(|scope| {
        let readers: Vec<_> = (0..threads)
            .map(|thread| {
                let ready = &ready;
                scope.spawn(move || {
                    take_core(thread);
                    let (first, second) = draws.split_at(draws.len() / threads * thread);
                    run(engine, ready, second, first)
                })
            })
            .collect();
        readers.into_iter().map(|reader| reader.join().expect("a reader ends")).collect()
    });
    let began = times.iter().map(|(began, _)| *began).min().expect("a thread");
    let ended = times.iter().map(|(_, ended)| *ended).max().expect("a thread");
    ended.duration_since(began).as_nanos() as f64 / (draws.len() * threads) as f64
}

fn run(engine: &dyn Engine, ready: &Barrier, first: &[u32], then: &[u32]) -> (Instant, Instant) {
    let mut times = None;
    engine.read(&mut |reader| {
        ready.wait();
        let began = Instant::now();
        black_box(reader.gets(black_box(first)));
        black_box(reader.gets(black_box(then)));
        times = Some((began, Instant::now()));
    });
    times.expect("the engine lets it read")
}
