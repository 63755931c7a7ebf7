//! Reads of one record that is in memory.
//!
//! Every engine holds all records and has been asked for them once. With two threads the figure is
//! the wall time of both by the operations of both: half of one thread's where two do twice as much.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use crate::bench::Bench;
use crate::engine::{Engine, TIDETABLE};
use crate::figure::Better;
use crate::rounds::{Contender, alternate};

pub const WORKS: &[&str] =
    &["hit_1t", "hit_2t", "hit_hot_1t", "hit_hot_2t", "hit_uniform_1t", "hit_uniform_2t"];

/// Those that answer from memory of their own.
const IN_MEMORY: &[&str] = &[TIDETABLE, "quick_cache", "moka", "foyer", "moka_sqlite_json"];
/// Of the draws, so many for those that look into a file's pages each time, however warm.
const FILE_DRAWS: usize = 1 << 16;

pub fn measure(bench: &mut Bench) {
    for work in WORKS {
        if !bench.args.wants(work) {
            continue;
        }
        bench.tell(work);
        bench.shelf();
        let rounds = bench.rounds();
        let (_, rest) = work.split_once('_').expect("its name says what is hit");
        let spreads = {
            let draws = match rest {
                "1t" | "2t" => &bench.draws.zipf,
                "hot_1t" | "hot_2t" => &bench.draws.hottest,
                _ => &bench.draws.uniform,
            };
            let draws = draws[..bench.either(1 << 17, draws.len())].to_vec();
            let threads = if rest.ends_with("2t") { 2 } else { 1 };
            let with_files = rest == "1t";
            let engines = bench.shelf().some(|name| with_files || IN_MEMORY.contains(&name));
            let contenders = engines.into_iter().map(|engine| {
                let in_memory = IN_MEMORY.contains(&engine.name());
                let draws = if in_memory { &draws[..] } else { &draws[..FILE_DRAWS] };
                Contender::new(engine.name(), move || nanos_each(engine, draws, threads))
            });
            alternate(rounds, contenders.collect())
        };
        bench.report(work, "ns", Better::Less, spreads);
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
