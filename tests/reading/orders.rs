//! Reads that builders answer: those with a deadline, and those of futures.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use crate::common::block_on::block_on;
use crate::common::still;
use tidetable::report::Reason;
use tidetable::{ErrorKind, Freshness, Missing, Options, Result, Store, Timestamp, View};

const AT: Timestamp = Timestamp::EPOCH;
/// Longer than any test takes: whoever waits for it to end fails by taking too long.
const LONG: Duration = Duration::from_secs(600);

/// A view whose records are how many were built before them.
fn counting(store: &Store) -> (View<u32, u64>, Arc<AtomicUsize>) {
    let built = Arc::new(AtomicUsize::new(0));
    let count = built.clone();
    let view = store.view::<u32, u64>("counted").build(move |cx, id, _| {
        cx.depends_on(("thing", *id));
        Ok(count.fetch_add(1, SeqCst) as u64)
    });
    (view.unwrap(), built)
}

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_read_with_a_deadline_is_built_by_a_builder() {
    let store = Store::in_memory().unwrap();
    let view = store
        .view::<u32, String>("named")
        .build(|_, _, _| Ok(thread::current().name().unwrap_or("nobody").to_owned()));
    let view = view.unwrap();
    let record = view.within(LONG).get(&1, AT).unwrap();
    assert!(record.as_str().starts_with("tidetable-builder"), "{}", record.as_str());
    assert_ne!(view.get(&2, AT).unwrap().as_str(), record.as_str(), "this one was built here");
}

#[test]
fn a_read_that_may_not_wait_takes_what_there_is_and_its_build_goes_on() {
    let store = still::in_memory().unwrap();
    let (view, built) = counting(&store);
    let at_once = view.within(Duration::ZERO);
    let refused = at_once.get(&1, AT).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Busy, "{refused}");
    assert!(refused.to_string().contains("not built within 0ns"), "{refused}");
    assert_eq!(built.load(SeqCst), 0);

    let worked = store.build_next().unwrap().unwrap();
    assert_eq!(worked.reason, Reason::ServedMarked, "nobody waits for it any more");
    assert_eq!(built.load(SeqCst), 1);
    assert_eq!(at_once.get(&1, AT).unwrap().to_native(), 0);

    store.invalidate(("thing", 1)).unwrap();
    let stale = at_once.get(&1, AT).unwrap();
    assert_eq!((stale.freshness(), stale.to_native()), (Freshness::Stale, 0));
    store.build_next().unwrap().unwrap();
    let fresh = at_once.get(&1, AT).unwrap();
    assert_eq!((fresh.freshness(), fresh.to_native()), (Freshness::Fresh, 1));
    assert_eq!(store.metrics().orders_timed_out, 2);
}

#[test]
fn reads_beyond_the_queue_are_refused_at_once() {
    let store = Store::in_memory_with(Options { queue_len: 1, ..still::options() }).unwrap();
    let (view, built) = counting(&store);
    let mut first = view.get_async(&1, AT);
    assert!(poll(&mut first).is_pending());
    let refused = view.within(LONG).get(&2, AT).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Busy);
    assert!(refused.to_string().contains("1 reads wait"), "{refused}");
    let refused = block_on(view.get_async(&2, AT)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Busy);
    store.build_next().unwrap().unwrap();
    assert!(store.build_next().unwrap().is_none());
    assert_eq!(built.load(SeqCst), 1);
}

#[test]
fn reads_that_have_stopped_waiting_take_no_place_in_the_queue() {
    let store = Store::in_memory_with(Options { queue_len: 1, ..still::options() }).unwrap();
    let (view, built) = counting(&store);
    for id in 0..5 {
        let late = view.within(Duration::ZERO).get(&id, AT).unwrap_err();
        assert!(late.to_string().contains("was not built within"), "{late}");
    }
    assert!(poll(&mut view.get_async(&9, AT)).is_pending());
    while store.build_next().unwrap().is_some() {}
    assert_eq!(built.load(SeqCst), 5, "they are built all the same");
}

#[test]
fn a_future_waits_for_a_builder_and_reads_what_is_in_memory_by_itself() {
    let store = still::in_memory().unwrap();
    let (view, built) = counting(&store);
    let mut read = view.get_async(&1, AT);
    assert!(store.build_next().unwrap().is_none(), "a future does nothing until it is polled");
    assert!(poll(&mut read).is_pending());
    assert!(poll(&mut read).is_pending());
    store.build_next().unwrap().unwrap();
    let Poll::Ready(record) = poll(&mut read) else { panic!("it was built") };
    assert_eq!(record.unwrap().to_native(), 0);
    assert_eq!(built.load(SeqCst), 1);

    let Poll::Ready(record) = poll(&mut view.get_async(&1, AT)) else { panic!("in memory") };
    assert!(record.unwrap().is_fresh());
    assert_eq!(store.metrics().orders, 1);
    let Poll::Ready(again) = poll(&mut read) else { panic!("it is over") };
    assert_eq!(again.unwrap_err().kind(), ErrorKind::Input);
}

#[test]
fn a_future_that_is_dropped_before_it_was_taken_builds_nothing() {
    let store = still::in_memory().unwrap();
    let (view, built) = counting(&store);
    let mut read = view.get_async(&1, AT);
    assert!(poll(&mut read).is_pending());
    drop(read);
    store.build_next().unwrap();
    assert_eq!(built.load(SeqCst), 0);
}

#[test]
fn a_future_obeys_the_policy_of_its_handle() {
    let store = Store::in_memory().unwrap();
    let (view, _) = counting(&store);
    let read = view.when_missing(Missing::Miss).get_async(&1, AT);
    assert_eq!(block_on(read).unwrap_err().kind(), ErrorKind::Absent);
}

#[test]
fn a_hundred_futures_that_want_one_record_cause_one_build_on_another_executor() {
    let store = Store::in_memory().unwrap();
    let (view, built) = counting(&store);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let answers: Vec<_> = runtime.block_on(async {
        let reads: Vec<_> = (0..100).map(|_| tokio::spawn(view.get_async(&1, AT))).collect();
        let mut answers = Vec::new();
        for read in reads {
            answers.push(read.await.unwrap().unwrap().to_native());
        }
        answers
    });
    assert_eq!(answers, [0; 100]);
    assert_eq!(built.load(SeqCst), 1);
}

#[test]
fn a_builder_does_not_wait_for_a_readers_build() {
    let store = still::in_memory().unwrap();
    let (begun, has_begun) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let (built, released) = (Arc::new(AtomicUsize::new(0)), std::sync::Mutex::new(released));
    let count = built.clone();
    let view = store.view::<u32, u32>("slow").build(move |_, &id, _| {
        count.fetch_add(1, SeqCst);
        if id == 1 {
            begun.send(()).unwrap();
            released.lock().unwrap().recv().unwrap();
        }
        Ok(id)
    });
    let view = view.unwrap();
    thread::scope(|scope| {
        let reader = scope.spawn(|| view.get(&1, AT).map(|record| record.to_native()));
        has_begun.recv().unwrap();
        let (mut slow, mut other) = (view.get_async(&1, AT), view.get_async(&2, AT));
        assert!(poll(&mut slow).is_pending() && poll(&mut other).is_pending());
        store.build_next().unwrap().unwrap();
        store.build_next().unwrap().unwrap();
        assert!(poll(&mut slow).is_pending());
        assert!(poll(&mut other).is_ready());
        release.send(()).unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), 1);
        // The flight has told the order that it has landed.
        store.build_next().unwrap().unwrap();
        let Poll::Ready(record) = poll(&mut slow) else { panic!("it was built") };
        assert_eq!(record.unwrap().to_native(), 1);
    });
    assert_eq!(built.load(SeqCst), 2);
}

#[test]
fn who_waits_for_a_builder_when_the_store_closes_is_told() {
    let store = still::in_memory().unwrap();
    let (view, built) = counting(&store);
    let mut read = view.get_async(&1, AT);
    assert!(poll(&mut read).is_pending());
    store.close().unwrap();
    let Poll::Ready(refused) = poll(&mut read) else { panic!("nobody will answer it") };
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Reopen);
    assert_eq!(block_on(view.get_async(&1, AT)).unwrap_err().kind(), ErrorKind::Reopen);
    assert_eq!(view.within(LONG).get(&1, AT).unwrap_err().kind(), ErrorKind::Reopen);
    assert_eq!(built.load(SeqCst), 0);
}

#[test]
fn an_order_that_nobody_takes_does_not_keep_the_store_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders.tide");
    let open = || still::open(&path);
    let ordered = |store: Store| -> Result<()> {
        let (view, _) = counting(&store);
        let refused = view.within(Duration::ZERO).get(&1, AT).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Busy);
        Ok(())
    };
    ordered(open().unwrap()).unwrap();
    open().unwrap();
}

#[test]
fn a_build_that_reads_waits_for_what_it_reads_whatever_the_handle_says() {
    let store = still::in_memory().unwrap();
    let (below, built) = counting(&store);
    let hasty = below.within(Duration::ZERO);
    let above = store.view::<u32, u64>("above");
    let above = above.build(move |_, id, _| Ok(hasty.get(id, AT)?.to_native() + 10)).unwrap();
    assert_eq!(above.get(&1, AT).unwrap().to_native(), 10);
    assert_eq!((built.load(SeqCst), store.metrics().orders), (1, 0));
}

#[test]
fn what_was_served_although_it_is_marked_is_built_by_a_builder() {
    let store = still::in_memory().unwrap();
    let (view, built) = counting(&store);
    view.get(&1, AT).unwrap();
    store.invalidate(("thing", 1)).unwrap();
    let serving = view.when_marked(tidetable::Marked::Serve);
    assert_eq!(serving.get(&1, AT).unwrap().freshness(), Freshness::Stale);
    assert_eq!(serving.get(&1, AT).unwrap().freshness(), Freshness::Stale);
    let worked = store.build_next().unwrap().unwrap();
    assert_eq!((worked.reason, worked.built), (Reason::ServedMarked, 1));
    assert_eq!(worked.view.as_deref(), Some("counted"));
    assert_eq!(serving.get(&1, AT).unwrap().freshness(), Freshness::Fresh);
    assert!(store.build_next().unwrap().is_none());
    assert_eq!(built.load(SeqCst), 2);
}
