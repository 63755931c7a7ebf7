//! Which runs there are, and how the views stand.

use std::sync::{Arc, Mutex, OnceLock};

use tidetable::{ErrorKind, Event, ManualClock, Observer, Options, RunState, Span, Store};

use crate::common::record::{at, buckets, put_view};

use super::sun::{Sun, still, store};

#[test]
fn runs_are_listed_the_newest_first_until_they_are_pruned() {
    let (store, sun) = (store(), Sun::default());
    let view = sun.define(&store, "sun").unwrap();
    let runs: Vec<_> = (0..4).map(|_| view.precompute([1], buckets(0..1)).unwrap()).collect();
    let listed = || store.runs().unwrap().iter().map(|run| run.id()).collect::<Vec<_>>();
    let ids: Vec<_> = runs.iter().rev().map(|run| run.id()).collect();
    assert!(listed() == ids && ids.is_sorted_by(|newer, older| newer > older));
    for run in &runs[..3] {
        run.wait().unwrap();
    }
    assert_eq!(store.prune_runs(1).unwrap(), 2);
    assert_eq!(listed(), ids[..2]);
    assert!(store.run(ids[2]).unwrap().is_none());
    assert_eq!(runs[0].status().state, RunState::Completed);
    // What goes on is never pruned.
    assert_eq!(store.prune_runs(0).unwrap(), 1);
    assert_eq!(store.runs().unwrap()[0].wait().unwrap().done, 1);
}

#[test]
fn a_hundred_ended_runs_are_kept() {
    let (store, sun) = (store(), Sun::default());
    let view = sun.define(&store, "sun").unwrap();
    let first = view.precompute([1], buckets(0..1)).unwrap();
    first.wait().unwrap();
    for _ in 0..100 {
        view.precompute([1], buckets(0..1)).unwrap().wait().unwrap();
    }
    assert_eq!(store.runs().unwrap().len(), 100);
    assert!(store.run(first.id()).unwrap().is_none());
}

#[test]
fn a_status_is_plain_data() {
    let (store, sun) = (store(), Sun::default());
    let view = sun.define(&store, "sun").unwrap();
    let status = view.precompute([1], buckets(0..2)).unwrap().wait().unwrap();
    let json = serde_json::to_value(&status).unwrap();
    assert_eq!((&json["state"], &json["done"]), (&"Completed".into(), &2.into()));
    let views = serde_json::to_value(store.status().unwrap()).unwrap();
    assert_eq!((&views[0]["name"], &views[0]["fresh"]), (&"sun".into(), &2.into()));
}

#[test]
fn a_view_says_how_many_records_it_has_and_how_its_last_run_ended() {
    let clock = Arc::new(ManualClock::new(at(1000)));
    let options = Options { clock: clock.clone(), ..still() };
    let (store, sun) = (Store::in_memory_with(options).unwrap(), Sun::default());
    let view = sun.define(&store, "sun").unwrap();
    put_view(&store, "put").unwrap();
    assert_eq!(store.views().unwrap()[1].last_run, None);
    sun.fail([2]);
    let run = view.precompute(0..3, buckets(0..6)).unwrap();
    let moving = clock.clone();
    run.on_progress(move |_| moving.advance(Span::seconds(5)));
    run.wait().unwrap();
    view.precompute(0..3, buckets(0..6)).unwrap();

    store.invalidate(("cloud", 0_u32)).unwrap();
    clock.advance(Span::seconds(60));
    store.invalidate(("cloud", 1_u32)).unwrap();
    let status = view.status().unwrap();
    assert_eq!((status.records, status.fresh, status.marked), (Some(12), Some(0), 12));
    assert_eq!(status.oldest_mark, at(1000).checked_add(Span::seconds(5)));
    let last = status.info.last_run.clone().unwrap();
    assert_eq!((last.id, last.state, last.failed), (run.id(), RunState::Partial, 6));
    let all = store.status().unwrap();
    assert_eq!(all[1], status);
    assert_eq!((all[0].records, all[0].fresh, all[0].oldest_mark), (Some(0), Some(0), None));
}

#[test]
fn of_a_view_that_is_not_defined_its_records_are_not_told() {
    let disk = crate::common::disk::Disk::default();
    let sun = Sun::default();
    let store = Store::open_backend(disk.backend(), still()).unwrap();
    sun.define(&store, "sun").unwrap().fill(&1, buckets(0..3)).unwrap().complete().unwrap();
    store.invalidate(("cloud", 1_u32)).unwrap();
    store.close().unwrap();
    let store = Store::open_backend(disk.backend(), still()).unwrap();
    let status = store.status().unwrap().remove(0);
    assert_eq!((status.records, status.fresh, status.marked), (None, None, 3));
    sun.define(&store, "sun").unwrap();
    assert_eq!(store.status().unwrap()[0].records, Some(3));
}

#[test]
fn a_store_opened_to_read_lists_runs_and_turns_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.tide");
    let sun = Sun::default();
    let store = Store::open_with(&path, still()).unwrap();
    sun.define(&store, "sun").unwrap().precompute([1], buckets(0..1)).unwrap();
    store.close().unwrap();
    let store = Store::open_with(&path, Options { read_only: true, ..still() }).unwrap();
    let run = store.runs().unwrap().remove(0);
    assert_eq!(run.status().state, RunState::Scheduled);
    let _view = sun.define(&store, "sun").unwrap();
    assert_eq!(run.cancel().unwrap_err().kind(), ErrorKind::Input);
    assert_eq!(run.wait().unwrap_err().kind(), ErrorKind::Input);
    assert_eq!(store.prune_runs(0).unwrap_err().kind(), ErrorKind::Input);
}

/// Notes what it is told of runs, and that it may not wait for one.
#[derive(Default)]
struct Noting {
    store: OnceLock<Store>,
    told: Mutex<Vec<String>>,
}

impl Observer for Noting {
    fn event(&self, event: &Event<'_>) {
        if let Event::RunFinished { .. } = event {
            let run = self.store.get().unwrap().runs().unwrap().remove(0);
            let waits = run.wait().map_err(|error| error.kind());
            assert_eq!(waits.unwrap_err(), ErrorKind::Input);
            self.told.lock().unwrap().push(event.to_string());
        }
    }
}

#[test]
fn an_observer_is_told_of_every_run_that_ends_and_waits_for_none() {
    let noting = Arc::new(Noting::default());
    let options = Options { observer: Some(noting.clone()), ..still() };
    let (store, sun) = (Store::in_memory_with(options).unwrap(), Sun::default());
    assert!(noting.store.set(store.clone()).is_ok());
    let view = sun.define(&store, "sun").unwrap();
    sun.fail([2]);
    let partial = view.precompute(0..3, buckets(0..2)).unwrap();
    partial.wait().unwrap();
    let cancelled = view.precompute(0..3, buckets(0..2)).unwrap();
    cancelled.cancel().unwrap();
    let nothing = view.precompute([1], buckets(0..0)).unwrap();
    let expected = [
        format!("run {} is partial: 4 built, 2 failed", partial.id()),
        format!("run {} is cancelled: 0 built, 0 failed", cancelled.id()),
        format!("run {} is completed: 0 built, 0 failed", nothing.id()),
    ];
    assert_eq!(*noting.told.lock().unwrap(), expected);
    assert_eq!(store.metrics().runs_finished, 3);
    store.close().unwrap();
}
