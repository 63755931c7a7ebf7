//! Runs that nobody waits for, and views that fail.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};

use crate::common::still;
use tidetable::{Breaker, ErrorKind, ManualClock, Options, RunState, Span, Store};

use crate::common::disk::Disk;
use crate::common::record::{WIDTH_MS, at, buckets, grid};

use super::sun::{Sun, still};

fn built(builders: usize) -> Options {
    Options { builders, ..still::options() }
}

#[test]
fn builders_work_a_run_off_that_is_waited_for_or_not() {
    let (store, sun) = (Store::in_memory_with(built(2)).unwrap(), Sun::default());
    let view = sun.define(&store, "sun").unwrap();
    let run = view.precompute(0..1000, buckets(0..2)).unwrap();
    assert_eq!(run.wait().unwrap().done, 2000);
    assert_eq!(sun.built(), (2000, 1));
    let run = view.precompute(0..1001, buckets(0..2)).unwrap();
    while !run.status().state.has_ended() {
        std::thread::yield_now();
    }
    assert_eq!((run.status().already_fresh, sun.built()), (2000, (2002, 1)));
}

struct Woken(std::thread::Thread);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[test]
fn a_future_is_woken_when_builders_have_done_the_run() {
    let (store, sun) = (Store::in_memory_with(built(1)).unwrap(), Sun::default());
    let view = sun.define(&store, "sun").unwrap();
    let run = view.precompute(0..1000, buckets(0..2)).unwrap();
    let mut waiting = Box::pin(run.wait_async());
    let waker = Waker::from(Arc::new(Woken(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let status = loop {
        match waiting.as_mut().poll(&mut context) {
            Poll::Ready(status) => break status.unwrap(),
            Poll::Pending => std::thread::park(),
        }
    };
    assert_eq!(status.done, 2000);
}

#[test]
fn a_run_that_was_begun_before_goes_on_as_soon_as_its_view_is_defined() {
    let (disk, sun) = (Disk::default(), Sun::default());
    let store = Store::open_backend(disk.backend(), still()).unwrap();
    let run = sun.define(&store, "sun").unwrap().precompute(0..100, buckets(0..2)).unwrap();
    store.close().unwrap();
    let store = Store::open_backend(disk.backend(), built(1)).unwrap();
    let run = store.run(run.id()).unwrap().unwrap();
    let _view = sun.define(&store, "sun").unwrap();
    assert_eq!(run.wait().unwrap().done, 200);
}

#[test]
fn a_run_rests_while_builds_of_its_view_are_turned_away_and_loses_nothing() {
    let clock = Arc::new(ManualClock::new(at(1000)));
    let store = Store::in_memory_with(Options { clock: clock.clone(), ..still() }).unwrap();
    let (down, tried) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU64::new(0)));
    let (is_down, counted) = (down.clone(), tried.clone());
    let breaker = Breaker { failures: 3, rest: Span::seconds(1), ..Breaker::default() };
    let view = store.view::<u32, u64>("sun").grid(grid()).page_len(4).breaker(breaker);
    let view = view.build(move |_, entity, _| {
        counted.fetch_add(1, SeqCst);
        if is_down.load(SeqCst) { Err("down".into()) } else { Ok(u64::from(*entity)) }
    });
    let view = view.unwrap();
    let run = view.precompute(0..10, buckets(0..6)).unwrap();
    let away = run.wait().unwrap_err();
    assert_eq!((away.kind(), tried.load(SeqCst)), (ErrorKind::Busy, 3));
    assert_eq!((run.status().done, run.status().failed), (3, 3));
    assert_eq!(run.wait().unwrap_err().kind(), ErrorKind::Busy);
    // The next is let through and fails too; it is not tried again.
    clock.advance(Span::minutes(1));
    assert_eq!(run.wait().unwrap_err().kind(), ErrorKind::Busy);
    assert_eq!((tried.load(SeqCst), run.status().failed), (4, 4));
    down.store(false, SeqCst);
    clock.advance(Span::minutes(1));
    let status = run.wait().unwrap();
    assert_eq!((status.state, status.done, status.failed), (RunState::Partial, 60, 4));
    assert_eq!((tried.load(SeqCst), view.census().unwrap().records), (60, 56));
}

#[test]
fn an_entity_that_always_fails_does_not_keep_a_run_from_the_others() {
    let clock = Arc::new(ManualClock::new(at(1000)));
    let store = Store::in_memory_with(Options { clock: clock.clone(), ..still() }).unwrap();
    let breaker = Breaker { failures: 3, rest: Span::seconds(1), ..Breaker::default() };
    let view = store.view::<u32, u64>("sun").grid(grid()).page_len(4).breaker(breaker);
    let view = view.build(|_, entity, _| if *entity == 0 { Err("no sun".into()) } else { Ok(1) });
    let view = view.unwrap();
    let run = view.precompute(0..100, buckets(0..6)).unwrap();
    assert_eq!(run.wait().unwrap_err().kind(), ErrorKind::Busy);
    clock.advance(Span::minutes(1));
    let status = run.wait().unwrap();
    assert_eq!((status.state, status.done, status.failed), (RunState::Partial, 600, 6));
}

/// Builds, but of one record it takes a picture of the disk first, as if the process ended there.
fn deadly(
    store: &Store,
    disk: &Disk,
    pictures: &Arc<std::sync::Mutex<Vec<Vec<u8>>>>,
) -> tidetable::View<u32, u64> {
    let (disk, pictures) = (disk.clone(), pictures.clone());
    let view =
        store.view("deadly").grid(grid()).page_len(4).build(move |_, &entity: &u32, bucket| {
            if entity == 7 && bucket.start().as_millis() == WIDTH_MS {
                pictures.lock().unwrap().push(disk.bytes());
            }
            Ok(u64::from(entity))
        });
    view.unwrap()
}

#[test]
fn a_build_that_ends_the_process_ends_it_twice_and_no_more() {
    let pictures = Arc::default();
    let mut disk = Disk::default();
    let store = Store::open_backend(disk.backend(), still()).unwrap();
    let view = deadly(&store, &disk, &pictures);
    view.precompute(0..600, buckets(0..2)).unwrap().wait().unwrap();
    drop((view, store));
    let mut last = None;
    for life in 1..4 {
        let Some(picture) = pictures.lock().unwrap().pop() else { break };
        disk = Disk::holding(picture);
        let store = Store::open_backend(disk.backend(), still()).unwrap();
        let view = deadly(&store, &disk, &pictures);
        let run = store.runs().unwrap().remove(0);
        let status = run.wait().unwrap();
        assert_eq!(status.done, 1200);
        last = Some((life, status.failed, run.failures().unwrap(), view.census().unwrap().records));
    }
    let (lives, failed, failures, records) = last.unwrap();
    assert_eq!((lives, failed, records), (2, 1, 1199));
    let told = failures[0].error.to_string();
    assert!(told.contains("the process ended while"), "{told}");
}
