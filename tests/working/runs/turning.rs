//! Cancelling, pausing, resuming.

use tidetable::{ErrorKind, Run, RunState};

use crate::common::record::buckets;

use super::sun::{Sun, store};

/// Has something done after the first chunk.
fn after_the_first_chunk(run: &Run, then: impl Fn(&Run) + Send + Sync + 'static) {
    let itself = run.clone();
    run.on_progress(move |status| {
        if status.done == 256 {
            then(&itself);
        }
    });
}

#[test]
fn a_cancelled_run_ends_where_it_stands() {
    let (store, sun) = (store(), Sun::default());
    let view = sun.define(&store, "sun").unwrap();
    let run = view.precompute(0..1000, buckets(0..1)).unwrap();
    after_the_first_chunk(&run, |run| run.cancel().unwrap());
    let status = run.wait().unwrap();
    assert_eq!((status.state, status.done, sun.builds()), (RunState::Cancelled, 256, 256));
    run.resume().unwrap();
    run.cancel().unwrap();
    assert_eq!(run.status().state, RunState::Cancelled);
    assert_eq!(store.run(run.id()).unwrap().unwrap().wait().unwrap(), status);
}

#[test]
fn a_paused_run_is_not_worked_off_until_it_is_resumed() {
    let (store, sun) = (store(), Sun::default());
    let view = sun.define(&store, "sun").unwrap();
    let run = view.precompute(0..1000, buckets(0..1)).unwrap();
    after_the_first_chunk(&run, |run| run.pause().unwrap());
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| run.wait().unwrap());
        while run.status().state != RunState::Paused {
            std::thread::yield_now();
        }
        assert_eq!((run.status().done, sun.builds()), (256, 256));
        run.resume().unwrap();
        assert_eq!(waiting.join().unwrap().done, 1000);
    });
    assert_eq!(sun.built(), (1000, 1));
}

#[test]
fn a_run_is_stopped_between_two_entities_and_counts_what_it_did() {
    let (store, sun) = (store(), Sun::default());
    let stopping = std::sync::Arc::new(std::sync::OnceLock::<Run>::new());
    let (stops, counted) = (stopping.clone(), sun.clone());
    let counting = sun.define(&store, "sun").unwrap();
    let view = store.view::<u32, u64>("stops").grid(crate::common::record::grid()).page_len(4);
    let view = view.build(move |_, entity, bucket| {
        let record = counting.get(entity, bucket.start())?;
        if *entity == 7 && counted.builds() < 20 {
            // Of another thread: inside a build it is refused.
            let run = stops.get().expect("it is set").clone();
            std::thread::spawn(move || run.pause().unwrap()).join().unwrap();
        }
        Ok(record.to_native())
    });
    let view = view.unwrap();
    let run = view.precompute(0..100, buckets(0..2)).unwrap();
    assert!(stopping.set(run.clone()).is_ok());
    let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let (tells, resumed) = (told.clone(), run.clone());
    run.on_progress(move |status| {
        tells.lock().unwrap().push((status.done, status.state));
        resumed.resume().unwrap();
    });
    run.wait().unwrap();
    assert_eq!(*told.lock().unwrap(), [(16, RunState::Paused), (200, RunState::Completed)]);
    assert_eq!(sun.built(), (200, 1));
}

#[test]
fn a_view_that_is_deleted_fails_its_run() {
    let (store, sun) = (store(), Sun::default());
    let view = sun.define(&store, "sun").unwrap();
    let run = view.precompute(0..1000, buckets(0..1)).unwrap();
    let deleting = store.clone();
    after_the_first_chunk(&run, move |_| assert!(deleting.delete_view("sun").unwrap()));
    let status = run.wait().unwrap();
    assert_eq!((status.state, status.done), (RunState::Failed, 256));
    assert!(status.error.unwrap().contains("deleted"));
}

#[test]
fn a_run_of_a_view_that_nobody_holds_waits_for_it() {
    let (store, sun) = (store(), Sun::default());
    let run = sun.define(&store, "sun").unwrap().precompute(0..10, buckets(0..1)).unwrap();
    let refused = run.wait().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Definition, "{refused}");
    let _view = sun.define(&store, "sun").unwrap();
    assert_eq!(run.wait().unwrap().done, 10);
}

#[test]
fn who_waits_for_a_run_is_told_that_the_store_was_closed() {
    let (store, sun) = (store(), Sun::default());
    let view = sun.define(&store, "sun").unwrap();
    let run = view.precompute(0..1000, buckets(0..1)).unwrap();
    let closing = store.clone();
    after_the_first_chunk(&run, move |_| closing.close().unwrap());
    assert_eq!(run.wait().unwrap_err().kind(), ErrorKind::Reopen);
    assert_eq!(run.cancel().unwrap_err().kind(), ErrorKind::Reopen);
}
