//! The slowest reads in a hundred and in a thousand, of one reader on a core of its own: while nothing
//! else happens, and while all records are replaced by changed ones, over and over, on the other
//! cores.
//!
//! Each sample is the time from the end of one read to the end of the next, so that no wait falls
//! between two samples; asking the clock is in it. Popular records by Zipf's law, all in memory. The
//! full run takes more than ten million samples of each engine. tidetable replaces by a refresh of all
//! records, the others by transactions of a thousand rows in order.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use hdrhistogram::Histogram;

use crate::bench::Bench;
use crate::clock::histogram;
use crate::data::Data;
use crate::engine::{Engine, FileEngine, Sources, TIDETABLE, Tidetable, store_options};
use crate::figure::Better;
use crate::key::Key;
use crate::pin::OffLastCore;
use crate::rounds::{Contender, alternate_cold};
use crate::spread::Spread;

pub const WORKS: &[&str] = &["p99_idle", "p99_during_rebuild", "p999_idle", "p999_during_rebuild"];

const ROWS: usize = 1_000;

/// An engine, and how it replaces all records once.
enum Rebuilt {
    Tide(Box<Tidetable>),
    Rows(Box<dyn FileEngine>),
}

impl Rebuilt {
    fn engine(&self) -> &dyn Engine {
        match self {
            Self::Tide(tide) => tide.as_ref(),
            Self::Rows(engine) => engine.as_ref(),
        }
    }

    fn replace(&self, data: &Data, enough: &AtomicBool) {
        match self {
            Self::Tide(tide) => {
                tide.change(data);
                tide.rebuild();
            }
            Self::Rows(engine) => engine.write(&mut |writer| {
                let nths: Vec<u32> = data.all().collect();
                let batches = nths.chunks(ROWS).take_while(|_| !enough.load(Ordering::Relaxed));
                batches.for_each(|batch| writer.put(data, batch));
            }),
        }
    }
}

pub fn measure(bench: &mut Bench) {
    bench.tell("p99");
    bench.drop_shelf();
    // Threads that the engines begin stay off the reader's core.
    let cores = OffLastCore::begin();
    let versions = [bench.data.changed(), bench.data.clone()];
    let engines: Vec<Rebuilt> = (bench.file_peers().into_iter())
        .map(|peer| {
            let folder = bench.fresh_folder(&format!("tail-{}", peer.name));
            if peer.name == TIDETABLE {
                let options = store_options(bench.memory());
                let tide = Tidetable::open(&folder, options, Sources::None);
                tide.precompute(&bench.data);
                return Rebuilt::Tide(Box::new(tide));
            }
            Rebuilt::Rows(bench.warmed(peer, &folder))
        })
        .collect();
    let samples = bench.either(1 << 18, 1 << 21);
    for (during, works) in
        [(false, ["p99_idle", "p999_idle"]), (true, ["p99_during_rebuild", "p999_during_rebuild"])]
    {
        if !bench.args.wants_any(&works) {
            continue;
        }
        bench.tell(works[0]);
        let mut found = vec![[Vec::new(), Vec::new()]; engines.len()];
        let draws = &bench.draws.zipf;
        let contenders = engines.iter().zip(&mut found).map(|(rebuilt, found)| {
            let (cores, versions) = (&cores, &versions);
            Contender::new(rebuilt.engine().name(), move || {
                let histogram = if during {
                    while_replaced(rebuilt, versions, || {
                        read(rebuilt.engine(), cores, draws, samples)
                    })
                } else {
                    read(rebuilt.engine(), cores, draws, samples)
                };
                found[0].push(histogram.value_at_quantile(0.99) as f64);
                found[1].push(histogram.value_at_quantile(0.999) as f64);
                found[0][0]
            })
        });
        alternate_cold(bench.either(3, 5), contenders.collect());
        for (nth, work) in works.into_iter().enumerate() {
            if bench.args.wants(work) {
                let spreads = engines.iter().zip(&found).map(|(rebuilt, found)| {
                    (rebuilt.engine().name(), Spread::of(found[nth].clone()))
                });
                let spreads: Vec<_> = spreads.collect();
                bench.report(work, "ns", Better::Less, spreads);
            }
        }
    }
}

/// Runs `work` while another thread replaces all records again and again.
fn while_replaced<T>(rebuilt: &Rebuilt, versions: &[Data; 2], work: impl FnOnce() -> T) -> T {
    let enough = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for data in versions.iter().cycle() {
                if enough.load(Ordering::Relaxed) {
                    break;
                }
                rebuilt.replace(data, &enough);
            }
        });
        let result = work();
        enough.store(true, Ordering::Relaxed);
        result
    })
}

/// Reads on the last core: how long each read took.
fn read(engine: &dyn Engine, cores: &OffLastCore, draws: &[u32], samples: usize) -> Histogram<u64> {
    let mut histogram = histogram();
    thread::scope(|scope| {
        scope.spawn(|| {
            cores.take_last_core();
            engine.read(&mut |reader| {
                // A round unseen: what is popular comes into the processor's caches.
                black_box(reader.gets(&draws[..draws.len() / 8]));
                let mut before = Instant::now();
                for draw in draws.iter().cycle().take(samples) {
                    black_box(reader.get(Key::nth(*draw)));
                    let now = Instant::now();
                    histogram.saturating_record(now.duration_since(before).as_nanos() as u64);
                    before = now;
                }
            });
        });
    });
    histogram
}
