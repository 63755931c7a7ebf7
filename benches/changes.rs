//! What a change costs, and what it costs others: `cargo bench --bench changes`.
//!
//! With words behind it (`-- marking readers`) only those parts run. Nothing is asserted: machines
//! differ and are noisy.

#![expect(clippy::print_stdout, reason = "a program that reports")]

use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use redb::{Database, TableDefinition};
use tidetable::{Changes, Grid, Marked, Options, Span, Store, TimeRange, Timestamp, View};

const NOON: Timestamp = Timestamp::from_seconds(1_782_000_000);
const DAY: u32 = 144;
/// So many changes a figure, each of them synced.
const CHANGES: u32 = 400;

/// One group of figures, on a file of its own.
type Part = fn(&Path);

fn main() {
    let parts: [(&str, Part); 6] = [
        ("syncing", syncing),
        ("announcing", announcing),
        ("crowd", crowd),
        ("marking", marking),
        ("recomputing", recomputing),
        ("readers", readers),
    ];
    let asked: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    for (name, part) in parts {
        if asked.is_empty() || asked.iter().any(|word| word == name) {
            let folder = tempfile::tempdir().expect("a folder for the store");
            part(&folder.path().join("bench.tide"));
        }
    }
}

/// What the file beneath needs for one row that is to last: the floor of every figure with a sync.
fn syncing(path: &Path) {
    const ROWS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("rows");
    let database = Database::create(path).expect("a database");
    for two_phase in [false, true] {
        let each = time_each(CHANGES, |n| {
            let mut txn = database.begin_write().expect("a transaction");
            txn.set_two_phase_commit(two_phase);
            let mut rows = txn.open_table(ROWS).expect("a table");
            rows.insert(n, [7; 64].as_slice()).expect("an insertion");
            drop(rows);
            txn.commit().expect("a commit");
        });
        let phases = if two_phase { "two phases" } else { "one phase" };
        report(&format!("bare redb, one row, {phases}"), &each);
    }
}

/// One caller: a source that one record, none, many or all have read, and long ways.
fn announcing(path: &Path) {
    let store = Store::open_with(path, quiet()).expect("a store");
    let of_its_own = store
        .view::<u32, u64>("own")
        .build(|cx, entity, _| {
            cx.depends_on(("own", *entity));
            cx.depends_on(("all", 1));
            Ok(u64::from(*entity))
        })
        .expect("a view");
    fill(&of_its_own, 10_000, always());
    store.sync().expect("a sync");
    let before = store.metrics().syncs;
    let each = time_each(CHANGES, |n| drop(store.invalidate(("own", n)).expect("a change")));
    let syncs = store.metrics().syncs - before;
    report(&format!("invalidate one of 10,000 ({syncs} of {CHANGES} synced)"), &each);
    let each = time_each(CHANGES, |n| drop(store.invalidate(("own", n)).expect("a change")));
    report("the same, marked already", &each);
    let before = store.metrics().syncs;
    let each = time_each(100 * CHANGES, |n| drop(store.invalidate(("nobody", n))));
    let syncs = store.metrics().syncs - before;
    report(&format!("what nobody has read ({syncs} synced)"), &each);
    let each = time_each(20, |n| {
        let sources = (0..1_000).map(|source| ("own", 1_000 + (n * 1_000 + source) % 9_000));
        let all = sources.fold(Changes::new(), Changes::source);
        store.invalidate_all(&all).expect("a change");
    });
    report("1,000 sources in one call", &each);
    fill(&of_its_own, 10_000, always());
    store.sync().expect("a sync");
    let each = time_each(1, |_| drop(store.invalidate(("all", 1)).expect("a change")));
    report("a source with 10,000 readers", &each);

    let mut below: Option<View<u32, u64>> = None;
    for level in 0..64 {
        let read = below.take();
        let build =
            store.view::<u32, u64>(&format!("level {level}")).build(move |cx, entity, _| {
                cx.depends_on(("root", *entity));
                match &read {
                    None => Ok(1),
                    Some(read) => Ok(cx.get(read, entity, NOON)?.to_native() + 1),
                }
            });
        below = Some(build.expect("a view"));
    }
    let top = below.expect("the last level");
    (0..CHANGES).for_each(|entity| drop(top.get(&entity, NOON).expect("a record")));
    store.sync().expect("a sync");
    let each = time_each(CHANGES, |n| drop(store.invalidate(("root", n)).expect("a change")));
    report("through 64 levels", &each);
    store.close().expect("a clean close");
}

/// Many callers at once, each with sources of its own.
fn crowd(path: &Path) {
    let store = Store::open_with(path, quiet()).expect("a store");
    let view = store
        .view::<u32, u64>("own")
        .build(|cx, entity, _| {
            cx.depends_on(("own", *entity));
            Ok(u64::from(*entity))
        })
        .expect("a view");
    fill(&view, 10_000, always());
    store.sync().expect("a sync");
    let mut alone = 0.0;
    for callers in [1, 2, 8, 64, 64, 64, 256] {
        let (over, before) = (AtomicBool::new(false), store.metrics());
        let started = Instant::now();
        let announced: u32 = thread::scope(|scope| {
            let caller = |caller: u32| {
                let (store, over) = (&store, &over);
                scope.spawn(move || {
                    let mut n = 0;
                    while !over.load(Ordering::Relaxed) {
                        let source = (caller * 40 + n % 40) % 10_000;
                        store.invalidate(("own", source)).expect("a change");
                        n += 1;
                    }
                    n
                })
            };
            let callers: Vec<_> = (0..callers).map(caller).collect();
            thread::sleep(Duration::from_millis(1_500));
            over.store(true, Ordering::Relaxed);
            callers.into_iter().map(|caller| caller.join().expect("a caller")).sum()
        });
        let rate = f64::from(announced) / started.elapsed().as_secs_f64();
        if callers == 1 {
            alone = rate;
        }
        let after = store.metrics();
        let each = f64::from(announced) / (after.syncs - before.syncs) as f64;
        let line = format!("{callers} callers");
        println!("{line:<44} {rate:>10.0} /s   {:.1} x one, {each:.1} a sync", rate / alone);
    }
    store.close().expect("a clean close");
}

/// One source that a million records in seven thousand pages were built from.
fn marking(path: &Path) {
    for cached in [true, false] {
        let memory_bytes = if cached { 256 << 20 } else { 32 << 20 };
        let path = path.with_extension(if cached { "cached" } else { "cold" });
        let store = Store::open_with(&path, Options { memory_bytes, ..quiet() }).expect("a store");
        let view = weather(&store, "all", Marked::Rebuild);
        for round in 0..4 {
            fill(&view, 7_000, day());
            store.sync().expect("a sync");
            let started = Instant::now();
            let report = store.invalidate(("weather", 1)).expect("an invalidation");
            let took = started.elapsed();
            let rate = report.stale as f64 / took.as_secs_f64() / 1e6;
            let kept = store.metrics().pages_resident;
            let line = format!("mark {} records, {kept} pages cached", report.stale);
            let which = if round == 0 { "first" } else { "again" };
            println!("{line:<44} {:>10.2} ms   {rate:.1} M/s, {which}", millis(took));
        }
        store.close().expect("a clean close");
    }
}

/// From a change to the fresh record.
fn recomputing(path: &Path) {
    for builders in [0, 1] {
        let path = path.with_extension(builders.to_string());
        let options = Options { builders, ..quiet() };
        let store = Store::open_with(&path, options).expect("a store");
        let view = store
            .view::<u32, u64>("own")
            .build(|cx, entity, _| {
                cx.depends_on(("own", *entity));
                Ok(u64::from(*entity))
            })
            .expect("a view");
        fill(&view, 10_000, always());
        store.sync().expect("a sync");
        let before = store.metrics();
        let each = time_each(CHANGES, |n| {
            store.invalidate(("own", n)).expect("a change");
            black_box(view.get(&n, NOON).expect("a record").to_native());
        });
        let after = store.metrics();
        let (commits, syncs) = (after.commits - before.commits, after.syncs - before.syncs);
        report(&format!("change and read, {builders} builders"), &each);
        println!("    {commits} commits, {syncs} syncs for {CHANGES}");
        let each = time_each(CHANGES, |n| {
            black_box(view.get(&(10_000 + n), NOON).expect("a record").to_native());
        });
        report("build one that was not there", &each);
        store.close().expect("a clean close");
    }
}

/// One reader, pinned to the first processor, while all is built anew behind it.
fn readers(path: &Path) {
    let store = Store::open_with(path, Options { builders: 1, ..quiet() }).expect("a store");
    let view = weather(&store, "all", Marked::Serve);
    let other = weather(&store, "other", Marked::Serve);
    fill(&view, 1_000, day());
    fill(&other, 7_000, day());
    store.sync().expect("a sync");
    let read = |what: &str, over: &(dyn Fn() -> bool + Sync)| {
        let mut histogram = vec![0_u32; 1 << 20];
        let (mut seed, mut reads) = (7_u64, 0_u32);
        let mut fresh = 0_u32;
        while reads & 0x3FFF != 0 || !over() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (entity, slot) = ((seed >> 33) as u32 % 1_000, (seed >> 20) as u32 % DAY);
            let at = NOON + Span::minutes(10 * i64::from(slot));
            let started = Instant::now();
            let record = view.get(&entity, at).expect("a record");
            fresh += u32::from(record.freshness() == tidetable::Freshness::Fresh);
            black_box(record.to_native());
            let nanos = started.elapsed().as_nanos() as usize;
            histogram[nanos.min((1 << 20) - 1)] += 1;
            reads += 1;
        }
        let at = |part: f64| {
            let mut left = (f64::from(reads) * part) as u64;
            histogram.iter().position(|count| {
                let here = u64::from(*count);
                let reached = here > left;
                left = left.saturating_sub(here);
                reached
            })
        };
        let [p50, p90, p99, p999] =
            [0.5, 0.9, 0.99, 0.999].map(|part| at(part).unwrap_or_default());
        let fresh = f64::from(fresh) / f64::from(reads) * 100.0;
        println!(
            "{what:<44} p50 {p50} p90 {p90} p99 {p99} p99.9 {p999} ns   {reads} reads, {fresh:.1} % fresh"
        );
    };
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            pin(0);
            for _ in 0..2 {
                let until = Instant::now() + Duration::from_secs(2);
                read("idle", &|| Instant::now() >= until);
            }
            for (what, refresh) in [
                ("another view is built anew", tidetable::Refresh::all().view("other")),
                ("this view is built anew, all fresh", tidetable::Refresh::all().view("all")),
            ] {
                let runs = store.refresh(&refresh).expect("a run");
                let started = Instant::now();
                read(what, &|| runs.status().state.has_ended());
                println!("    took {:.0} ms", millis(started.elapsed()));
            }
            store.invalidate(("weather", 1)).expect("a change");
            let started = Instant::now();
            let refresh = tidetable::Refresh::lacking();
            let runs = store.refresh(&refresh).expect("a run");
            read("all is stale and built anew", &|| runs.status().state.has_ended());
            println!("    took {:.0} ms", millis(started.elapsed()));
            let until = Instant::now() + Duration::from_secs(2);
            read("idle", &|| Instant::now() >= until);
        });
        reader.join().expect("the reader");
    });
    store.close().expect("a clean close");
}

/// Binds this thread to one processor, where the system has a command for it.
fn pin(processor: u32) {
    let Ok(link) = std::fs::read_link("/proc/thread-self") else { return };
    let thread = link.file_name().unwrap_or_default().to_os_string();
    let bound = std::process::Command::new("taskset")
        .arg("-pc")
        .arg(processor.to_string())
        .arg(thread)
        .output();
    drop(bound);
}

/// A view of which every record has read one and the same source.
fn weather(store: &Store, name: &str, marked: Marked) -> View<u32, u64> {
    store
        .view::<u32, u64>(name)
        .grid(Grid::minutes(10).origin(NOON))
        .page_len(DAY)
        .when_marked(marked)
        .build(|cx, entity, _| {
            cx.depends_on(("weather", 1));
            Ok(u64::from(*entity))
        })
        .expect("a view")
}

/// Builds a range of that many entities.
fn fill(view: &View<u32, u64>, entities: u32, range: TimeRange) {
    for entity in 0..entities {
        view.fill(&entity, range).and_then(|filled| filled.complete()).expect("a fill");
    }
}

/// Nothing is built behind the measurement.
fn quiet() -> Options {
    Options { builders: 0, background_ramp: Span::ZERO, ..Options::default() }
}

fn day() -> TimeRange {
    TimeRange::new(NOON, NOON + Span::hours(24))
}

fn always() -> TimeRange {
    TimeRange::new(NOON, NOON + Span::hours(1))
}

fn time_each(times: u32, mut operation: impl FnMut(u32)) -> Vec<f64> {
    (0..times)
        .map(|n| {
            let started = Instant::now();
            operation(n);
            started.elapsed().as_nanos() as f64 / 1e3
        })
        .collect()
}

fn report(work: &str, micros: &[f64]) {
    let mut sorted = micros.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |part: usize| sorted[(sorted.len() * part / 100).min(sorted.len() - 1)];
    println!("{work:<44} {:>10.1} us   ({:.1} to {:.1})", at(50), at(5), at(95));
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
