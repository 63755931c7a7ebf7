//! Runs over restarts and crashes.

use tidetable::{RunState, Store};

use crate::common::cases;
use crate::common::disk::{Cut, Disk, Images};
use crate::common::record::{at, buckets};

use super::sun::{Sun, still};

fn open(disk: &Disk) -> Store {
    Store::open_backend(disk.backend(), still()).unwrap()
}

#[test]
fn a_run_goes_on_at_the_next_opening_where_it_was() {
    let (disk, sun) = (Disk::default(), Sun::default());
    let store = open(&disk);
    let view = sun.define(&store, "sun").unwrap();
    let run = view.precompute(0..1000, buckets(0..2)).unwrap();
    let closing = store.clone();
    run.on_progress(move |status| {
        if status.done == 1024 {
            closing.close().unwrap();
        }
    });
    assert!(run.wait().is_err());
    assert_eq!(sun.built(), (1024, 1));
    drop((run, view, store));

    let store = open(&disk);
    let run = store.runs().unwrap().remove(0);
    let status = run.status();
    assert_eq!((status.state, status.done, status.total), (RunState::Scheduled, 1024, 2000));
    let _view = sun.define(&store, "sun").unwrap();
    let status = run.wait().unwrap();
    assert_eq!((status.state, status.done, status.already_fresh), (RunState::Completed, 2000, 0));
    assert_eq!(sun.built(), (2000, 1));
}

#[test]
fn a_pause_survives_a_restart() {
    let (disk, sun) = (Disk::default(), Sun::default());
    let store = open(&disk);
    let view = sun.define(&store, "sun").unwrap();
    let run = view.precompute(0..10, buckets(0..2)).unwrap();
    run.pause().unwrap();
    store.close().unwrap();
    let store = open(&disk);
    let _view = sun.define(&store, "sun").unwrap();
    let run = store.run(run.id()).unwrap().unwrap();
    assert_eq!(run.status().state, RunState::Paused);
    assert_eq!(run.wait_for(std::time::Duration::ZERO).unwrap(), None);
    run.resume().unwrap();
    assert_eq!(run.wait().unwrap().done, 20);
}

/// The number of entities, some of which are built before the end of the recording.
const ENTITIES: u32 = 300;

/// A disk on which a run was worked off, from which change on it was promised, and from which change
/// on it had ended.
fn worked() -> (Disk, usize, usize) {
    let (disk, sun) = (Disk::default(), Sun::default());
    let store = open(&disk);
    let view = sun.define(&store, "sun").unwrap();
    let run = view.precompute(0..ENTITIES, buckets(0..2)).unwrap();
    let promised = disk.changes();
    run.wait().unwrap();
    let ended = disk.changes();
    store.close().unwrap();
    (disk, promised, ended)
}

#[test]
fn after_any_cut_a_promised_run_goes_on_and_builds_all() {
    let (disk, promised, ended) = worked();
    let calls = disk.calls();
    let kinds = [Cut::Nothing, Cut::Unsynced, Cut::Torn(0x5a17_ed01)];
    let stride = (calls.len() - promised).div_ceil(12).max(1);
    let mut images = Images::new(Vec::new(), &calls);
    let (mut cases, mut gone_on) = (0, 0);
    for cut in (promised..=calls.len()).step_by(stride * cases::each()) {
        for kind in kinds {
            cases += 1;
            let disk = Disk::holding(images.after(cut, kind));
            let (store, sun) = (open(&disk), Sun::default());
            let view = sun.define(&store, "sun").unwrap();
            let runs = store.runs().unwrap();
            let [run] = &*runs else { panic!("cut {cut} {kind:?}: {} runs", runs.len()) };
            let before = run.status();
            assert!(cut < ended || before.state == RunState::Completed, "cut {cut} {kind:?}");
            gone_on += usize::from(!before.state.has_ended());
            let there = view.census().unwrap().records;
            // What it says is done is there.
            assert!(there >= before.done, "cut {cut} {kind:?}: {there} of {}", before.done);
            let status = run.wait().unwrap();
            let all = u64::from(ENTITIES) * 2;
            assert_eq!((status.state, status.done), (RunState::Completed, all));
            assert_eq!(view.census().unwrap().records, all, "cut {cut} {kind:?}");
            assert!(view.peek(&(ENTITIES - 1), at(1)).unwrap().is_some());
            // None twice, and at most a chunk was looked at again.
            assert_eq!(sun.builds(), all - there, "cut {cut} {kind:?}");
            assert!(before.state.has_ended() || status.already_fresh <= 512, "{status:?}");
        }
    }
    println!("{cases} cuts, {gone_on} runs went on, every {stride}. change");
    assert!(gone_on * cases::each() > 12, "only {gone_on}");
}

#[test]
fn a_spool_that_was_cut_is_removed_at_the_next_opening() {
    let (disk, sun) = (Disk::default(), Sun::default());
    let store = open(&disk);
    let view = sun.define(&store, "sun").unwrap();
    let before = disk.changes();
    let syncing = store.clone();
    // So many that some of them are written before the run is started.
    let entities = (0..30_000).inspect(|entity| {
        if *entity == 20_000 {
            syncing.sync().unwrap();
        }
    });
    let run = view.precompute(entities, buckets(0..2)).unwrap();
    let calls = disk.calls();
    let mut images = Images::new(Vec::new(), &calls);
    let (mut none, mut some) = (0, 0);
    for cut in before..=calls.len() {
        let disk = Disk::holding(images.after(cut, Cut::Nothing));
        let store = open(&disk);
        match &*store.runs().unwrap() {
            [] => none += 1,
            [found] => {
                assert_eq!((found.id(), found.status().total), (run.id(), 60_000));
                some += 1;
            }
            more => panic!("{} runs", more.len()),
        }
        assert_eq!(store.prune_runs(0).unwrap(), 0);
    }
    println!("{none} cuts before the start, {some} after it");
    assert!(none > 10 && some > 0);
}
