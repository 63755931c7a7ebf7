//! What a dependency costs: `cargo bench --bench dependencies`.
//!
//! Nothing is asserted: machines differ and are noisy.

#![expect(clippy::print_stdout, reason = "a program that reports")]

use std::hint::black_box;
use std::time::Instant;

use tidetable::{Grid, Options, Store, TimeRange, Timestamp, View};

const NOON: Timestamp = Timestamp::from_seconds(1_782_000_000);
const ROUNDS: usize = 7;
const DAY: i64 = 144;

fn main() {
    writing();
    marking();
    reading();
    recomputing();
}

fn view(store: &Store, name: &str, sources: u32) -> View<u32, u64> {
    store
        .view::<u32, u64>(name)
        .grid(Grid::minutes(10).origin(NOON))
        .page_len(DAY as u32)
        .build(move |cx, entity, _| {
            for source in 0..sources {
                cx.depends_on(("building", (*entity + source) % 5_000));
            }
            Ok(u64::from(*entity))
        })
        .expect("a view")
}

fn day() -> TimeRange {
    let end = Timestamp::from_millis(NOON.as_millis() + DAY * 600_000);
    TimeRange::new(NOON, end)
}

/// Records of a day for a thousand entities, with none, one and ten sources each: one fill an
/// entity, and one sync at the end.
fn writing() {
    let entities = 1_000;
    let (mut plain_bytes, mut plain_time) = (0, 0.0);
    for sources in [0, 1, 10, 100] {
        let folder = tempfile::tempdir().expect("a folder for the store");
        let path = folder.path().join("bench.tide");
        let store = Store::open(&path).expect("a store");
        let view = view(&store, "exposure", sources);
        let started = Instant::now();
        let fill = |entity| view.fill(&entity, day()).and_then(|filled| filled.complete());
        let records: u64 = (0..entities).map(|entity| fill(entity).expect("a fill")).sum();
        store.sync().expect("a sync");
        let took = started.elapsed().as_secs_f64();
        drop(view);
        store.close().expect("a clean close");
        let bytes = std::fs::metadata(&path).expect("the file is there").len();
        let rate = records as f64 / took / 1e6;
        if sources == 0 {
            (plain_bytes, plain_time) = (bytes, took);
        }
        // An edge leads from a source to a page of readers.
        let edges = f64::from(sources * entities);
        let line = format!("fill, {sources} sources an entity");
        println!("{line:<44} {rate:>10.2} M records/s");
        if sources > 0 {
            let each = (took - plain_time) / edges * 1e9;
            let size = bytes.saturating_sub(plain_bytes) as f64 / edges;
            println!("{:<44} {each:>10.0} ns and {size:.0} bytes each", "    an edge more costs");
        }
    }
}

/// One source that everything was built from changes.
fn marking() {
    for (entities, page_len) in [(7_000_u32, DAY), (100_000, 1)] {
        let folder = tempfile::tempdir().expect("a folder for the store");
        let store = Store::open(folder.path().join("bench.tide")).expect("a store");
        let view = store
            .view::<u32, u64>("all")
            .grid(Grid::minutes(10).origin(NOON))
            .page_len(page_len as u32)
            .build(|cx, entity, _| {
                cx.depends_on(("weather", 1));
                Ok(u64::from(*entity))
            })
            .expect("a view");
        let end = Timestamp::from_millis(NOON.as_millis() + page_len * 600_000);
        let range = TimeRange::new(NOON, end);
        (0..entities).for_each(|entity| {
            view.fill(&entity, range).and_then(|filled| filled.complete()).expect("a fill");
        });
        let started = Instant::now();
        let report = store.invalidate(("weather", 1)).expect("an invalidation");
        let took = started.elapsed();
        let rate = report.stale as f64 / took.as_secs_f64() / 1e6;
        let line = format!("mark {} records, pages of {page_len}", report.stale);
        println!("{line:<44} {:>10.2} ms   {rate:.1} M records/s", took.as_secs_f64() * 1e3);
        let nobody = Instant::now();
        for other in 0..1_000 {
            store.invalidate(("nobody", other)).expect("an invalidation");
        }
        let each = nobody.elapsed().as_secs_f64() * 1e3;
        println!("{:<44} {each:>10.2} us", "invalidate what nobody has read");
        let one = Instant::now();
        for _ in 0..100 {
            store.invalidate(("weather", 1)).expect("an invalidation");
        }
        let each = one.elapsed().as_secs_f64() * 1e4;
        println!("{:<44} {each:>10.2} us", "invalidate what is marked already");
    }
}

/// A read looks at no dependency, however many there are.
fn reading() {
    for sources in [1, 100, 4_096, 10_000] {
        let folder = tempfile::tempdir().expect("a folder for the store");
        let path = folder.path().join("bench.tide");
        let store = Store::open(&path).expect("a store");
        let built = view(&store, "exposure", sources);
        for entity in 0..200 {
            built.get(&entity, NOON).expect("a record");
        }
        let hot = median((0..ROUNDS).map(|_| {
            let started = Instant::now();
            (0..1 << 17).for_each(|_| hit(&built, 7));
            started.elapsed().as_nanos() as f64 / f64::from(1 << 17)
        }));
        drop(built);
        store.close().expect("a clean close");
        let store = Store::open_with(&path, Options::default()).expect("a store");
        let built = view(&store, "exposure", sources);
        let cold = median((0..200).map(|entity| {
            let started = Instant::now();
            hit(&built, entity);
            started.elapsed().as_nanos() as f64
        }));
        let line = format!("hit; from the file; {sources} dependencies");
        println!("{line:<44} {hot:>10.1} ns   {:.1} us", cold / 1e3);
        store.close().expect("a clean close");
    }
}

/// From an invalidation to the fresh record: a leaf, what reads it, and a total over ten thousand.
fn recomputing() {
    let store = Store::in_memory().expect("a store");
    let leaf = view(&store, "leaf", 1);
    let read = leaf.clone();
    let top = store
        .view::<u32, u64>("top")
        .grid(Grid::minutes(10).origin(NOON))
        .build(move |cx, entity, bucket| Ok(cx.get(&read, entity, bucket.start())?.to_native() / 2))
        .expect("a view");
    top.get(&7, NOON).expect("a record");
    let nanos = median((0..200).map(|_| {
        let started = Instant::now();
        store.invalidate(("building", 7)).expect("an invalidation");
        black_box(top.get(&7, NOON).expect("a record").to_native());
        started.elapsed().as_nanos() as f64
    }));
    println!("{:<44} {:>10.1} us", "invalidate, rebuild one, spare its reader", nanos / 1e3);

    let itself: std::sync::Arc<std::sync::OnceLock<View<u32, u64>>> = Default::default();
    let own = itself.clone();
    let total = store
        .view::<u32, u64>("total")
        .grid(Grid::minutes(10).origin(NOON))
        .page_len(DAY as u32)
        .build(move |cx, entity, bucket| {
            if bucket.start() <= NOON {
                return Ok(0);
            }
            let before = Timestamp::from_millis(bucket.start().as_millis() - 600_000);
            let view = own.get().ok_or("the view is being defined")?;
            Ok(cx.get(view, entity, before)?.to_native() + 1)
        })
        .expect("a view");
    itself.get_or_init(|| total.clone());
    let last = Timestamp::from_millis(NOON.as_millis() + 10_000 * 600_000);
    let started = Instant::now();
    black_box(total.get(&1, last).expect("a record").to_native());
    let millis = started.elapsed().as_secs_f64() * 1e3;
    println!("{:<44} {millis:>10.1} ms", "a cold running total over 10,000 buckets");
    store.close().expect("a clean close");
}

fn hit(view: &View<u32, u64>, entity: u32) {
    black_box(view.get(&entity, NOON).expect("a record").to_native());
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
