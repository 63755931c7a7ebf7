//! The end of an opening, and what outlives it.

use std::sync::{Arc, Mutex};

use crate::common::still;
use tidetable::{BuildError, Error, ErrorKind, Layer, Options, Result, Store, View};

use crate::common::disk::{Disk, Failing, Reason};
use crate::common::record::{Cell, at, buckets, built_view, cell, grid, patient, put_view};

#[test]
fn closing_twice_is_no_error_and_every_handle_ends() {
    let store = still::in_memory().unwrap();
    let (put, built) = (put_view(&store, "put").unwrap(), built_view(&store, "built").unwrap());
    put.put(&1, at(0), &cell(1, 0, 1)).unwrap();
    put.get(&1, at(0)).unwrap();
    let (other_store, other_view) = (store.clone(), put.clone());
    store.close().unwrap();
    store.close().unwrap();
    other_store.close().unwrap();
    let ended: Vec<Result<()>> = vec![
        put.get(&1, at(0)).map(drop),
        other_view.get(&1, at(0)).map(drop),
        put.peek(&1, at(0)).map(drop),
        put.range(&1, buckets(0..2)).map(drop),
        put.get_many([1], at(0)).remove(0).map(drop),
        put.prefetch([1], buckets(0..2)).map(drop),
        put.put(&1, at(1), &cell(1, 1, 1)),
        put.delete(&1).map(drop),
        put.clear().map(drop),
        built.get(&1, at(0)).map(drop),
        built.fill(&1, buckets(0..2)).map(drop),
        store.sync(),
        store.views().map(drop),
        store.delete_view("put").map(drop),
        put_view(&store, "put").map(drop),
        put_view(&store, "new").map(drop),
    ];
    for (number, ended) in ended.into_iter().enumerate() {
        let error = ended.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Reopen, "{number}: {error}");
        assert!(error.to_string().contains("closed; open it again"), "{number}: {error}");
    }
    assert_eq!(store.metrics().pages_resident, 0, "a closed store holds no pages");
}

#[test]
fn records_in_hand_outlive_close_and_the_last_handle() {
    let store = still::in_memory().unwrap();
    let view = put_view(&store, "put").unwrap();
    view.put_many((0..9).map(|bucket| (1, at(bucket), cell(1, bucket, 7)))).unwrap();
    let record = view.get(&1, at(0)).unwrap();
    let timeline = view.range(&1, buckets(0..9)).unwrap();
    store.close().unwrap();
    drop((store, view));
    let elsewhere = std::thread::spawn(move || record.value.to_native()).join().unwrap();
    assert_eq!(elsewhere, 7);
    assert_eq!(timeline.iter().filter(|(_, record)| record.value == 7).count(), 9);
    let kept: Vec<_> = timeline.into_iter().collect();
    assert_eq!(kept[8].1.bucket, 8);
}

#[test]
fn close_reports_the_first_failure_of_the_opening() {
    let disk = Disk::default();
    let store = Store::open_backend(disk.backend(), patient()).unwrap();
    let view = put_view(&store, "put").unwrap();
    disk.fail(Failing { from: disk.asked(), for_good: false, reason: Reason::Enospc });
    let first = view.put(&1, at(0), &cell(1, 0, 1)).unwrap_err();
    disk.fail(Failing { from: disk.asked(), for_good: true, reason: Reason::Eio });
    let reported = store.close().unwrap_err();
    assert!(first.to_string().contains(&reported.to_string()), "{first} / {reported}");
    assert!(reported.to_string().contains("No space left"), "{reported}");
    assert_eq!(reported.kind(), ErrorKind::Reopen);
    store.close().unwrap();
}

#[test]
fn close_reports_a_failure_of_its_own_and_the_next_opening_verifies() {
    let disk = Disk::default();
    let store = Store::open_backend(disk.backend(), patient()).unwrap();
    put_view(&store, "put").unwrap().put(&1, at(0), &cell(1, 0, 1)).unwrap();
    let clean = {
        let copy = Disk::holding(disk.bytes());
        Store::open_backend(copy.backend(), patient()).unwrap().close().unwrap();
        copy.asked()
    };
    assert!(clean > 0);
    disk.fail(Failing { from: disk.asked(), for_good: true, reason: Reason::Eio });
    let reported = store.close().unwrap_err();
    assert!(reported.to_string().contains("os error 5"), "{reported}");
    assert!(verified(&Disk::holding(disk.bytes())));
}

#[test]
fn a_store_dropped_without_close_is_sealed_all_the_same() {
    let disk = Disk::default();
    let store = Store::open_backend(disk.backend(), patient()).unwrap();
    let view = built_view(&store, "built").unwrap();
    view.get(&1, at(0)).unwrap();
    drop(store);
    view.get(&1, at(1)).unwrap();
    drop(view);
    assert!(!verified(&disk), "the last handle did not close the store");
    let store = Store::open_backend(disk.backend(), patient()).unwrap();
    let view = built_view(&store, "built").unwrap();
    for bucket in 0..2 {
        assert_eq!(view.get(&1, at(bucket)).unwrap().layer(), expected_layer(bucket));
    }
}

/// Both buckets lie in one page: the first read brings the second along.
fn expected_layer(bucket: i64) -> Layer {
    if bucket == 0 { Layer::File } else { Layer::Memory }
}

/// Whether opening what a disk holds has to verify it first.
fn verified(disk: &Disk) -> bool {
    let told = Arc::new(Mutex::new(0));
    let listener = told.clone();
    let options =
        Options { progress: Some(Arc::new(move |_| *listener.lock().unwrap() += 1)), ..patient() };
    Store::open_backend(Disk::holding(disk.bytes()).backend(), options).unwrap();
    let told = *told.lock().unwrap();
    told > 0
}

#[test]
fn what_does_not_belong_inside_a_build_is_refused_there_and_names_the_build() {
    type Refused = Arc<Mutex<Vec<(&'static str, Option<Error>)>>>;
    let store = still::in_memory().unwrap();
    let put = put_view(&store, "put").unwrap();
    put.put(&1, at(0), &cell(1, 0, 1)).unwrap();
    let refused = Refused::default();
    let (notes, inner, target) = (refused.clone(), store.clone(), put.clone());
    let view: View<u32, Cell> = store
        .view("curious")
        .grid(grid())
        .build(move |_, &entity, _| {
            let mut notes = notes.lock().map_err(|_| BuildError::new("poisoned"))?;
            let mut note = |what, outcome: Result<()>| notes.push((what, outcome.err()));
            note("put", target.put(&1, at(0), &cell(1, 0, 2)));
            note("delete", target.delete(&1).map(drop));
            note("delete_range", target.delete_range(&1, buckets(0..3)).map(drop));
            note("delete_before", target.delete_before(at(9)).map(drop));
            note("clear", target.clear().map(drop));
            note("define", put_view(&inner, "new").map(drop));
            note("define again", put_view(&inner, "put").map(drop));
            note("delete_view", inner.delete_view("put").map(drop));
            note("sync", inner.sync());
            note("close", inner.close());
            Ok(cell(entity, 0, target.get(&1, at(0))?.value.to_native()))
        })
        .unwrap();
    assert_eq!(view.get(&5, at(3)).unwrap().value, 1);
    let refused = refused.lock().unwrap();
    assert_eq!(refused.len(), 10);
    for (what, error) in &*refused {
        let error = error.as_ref().unwrap_or_else(|| panic!("{what} was not refused"));
        assert_eq!(error.kind(), ErrorKind::Input, "{what}: {error}");
        assert!(error.to_string().contains("inside a build (curious "), "{what}: {error}");
    }
    assert_eq!(put.get(&1, at(0)).unwrap().value, 1);
    assert_eq!(store.views().unwrap().len(), 2);
    drop(view);
    store.close().unwrap();
}

#[test]
fn a_store_opened_again_in_this_thread_shows_its_own_content_and_not_the_last_ones() {
    let disk = Disk::default();
    let open = |disk: &Disk| {
        let store = Store::open_backend(disk.backend(), patient()).unwrap();
        let view = put_view(&store, "put").unwrap();
        (store, view)
    };
    let (store, view) = open(&disk);
    view.put(&1, at(0), &cell(1, 0, 1)).unwrap();
    store.close().unwrap();
    let older = disk.bytes();
    let (store, view) = open(&disk);
    view.put(&1, at(0), &cell(1, 0, 2)).unwrap();
    let held = view.get(&1, at(0)).unwrap();
    assert_eq!(view.get(&1, at(0)).unwrap().layer(), Layer::Memory);
    // Another store with the same view, entity and bucket, while this one is open and after.
    let older = Disk::holding(older);
    let (other_store, other) = open(&older);
    assert_eq!(other.get(&1, at(0)).unwrap().value, 1);
    assert_eq!(view.get(&1, at(0)).unwrap().value, 2);
    assert_eq!(other.get(&1, at(0)).unwrap().value, 1);
    store.close().unwrap();
    assert_eq!(other.get(&1, at(0)).unwrap().value, 1);
    other_store.close().unwrap();
    let (_store, view) = open(&older);
    let record = view.get(&1, at(0)).unwrap();
    assert_eq!((record.value.to_native(), record.layer()), (1, Layer::File));
    assert_eq!(held.value, 2);
}

#[test]
fn a_reopened_store_that_another_process_changed_shows_the_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    let write = |value| {
        let store = Store::open(&path).unwrap();
        put_view(&store, "put").unwrap().put(&1, at(0), &cell(1, 0, value)).unwrap();
        store.close().unwrap();
    };
    let read = || {
        let store = still::open(&path).unwrap();
        let view = put_view(&store, "put").unwrap();
        let first = view.get(&1, at(0)).unwrap();
        assert_eq!(first.layer(), Layer::File);
        assert_eq!(view.get(&1, at(0)).unwrap().layer(), Layer::Memory);
        first.value.to_native()
    };
    write(1);
    assert_eq!(read(), 1);
    // Another thread stands for the other process: this thread's shortcut knows nothing of it.
    std::thread::scope(|scope| scope.spawn(|| write(2)).join().unwrap());
    assert_eq!(read(), 2);
}

#[test]
fn closing_while_others_write_answers_each_of_them_truly() {
    let disk = Disk::default();
    let store = Store::open_backend(disk.backend(), patient()).unwrap();
    let view = put_view(&store, "put").unwrap();
    disk.yield_in_syncs(20);
    let acknowledged = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8)
            .map(|entity| {
                let view = view.clone();
                scope.spawn(move || {
                    let refused = (0..).find_map(|bucket| {
                        let put = view.put(&entity, at(bucket), &cell(entity, bucket, 1));
                        put.err().map(|error| (bucket, error))
                    });
                    let (bucket, error) = refused.expect("the store closes");
                    assert_eq!(error.kind(), ErrorKind::Reopen, "{error}");
                    (entity, bucket)
                })
            })
            .collect();
        while store.metrics().records_changed < 50 {
            std::thread::yield_now();
        }
        store.close().unwrap();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect::<Vec<_>>()
    });
    let store = Store::open_backend(Disk::holding(disk.bytes()).backend(), patient()).unwrap();
    let view = put_view(&store, "put").unwrap();
    for (entity, refused) in acknowledged {
        assert_eq!(view.range(&entity, buckets(0..refused)).unwrap().len() as i64, refused);
        assert!(view.peek(&entity, at(refused)).unwrap().is_none(), "refused and yet written");
    }
}

#[test]
fn two_that_close_at_once_fail_nothing_that_was_queued() {
    for _ in 0..20 {
        let store = still::in_memory().unwrap();
        let view = store.view::<u32, u64>("v").without_build().unwrap();
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..4_u32)
                .map(|entity| {
                    let view = view.clone();
                    scope.spawn(move || view.put(&entity, tidetable::Timestamp::EPOCH, &1))
                })
                .collect();
            let closers = [scope.spawn(|| store.close()), scope.spawn(|| store.close())];
            for closer in closers {
                closer.join().unwrap().unwrap();
            }
            for writer in writers {
                let outcome = writer.join().unwrap();
                let closed = |error: &Error| error.to_string().contains("is closed");
                assert!(outcome.as_ref().err().is_none_or(closed), "{outcome:?}");
            }
        });
    }
}
