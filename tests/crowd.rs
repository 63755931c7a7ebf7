//! A thousand readers over builds that fail and that do not end by themselves.
//!
//! One test, so that the threads of the process are those of its store.

#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test that called it")]

mod common;

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use tidetable::{
    BuildError, ErrorKind, Freshness, Marked, Options, Record, Result, Retry, Span, Store,
    Timestamp, View,
};

use common::block_on::block_on;

const AT: Timestamp = Timestamp::EPOCH;
const READERS: u64 = 1000;
const BUILDERS: usize = 2;
const QUEUE_LEN: u64 = 64;
const BUILDS_MAX: u64 = 8;
/// What the list of pages that readers were served marked holds.
const NOTICED_MAX: u64 = 1024;

/// Records that were there and are marked.
const MARKED: Range<u64> = 0..1200;
/// Where the entities of plain reads, of those with a deadline and of futures begin.
const PLAIN: u64 = 10_000;
const HURRIED: u64 = 20_000;
const LATER: u64 = 30_000;

/// What builds obey.
#[derive(Default)]
struct Gate {
    shut: Mutex<bool>,
    turned: Condvar,
    /// Builds that wait, or have waited, at the gate.
    came: AtomicU64,
    /// One record in seven fails.
    fails: AtomicBool,
}

impl Gate {
    fn turn(&self, shut: bool) {
        *self.shut.lock().unwrap() = shut;
        self.turned.notify_all();
    }

    fn build(&self, id: u64) -> std::result::Result<u64, BuildError> {
        let mut shut = self.shut.lock().unwrap();
        self.came.fetch_add(u64::from(*shut), SeqCst);
        while *shut {
            shut = self.turned.wait(shut).unwrap();
        }
        drop(shut);
        if self.fails.load(SeqCst) && id.is_multiple_of(7) {
            return Err("told to fail".into());
        }
        Ok(id)
    }

    fn wait_for(&self, many: u64) {
        while self.came.load(SeqCst) < many {
            thread::yield_now();
        }
    }
}

/// Opens the gate however the test ends.
struct Opening(Arc<Gate>);

impl Drop for Opening {
    fn drop(&mut self) {
        self.0.turn(false);
    }
}

type Read = Pin<Box<dyn Future<Output = Result<Record<u64>>> + Send>>;

/// What a reader has while all builds are held.
enum Has {
    Answer(Result<Record<u64>>),
    Future(Read),
}

fn read(view: &View<u64, u64>, number: u64) -> Has {
    let at_once = view.within(Duration::from_millis(1));
    Has::Answer(match number % 4 {
        0 => view.get(&(PLAIN + number), AT),
        1 => at_once.get(&(HURRIED + number), AT),
        2 => at_once.get(&number, AT),
        _ => {
            let mut read: Read = Box::pin(view.get_async(&(LATER + number), AT));
            match read.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending => return Has::Future(read),
                Poll::Ready(answer) => answer,
            }
        }
    })
}

#[cfg(target_os = "linux")]
fn threads_of_the_store() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.filter(|name| name.starts_with("tidetable-")).count()
}

fn store() -> Store {
    let options = Options {
        builders: BUILDERS,
        queue_len: QUEUE_LEN as usize,
        builds_max: BUILDS_MAX as usize,
        background_ramp: Span::ZERO,
        ..Options::default()
    };
    Store::in_memory_with(options).unwrap()
}

#[test]
fn a_thousand_readers_wait_no_longer_than_they_want_and_all_is_built_in_the_end() {
    let (store, gate) = (store(), Arc::new(Gate::default()));
    let held = gate.clone();
    let view = store.view::<u64, u64>("held").without_breaker().retry(Retry::default());
    let view = view.build(move |cx, id, _| {
        cx.depends_on(("thing", *id));
        held.build(*id)
    });
    let view = view.unwrap();
    MARKED.for_each(|id| drop(view.get(&id, AT).unwrap()));

    let opening = Opening(gate.clone());
    gate.turn(true);
    store.invalidate_kind("thing").unwrap();
    gate.wait_for(BUILDERS as u64);
    let serving = view.when_marked(Marked::Serve);
    MARKED.for_each(|id| assert_eq!(serving.get(&id, AT).unwrap().freshness(), Freshness::Stale));
    assert_eq!(store.metrics().pages_noticed, NOTICED_MAX);

    let (tell, told) = mpsc::channel();
    let readers: Vec<_> = (0..READERS)
        .map(|number| {
            let (view, tell) = (view.clone(), tell.clone());
            let reader = thread::Builder::new().stack_size(128 << 10);
            reader.spawn(move || tell.send((number, read(&view, number))).unwrap()).unwrap()
        })
        .collect();
    // All but those who build themselves are answered while nothing goes on.
    let mut futures = Vec::new();
    for _ in 0..READERS - BUILDS_MAX {
        match told.recv().unwrap() {
            (_, Has::Future(future)) => futures.push(future),
            (number, Has::Answer(Ok(record))) => {
                assert_eq!((number % 4, record.freshness()), (2, Freshness::Stale));
            }
            (number, Has::Answer(Err(error))) => {
                assert_ne!(number % 4, 2, "there was something to serve: {error}");
                assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
            }
        }
    }
    gate.wait_for(BUILDERS as u64 + BUILDS_MAX);
    let metrics = store.metrics();
    assert_eq!(metrics.orders_waiting, QUEUE_LEN);
    assert_eq!(metrics.builds_refused, READERS / 4 - BUILDS_MAX);
    assert!(metrics.pages_noticed <= NOTICED_MAX);
    assert!(futures.len() as u64 <= QUEUE_LEN);

    gate.fails.store(true, SeqCst);
    drop(opening);
    let answers = told.into_iter().take(BUILDS_MAX as usize).map(|(number, has)| match has {
        Has::Answer(answer) => (number + PLAIN, answer),
        Has::Future(_) => panic!("it had all the time"),
    });
    for (id, answer) in answers {
        let as_told =
            |error: &tidetable::Error| error.kind() == ErrorKind::Build && id.is_multiple_of(7);
        assert!(answer.as_ref().map_or_else(as_told, |record| record.to_native() == id));
    }
    for future in futures {
        match block_on(future) {
            Ok(record) => assert!(record.to_native() >= LATER),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Build, "{error}"),
        }
    }
    readers.into_iter().for_each(|reader| reader.join().unwrap());

    gate.fails.store(false, SeqCst);
    let all = MARKED
        .chain((0..READERS).map(|number| number + [PLAIN, HURRIED, 0, LATER][number as usize % 4]));
    for pending in view.request_many(all.map(|id| (id, AT))).unwrap() {
        assert!(pending.wait().unwrap().is_fresh());
    }
    let census = view.census().unwrap();
    assert_eq!(census.fresh, MARKED.end + READERS / 4 * 3);
    assert_eq!(store.metrics().orders_waiting, 0);
    while store.metrics().pages_noticed > 0 {
        thread::yield_now();
    }
    #[cfg(target_os = "linux")]
    assert!(threads_of_the_store() > BUILDERS);
    store.close().unwrap();
    #[cfg(target_os = "linux")]
    assert_eq!(threads_of_the_store(), 0);
}
