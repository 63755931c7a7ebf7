//! What the store tells of itself: events as they happen, counters that add up, and how long things
//! took.

#![expect(clippy::unwrap_used, reason = "what fails in a test fails the test")]

mod common;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock};

use crate::common::still;
use crate::common::unsealed::edit;
use tidetable::{
    ErrorKind, Event, Freshness, Grid, Layer, Observer, Options, Store, TimeRange, Timestamp, View,
};

const NOW: Timestamp = Timestamp::EPOCH;

/// What was told, as short as a test can compare it.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// What was told since it was last asked.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Observer for Log {
    fn event(&self, event: &Event<'_>) {
        let line = match event {
            Event::Built { view, unchanged: false, .. } => format!("{view} built"),
            Event::Built { view, unchanged: true, .. } => format!("{view} unchanged"),
            Event::Spared { view, .. } => format!("{view} spared"),
            Event::Failed { view, error, .. } => {
                assert!(error.entity().is_some() && error.view() == Some(view));
                format!("{view} failed: {}", error.to_string().rsplit(": ").next().unwrap())
            }
            Event::PageDamaged { error, .. } => format!("{} damaged", error.view().unwrap()),
            other => panic!("nobody expects {other}"),
        };
        self.0.lock().unwrap().push(line);
    }
}

fn observed(observer: impl Observer + 'static) -> Options {
    Options { observer: Some(Arc::new(observer)), ..still::options() }
}

fn log() -> (Log, Store) {
    let log = Log::default();
    let store = Store::in_memory_with(observed(log.clone())).unwrap();
    (log, store)
}

fn minutes(number: i64) -> TimeRange {
    TimeRange::new(NOW, Timestamp::from_seconds(60 * number))
}

/// A view whose records come from data that a test changes: above a hundred there is no building.
fn heights(store: &Store, data: &Arc<AtomicU64>) -> View<u32, u64> {
    let data = data.clone();
    let view = store.view("height").build(move |cx, id, _| {
        cx.depends_on(("building", *id));
        match data.load(SeqCst) {
            101 => Err("no such building".into()),
            102 => panic!("out of bounds"),
            height => Ok(height),
        }
    });
    view.unwrap()
}

/// Whether what is below is higher than ten.
fn shades(store: &Store, heights: &View<u32, u64>) -> View<u32, u64> {
    let heights = heights.clone();
    let view = store
        .view("shade")
        .build(move |_, id, _| Ok(u64::from(heights.get(id, NOW)?.to_native() > 10)));
    view.unwrap()
}

#[test]
fn builds_are_told_in_the_order_in_which_they_were_stored() {
    let (log, store) = log();
    let data = Arc::new(AtomicU64::new(5));
    let heights = heights(&store, &data);
    let shades = shades(&store, &heights);
    shades.get(&1, NOW).unwrap();
    assert_eq!(log.take(), ["height built", "shade built"]);
    shades.get(&1, NOW).unwrap();
    assert!(log.take().is_empty(), "a hit is no event");

    // To the same bytes: what was built from it needs no build.
    store.invalidate(("building", 1_u32)).unwrap();
    shades.get(&1, NOW).unwrap();
    assert_eq!(log.take(), ["height unchanged", "shade spared"]);
    data.store(7, SeqCst);
    store.invalidate(("building", 1_u32)).unwrap();
    shades.get(&1, NOW).unwrap();
    assert_eq!(log.take(), ["height built", "shade unchanged"]);
}

#[test]
fn a_put_is_no_build() {
    let (log, store) = log();
    let view = store.view::<u32, u64>("put").without_build().unwrap();
    view.put(&1, NOW, &5).unwrap();
    assert!(log.take().is_empty());
}

#[test]
fn a_fill_tells_of_each_record_with_its_bucket() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let starts = seen.clone();
    let observer = move |event: &Event<'_>| match event {
        Event::Built { bucket, unchanged: false, .. } => {
            starts.lock().unwrap().push(bucket.start().as_millis() / 60_000);
        }
        other => panic!("nobody expects {other}"),
    };
    let store = Store::in_memory_with(observed(observer)).unwrap();
    let view = store.view::<u32, u64>("minute").grid(Grid::minutes(1)).page_len(4);
    let by_bucket = view.build(|_, _, bucket| Ok(bucket.start().as_millis() as u64)).unwrap();
    by_bucket.fill(&1, minutes(10)).unwrap().complete().unwrap();
    assert_eq!(std::mem::take(&mut *seen.lock().unwrap()), (0..10).collect::<Vec<i64>>());
    let view = store.view::<u32, u64>("page").grid(Grid::minutes(1)).page_len(4);
    let by_page = view.build_page(|_, _, buckets| Ok(vec![1; buckets.len()])).unwrap();
    by_page.get(&1, NOW).unwrap();
    assert_eq!(std::mem::take(&mut *seen.lock().unwrap()), [0, 1, 2, 3]);
}

#[test]
fn a_build_that_fails_is_told_and_so_is_what_it_fails() {
    let (log, store) = log();
    let data = Arc::new(AtomicU64::new(101));
    let heights = heights(&store, &data);
    let shades = shades(&store, &heights);
    heights.get(&1, NOW).unwrap_err();
    assert_eq!(log.take(), ["height failed: no such building"]);
    data.store(102, SeqCst);
    shades.get(&1, NOW).unwrap_err();
    assert_eq!(log.take(), ["height failed: out of bounds", "shade failed: out of bounds"]);
    let metrics = store.metrics();
    assert_eq!((metrics.builds, metrics.build_failures), (0, 3));
    assert_eq!(metrics.latencies.builds.count, 3);
}

#[test]
fn a_record_that_cannot_be_stored_is_a_build_that_failed() {
    let log = Log::default();
    let options = Options { record_bytes_max: 16, ..observed(log.clone()) };
    let store = Store::in_memory_with(options).unwrap();
    let long = store.view::<u32, String>("long").build(|_, _, _| Ok("far too long ".repeat(10)));
    long.unwrap().get(&1, NOW).unwrap_err();
    let pages = store.view::<u32, u64>("pages").build_page(|_, _, _| Ok(vec![1, 2]));
    pages.unwrap().get(&1, NOW).unwrap_err();
    let told = log.take();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("long failed") && told[1].starts_with("pages failed"), "{told:?}");
    assert_eq!(store.metrics().build_failures, 2);
}

#[test]
fn a_build_that_is_begun_again_for_what_nests_too_deep_is_told_once() {
    let (log, store) = log();
    let itself = Arc::new(OnceLock::<View<u32, u64>>::new());
    let captured = itself.clone();
    let view = store.view("chain").build(move |_, id, _| match id {
        0 => Ok(0),
        id => Ok(captured.get().expect("it is set").get(&(id - 1), NOW)?.to_native() + 1),
    });
    itself.set(view.unwrap()).unwrap();
    itself.get().unwrap().get(&300, NOW).unwrap();
    assert_eq!(log.take(), vec!["chain built"; 301]);
}

/// Spoils the one page of the file.
fn spoil(path: &Path) {
    use redb::ReadableTable;
    let pages = redb::TableDefinition::<&[u8], &[u8]>::new("pages");
    edit(path, |txn| {
        let mut table = txn.open_table(pages).unwrap();
        let first = table.first().unwrap().map(|(key, page)| {
            let (key, mut page) = (key.value().to_vec(), page.value().to_vec());
            page[4] = 2;
            (key, page)
        });
        let (key, page) = first.unwrap();
        table.insert(&*key, &*page).unwrap();
    });
}

/// A file with one page, which is damaged.
fn damaged(observer: impl Observer + 'static) -> (tempfile::TempDir, Store, View<u32, u64>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let data = Arc::new(AtomicU64::new(5));
    let store = still::open(&path).unwrap();
    heights(&store, &data).get(&1, NOW).unwrap();
    store.close().unwrap();
    spoil(&path);
    let store = Store::open_with(&path, observed(observer)).unwrap();
    let view = heights(&store, &data);
    (folder, store, view)
}

#[test]
fn a_damaged_page_that_a_reader_finds_is_told_before_it_is_built_anew() {
    let log = Log::default();
    let (_folder, store, view) = damaged(log.clone());
    view.peek(&1, NOW).unwrap_err();
    assert_eq!(log.take(), ["height damaged"]);
    view.get(&1, NOW).unwrap();
    let told = log.take();
    assert_eq!(told.last().unwrap(), "height built");
    assert!(told.len() > 1 && told[..told.len() - 1].iter().all(|line| line == "height damaged"));
    assert_eq!(store.metrics().pages_damaged, told.len() as u64);
    view.get(&1, NOW).unwrap();
    assert!(log.take().is_empty());
}

#[test]
fn a_damaged_page_that_the_writer_finds_is_told_by_who_waits_for_it_and_in_its_thread() {
    let log = Log::default();
    let threads = Arc::new(Mutex::new(Vec::new()));
    let (heard, seen) = (log.clone(), threads.clone());
    let observer = move |event: &Event<'_>| {
        seen.lock().unwrap().push(std::thread::current().name().unwrap_or_default().to_owned());
        heard.event(event);
    };
    let (_folder, _store, view) = damaged(observer);
    // Nobody has read the page; the writer looks at it because a record of it is to be stored.
    view.put(&1, NOW, &9).unwrap();
    assert_eq!(log.take(), ["height damaged"]);
    let threads = threads.lock().unwrap();
    assert!(threads.iter().all(|name| !name.contains("tidetable")), "{threads:?}");
}

#[test]
fn an_observer_that_panics_harms_nothing() {
    let store = Store::in_memory_with(observed(|_: &Event<'_>| panic!("on purpose"))).unwrap();
    let data = Arc::new(AtomicU64::new(5));
    let heights = heights(&store, &data);
    let shades = shades(&store, &heights);
    assert_eq!(shades.get(&1, NOW).unwrap().to_native(), 0);
    data.store(101, SeqCst);
    store.invalidate(("building", 1_u32)).unwrap();
    assert_eq!(shades.get(&1, NOW).unwrap_err().kind(), ErrorKind::Build);
    data.store(50, SeqCst);
    assert_eq!(shades.get(&1, NOW).unwrap().to_native(), 1);
    store.close().unwrap();
}

/// What an observer calls, once the test has set it.
type Calls = Arc<OnceLock<Box<dyn Fn(&Event<'_>) + Send + Sync>>>;

/// A store whose observer calls back.
fn calling() -> (Calls, Store) {
    let calls = Calls::default();
    let called = calls.clone();
    let observer = move |event: &Event<'_>| {
        if let Some(call) = called.get() {
            call(event);
        }
    };
    (calls, Store::in_memory_with(observed(observer)).unwrap())
}

#[test]
fn an_observer_reads_and_writes_but_nothing_is_built_for_it() {
    let (calls, store) = calling();
    let data = Arc::new(AtomicU64::new(5));
    let heights = heights(&store, &data);
    let shades = shades(&store, &heights);
    let puts = store.view::<u32, u64>("put").without_build().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (own, lines, below, above) = (store.clone(), seen.clone(), heights.clone(), shades.clone());
    let call = move |event: &Event<'_>| {
        let builds = own.metrics().builds;
        puts.put(&7, NOW, &builds).unwrap();
        let put = puts.get(&7, NOW).unwrap().to_native();
        // What is there is read; what is being built around this call is neither built nor waited
        // for, nor is anything else.
        let below = below.get(&1, NOW).map(|record| record.layer());
        let above = above.get(&1, NOW).map(|record| record.layer()).map_err(|error| error.kind());
        let is_above = event.to_string().contains("'shade'");
        lines.lock().unwrap().push((is_above, put, below.ok(), above));
    };
    assert!(calls.set(Box::new(call)).is_ok());
    shades.get(&1, NOW).unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert_eq!(seen[0], (false, 1, Some(Layer::Memory), Err(ErrorKind::Input)));
    assert_eq!(seen[1], (true, 2, Some(Layer::Memory), Ok(Layer::Memory)));
}

#[test]
fn what_an_observer_reads_in_the_middle_of_a_build_is_no_part_of_the_record() {
    let (calls, store) = calling();
    let data = Arc::new(AtomicU64::new(5));
    let heights = heights(&store, &data);
    let shades = shades(&store, &heights);
    let other = store.view::<u32, u64>("other").without_build().unwrap();
    other.put(&1, NOW, &1).unwrap();
    let read = other.clone();
    let call = move |_: &Event<'_>| drop(read.get(&1, NOW).unwrap());
    assert!(calls.set(Box::new(call)).is_ok());
    shades.get(&1, NOW).unwrap();
    other.put(&1, NOW, &2).unwrap();
    assert_eq!(shades.peek(&1, NOW).unwrap().unwrap().freshness(), Freshness::Fresh);
}

#[test]
fn an_observer_that_wants_what_just_failed_does_not_wait_for_itself() {
    let (calls, store) = calling();
    let data = Arc::new(AtomicU64::new(101));
    let heights = heights(&store, &data);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (kinds, read) = (seen.clone(), heights.clone());
    let call = move |_: &Event<'_>| {
        kinds.lock().unwrap().push(read.get(&1, NOW).unwrap_err().kind());
        let filled = read.fill(&1, minutes(1)).unwrap();
        kinds.lock().unwrap().push(filled.failed[0].error.kind());
    };
    assert!(calls.set(Box::new(call)).is_ok());
    heights.get(&1, NOW).unwrap_err();
    assert_eq!(*seen.lock().unwrap(), [ErrorKind::Input, ErrorKind::Input]);
    assert_eq!(store.metrics().events_dropped, 0);
}

#[test]
fn an_observer_may_close_the_store() {
    let (calls, store) = calling();
    let data = Arc::new(AtomicU64::new(101));
    let heights = heights(&store, &data);
    let own = store.clone();
    assert!(calls.set(Box::new(move |_: &Event<'_>| own.close().unwrap())).is_ok());
    assert_eq!(heights.get(&1, NOW).unwrap_err().kind(), ErrorKind::Build);
    assert_eq!(heights.get(&1, NOW).unwrap_err().kind(), ErrorKind::Reopen);
}

#[test]
fn an_observer_may_close_the_store_when_it_hears_what_the_writer_found() {
    for call in [
        |view: &View<u32, u64>| view.delete(&1).map(drop),
        |view: &View<u32, u64>| view.put(&1, NOW, &9).map(drop),
        |view: &View<u32, u64>| view.invalidate(&1).map(drop),
    ] {
        let calls = Calls::default();
        let (called, heard) = (calls.clone(), Arc::new(AtomicU64::new(0)));
        let observer = move |event: &Event<'_>| called.get().expect("it is set")(event);
        let (_folder, store, view) = damaged(observer);
        let (own, counted) = (store.clone(), heard.clone());
        let close = move |_: &Event<'_>| {
            counted.fetch_add(1, SeqCst);
            own.close().unwrap();
        };
        assert!(calls.set(Box::new(close)).is_ok());
        call(&view).unwrap();
        store.close().unwrap();
        assert_eq!(heard.load(SeqCst), 1);
    }
}

#[test]
fn what_the_views_counted_adds_up_to_the_total_also_of_those_that_are_gone() {
    let store = still::in_memory().unwrap();
    let data = Arc::new(AtomicU64::new(5));
    let below = heights(&store, &data);
    let above = shades(&store, &below);
    above.get(&1, NOW).unwrap();
    (0..10).for_each(|_| drop(above.get(&1, NOW).unwrap()));
    (0..3).for_each(|_| drop(below.get(&1, NOW).unwrap()));
    data.store(101, SeqCst);
    below.get(&2, NOW).unwrap_err();
    let metrics = store.metrics();
    let of = |name: &str| metrics.views.iter().find(|view| view.name == name).unwrap().clone();
    let (height, shade) = (of("height"), of("shade"));
    assert_eq!((height.hits, shade.hits), (3, 10));
    assert_eq!((height.builds, height.build_failures, shade.builds), (1, 1, 1));
    assert_eq!((height.build_latency.count, shade.build_latency.count), (2, 1));
    let sum =
        |count: fn(&tidetable::report::ViewMetrics) -> u64| metrics.views.iter().map(count).sum();
    let sums: [u64; 5] = [
        sum(|view| view.hits),
        sum(|view| view.loads),
        sum(|view| view.builds),
        sum(|view| view.build_failures),
        sum(|view| view.records_changed),
    ];
    let totals = [
        metrics.hits,
        metrics.loads,
        metrics.builds,
        metrics.build_failures,
        metrics.records_changed,
    ];
    assert_eq!(sums, totals);
    assert_eq!(metrics.latencies.misses.count, metrics.loads);
    assert_eq!(metrics.latencies.commits.count, metrics.commits);

    // Another definition of the name counts on; a deleted view leaves what it counted.
    let anew = store.view::<u32, u64>("shade").version(2).build(|_, _, _| Ok(9)).unwrap();
    // The old record is in memory: a look that found it is a hit, and then it is built anew.
    anew.get(&1, NOW).unwrap();
    let shade = store.metrics().views.into_iter().find(|view| view.name == "shade").unwrap();
    assert_eq!((shade.hits, shade.builds), (11, 2));
    store.delete_view("shade").unwrap();
    let after = store.metrics();
    assert_eq!(after.views.iter().map(|view| &*view.name).collect::<Vec<_>>(), ["height"]);
    assert_eq!((after.hits, after.builds), (14, 3));
    drop((anew, above));
    assert_eq!((store.metrics().hits, store.metrics().builds), (14, 3));
}

#[test]
fn of_a_thousand_hits_one_is_timed_and_a_miss_is_none() {
    let store = still::in_memory().unwrap();
    let view = store.view::<u32, u64>("v").build(|_, id, _| Ok(u64::from(*id))).unwrap();
    view.get(&1, NOW).unwrap();
    (0..16).for_each(|_| drop(view.get(&1, NOW).unwrap()));
    assert_eq!(store.metrics().latencies.hits.count, 0);
    // One is due, and these are none.
    view.get(&2, NOW).unwrap();
    view.peek(&3, NOW).unwrap();
    assert_eq!(store.metrics().latencies.hits.count, 0);
    view.get(&1, NOW).unwrap();
    let hits = store.metrics().latencies.hits;
    assert_eq!((hits.count, hits.p99_ns), (1, hits.max_ns));
    assert!(hits.max_ns > 0 && hits.mean_ns == hits.max_ns);
    assert_eq!(store.metrics().hits, 17);
}

#[test]
fn metrics_are_json_with_the_names_of_the_documentation() {
    let store = still::in_memory().unwrap();
    let data = Arc::new(AtomicU64::new(5));
    heights(&store, &data).get(&1, NOW).unwrap();
    let json = serde_json::to_value(store.metrics()).unwrap();
    for path in [
        "/hits",
        "/events_dropped",
        "/latencies/hits/p50_ns",
        "/latencies/misses/mean_ns",
        "/latencies/builds/p99_ns",
        "/latencies/commits/max_ns",
        "/views/0/build_latency/count",
    ] {
        assert!(json.pointer(path).is_some_and(serde_json::Value::is_u64), "{path} in {json}");
    }
    assert_eq!(json["views"][0]["name"], "height");
}
