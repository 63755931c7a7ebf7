//! What reading and filling cost: `cargo bench --bench reads`.
//!
//! Every figure is the median of several rounds. Nothing is asserted: machines differ and are
//! noisy.

#![expect(clippy::print_stdout, reason = "a program that reports")]

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use tidetable::{Grid, Options, Span, Store, TimeRange, Timestamp, View};

/// About the size of a sun-exposure record: 96 bytes archived.
#[derive(rkyv::Archive, rkyv::Serialize)]
struct Exposure {
    values: [u64; 12],
}

const ENTITIES: u32 = 1000;
const ROUNDS: usize = 7;
const NOON: Timestamp = Timestamp::from_seconds(1_782_000_000);

fn main() {
    let folder = tempfile::tempdir().expect("a folder for the store");
    let path = folder.path().join("bench.tide");
    let (store, view) = open(&path, Options::default());
    let day = TimeRange::new(NOON, NOON + Span::hours(24));

    let filled = Instant::now();
    let fill = |entity| view.fill(&entity, day).and_then(|filled| filled.complete());
    let records: u64 = (0..ENTITIES).map(|entity| fill(entity).expect("a fill")).sum();
    store.sync().expect("a sync");
    let rate = records as f64 / filled.elapsed().as_secs_f64() / 1e6;
    println!("{:<44} {rate:>10.2} M records/s", "fill, trivial build, one thread, synced");

    let slots = 144;
    let keys = zipf(1 << 16, u64::from(ENTITIES));
    let at = |n: u64| NOON + Span::minutes(10 * (n % slots).cast_signed());
    report("hit, hottest record", rounds(1, |n| hit(&view, 7, at(n & 1))));
    report(
        "hit, Zipf 0.99 over 1,000 entities",
        rounds(1, |n| {
            let key = keys[n as usize % keys.len()];
            hit(&view, key, at(n));
        }),
    );
    report(
        "hit, uniform",
        rounds(1, |n| {
            hit(&view, (n.wrapping_mul(0x9E37_79B9) % u64::from(ENTITIES)) as u32, at(n));
        }),
    );
    report("the same by 2 threads, hottest record", rounds(2, |n| hit(&view, 7, at(n & 1))));
    report(
        "the same by 2 threads, Zipf 0.99",
        rounds(2, |n| {
            let key = keys[n as usize % keys.len()];
            hit(&view, key, at(n));
        }),
    );
    let window = TimeRange::new(NOON, NOON + Span::minutes(730));
    report(
        "timeline of 73 buckets",
        rounds(1, |n| {
            let timeline = view.range(&((n % 100) as u32), window).expect("a timeline");
            let sum: u64 = timeline.iter().map(|(_, record)| record.values[0].to_native()).sum();
            black_box(sum);
        }),
    );
    drop(view);
    store.close().expect("a clean close");

    let opened = Instant::now();
    let (store, view) = open(&path, Options { memory_bytes: 16 << 20, ..Options::default() });
    println!("{:<44} {:>10.2} ms", "open after a clean close", millis(opened.elapsed()));
    let mut next = 0;
    let cold: Vec<f64> = (0..ENTITIES)
        .map(|_| {
            next = (next + 617) % ENTITIES;
            let started = Instant::now();
            hit(&view, next, NOON);
            started.elapsed().as_nanos() as f64
        })
        .collect();
    report("from the file, a page of 144 records", cold);
    store.close().expect("a clean close");
}

fn open(path: &std::path::Path, options: Options) -> (Store, View<u32, Exposure>) {
    let store = Store::open_with(path, options).expect("a store");
    let view = store
        .view("exposure")
        .grid(Grid::minutes(10).origin(NOON))
        .build(|_, &entity, bucket| {
            let start = bucket.start().as_millis().unsigned_abs();
            Ok(Exposure { values: std::array::from_fn(|n| start + u64::from(entity) * n as u64) })
        })
        .expect("a view");
    (store, view)
}

fn hit(view: &View<u32, Exposure>, entity: u32, at: Timestamp) {
    let record = view.get(&entity, at).expect("a record");
    black_box(record.values[0]);
}

/// Nanoseconds an operation, of each round; with several threads the wall time of all of them by
/// the operations of all of them.
fn rounds(threads: u64, operation: impl Fn(u64) + Sync) -> Vec<f64> {
    const OPERATIONS: u64 = 1 << 19;
    (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            thread::scope(|scope| {
                for thread in 0..threads {
                    let operation = &operation;
                    scope.spawn(move || {
                        (0..OPERATIONS).for_each(|n| operation(n + thread * 31));
                    });
                }
            });
            started.elapsed().as_nanos() as f64 / (OPERATIONS * threads) as f64
        })
        .collect()
}

fn report(work: &str, mut nanos: Vec<f64>) {
    nanos.sort_by(f64::total_cmp);
    let median = nanos[nanos.len() / 2];
    println!("{work:<44} {median:>10.1} ns   ({:.1} to {:.1})", nanos[0], nanos[nanos.len() - 1]);
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Ranks drawn by Zipf's law with exponent 0.99, from a fixed seed.
fn zipf(draws: usize, ranks: u64) -> Vec<u32> {
    let weights: Vec<f64> = (1..=ranks).map(|rank| (rank as f64).powf(-0.99)).collect();
    let total: f64 = weights.iter().sum();
    let mut seed = 0x2545_F491_4F6C_DD1D_u64;
    (0..draws)
        .map(|_| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            let mut left = (seed >> 11) as f64 / (1u64 << 53) as f64 * total;
            let rank = weights.iter().position(|weight| {
                left -= weight;
                left <= 0.0
            });
            rank.unwrap_or(0) as u32
        })
        .collect()
}
