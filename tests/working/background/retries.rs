//! Builds that fail in the background.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use crate::common::still;
use tidetable::report::Reason;
use tidetable::{
    ErrorKind, Freshness, Grid, Options, PendingState, Retry, Span, Store, TimeRange, Timestamp,
    View,
};

use super::world::{World, done, minute};

/// How many pieces of work failed, each of which is one try.
fn tries(world: &World) -> usize {
    world.all().iter().map(|(.., failed)| failed).sum()
}

#[test]
fn a_record_that_cannot_be_built_is_tried_again_later_and_rests_in_the_end() {
    let world = World::new();
    let view = world.view("low");
    view.get(&1, minute(0)).unwrap();
    world.failing.lock().unwrap().insert(1);
    world.store.invalidate(("low", 1)).unwrap();
    assert_eq!(tries(&world), 1);
    world.pass(Span::seconds(7));
    assert_eq!(tries(&world), 0, "a quarter is the most that chance takes off ten seconds");
    world.pass(Span::seconds(3));
    assert_eq!(tries(&world), 1);
    world.pass(Span::seconds(20));
    assert_eq!(tries(&world), 1);
    world.pass(Span::days(365));
    assert_eq!(tries(&world), 0, "it rests");
    assert_eq!(world.store.metrics().gave_up, 1);

    world.store.invalidate(("low", 1)).unwrap();
    assert_eq!(tries(&world), 1, "it was announced again");
    world.failing.lock().unwrap().clear();
    world.pass(Span::seconds(10));
    assert_eq!(world.all().len(), 1);
    assert!(view.peek(&1, minute(0)).unwrap().unwrap().is_fresh());
}

#[test]
fn what_rests_is_tried_when_it_is_asked_for_and_by_every_reader() {
    let world = World::new();
    let view = world.view("low");
    world.failing.lock().unwrap().insert(1);
    let pending = view.request(&1, minute(0)).unwrap();
    for _ in 0..3 {
        assert_eq!(tries(&world), 1);
        world.pass(Span::minutes(10));
    }
    let PendingState::Failed(error) = pending.state().unwrap() else { panic!("it rests") };
    assert!(error.to_string().contains("told to fail"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Build);
    assert_eq!(pending.wait().unwrap_err().to_string(), error.to_string());

    let again = view.request(&1, minute(0)).unwrap();
    assert!(matches!(again.state().unwrap(), PendingState::Waiting { attempts: 0, .. }));
    assert_eq!(tries(&world), 1);
    let PendingState::Waiting { attempts: 1, next_attempt: Some(next), last_error: Some(why) } =
        again.state().unwrap()
    else {
        panic!("it is tried again");
    };
    assert!(next > Timestamp::from_millis(0));
    assert_eq!(why.to_string(), error.to_string());
    world.failing.lock().unwrap().clear();
    view.get(&1, minute(0)).unwrap();
    assert!(matches!(again.state().unwrap(), PendingState::Completed));
    world.pass(Span::minutes(10));
    assert!(world.next().is_none(), "the reader has built it");
}

#[test]
fn one_that_fails_holds_up_nobody_else() {
    let world = World::new();
    let view = world.view("low");
    for id in 1..=5 {
        view.get(&id, minute(0)).unwrap();
        view.get(&id, minute(3)).unwrap();
        world.store.invalidate(("low", id)).unwrap();
    }
    world.failing.lock().unwrap().insert(3);
    let all = world.all();
    assert_eq!(all.len(), 5);
    assert!(all.iter().all(|(reason, ..)| *reason == Reason::Marked));
    assert_eq!(all.iter().map(|(.., failed)| failed).sum::<usize>(), 2);
    assert_eq!(view.census().unwrap().fresh, 8);
}

#[test]
fn tries_outlive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tries.tide");
    {
        let world = World::open(&path);
        let view = world.view("low");
        world.failing.lock().unwrap().insert(1);
        view.request(&1, minute(0)).unwrap();
        assert_eq!(tries(&world), 1);
        world.store.close().unwrap();
    }
    let world = World::open(&path);
    world.failing.lock().unwrap().insert(1);
    let _view = world.view("low");
    assert_eq!(tries(&world), 0, "it is not tried at once");
    for expected in [1, 1, 0] {
        world.pass(Span::minutes(10));
        assert_eq!(tries(&world), expected);
    }
}

#[test]
fn what_is_built_from_a_marked_record_that_nobody_puts_again_is_not_built_for_ever() {
    let world = World::new();
    let put = world.store.view::<u32, u64>("put").grid(Grid::minutes(1)).page_len(10);
    let put = put.without_build().unwrap();
    put.put(&1, minute(0), &5).unwrap();
    let sum = world.sum("sum", &[&put]);
    sum.get(&1, minute(0)).unwrap();
    put.invalidate(&1).unwrap();
    let freshness = || sum.peek(&1, minute(0)).unwrap().unwrap().freshness();
    assert_eq!(freshness(), Freshness::Suspect);
    // At once, and once more: what it was built from may have become fresh meanwhile.
    assert_eq!(world.all(), [(); 2].map(|()| done(Reason::Marked, "sum", &[0])));
    for later in [10, 20] {
        world.pass(Span::seconds(later));
        assert_eq!(world.all(), [done(Reason::Marked, "sum", &[0])]);
    }
    world.pass(Span::days(1));
    assert_eq!(world.all(), [], "it rests");
    assert_eq!(freshness(), Freshness::Suspect);

    for again in [5, 6] {
        put.put(&1, minute(0), &again).unwrap();
        assert_eq!(world.all(), [done(Reason::Marked, "sum", &[0])], "{again} was put");
        assert_eq!(freshness(), Freshness::Fresh);
        assert_eq!(world.all(), []);
    }
}

/// A view with a breaker, whose builds fail while it is told so.
fn fragile(world: &World) -> (View<u32, u64>, Arc<AtomicBool>) {
    let down = Arc::new(AtomicBool::new(false));
    let is_down = down.clone();
    let view = world.store.view::<u32, u64>("fragile").grid(Grid::minutes(1)).page_len(20);
    let view = view.build(
        move |_, _, _| {
            if is_down.load(SeqCst) { Err("told to fail".into()) } else { Ok(1) }
        },
    );
    (view.unwrap(), down)
}

#[test]
fn what_was_asked_for_while_its_view_rests_is_built_when_the_rest_is_over() {
    let world = World::new();
    let (view, down) = fragile(&world);
    down.store(true, SeqCst);
    (0..8).for_each(|id| drop(view.get(&id, minute(0)).unwrap_err()));
    let pending = view.request(&100, minute(0)).unwrap();
    assert!(world.next().is_none(), "the breaker is open");
    down.store(false, SeqCst);
    world.pass(Span::minutes(1));
    assert_eq!(world.next().unwrap().0, Reason::Requested);
    assert!(matches!(pending.state().unwrap(), PendingState::Completed));
}

#[test]
fn a_sweep_leaves_nothing_behind_that_the_breaker_turned_away() {
    let world = World::new();
    let (view, down) = fragile(&world);
    view.fill(&1, TimeRange::new(minute(0), minute(20))).unwrap().complete().unwrap();
    view.invalidate_all().unwrap();
    down.store(true, SeqCst);
    // More than it takes to open the breaker stand in one page.
    assert_eq!(tries(&world), 20);
    down.store(false, SeqCst);
    for _ in 0..5 {
        world.pass(Span::minutes(1));
        world.all();
    }
    assert_eq!(view.census().unwrap().fresh, 20);
    assert_eq!(world.store.backlog().unwrap().stamped, 0);
}

#[test]
fn a_page_that_would_be_too_large_is_a_failure_like_any_other() {
    let world = World::new();
    let retry = Retry { attempts: 1, ..Retry::default() };
    let view = world.store.view::<u32, Vec<u8>>("large").grid(Grid::minutes(1)).page_len(10);
    let view = view.uncompressed().retry(retry).build(|_, _, _| Ok(vec![7; 15 << 20])).unwrap();
    (0..2).for_each(|at| drop(view.get(&1, minute(at)).unwrap()));
    let pending = view.request(&1, minute(2)).unwrap();
    assert_eq!(tries(&world), 1);
    assert!(matches!(pending.state().unwrap(), PendingState::Failed(_)));
}

#[test]
fn nothing_is_built_of_a_file_that_is_open_to_read_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("read.tide");
    {
        let world = World::open(&path);
        let view = world.view("low");
        (0..3).for_each(|id| drop(view.get(&id, minute(0)).unwrap()));
        world.store.invalidate(("low", 1)).unwrap();
        world.store.close().unwrap();
    }
    let options = Options { read_only: true, warm_up: false, ..still::options() };
    let world = World { store: Store::open_with(&path, options).unwrap(), ..World::new() };
    let _view = world.view("low");
    assert!(world.next().is_none());
}
