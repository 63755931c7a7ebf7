//! With threads.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex, OnceLock, mpsc};
use std::thread;

use tidetable::report::{BacklogCounts, Reason};
use tidetable::{ErrorKind, Event, Freshness, Options, Span, Store, TimeRange, Timestamp, View};

use crate::common::block_on::block_on;

const AT: Timestamp = Timestamp::EPOCH;

fn eager(builders: usize) -> Store {
    let options = Options { builders, background_ramp: Span::ZERO, ..Options::default() };
    Store::in_memory_with(options).unwrap()
}

#[test]
fn what_is_invalidated_becomes_fresh_by_itself_through_all_views() {
    for builders in [1, 3] {
        let store = eager(builders);
        let (built, is_built) = mpsc::channel();
        let built = Mutex::new(built);
        let low = store.view::<u32, u64>("low");
        let value = Arc::new(AtomicUsize::new(1));
        let read = value.clone();
        let low = low.build(move |cx, id, _| {
            cx.depends_on(("thing", *id));
            Ok(read.load(SeqCst) as u64)
        });
        let low = low.unwrap();
        let below = low.clone();
        let top = store.view::<u32, u64>("top").build(move |_, id, _| {
            let value = below.get(id, AT)?.to_native() * 10;
            built.lock().unwrap().send((*id, value)).unwrap();
            Ok(value)
        });
        let top = top.unwrap();
        for id in 0..20 {
            top.get(&id, AT).unwrap();
            assert_eq!(is_built.recv().unwrap(), (id, 10));
        }
        value.store(2, SeqCst);
        let changes = (0..20).fold(tidetable::Changes::new(), |all, id| all.source(("thing", id)));
        store.invalidate_all(&changes).unwrap();
        let mut ids: Vec<u32> = (0..20).map(|_| is_built.recv().unwrap().0).collect();
        ids.sort_unstable();
        assert_eq!(ids, (0..20).collect::<Vec<_>>(), "each was built once");
        // The last may be built and not stored yet; a read waits for its flight.
        for id in 0..20 {
            let record = top.get(&id, AT).unwrap();
            assert_eq!((record.to_native(), record.freshness()), (20, Freshness::Fresh));
        }
        assert!(is_built.try_recv().is_err());
    }
}

#[test]
fn closing_waits_for_the_build_in_hand_and_keeps_what_it_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("closing.tide");
    {
        let store = Store::open(&path).unwrap();
        let (begun, has_begun) = mpsc::channel();
        let (go_on, gone_on) = mpsc::channel::<()>();
        let (begun, gone_on) = (Mutex::new(begun), Mutex::new(gone_on));
        let called_back = Arc::new(Mutex::new(None));
        let (told, inside) = (called_back.clone(), store.clone());
        let view = store.view::<u32, u32>("slow").build(move |_, &id, _| {
            begun.lock().unwrap().send(()).unwrap();
            gone_on.lock().unwrap().recv().unwrap();
            *told.lock().unwrap() = Some(inside.close().unwrap_err().kind());
            Ok(id)
        });
        let view = view.unwrap();
        let _pending = view.request(&1, AT).unwrap();
        has_begun.recv().unwrap();
        thread::scope(|scope| {
            let closing = scope.spawn(|| store.close());
            go_on.send(()).unwrap();
            closing.join().unwrap().unwrap();
        });
        assert_eq!(*called_back.lock().unwrap(), Some(ErrorKind::Input));
    }
    let store = Store::open(&path).unwrap();
    let view = store.view::<u32, u32>("slow").build(|_, _, _| Err("not again".into())).unwrap();
    assert_eq!(view.peek(&1, AT).unwrap().unwrap().to_native(), 1);
}

#[test]
fn dropping_the_last_handle_in_a_builder_closes_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dropping.tide");
    let (begun, has_begun) = mpsc::channel();
    let (go_on, gone_on) = mpsc::channel::<()>();
    {
        let (begun, gone_on) = (Mutex::new(begun), Mutex::new(gone_on));
        let store = Store::open(&path).unwrap();
        let view = store.view::<u32, u32>("slow").build(move |_, &id, _| {
            begun.lock().unwrap().send(()).unwrap();
            gone_on.lock().unwrap().recv().unwrap();
            Ok(id)
        });
        let view = view.unwrap();
        let _pending = view.request(&1, AT).unwrap();
        has_begun.recv().unwrap();
    }
    // All handles are gone but the builder's own, which closes the store when it is done.
    go_on.send(()).unwrap();
    let store = loop {
        match Store::open(&path) {
            Ok(store) => break store,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Busy, "{error}"),
        }
        thread::yield_now();
    };
    let view = store.view::<u32, u32>("slow").build(|_, _, _| Err("not again".into())).unwrap();
    assert_eq!(view.peek(&1, AT).unwrap().unwrap().to_native(), 1);
}

#[test]
fn a_builder_that_hangs_is_replaced_told_of_and_not_waited_for() {
    let (slow, is_slow) = mpsc::channel();
    let slow = Mutex::new(slow);
    let observer = move |event: &Event<'_>| {
        if let Event::SlowBuild { view, .. } = event {
            // Told again when it ends; by then nobody listens.
            let _ = slow.lock().unwrap().send(view.to_string());
        }
    };
    let options = Options { observer: Some(Arc::new(observer)), ..Options::default() };
    let store = Store::in_memory_with(options).unwrap();
    let (go_on, gone_on) = mpsc::channel::<()>();
    let gone_on = Mutex::new(gone_on);
    let definition = store.view::<u32, u32>("hanging").build_deadline(Span::millis(1));
    let hanging = definition.build(move |_, &id, _| {
        gone_on.lock().unwrap().recv().unwrap();
        Ok(id)
    });
    let hanging = hanging.unwrap();
    let quick = store.view::<u32, u32>("quick").build(|_, &id, _| Ok(id)).unwrap();
    let hangs = hanging.request(&1, AT).unwrap();
    assert_eq!(is_slow.recv().unwrap(), "hanging");
    // There was one builder, and it hangs.
    assert_eq!(quick.request(&2, AT).unwrap().wait().unwrap().to_native(), 2);
    drop(quick);
    store.drain().unwrap();
    store.close().unwrap();
    assert_eq!(hangs.wait().unwrap_err().kind(), ErrorKind::Reopen);
    go_on.send(()).unwrap();
}

/// A store with two builders, of which each calls this once it has built a record.
fn two_that_meet(then: impl Fn() + Send + Sync + 'static) -> (Store, View<u32, u64>) {
    let observer = move |event: &Event<'_>| {
        if matches!(event, Event::Built { .. }) {
            then();
        }
    };
    let observer: Option<Arc<dyn tidetable::Observer>> = Some(Arc::new(observer));
    let options = Options { builders: 2, observer, ..Options::default() };
    let store = Store::in_memory_with(options).unwrap();
    let view = store.view::<u32, u64>("both").build(|_, _, _| Ok(1)).unwrap();
    (store, view)
}

#[test]
fn two_builders_that_close_the_store_do_not_wait_for_each_other() {
    let own: Arc<Mutex<Option<Store>>> = Arc::default();
    let (closing, both, (tell, told)) = (own.clone(), Barrier::new(2), mpsc::channel());
    let tell = Mutex::new(tell);
    let (store, view) = two_that_meet(move || {
        both.wait();
        let store = closing.lock().unwrap().clone().unwrap();
        tell.lock().unwrap().send(store.close()).unwrap();
    });
    *own.lock().unwrap() = Some(store);
    view.request_many([(1, AT), (2, AT)]).unwrap();
    assert!((0..2).all(|_| told.recv().unwrap().is_ok()));
    own.lock().unwrap().take();
}

#[test]
fn a_store_may_be_closed_where_a_slow_build_is_told() {
    let own: Arc<Mutex<Option<Store>>> = Arc::default();
    let (closing, (tell, told)) = (own.clone(), mpsc::channel());
    let tell = Mutex::new(tell);
    let observer = move |event: &Event<'_>| {
        if matches!(event, Event::SlowBuild { .. })
            && let Some(store) = closing.lock().unwrap().take()
        {
            tell.lock().unwrap().send(store.close()).unwrap();
        }
    };
    let options = Options { observer: Some(Arc::new(observer)), ..Options::default() };
    let store = Store::in_memory_with(options).unwrap();
    *own.lock().unwrap() = Some(store.clone());
    let told = Mutex::new(told);
    // It ends when the store is closed, which who watches over the builders does.
    let slow = store.view::<u32, u64>("slow").build_deadline(Span::millis(1));
    let slow = slow.build(move |_, _, _| {
        told.lock().unwrap().recv().unwrap().unwrap();
        Ok(1)
    });
    slow.unwrap().get(&1, AT).unwrap_err();
}

#[test]
fn draining_leaves_nothing_to_build_however_many_builders_are_at_it() {
    for builders in 0..3 {
        let store = Store::in_memory_with(Options { builders, ..Options::default() }).unwrap();
        let low = store.view::<u32, u64>("low").build(|cx, &id, _| {
            cx.depends_on(("all", 0));
            Ok(u64::from(id))
        });
        let low = low.unwrap();
        let read = low.clone();
        let high = store
            .view::<u32, u64>("high")
            .build(move |cx, id, _| Ok(cx.get(&read, id, Timestamp::EPOCH)?.to_native() * 2));
        let high = high.unwrap();
        let run = high.precompute(0..50, TimeRange::ALWAYS).unwrap();
        store.drain().unwrap();
        assert!(run.status().state.has_ended());
        store.invalidate(("all", 0)).unwrap();
        store.drain().unwrap();
        assert_eq!(store.backlog().unwrap(), BacklogCounts::default());
        let fresh = (high.census().unwrap().fresh, low.census().unwrap().fresh);
        assert_eq!(fresh, (50, 50), "with {builders} builders");
    }
}

#[test]
fn draining_inside_a_build_and_in_an_observer_is_refused() {
    let (said, heard) = mpsc::channel();
    let itself = Arc::new(OnceLock::<Store>::new());
    let store = Store::in_memory_with(Options {
        observer: Some(Arc::new({
            let (itself, said) = (itself.clone(), said.clone());
            move |_: &Event<'_>| {
                let refused = itself.get().map(|store| store.drain().unwrap_err().kind());
                said.send(refused).unwrap();
            }
        })),
        ..Options::default()
    });
    let store = store.unwrap();
    let inside = store.clone();
    let view = store.view::<u32, u64>("view").build(move |_, _, _| {
        said.send(Some(inside.drain().unwrap_err().kind())).unwrap();
        Ok(1)
    });
    let view = view.unwrap();
    itself.set(store.clone()).unwrap();
    view.get(&1, Timestamp::EPOCH).unwrap();
    let refused: Vec<_> = heard.iter().take(2).collect();
    assert_eq!(refused, [Some(ErrorKind::Input); 2]);
}

#[test]
fn builders_that_pause_build_nothing_until_they_go_on_but_what_a_reader_waits_for() {
    let store = Store::in_memory().unwrap();
    let view = store.view::<u32, u64>("view").build(|cx, &id, _| {
        cx.depends_on(("all", 0));
        Ok(u64::from(id))
    });
    let view = view.unwrap();
    view.fill(&1, TimeRange::ALWAYS).unwrap().complete().unwrap();
    store.pause_builders();
    assert!(store.builders_pause());
    for _ in 0..100 {
        store.invalidate(("all", 0)).unwrap();
        assert_eq!(block_on(view.get_async(&2, Timestamp::EPOCH)).unwrap().to_native(), 2);
        let worked = store.build_next().unwrap().unwrap();
        assert_eq!(worked.reason, Reason::Marked, "no builder has taken it");
        while store.build_next().unwrap().is_some() {}
    }
    store.invalidate(("all", 0)).unwrap();
    let built = view.pending(&1, Timestamp::EPOCH).unwrap().unwrap();
    store.resume_builders();
    assert!(built.wait().unwrap().is_fresh());
}

#[test]
fn draining_waits_for_what_a_builder_has_in_hand() {
    let store = eager(1);
    let (begun, has_begun) = mpsc::channel();
    let released = Arc::new(Barrier::new(2));
    let hold = released.clone();
    let view = store.view::<u32, u64>("slow").build(move |_, &id, _| {
        begun.send(()).unwrap();
        hold.wait();
        Ok(u64::from(id))
    });
    let view = view.unwrap();
    view.request(&1, AT).unwrap();
    has_begun.recv().unwrap();
    let is_released = AtomicUsize::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            // Long enough that whoever does not wait is back before.
            (0..10_000).for_each(|_| thread::yield_now());
            is_released.store(1, SeqCst);
            released.wait();
        });
        store.drain().unwrap();
        assert_eq!(is_released.load(SeqCst), 1);
    });
    assert!(view.peek(&1, AT).unwrap().unwrap().is_fresh());
}

#[test]
fn draining_in_what_a_builder_calls_is_refused_and_the_store_closes() {
    let store = eager(1);
    let (said, heard) = mpsc::channel();
    let view = store.view::<u32, u64>("view").build(|_, &id, _| Ok(u64::from(id)));
    let view = view.unwrap();
    store.pause_builders();
    let run = view.precompute(0..5, TimeRange::ALWAYS).unwrap();
    let (inside, told) = (store.clone(), said);
    run.on_progress(move |_| told.send(inside.drain().unwrap_err().kind()).unwrap_or(()));
    store.resume_builders();
    run.wait_for(std::time::Duration::MAX).unwrap();
    assert_eq!(heard.recv().unwrap(), ErrorKind::Input);
    store.drain().unwrap();
    store.close().unwrap();
    assert_eq!(store.drain().unwrap_err().kind(), ErrorKind::Reopen);
}

#[test]
fn who_waits_for_a_request_while_the_builders_pause_builds_it() {
    let store = eager(1);
    let view = store.view::<u32, u64>("view").build(|_, &id, _| Ok(u64::from(id)));
    let view = view.unwrap();
    store.pause_builders();
    assert_eq!(view.request(&3, AT).unwrap().wait().unwrap().to_native(), 3);
}
