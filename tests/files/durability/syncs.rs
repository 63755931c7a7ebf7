//! What is synced, when, and for how many at once.

use std::sync::Barrier;
use std::thread;

use crate::common::still;
use tidetable::{Missing, Options, Span, Store};

use crate::common::disk::{Cut, Disk, Images};
use crate::common::record::{at, buckets, built_view, cell, patient, put_view};

/// What is left of a disk that began empty when all that was not synced is lost.
fn synced(disk: &Disk, changes: usize) -> Disk {
    let calls = disk.calls();
    Disk::holding(Images::new(Vec::new(), &calls).after(changes, Cut::Unsynced))
}

#[test]
fn callers_at_once_share_syncs_and_each_is_answered_only_when_its_record_is_synced() {
    const THREADS: u32 = 64;
    const PUTS: i64 = 16;
    let disk = Disk::default();
    let store = Store::open_backend(disk.backend(), patient()).unwrap();
    let view = put_view(&store, "put").unwrap();
    let before = store.metrics().syncs;
    disk.yield_in_syncs(100);
    let start = Barrier::new(THREADS as usize);
    let acknowledged: Vec<(u32, i64, usize)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|entity| {
                let (view, disk, start) = (view.clone(), &disk, &start);
                scope.spawn(move || {
                    start.wait();
                    let put = |bucket| {
                        view.put(&entity, at(bucket), &cell(entity, bucket, 1)).unwrap();
                        (entity, bucket, disk.changes())
                    };
                    (0..PUTS).map(put).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let syncs = store.metrics().syncs - before;
    let puts = u64::from(THREADS) * PUTS as u64;
    println!("{puts} puts took {syncs} syncs");
    assert!(syncs > 0 && syncs * 4 <= puts, "{puts} puts took {syncs} syncs");
    // Cut right after acknowledgements of all threads, early ones and late ones.
    for cut in acknowledged.iter().step_by(37).map(|(_, _, changes)| *changes) {
        let store = Store::open_backend(synced(&disk, cut).backend(), patient()).unwrap();
        let view = put_view(&store, "put").unwrap();
        let lost = acknowledged
            .iter()
            .filter(|(_, _, changes)| *changes <= cut)
            .find(|(entity, bucket, _)| view.peek(entity, at(*bucket)).unwrap().is_none());
        assert_eq!(lost, None, "cut at {cut}");
    }
    store.close().unwrap();
}

#[test]
fn a_put_is_synced_when_it_returns() {
    let disk = Disk::default();
    let store = Store::open_backend(disk.backend(), patient()).unwrap();
    let view = put_view(&store, "put").unwrap();
    for bucket in 0..5 {
        let syncs = store.metrics().syncs;
        view.put(&1, at(bucket), &cell(1, bucket, 1)).unwrap();
        assert_eq!(store.metrics().syncs, syncs + 1);
        let cut = Store::open_backend(synced(&disk, disk.changes()).backend(), patient()).unwrap();
        assert!(put_view(&cut, "put").unwrap().peek(&1, at(bucket)).unwrap().is_some());
    }
}

#[test]
fn built_records_are_not_synced_one_by_one_but_a_sync_makes_all_of_them_last() {
    let disk = Disk::default();
    let store = Store::open_backend(disk.backend(), patient()).unwrap();
    let view = built_view(&store, "built").unwrap();
    let syncs = store.metrics().syncs;
    for entity in 0..50 {
        view.get(&entity, at(0)).unwrap();
    }
    view.fill(&50, buckets(0..40)).unwrap().complete().unwrap();
    assert_eq!(store.metrics().syncs, syncs);
    assert_eq!(records(&synced(&disk, disk.changes())), 0);
    store.sync().unwrap();
    assert_eq!(store.metrics().syncs, syncs + 1);
    assert_eq!(records(&synced(&disk, disk.changes())), 90);
    view.get(&51, at(0)).unwrap();
    store.close().unwrap();
    assert_eq!(records(&synced(&disk, disk.changes())), 91);
}

#[test]
fn a_put_takes_along_what_was_built_before_it() {
    let disk = Disk::default();
    let store = Store::open_backend(disk.backend(), patient()).unwrap();
    let (built, put) = (built_view(&store, "built").unwrap(), put_view(&store, "put").unwrap());
    built.get(&0, at(0)).unwrap();
    assert_eq!(records(&synced(&disk, disk.changes())), 0);
    put.put(&0, at(0), &cell(0, 0, 1)).unwrap();
    assert_eq!(records(&synced(&disk, disk.changes())), 1);
}

#[test]
fn built_records_are_synced_after_a_while_without_another_call() {
    let disk = Disk::default();
    let options = Options { unsynced_age_max: Span::millis(1), ..still::options() };
    let store = Store::open_backend(disk.backend(), options).unwrap();
    let view = built_view(&store, "built").unwrap();
    view.get(&0, at(0)).unwrap();
    let mut syncs = 0;
    // Bounded by rounds, of which each waits for one more sync.
    for _ in 0..1_000 {
        if records(&synced(&disk, disk.changes())) == 1 {
            return;
        }
        let mut patience = 10_000_000_u64;
        while store.metrics().syncs == syncs && patience > 0 {
            patience -= 1;
            thread::yield_now();
        }
        syncs = store.metrics().syncs;
    }
    panic!("what was built was never synced");
}

#[test]
fn many_unsynced_bytes_are_synced_before_their_time() {
    let disk = Disk::default();
    let options = Options { unsynced_bytes_max: 1 << 10, ..patient() };
    let store = Store::open_backend(disk.backend(), options).unwrap();
    let view = built_view(&store, "built").unwrap();
    let syncs = store.metrics().syncs;
    for entity in 0..50 {
        view.get(&entity, at(0)).unwrap();
    }
    assert!(store.metrics().syncs > syncs);
}

/// How many records of the view "built" a disk holds.
fn records(disk: &Disk) -> usize {
    let store = Store::open_backend(disk.backend(), patient()).unwrap();
    let view = built_view(&store, "built").unwrap().when_missing(Missing::Miss);
    (0..52).map(|entity| view.range(&entity, buckets(0..40)).unwrap().len()).sum()
}
