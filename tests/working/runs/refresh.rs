//! Refreshing what is there.

use std::sync::{Arc, Mutex, OnceLock};

use tidetable::report::RunKind;
use tidetable::{Changes, ErrorKind, ManualClock, Options, Refresh, RunState, Span, Store, View};

use crate::common::record::{at, buckets, grid, put_view};

use super::sun::{Sun, still, store};

#[test]
fn everything_is_built_anew_and_nothing_that_was_not_there() {
    let (store, sun) = (store(), Sun::default());
    let view = sun.define(&store, "sun").unwrap();
    for entity in 0..300 {
        view.fill(&entity, buckets(2..7)).unwrap().complete().unwrap();
    }
    put_view(&store, "put").unwrap();
    let run = store.refresh(&Refresh::all()).unwrap();
    let status = run.wait().unwrap();
    assert_eq!((status.kind, status.state), (RunKind::RefreshAll, RunState::Completed));
    assert_eq!((status.total, status.done, status.already_fresh), (1500, 1500, 0));
    assert_eq!((sun.built(), sun.builds()), ((1500, 2), 3000));
    assert!(view.peek(&0, at(1)).unwrap().is_none());
}

#[test]
fn what_was_built_since_a_refresh_began_is_not_built_again() {
    let (store, sun) = (store(), Sun::default());
    let view = sun.define(&store, "sun").unwrap();
    view.fill(&1, buckets(0..8)).unwrap().complete().unwrap();
    let run = store.refresh(&Refresh::all()).unwrap();
    store.invalidate(("cloud", 1_u32)).unwrap();
    view.get(&1, at(0)).unwrap();
    let status = run.wait().unwrap();
    assert_eq!((status.done, status.already_fresh, sun.builds()), (8, 1, 16));
}

#[test]
fn only_what_is_not_fresh_is_built() {
    let (store, sun) = (store(), Sun::default());
    let view = sun.define(&store, "sun").unwrap();
    for entity in 0..10 {
        view.fill(&entity, buckets(0..6)).unwrap().complete().unwrap();
    }
    store.invalidate(("cloud", 3_u32)).unwrap();
    view.invalidate_range(&5, buckets(1..3)).unwrap();
    let run = store.refresh(&Refresh::lacking()).unwrap();
    assert_eq!((run.status().total, run.status().kind), (8, RunKind::RefreshLacking));
    assert_eq!(run.wait().unwrap().done, 8);
    assert_eq!(sun.builds(), 68);
    assert_eq!(store.refresh(&Refresh::lacking()).unwrap().wait().unwrap().total, 0);
    view.invalidate_all().unwrap();
    assert_eq!(store.refresh(&Refresh::lacking()).unwrap().wait().unwrap().done, 60);
    assert_eq!(view.census().unwrap().fresh, 60);
}

#[test]
fn a_refresh_is_of_what_it_names() {
    let (store, sun, other) = (store(), Sun::default(), Sun::default());
    let view = sun.define(&store, "sun").unwrap();
    let others = other.define(&store, "other").unwrap();
    for entity in [1, 2, 0x0100_0000] {
        view.fill(&entity, buckets(0..6)).unwrap().complete().unwrap();
        others.fill(&entity, buckets(0..6)).unwrap().complete().unwrap();
    }
    let work = |refresh: Refresh| store.refresh(&refresh).unwrap().wait().unwrap().done;
    assert_eq!(work(Refresh::all().view("sun")), 18);
    assert_eq!(work(Refresh::all().records(&view.of_entity(&1))), 6);
    assert_eq!(work(Refresh::all().records(&view.of_range(&1, buckets(4..9)))), 2);
    assert_eq!(work(Refresh::all().records(&view.between(buckets(0..1))).view("other")), 21);
    assert_eq!((sun.builds(), other.builds()), (18 + 18 + 6 + 2 + 3, 18 + 18));
}

#[test]
fn a_refresh_of_what_cannot_be_built_is_refused() {
    let (store, sun) = (store(), Sun::default());
    put_view(&store, "put").unwrap();
    drop(sun.define(&store, "sun").unwrap());
    let kind = |refresh: Refresh| store.refresh(&refresh).unwrap_err().kind();
    assert_eq!(kind(Refresh::all().view("put")), ErrorKind::Definition);
    assert_eq!(kind(Refresh::all().view("sun")), ErrorKind::Definition);
    assert_eq!(kind(Refresh::all().view("moon")), ErrorKind::Absent);
    assert_eq!(kind(Refresh::all().records(&Changes::new().kind("cloud"))), ErrorKind::Input);
    assert!(store.runs().unwrap().is_empty());
}

#[test]
fn what_others_are_built_from_goes_first() {
    let (store, sun) = (store(), Sun::default());
    let view = sun.define(&store, "z-sun").unwrap();
    let read = view.clone();
    let day: View<u32, u64> = store
        .view("a-day")
        .grid(grid())
        .page_len(4)
        .build(move |_, entity, bucket| Ok(read.get(entity, bucket.start())?.to_native()))
        .unwrap();
    day.fill(&1, buckets(0..6)).unwrap().complete().unwrap();
    store.invalidate(("cloud", 1_u32)).unwrap();
    let run = store.refresh(&Refresh::lacking()).unwrap();
    let status = run.wait().unwrap();
    assert_eq!((status.name.as_str(), status.total, status.done), ("2 views", 12, 12));
    // The records came out as before, so what reads them is right without a build.
    assert_eq!((sun.builds(), status.already_fresh), (12, 6));
}

#[test]
fn what_came_to_be_read_later_goes_first_as_well() {
    let store = Store::in_memory_with(still()).unwrap();
    let built = Arc::new(Mutex::new(Vec::new()));
    let view = |name: &'static str, reads: Arc<OnceLock<View<u32, u64>>>| {
        let built = built.clone();
        let view = store.view::<u32, u64>(name).build(move |cx, entity, bucket| {
            built.lock().unwrap().push(name);
            cx.depends_on((name, 0_u32));
            match reads.get() {
                Some(below) => Ok(below.get(entity, bucket.start())?.to_native() + 1),
                None => Ok(1),
            }
        });
        view.unwrap()
    };
    let (of_top, of_middle) = (Arc::new(OnceLock::new()), Arc::new(OnceLock::new()));
    let top = view("top", of_top.clone());
    let middle = view("middle", of_middle.clone());
    let lowest = view("lowest", Arc::default());
    of_top.set(middle).ok().unwrap();
    top.get(&1, at(0)).unwrap();
    // Only now does what the first reads begin to read something itself.
    of_middle.set(lowest).ok().unwrap();
    store.invalidate(("middle", 0_u32)).unwrap();
    top.get(&1, at(0)).unwrap();
    built.lock().unwrap().clear();
    let run = store.refresh(&Refresh::all()).unwrap();
    assert_eq!(run.wait().unwrap().done, 3);
    assert_eq!(built.lock().unwrap()[..2], ["lowest", "middle"]);
}

#[test]
fn what_is_history_stays_as_it_is() {
    let clock = Arc::new(ManualClock::new(at(4)));
    let store = Store::in_memory_with(Options { clock: clock.clone(), ..still() }).unwrap();
    let view = store.view::<u32, u64>("sun").grid(grid()).page_len(4).seal_after(Span::ZERO);
    let view = view.build(|_, _, _| Ok(1)).unwrap();
    view.fill(&1, buckets(0..8)).unwrap().complete().unwrap();
    view.invalidate(&1).unwrap();
    for refresh in [Refresh::lacking(), Refresh::all()] {
        assert_eq!(store.refresh(&refresh).unwrap().wait().unwrap().done, 4);
    }
    clock.set(at(6));
    assert_eq!(store.refresh(&Refresh::all()).unwrap().wait().unwrap().done, 2);
    assert_eq!(view.status().unwrap().fresh, Some(8));
}
