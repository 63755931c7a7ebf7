//! Precomputing: what it builds, counts and tells.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tidetable::report::RunKind;
use tidetable::{ErrorKind, Grid, ManualClock, Options, RunState, Span, Store, Timestamp};

use crate::common::record::{at, buckets};

use super::sun::{Sun, still, store};

#[test]
fn a_run_builds_what_is_missing_and_counts_it() {
    let (store, sun) = (store(), Sun::default());
    let view = sun.define(&store, "sun").unwrap();
    view.fill(&3, buckets(0..5)).unwrap().complete().unwrap();
    let run = view.precompute(0..10, buckets(0..6)).unwrap();
    let before = run.status();
    assert_eq!((before.state, before.total, before.done), (RunState::Scheduled, 60, 0));
    assert_eq!((before.kind, &*before.name, before.ended), (RunKind::Precompute, "sun", None));
    let status = run.wait().unwrap();
    assert_eq!(status.state, RunState::Completed);
    assert_eq!((status.total, status.done, status.failed, status.already_fresh), (60, 60, 0, 5));
    assert!(status.ended.is_some() && status.entity.is_none() && status.error.is_none());
    assert_eq!(sun.built(), (60, 1));
    assert_eq!(view.peek(&9, at(5)).unwrap().unwrap().to_native(), 9005);
    assert_eq!(run.wait().unwrap(), status);
}

#[test]
fn ten_thousand_entities_are_built_once_each() {
    let (store, sun) = (store(), Sun::default());
    let view = sun.define(&store, "sun").unwrap();
    let chunks = Arc::new(Mutex::new(Vec::new()));
    let run = view.precompute(0..10_000, buckets(0..2)).unwrap();
    let told = chunks.clone();
    run.on_progress(move |status| told.lock().unwrap().push((status.done, status.state)));
    let status = run.wait().unwrap();
    assert_eq!((status.done, status.total, status.failed), (20_000, 20_000, 0));
    assert_eq!(sun.built(), (20_000, 1));
    let chunks = chunks.lock().unwrap();
    // Of 256 entities each, and the rest.
    assert_eq!(chunks.len(), 40);
    assert!(chunks.is_sorted_by_key(|(done, _)| *done));
    assert_eq!(chunks[0], (512, RunState::Running));
    assert_eq!(chunks[39], (20_000, RunState::Completed));
}

#[test]
fn an_entity_that_fails_is_listed_and_the_others_are_built() {
    let (store, sun) = (store(), Sun::default());
    let view = sun.define(&store, "sun").unwrap();
    sun.fail([4]);
    let run = view.precompute(0..10, buckets(0..6)).unwrap();
    let status = run.wait().unwrap();
    assert_eq!(status.state, RunState::Partial);
    assert_eq!((status.done, status.failed, sun.built()), (60, 6, (54, 1)));
    let failures = run.failures().unwrap();
    let starts: Vec<_> = failures.iter().map(|it| it.bucket.unwrap().start()).collect();
    assert_eq!(starts, (0..6).map(at).collect::<Vec<_>>());
    for failure in &failures {
        assert_eq!(failure.error.kind(), ErrorKind::Build);
        assert_eq!(failure.error.view(), Some("sun"));
        assert_eq!(failure.error.entity(), Some(&4_u32.to_be_bytes()[..]));
    }
    let told = failures[2].error.to_string();
    assert!(told.starts_with("view 'sun', bucket ") && told.contains("no sun in 2"), "{told}");
}

#[test]
fn a_thousand_failures_are_listed_and_all_are_counted() {
    let (store, sun) = (store(), Sun::default());
    let view = sun.define(&store, "sun").unwrap();
    sun.fail(0..400);
    let run = view.precompute(0..400, buckets(0..6)).unwrap();
    assert_eq!(run.wait().unwrap().failed, 2400);
    assert_eq!(run.failures().unwrap().len(), 1000);
}

#[test]
fn a_run_of_nothing_has_ended() {
    let (store, sun) = (store(), Sun::default());
    let view = sun.define(&store, "sun").unwrap();
    let nobody = view.precompute(std::iter::empty::<u32>(), buckets(0..6)).unwrap();
    let never = view.precompute(0..10, buckets(5..5)).unwrap();
    for run in [nobody, never] {
        assert_eq!(run.status().state, RunState::Completed);
        assert_eq!(run.wait().unwrap().total, 0);
    }
}

#[test]
fn an_iterator_that_panics_leaves_no_run() {
    let (store, sun) = (store(), Sun::default());
    let view = sun.define(&store, "sun").unwrap();
    let entities = (0..50_000).inspect(|entity| assert!(*entity < 40_000, "enough"));
    let panicking = std::panic::AssertUnwindSafe(|| view.precompute(entities, buckets(0..6)));
    assert!(std::panic::catch_unwind(panicking).is_err());
    assert!(store.runs().unwrap().is_empty());
    assert_eq!(view.precompute([1], buckets(0..6)).unwrap().wait().unwrap().done, 6);
}

#[test]
fn what_cannot_be_precomputed_is_refused_and_leaves_no_run() {
    let store = store();
    let put = store.view::<u32, u64>("put").grid(Grid::minutes(1)).without_build().unwrap();
    assert_eq!(put.precompute([1], buckets(0..6)).unwrap_err().kind(), ErrorKind::Input);
    let named = store.view::<str, u64>("named").grid(Grid::minutes(1)).build(|_, _, _| Ok(1));
    let named = named.unwrap();
    let long = "x".repeat(10_000);
    let refused = named.precompute(["a", &long], buckets(0..6)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Input);
    let far = Timestamp::from_seconds(0)..Timestamp::from_seconds(10_000_000_000);
    assert_eq!(named.precompute(["a"], far).unwrap_err().kind(), ErrorKind::Input);
    assert!(store.runs().unwrap().is_empty());
}

#[test]
fn inside_a_build_no_run_is_begun_and_none_is_waited_for() {
    let (store, sun) = (store(), Sun::default());
    let view = sun.define(&store, "sun").unwrap();
    let run = view.precompute([1], buckets(0..1)).unwrap();
    let (waited, begun) = (run.clone(), view.clone());
    let meddling = store.view::<u32, u64>("meddling").build(move |_, which, _| {
        match which {
            0 => waited.wait().map(drop)?,
            1 => waited.cancel()?,
            _ => begun.precompute([2], buckets(0..1)).map(drop)?,
        }
        Ok(1)
    });
    let meddling = meddling.unwrap();
    for which in 0..3 {
        let refused = meddling.get(&which, Timestamp::EPOCH).unwrap_err();
        assert!(refused.to_string().contains("inside a build"), "{refused}");
    }
    assert_eq!(run.status().state, RunState::Scheduled);
}

#[test]
fn the_rate_is_by_the_clock_of_the_store_and_says_when_it_will_end() {
    let clock = Arc::new(ManualClock::new(at(1000)));
    let options = Options { clock: clock.clone(), ..still() };
    let (store, sun) = (Store::in_memory_with(options).unwrap(), Sun::default());
    let view = sun.define(&store, "sun").unwrap();
    let run = view.precompute(0..1024, buckets(0..1)).unwrap();
    assert_eq!((run.status().per_second, run.status().expected_end), (None, None));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (noted, moved) = (seen.clone(), clock.clone());
    run.on_progress(move |status| {
        noted.lock().unwrap().push((status.per_second, status.expected_end));
        moved.advance(Span::seconds(2));
    });
    let ended = run.wait().unwrap();
    // The end was noted before the last of the four was told.
    let noted = at(1000).checked_add(Span::seconds(6));
    assert_eq!((ended.started, ended.ended), (at(1000), noted));
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0], (None, None));
    // Two chunks of four in two seconds: two more take another two.
    let end = Timestamp::from_millis(at(1000).as_millis() + 4000);
    assert_eq!(seen[1], (Some(256.0), Some(end)));
    assert_eq!((seen[3], ended.per_second), ((None, None), None));
}

#[test]
fn a_callback_that_panics_stops_nothing() {
    let (store, sun) = (store(), Sun::default());
    let view = sun.define(&store, "sun").unwrap();
    let run = view.precompute(0..1000, buckets(0..1)).unwrap();
    run.on_progress(|_| panic!("told too much"));
    assert_eq!(run.wait().unwrap().done, 1000);
}

#[test]
fn a_wait_with_an_end_works_off_no_more_than_it_has_time_for() {
    let (store, sun) = (store(), Sun::default());
    let view = sun.define(&store, "sun").unwrap();
    let run = view.precompute(0..1000, buckets(0..1)).unwrap();
    assert_eq!(run.wait_for(Duration::ZERO).unwrap(), None);
    assert_eq!(sun.builds(), 0);
    assert_eq!(run.wait_for(Duration::MAX).unwrap().unwrap().done, 1000);
}

#[test]
fn a_future_works_off_a_chunk_a_poll() {
    let (store, sun) = (store(), Sun::default());
    let view = sun.define(&store, "sun").unwrap();
    let run = view.precompute(0..600, buckets(0..1)).unwrap();
    let mut waiting = Box::pin(run.wait_async());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut done = Vec::new();
    let status = loop {
        done.push(sun.builds());
        if let std::task::Poll::Ready(status) = waiting.as_mut().poll(&mut context) {
            break status.unwrap();
        }
    };
    assert_eq!(done, [0, 256, 512, 600]);
    assert_eq!(status.state, RunState::Completed);
}

#[test]
fn threads_that_wait_share_the_work() {
    let (store, sun) = (store(), Sun::default());
    let view = sun.define(&store, "sun").unwrap();
    let run = view.precompute(0..3000, buckets(0..1)).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(run.wait().unwrap().done, 3000));
        }
    });
    assert_eq!(sun.built(), (3000, 1));
}
