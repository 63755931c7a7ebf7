//! Records that are asked for without waiting.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tidetable::{ErrorKind, Options, PendingState, Reason, Store, Timestamp};

use crate::common::still;
use crate::world::{World, done, minute};

#[test]
fn a_request_returns_at_once_and_is_built_by_the_next_piece_of_work() {
    let world = World::new();
    let view = world.view("low");
    let pending = view.request(&1, minute(0)).unwrap();
    assert!(matches!(pending.state().unwrap(), PendingState::Waiting { attempts: 0, .. }));
    assert!(pending.wait_for(Duration::ZERO).unwrap().is_none());
    assert_eq!(world.next().unwrap(), done(Reason::Requested, "low", &[0]));
    assert!(matches!(pending.state().unwrap(), PendingState::Completed));
    assert!(pending.wait_for(Duration::ZERO).unwrap().unwrap().is_fresh());
    assert!(pending.wait().unwrap().is_fresh());
    assert!(world.next().is_none());

    let known = view.request(&1, minute(0)).unwrap();
    assert!(matches!(known.state().unwrap(), PendingState::Completed));
    assert!(world.next().is_none(), "it stands");
}

#[test]
fn ten_thousand_requests_cost_one_sync_and_are_built_page_by_page_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("requests.tide");
    {
        let world = World::open(&path);
        let view = world.view("low");
        let syncs = world.store.metrics().syncs;
        let records = (0..1000).flat_map(|id| (0..10).map(move |at| (id, minute(at))));
        let pending = view.request_many(records).unwrap();
        assert_eq!((pending.len(), world.store.metrics().syncs - syncs), (10_000, 1));
    }
    let world = World::open(&path);
    let view = world.view("low");
    let all = world.all();
    assert_eq!(all.len(), 1000);
    assert!(
        all.iter()
            .all(|(reason, _, minutes, _)| { *reason == Reason::Requested && minutes.len() == 10 })
    );
    assert_eq!(view.census().unwrap().fresh, 10_000);
    assert!(world.next().is_none());
}

#[test]
fn a_request_that_is_taken_back_is_not_built() {
    let world = World::new();
    let view = world.view("low");
    let pending = view.request(&1, minute(0)).unwrap();
    assert!(pending.cancel().unwrap());
    assert!(!pending.cancel().unwrap());
    assert!(matches!(pending.state().unwrap(), PendingState::Cancelled));
    assert_eq!(pending.wait_for(Duration::ZERO).unwrap_err().kind(), ErrorKind::Absent);
    assert!(world.next().is_none());
}

#[test]
fn a_request_for_a_marked_record_waits_until_it_is_built_anew() {
    let world = World::new();
    let (other, view) = (world.view("a"), world.view("low"));
    other.get(&1, minute(0)).unwrap();
    view.get(&1, minute(0)).unwrap();
    world.store.invalidate(("a", 1)).unwrap();
    world.store.invalidate(("low", 1)).unwrap();
    let pending = view.request(&1, minute(0)).unwrap();
    assert!(matches!(pending.state().unwrap(), PendingState::Waiting { .. }));
    assert_eq!(world.next().unwrap(), done(Reason::ServedMarked, "low", &[0]));
    assert!(pending.wait_for(Duration::ZERO).unwrap().unwrap().is_fresh());
}

#[test]
fn in_a_store_without_builders_who_waits_builds() {
    let world = World::new();
    let view = world.view("low");
    let pending = view.request(&1, minute(0)).unwrap();
    assert!(pending.wait().unwrap().is_fresh());
    assert!(world.next().is_none());
}

#[test]
fn progress_is_seen_while_it_is_built_and_a_deletion_ends_the_wait() {
    let store = Store::in_memory().unwrap();
    let (half, is_half) = mpsc::channel();
    let (go_on, gone_on) = mpsc::channel::<()>();
    let gone_on = std::sync::Mutex::new(gone_on);
    let view = store.view::<u32, u32>("slow").build(move |cx, &id, _| {
        cx.progress(0.5);
        half.send(()).unwrap();
        gone_on.lock().unwrap().recv().unwrap();
        Ok(id)
    });
    let view = view.unwrap();
    let pending = view.request(&1, Timestamp::EPOCH).unwrap();
    is_half.recv().unwrap();
    let PendingState::Building { progress } = pending.state().unwrap() else {
        panic!("it is being built");
    };
    assert!((progress - 0.5).abs() < f32::EPSILON);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| pending.wait().map(|record| record.to_native()));
        go_on.send(()).unwrap();
        assert_eq!(waiting.join().unwrap().unwrap(), 1);
    });

    let held = view.request(&2, Timestamp::EPOCH).unwrap();
    is_half.recv().unwrap();
    let deleted = view.request(&3, Timestamp::EPOCH).unwrap();
    view.delete(&3).unwrap();
    assert_eq!(deleted.wait().unwrap_err().kind(), ErrorKind::Absent);
    go_on.send(()).unwrap();
    assert_eq!(held.wait().unwrap().to_native(), 2);
}

#[test]
fn waiting_in_a_future_needs_no_executor_of_ours() {
    let store = Store::in_memory_with(Options::default()).unwrap();
    let view = store.view::<u32, u32>("plain").build(|_, &id, _| Ok(id)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let pending = view.request_many((0..100).map(|id| (id, Timestamp::EPOCH))).unwrap();
    let sum: u32 = runtime.block_on(async {
        let mut sum = 0;
        for pending in &pending {
            sum += pending.wait_async().await.unwrap().to_native();
        }
        sum
    });
    assert_eq!(sum, 99 * 100 / 2);
}

#[test]
fn closing_ends_the_wait_and_keeps_the_request() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("closing.tide");
    {
        let store = still::open(&path).unwrap();
        let view = store.view::<u32, u32>("plain").build(|_, &id, _| Ok(id)).unwrap();
        let pending = view.request(&1, Timestamp::EPOCH).unwrap();
        store.close().unwrap();
        let told = pending.wait_for(Duration::from_secs(600)).unwrap_err();
        assert_eq!(told.kind(), ErrorKind::Reopen, "{told}");
    }
    let store = still::open(&path).unwrap();
    let _view = store.view::<u32, u32>("plain").build(|_, &id, _| Ok(id)).unwrap();
    assert_eq!(store.build_next().unwrap().unwrap().reason, Reason::Requested);
}
