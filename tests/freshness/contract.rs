//! The contract at its edges: paths on which a change, a failure or an absence is easily missed.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use crate::common::still;
use crate::common::unsealed::edit;
use tidetable::{
    Changes, ErrorKind, Freshness, Grid, ManualClock, Marked, Options, Span, Store, Timestamp, View,
};

const NOW: Timestamp = Timestamp::EPOCH;

fn min(minute: i64) -> Timestamp {
    Timestamp::from_seconds(minute * 60)
}

type Slf = Arc<OnceLock<View<u32, u64>>>;

fn clocked() -> (Arc<ManualClock>, Store) {
    let clock = Arc::new(ManualClock::new(min(1000)));
    let options = Options { clock: clock.clone(), ..still::options() };
    (clock, Store::in_memory_with(options).unwrap())
}

#[test]
fn whole_view_change_made_before_a_redefinition_is_not_lost() {
    let store = still::in_memory().unwrap();
    let data = Arc::new(AtomicU64::new(1));
    let define = |version: u32, len: u32| {
        let data = data.clone();
        store
            .view::<u32, u64>("x")
            .grid(Grid::minutes(1))
            .page_len(len)
            .version(version)
            .build(move |_, _, _| Ok(data.load(SeqCst)))
            .unwrap()
    };
    let old = define(1, 4);
    old.get(&1, NOW).unwrap();
    let whole = old.whole();
    let new = define(2, 8);
    assert_eq!(new.get(&1, NOW).unwrap().to_native(), 1);
    data.store(2, SeqCst);
    match store.invalidate_all(&whole) {
        Err(_) => {} // refusing is fine: nothing was acknowledged
        Ok(_) => {
            let record = new.get(&1, NOW).unwrap();
            assert!(
                !(record.is_fresh() && record.to_native() == 1),
                "acknowledged invalidation of the view lost: old value as Fresh"
            );
        }
    }
}

#[test]
fn put_as_of_before_an_invalidation_of_its_entity_is_stale() {
    let store = still::in_memory().unwrap();
    let x = store.view::<u32, u64>("x").without_build().unwrap();
    x.put(&1, NOW, &1).unwrap();
    let as_of = store.revision();
    // ... computed elsewhere from data of now; then:
    x.invalidate(&1).unwrap();
    x.put_depending(&1, NOW, &1, [("s", 1u32)], as_of).unwrap();
    let entity = x.peek(&1, NOW).unwrap().unwrap().freshness();
    let as_of = store.revision();
    x.invalidate_all().unwrap();
    x.put_depending(&1, NOW, &1, [("s", 1u32)], as_of).unwrap();
    let whole = x.peek(&1, NOW).unwrap().unwrap().freshness();
    assert_eq!((entity, whole), (Freshness::Stale, Freshness::Stale));
}

#[test]
fn reconcile_does_not_take_back_a_later_announcement_for_builds_under_way() {
    let store = still::in_memory().unwrap();
    let data = Arc::new(AtomicU64::new(1));
    let (began, has_begun) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let may_go = Mutex::new(may_go);
    let (d, gated) = (data.clone(), AtomicBool::new(true));
    let y = store
        .view::<u32, u64>("y")
        .build(move |cx, _, _| {
            let seen = d.load(SeqCst);
            cx.depends_on_at(("k", 1u32), seen);
            if gated.swap(false, SeqCst) {
                began.send(()).unwrap();
                may_go.lock().unwrap().recv().unwrap();
            }
            Ok(seen)
        })
        .unwrap();
    let reader = thread::spawn({
        let y = y.clone();
        move || {
            y.get(&1, NOW).unwrap();
        }
    });
    has_begun.recv().unwrap();
    let mut step = 0;
    store
        .reconcile::<u32>(
            "k",
            std::iter::from_fn(|| {
                step += 1;
                match step {
                    1 => Some((1u32, data.load(SeqCst))),
                    3.. => None,
                    _ => {
                        data.store(2, SeqCst);
                        let changed = Changes::new().source_at(("k", 1u32), 2);
                        store.invalidate_all(&changed).unwrap();
                        None
                    }
                }
            }),
        )
        .unwrap();
    go.send(()).unwrap();
    reader.join().unwrap();
    let record = y.get(&1, NOW).unwrap();
    assert!(
        !(record.is_fresh() && record.to_native() == 1),
        "version 2 was announced and acknowledged; version 1 is served as Fresh"
    );
}

#[test]
fn absent_because_deleted_while_built_is_not_relied_on() {
    let store = still::in_memory().unwrap();
    let deleting = Arc::new(AtomicBool::new(true));
    let itself = Slf::default();
    let (me, del) = (itself.clone(), deleting.clone());
    let x = store
        .view::<u32, u64>("x")
        .build(move |_, _, _| {
            if del.load(SeqCst) {
                let x = me.get().unwrap().clone();
                thread::spawn(move || x.delete(&1).unwrap()).join().unwrap();
            }
            Ok(5)
        })
        .unwrap();
    itself.set(x.clone()).ok().unwrap();
    let read = x.clone();
    let y = store
        .view::<u32, u64>("y")
        .build(move |_, id, _| match read.get(id, NOW) {
            Ok(record) => Ok(record.to_native()),
            Err(error) if error.kind() == ErrorKind::Absent => Ok(0),
            Err(error) => Err(error.into()),
        })
        .unwrap();
    assert_eq!(y.get(&1, NOW).unwrap().to_native(), 0);
    deleting.store(false, SeqCst);
    let record = y.get(&1, NOW).unwrap();
    assert!(
        !(record.is_fresh() && record.to_native() == 0),
        "x builds on every read, and y relies on there being none"
    );
}

#[test]
fn a_range_with_a_gap_left_by_a_page_build_is_not_relied_on() {
    let store = still::in_memory().unwrap();
    let deleting = Arc::new(AtomicBool::new(true));
    let itself = Slf::default();
    let (me, del) = (itself.clone(), deleting.clone());
    let x = store
        .view::<u32, u64>("x")
        .grid(Grid::minutes(1))
        .page_len(4)
        .build_page(move |_, _, buckets| {
            // One deletion only, the first time.
            if del.swap(false, SeqCst) {
                for _ in 0..1 {
                    let x = me.get().unwrap().clone();
                    thread::spawn(move || x.delete(&1).unwrap()).join().unwrap();
                }
            }
            Ok(buckets.iter().map(|_| 5).collect())
        })
        .unwrap();
    itself.set(x.clone()).ok().unwrap();
    let read = x.clone();
    let y = store
        .view::<u32, u64>("y")
        .build(move |_, id, _| Ok(read.range(id, min(0)..min(4))?.len() as u64))
        .unwrap();
    let first = y.get(&1, NOW).unwrap();
    assert_eq!(first.to_native(), 4, "{first:?}");
}

#[test]
fn a_range_with_a_gap_left_by_three_deletions_is_not_relied_on() {
    let store = still::in_memory().unwrap();
    let deleting = Arc::new(AtomicBool::new(true));
    let itself = Slf::default();
    let (me, del) = (itself.clone(), deleting.clone());
    let x = store
        .view::<u32, u64>("x")
        .grid(Grid::minutes(1))
        .page_len(4)
        .build_page(move |_, _, buckets| {
            if del.load(SeqCst) {
                let x = me.get().unwrap().clone();
                thread::spawn(move || x.delete(&1).unwrap()).join().unwrap();
            }
            Ok(buckets.iter().map(|_| 5).collect())
        })
        .unwrap();
    itself.set(x.clone()).ok().unwrap();
    let read = x.clone();
    let y = store
        .view::<u32, u64>("y")
        .build(move |_, id, _| Ok(read.range(id, min(0)..min(4))?.len() as u64))
        .unwrap();
    let _ = y.get(&1, NOW);
    deleting.store(false, SeqCst);
    let record = y.get(&1, NOW).unwrap();
    assert!(!(record.is_fresh() && record.to_native() == 0), "{record:?}: a gap, relied on");
}

#[test]
fn readers_of_a_page_view_get_what_they_asked_for() {
    let (mut absent, mut overtaken) = (0, 0);
    for _ in 0..15 {
        let store = still::in_memory().unwrap();
        let gated = Arc::new(AtomicBool::new(false));
        let g = gated.clone();
        let u = store
            .view::<u32, u64>("u")
            .build(move |cx, _, _| {
                cx.depends_on(("s", 1u32));
                if g.load(SeqCst) {
                    thread::sleep(Duration::from_millis(150));
                }
                Ok(7)
            })
            .unwrap();
        let p = store
            .view::<u32, u64>("p")
            .grid(Grid::minutes(1))
            .page_len(8)
            .build_page(move |_, id, buckets| {
                let seen = u.get(id, NOW)?.to_native();
                Ok(buckets.iter().map(|_| seen).collect())
            })
            .unwrap();
        p.get(&1, min(0)).unwrap();
        p.delete_range(&1, min(7)..min(8)).unwrap();
        store.invalidate(("s", 1u32)).unwrap();
        gated.store(true, SeqCst);
        thread::scope(|scope| {
            let readers: Vec<_> = (0..8)
                .map(|slot| {
                    let p = p.clone();
                    scope.spawn(move || p.get(&1, min(slot)).map(|r| r.freshness()))
                })
                .collect();
            for reader in readers {
                match reader.join().unwrap() {
                    Ok(Freshness::Fresh) => {}
                    Ok(_) => overtaken += 1,
                    Err(_) => absent += 1,
                }
            }
        });
    }
    assert_eq!(
        (absent, overtaken),
        (0, 0),
        "(errors, not fresh) though nothing was deleted or moved"
    );
}

#[test]
fn a_build_that_goes_on_after_a_failed_range_is_not_fresh() {
    let store = still::in_memory().unwrap();
    let define = |version| {
        let d = store.view::<u32, u64>("x").grid(Grid::minutes(1)).version(version);
        d.build(|_, _, _| Ok(1)).unwrap()
    };
    let old = define(1);
    let (read, peeked) = (old.clone(), old.clone());
    let by_range = store
        .view::<u32, u64>("by_range")
        .build(move |_, id, _| Ok(read.range(id, min(0)..min(4)).map_or(0, |t| t.len() as u64)))
        .unwrap();
    let by_get = store
        .view::<u32, u64>("by_get")
        .build(move |_, id, _| Ok(peeked.get(id, NOW).map_or(0, |r| r.to_native())))
        .unwrap();
    let _new = define(2);
    let get = by_get.get(&1, NOW).unwrap().freshness();
    let range = by_range.get(&1, NOW).unwrap().freshness();
    assert_ne!(get, Freshness::Fresh, "get is careful");
    assert_ne!(range, Freshness::Fresh, "range is not");
}

#[test]
fn serve_for_counts_from_the_first_change_when_suspect_turns_stale() {
    let (clock, store) = clocked();
    let data = Arc::new(AtomicU64::new(1));
    let d = data.clone();
    let x = store.view::<u32, u64>("x").build(move |cx, _, _| {
        cx.depends_on(("s", 1u32));
        Ok(d.load(SeqCst))
    });
    let x = x.unwrap();
    let read = x.clone();
    let y = store.view::<u32, u64>("y");
    let y = y.build(move |_, id, _| Ok(read.get(id, NOW)?.to_native())).unwrap();
    y.get(&1, NOW).unwrap();
    clock.advance(Span::hours(1));
    data.store(2, SeqCst);
    store.invalidate(("s", 1u32)).unwrap(); // x stale, y suspect: the first change y does not contain
    clock.advance(Span::minutes(50));
    x.get(&1, NOW).unwrap(); // somebody reads x: y turns stale
    clock.advance(Span::minutes(40));
    let served = y.when_marked(Marked::ServeFor(Span::hours(1))).get(&1, NOW).unwrap();
    assert_eq!(served.to_native(), 2, "unseen for 90 minutes, served though 60 were allowed");
}

#[test]
fn serve_for_counts_from_the_first_stamp() {
    let (clock, store) = clocked();
    let data = Arc::new(AtomicU64::new(1));
    let d = data.clone();
    let x = store.view::<u32, u64>("x").build(move |_, _, _| Ok(d.load(SeqCst))).unwrap();
    x.get(&1, NOW).unwrap();
    data.store(2, SeqCst);
    for _ in 0..100 {
        clock.advance(Span::minutes(30));
        x.invalidate_all().unwrap();
    }
    let served = x.when_marked(Marked::ServeFor(Span::hours(1))).get(&1, NOW).unwrap();
    assert_eq!(served.to_native(), 2, "unseen for 50 hours, served though 1 was allowed");
}

#[test]
fn read_only_readers_of_a_view_of_a_higher_version_are_not_fresh() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let open = |read_only, version| {
        let store = Store::open_with(&path, Options { read_only, ..still::options() }).unwrap();
        let x = store.view::<u32, u64>("x").version(version).build(|_, _, _| Ok(1)).unwrap();
        let read = x.clone();
        let y = store.view::<u32, u64>("y");
        let y = y.build(move |_, id, _| Ok(read.get(id, NOW)?.to_native())).unwrap();
        (store, x, y)
    };
    let (store, _, y) = open(false, 1);
    y.get(&1, NOW).unwrap();
    store.close().unwrap();
    let (_store, x, y) = open(true, 2);
    assert_eq!(x.get(&1, NOW).unwrap().freshness(), Freshness::OldVersion);
    assert_ne!(y.get(&1, NOW).unwrap().freshness(), Freshness::Fresh, "built from an old version");
}

#[test]
fn a_revision_from_before_a_crash_is_not_taken_for_one_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let (path, crashed) = (folder.path().join("store"), folder.path().join("crashed"));
    let patient = Options { unsynced_age_max: Span::hours(1), ..still::options() };
    let store = Store::open_with(&path, patient).unwrap();
    let x = store.view::<u32, u64>("x").without_build().unwrap();
    x.put(&9, NOW, &1).unwrap();
    for key in 0..20u32 {
        store.invalidate(("nobody reads it", key)).unwrap();
    }
    let as_of = store.revision(); // handed to a worker with its job
    std::fs::copy(&path, &crashed).unwrap();
    let store = Store::open_with(&crashed, still::options()).unwrap();
    let x = store.view::<u32, u64>("x").without_build().unwrap();
    store.invalidate(("s", 1u32)).unwrap();
    x.put_depending(&1, NOW, &1, [("s", 1u32)], as_of).unwrap();
    let record = x.peek(&1, NOW).unwrap().unwrap();
    assert_ne!(record.freshness(), Freshness::Fresh, "s was announced after as_of");
}

#[test]
fn the_ends_of_time_panic_nowhere() {
    let (_clock, store) = clocked();
    for (n, grid) in [Grid::minutes(1), Grid::daily("Europe/Stockholm"), Grid::timeless()]
        .into_iter()
        .enumerate()
    {
        let x = store.view::<u32, u64>(&format!("x{n}")).grid(grid).retain(Span::hours(1));
        let x = x.seal_after(Span::MAX).build(|_, _, _| Ok(1)).unwrap();
        let ends = [Timestamp::MIN, Timestamp::MAX, min(0), min(1000)];
        for a in ends {
            let _ = x.get(&1, a);
            let _ = x.peek(&1, a);
            let _ = x.nearest(&1, a, Span::MAX);
            let _ = x.explain(&1, a);
            let _ = x.delete_before(a);
            for b in ends {
                if a <= b {
                    let _ = x.range(&1, a..b);
                    let _ = x.fill(&1, a..b);
                    let _ = x.invalidate_range(&1, a..b);
                    let _ = x.invalidate_between(a..b);
                    let _ = x.delete_range(&1, a..b);
                    let _ = x.prefetch([1u32], a..b);
                }
            }
        }
        x.apply_retention().unwrap();
    }
}

// 16: a page that fails its checks, invalidated: its readers.
fn damaged_and_invalidated(damage: bool) -> (Freshness, u64) {
    use redb::ReadableTable;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let data = Arc::new(AtomicU64::new(1));
    let open = || {
        let store = still::open(&path).unwrap();
        let data = data.clone();
        let x = store.view::<u32, u64>("x").build(move |_, _, _| Ok(data.load(SeqCst))).unwrap();
        let read = x.clone();
        let y = store.view::<u32, u64>("y");
        let y = y.build(move |_, id, _| Ok(read.get(id, NOW)?.to_native())).unwrap();
        (store, x, y)
    };
    let (store, x, y) = open();
    y.get(&77, NOW).unwrap();
    store.close().unwrap();
    drop((x, y, store));
    {
        let pages = redb::TableDefinition::<&[u8], &[u8]>::new("pages");
        edit(&path, |txn| {
            let mut table = txn.open_table(pages).unwrap();
            let mut found: Vec<(Vec<u8>, Vec<u8>)> = table
                .iter()
                .unwrap()
                .map(|e| e.map(|(k, v)| (k.value().to_vec(), v.value().to_vec())).unwrap())
                .collect();
            found.sort();
            assert_eq!(found.len(), 2, "x and y");
            let (key, page) = &mut found[0];
            if damage {
                page[4] = 2;
            }
            table.insert(&**key, &**page).unwrap();
        });
    }
    let (_store, x, y) = open();
    data.store(2, SeqCst);
    x.invalidate(&77).unwrap();
    let record = y.get(&77, NOW).unwrap();
    (record.freshness(), record.to_native())
}

#[test]
fn readers_of_a_damaged_page_hear_of_its_invalidation() {
    assert_eq!(damaged_and_invalidated(true), (Freshness::Fresh, 2));
}

#[test]
fn after_an_invalidation_that_failed_to_sync_nothing_of_a_page_that_was_written_with_it_is_fresh() {
    use crate::common::disk::{Disk, Failing, Reason};
    for put_anew in [min(0), min(1)] {
        let disk = Disk::default();
        let store = Store::open_backend(disk.backend(), still::options()).unwrap();
        let notes = store.view::<u32, u64>("notes").grid(Grid::minutes(1)).page_len(4);
        let notes = notes.without_build().unwrap();
        notes.put_depending(&1, min(0), &7, [("s", 1)], store.revision()).unwrap();
        notes.put(&1, min(2), &9).unwrap();
        let is_fresh = |minute| notes.peek(&1, minute).unwrap().unwrap().is_fresh();
        assert!(is_fresh(min(0)));
        disk.fail(Failing { from: disk.asked(), for_good: false, reason: Reason::LostWrites });
        let mut writes = store.writes();
        writes.invalidate(("s", 1)).unwrap().put(&notes, &1, put_anew, &8).unwrap();
        writes.commit().unwrap_err();
        assert!(!is_fresh(min(0)), "the record at {put_anew} was put with it");
        assert!(is_fresh(min(2)), "nothing was said of it");
    }
}

#[test]
fn after_an_invalidation_that_failed_to_sync_nothing_it_concerns_is_fresh() {
    use crate::common::disk::{Disk, Failing, Reason};
    let disk = Disk::default();
    let store = Store::open_backend(disk.backend(), still::options()).unwrap();
    let x = store.view::<u32, u64>("x").build(|cx, _, _| {
        cx.depends_on(("s", 1u32));
        Ok(1)
    });
    let x = x.unwrap();
    x.get(&1, NOW).unwrap();
    store.sync().unwrap();
    disk.fail(Failing { from: disk.asked(), for_good: true, reason: Reason::LostWrites });
    assert!(store.invalidate(("s", 1u32)).is_err());
    let after = x.peek(&1, NOW).unwrap().unwrap().freshness();
    assert_ne!(after, Freshness::Fresh, "the outcome is unknown, and it is called fresh");
}
