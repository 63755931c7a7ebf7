//! Records that are asked for without waiting.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use tidetable::report::Reason;
use tidetable::{
    ErrorKind, Event, Grid, ManualClock, Options, PendingState, Retry, Span, Store, Timestamp, View,
};

use super::world::{World, done, minute};
use crate::common::still;

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
fn what_was_requested_is_wanted_in_pages_of_another_length_too() {
    let store = still::in_memory().unwrap();
    let define = |version: u32, page_len: u32| {
        let view = store.view::<u32, u64>("v").grid(Grid::minutes(1)).page_len(page_len);
        view.version(version).build(|_, _, _| Ok(7)).unwrap()
    };
    let records = (0..300).flat_map(|id| [(id, minute(0)), (id, minute(5))]);
    drop(define(1, 4).request_many(records).unwrap());
    assert_eq!(store.backlog().unwrap().wanted, 600);
    let view = define(2, 8);
    assert_eq!(store.backlog().unwrap().wanted, 600);
    let pending = view.request(&299, minute(5)).unwrap();
    assert!(matches!(pending.state().unwrap(), PendingState::Waiting { .. }));
    assert_eq!(store.backlog().unwrap().wanted, 600, "it was the same request");
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
fn a_request_is_seen_by_others_and_after_a_restart_without_asking_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seen.tide");
    {
        let world = World::open(&path);
        let view = world.view("low");
        assert!(view.pending(&1, minute(0)).unwrap().is_none(), "nobody asked");
        view.request(&1, minute(0)).unwrap();
    }
    let world = World::open(&path);
    let view = world.view("low");
    assert!(view.pending(&1, minute(1)).unwrap().is_none(), "nobody asked for this one");
    let pending = view.pending(&1, minute(0)).unwrap().unwrap();
    assert!(matches!(pending.state().unwrap(), PendingState::Waiting { attempts: 0, .. }));
    assert_eq!(world.next().unwrap(), done(Reason::Requested, "low", &[0]));
    assert!(pending.wait_for(Duration::ZERO).unwrap().unwrap().is_fresh());
    assert!(view.pending(&1, minute(0)).unwrap().is_none(), "it is there");

    world.store.invalidate(("low", 1)).unwrap();
    let marked = view.pending(&1, minute(0)).unwrap().unwrap();
    assert!(matches!(marked.state().unwrap(), PendingState::Waiting { .. }));
    assert!(world.next().is_some());
    assert!(marked.wait_for(Duration::ZERO).unwrap().unwrap().is_fresh());

    view.request(&2, minute(0)).unwrap();
    assert!(view.pending(&2, minute(0)).unwrap().unwrap().cancel().unwrap());
    assert!(view.pending(&2, minute(0)).unwrap().is_none(), "it was taken back");
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
    let gone_on = Mutex::new(gone_on);
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

/// A view whose records expire, and whose builds fail while they are told so.
fn expiring(world: &World) -> (View<u32, u64>, Arc<AtomicBool>) {
    let down = Arc::new(AtomicBool::new(false));
    let is_down = down.clone();
    let view = world.store.view::<u32, u64>("expiring").fresh_for(Span::minutes(1));
    let view = view.retry(Retry { attempts: 3, ..Retry::default() }).build(move |_, _, _| {
        if is_down.load(SeqCst) { Err("told to fail".into()) } else { Ok(1) }
    });
    (view.unwrap(), down)
}

#[test]
fn a_request_for_an_expired_record_outlives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path: &Path = &folder.path().join("expired.tide");
    {
        let world = World::open(path);
        world.pass(Span::minutes(-5));
        let (view, _) = expiring(&world);
        view.get(&1, minute(0)).unwrap();
        world.pass(Span::minutes(5));
        view.request(&1, minute(0)).unwrap();
    }
    let world = World::open(path);
    let (view, _) = expiring(&world);
    assert!(world.all().iter().any(|work| work.0 == Reason::Requested));
    assert!(view.peek(&1, minute(0)).unwrap().unwrap().is_fresh());
}

#[test]
fn a_request_for_an_expired_record_outlives_a_build_that_fails_and_can_be_taken_back() {
    let world = World::new();
    let (view, down) = expiring(&world);
    view.get(&1, minute(0)).unwrap();
    world.pass(Span::minutes(5));
    down.store(true, SeqCst);
    let pending = view.request(&1, minute(0)).unwrap();
    assert_eq!(world.all().len(), 1, "it is put off, and not tried for each who asks");
    assert!(matches!(pending.state().unwrap(), PendingState::Waiting { attempts: 1, .. }));
    down.store(false, SeqCst);
    world.pass(Span::seconds(1));
    world.all();
    assert!(matches!(pending.state().unwrap(), PendingState::Completed));
    world.pass(Span::minutes(5));
    let pending = view.request(&1, minute(0)).unwrap();
    assert!(pending.cancel().unwrap());
    assert_eq!(pending.wait().unwrap_err().kind(), ErrorKind::Absent);
}

#[test]
fn who_waits_without_builders_while_the_view_rests_is_told_so() {
    let world = World::new();
    let (view, down) = expiring(&world);
    view.get(&100, minute(0)).unwrap();
    view.invalidate(&100).unwrap();
    down.store(true, SeqCst);
    (0..8).for_each(|id| drop(view.get(&id, minute(0)).unwrap_err()));
    let pending = view.request(&100, minute(0)).unwrap();
    assert_eq!(pending.wait().unwrap_err().kind(), ErrorKind::Busy);
}

#[test]
fn waiting_for_a_builder_in_an_observer_is_refused() {
    let asked: Arc<Mutex<Option<View<u32, u64>>>> = Arc::default();
    let asking = asked.clone();
    let (tell, told) = mpsc::channel();
    let tell = Mutex::new(tell);
    let observer = move |_: &Event<'_>| {
        let Some(view) = asking.lock().unwrap().take() else { return };
        let waited = view.request(&2, Timestamp::EPOCH).unwrap().wait().map(drop);
        let within = view.within(Duration::from_secs(3600)).get(&3, Timestamp::EPOCH).map(drop);
        tell.lock().unwrap().send([waited, within]).unwrap();
    };
    let options = Options { observer: Some(Arc::new(observer)), ..Options::default() };
    let store = Store::in_memory_with(options).unwrap();
    let view = store.view::<u32, u64>("seen").build(|_, _, _| Ok(1)).unwrap();
    *asked.lock().unwrap() = Some(view.clone());
    view.request(&1, Timestamp::EPOCH).unwrap().wait().unwrap();
    let refused = told.recv().unwrap();
    assert!(refused.iter().all(|it| it.as_ref().unwrap_err().kind() == ErrorKind::Input));
}

#[test]
fn a_view_that_is_deleted_or_defined_anew_ends_the_wait() {
    for version in [None, Some(2)] {
        let world = World::new();
        let view = world.view("low");
        let pending = view.request(&1, minute(0)).unwrap();
        let _anew = match version {
            None => {
                world.store.delete_view("low").unwrap();
                None
            }
            Some(version) => Some(world.store.view::<u32, u64>("low").version(version)),
        };
        let _anew = _anew.map(|anew| anew.build(|_, _, _| Ok(1)).unwrap());
        let ended = pending.wait_for(Duration::ZERO).unwrap_err();
        assert_eq!(ended.kind(), ErrorKind::Definition);
    }
}

#[test]
fn a_put_ends_the_wait_for_what_was_asked_for() {
    let world = World::new();
    let view = world.view("low");
    let pending = view.request(&1, minute(0)).unwrap();
    view.put(&1, minute(0), &7).unwrap();
    assert_eq!(pending.wait_for(Duration::MAX).unwrap().unwrap().to_native(), 7);
}

#[test]
fn nothing_is_under_way_where_nothing_is_built() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("put.tide");
    let store = Store::open_with(&path, still::options()).unwrap();
    let view = store.view::<u32, u64>("put").without_build().unwrap();
    view.put_depending(&1, minute(0), &7, [("source", 1)], store.revision()).unwrap();
    store.invalidate(("source", 1)).unwrap();
    assert!(!view.peek(&1, minute(0)).unwrap().unwrap().is_fresh());
    assert!(view.pending(&1, minute(0)).unwrap().is_none());
    store.close().unwrap();

    let asked = Store::open_with(&path, still::options()).unwrap();
    let view = asked.view::<u32, u64>("built").build(|_, &id, _| Ok(u64::from(id))).unwrap();
    view.request(&1, minute(0)).unwrap();
    asked.close().unwrap();
    let only = Store::open_with(&path, Options { read_only: true, ..still::options() }).unwrap();
    let view = only.view::<u32, u64>("built").build(|_, &id, _| Ok(u64::from(id))).unwrap();
    assert!(view.pending(&1, minute(0)).unwrap().is_none());
}

#[test]
fn what_retention_took_and_is_asked_for_again_is_tried_no_more_often_than_the_view_says() {
    let (clock, builds) = (Arc::new(ManualClock::new(minute(0))), Arc::new(AtomicU64::new(0)));
    let options = Options { clock: clock.clone(), ..still::options() };
    let store = Store::in_memory_with(options).unwrap();
    let (counted, seconds) = (builds.clone(), Span::seconds);
    let below = store.view::<u32, u64>("below").grid(Grid::minutes(1)).page_len(4);
    let below = below.retry(Retry { attempts: 3, first: seconds(10), most: seconds(100) });
    let below = below.retain(Span::minutes(10)).without_breaker().build(move |cx, id, _| {
        cx.depends_on(("outside", *id));
        if counted.fetch_add(1, SeqCst) > 0 { Err("told to fail".into()) } else { Ok(1) }
    });
    let below = below.unwrap();
    let read = below.clone();
    let above = store.view::<u32, u64>("above").grid(Grid::minutes(1)).page_len(4);
    let above =
        above.build(move |cx, id, of| Ok(cx.get(&read, id, of.start())?.to_native())).unwrap();
    above.get(&1, minute(0)).unwrap();
    clock.set(minute(13));
    assert_eq!(
        below.apply_retention().unwrap(),
        1,
        "what is left leads from changes to its reader"
    );
    store.invalidate(("outside", 1)).unwrap();
    while store.build_next().unwrap().is_some() {}
    let before = builds.load(SeqCst);
    let pending = below.request(&1, minute(0)).unwrap();
    for _ in 0..20 {
        store.build_next().unwrap();
    }
    assert_eq!(builds.load(SeqCst) - before, 1);
    for _ in 0..20 {
        clock.advance(Span::minutes(2));
        store.build_next().unwrap();
    }
    assert_eq!(builds.load(SeqCst) - before, 3);
    assert!(matches!(pending.state().unwrap(), PendingState::Failed(_)));
}

#[test]
fn who_waits_by_a_handle_that_builds_otherwise_than_the_last_definition_is_told() {
    let store = still::in_memory().unwrap();
    let one = store.view::<u32, u64>("v").build(|_, id, _| Ok(u64::from(*id))).unwrap();
    let pending = one.request(&1, Timestamp::EPOCH).unwrap();
    let by_page = store.view::<u32, u64>("v");
    let by_page = by_page.build_page(|_, id, all| Ok(all.iter().map(|_| u64::from(*id)).collect()));
    let by_page = by_page.unwrap();
    assert_eq!(pending.wait().unwrap_err().kind(), ErrorKind::Definition);
    while store.build_next().unwrap().is_some() {}
    assert!(by_page.peek(&1, Timestamp::EPOCH).unwrap().is_some(), "the request stands");
}
