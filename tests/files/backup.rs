//! Copies of a store in use.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::common::disk::{Disk, Failing, Reason};
use crate::common::still;
use tidetable::{ErrorKind, Freshness, Options, Store, Timestamp, View};

const AT: Timestamp = Timestamp::EPOCH;

/// Puts, and records that are built from a source.
fn define(store: &Store) -> (View<u32, u64>, View<u32, u64>) {
    let puts = store.view::<u32, u64>("puts").without_build().expect("a store in order");
    let built = store.view::<u32, u64>("built").build(|cx, of, _| {
        cx.depends_on(("building", *of));
        Ok(u64::from(*of) * 10)
    });
    (puts, built.expect("a store in order"))
}

fn filled(path: &Path, records: u32) -> Store {
    let store = still::open(path).expect("a store in order");
    let (puts, built) = define(&store);
    puts.put_many((0..records).map(|of| (of, AT, u64::from(of)))).expect("a store in order");
    (0..records).for_each(|of| drop(built.get(&of, AT).expect("a store in order")));
    store
}

#[test]
fn a_copy_of_a_store_in_use_opens_clean_and_holds_all_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(&folder.path().join("city.tide"), 500);
    let mut told = Vec::new();
    let to = folder.path().join("copy.tide");
    let report = store.backup_telling(&to, |share| told.push(share)).unwrap();
    assert_eq!(report.bytes, fs::metadata(&to).unwrap().len());
    assert!(told.is_sorted() && told.last() == Some(&1.0), "{told:?}");
    // The store goes on, and the copy does not follow.
    let (puts, _) = define(&store);
    puts.put(&0, AT, &77).unwrap();
    store.invalidate(("building", 1_u32)).unwrap();

    let copy = still::open(&to).unwrap();
    assert!(copy.verify().unwrap().is_clean());
    let (puts, built) = define(&copy);
    assert!(copy.verify().unwrap().is_clean());
    for of in 0..500 {
        let record = puts.peek(&of, AT).unwrap().unwrap();
        assert_eq!((*record, record.freshness()), (u64::from(of).into(), Freshness::Fresh));
        let record = built.peek(&of, AT).unwrap().unwrap();
        assert_eq!((*record, record.freshness()), ((u64::from(of) * 10).into(), Freshness::Fresh));
    }
    assert_eq!(copy.invalidate(("building", 7_u32)).unwrap().stale, 1, "edges came along");
    copy.close().unwrap();
    assert!(store.verify().unwrap().is_clean());
}

#[test]
fn a_copy_gives_out_no_revision_that_the_original_gives_out_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(&folder.path().join("city.tide"), 3);
    let to = folder.path().join("copy.tide");
    store.backup(&to).unwrap();
    let copy = still::open(&to).unwrap();
    let put = |store: &Store, times: u64| {
        let (puts, _) = define(store);
        (100..100 + times).for_each(|value| puts.put(&0, AT, &value).unwrap());
        puts.peek(&0, AT).unwrap().unwrap().changed_at()
    };
    let first = define(&copy).0.peek(&0, AT).unwrap().unwrap().changed_at();
    let (there, here) = (put(&store, 50), put(&copy, 1));
    assert!(first < there && there < here, "{first} {there} {here}");
}

#[test]
fn a_copy_is_compact_and_no_other_file_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    let store = filled(&path, 5000);
    let (puts, _) = define(&store);
    puts.clear().unwrap();
    let report = store.backup(folder.path().join("copy.tide")).unwrap();
    let bytes = fs::metadata(&path).unwrap().len();
    println!("{bytes} bytes of the store, {} of the copy", report.bytes);
    assert!(report.bytes < bytes);
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["city.tide", "copy.tide"]);
}

#[test]
fn copies_taken_while_threads_write_are_each_one_state_with_all_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(&folder.path().join("city.tide"), 50);
    let (acknowledged, ended) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (puts, built) = define(&store);
            for round in 1.. {
                // One operation: no copy has one of the two and not the other.
                puts.put_many([(0, AT, round), (1, AT, round)]).unwrap();
                store.invalidate(("building", (round % 50) as u32)).unwrap();
                acknowledged.store(round, Ordering::SeqCst);
                built.get(&((round % 50) as u32), AT).unwrap();
                if ended.load(Ordering::SeqCst) {
                    break;
                }
            }
        });
        let _ends = Ends(&ended);
        for number in 0..5 {
            while acknowledged.load(Ordering::SeqCst) <= number * 3 {
                std::thread::yield_now();
            }
            let before = acknowledged.load(Ordering::SeqCst);
            let to = folder.path().join(format!("copy-{number}.tide"));
            store.backup(&to).unwrap();
            let copy = still::open(&to).unwrap();
            let (puts, _) = define(&copy);
            let [first, second] = [0, 1].map(|of| puts.peek(&of, AT).unwrap().unwrap().to_native());
            assert_eq!(first, second);
            assert!(first >= before, "{before} was acknowledged, the copy has {first}");
            let report = copy.verify().unwrap();
            assert!(report.is_clean(), "{report}");
        }
    });
}

/// Tells a thread to end, whatever becomes of this one.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_path_that_is_taken_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    let store = filled(&path, 5);
    let taken = folder.path().join("taken");
    fs::write(&taken, b"theirs").unwrap();
    for to in [&taken, &path] {
        let error = store.backup(to).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert_eq!(error.file(), Some(&**to));
    }
    assert_eq!(fs::read(&taken).unwrap(), b"theirs");
    let error = store.backup(folder.path().join("no such folder").join("copy")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::System);
}

#[cfg(target_os = "linux")]
#[test]
fn where_nothing_can_be_created_the_reason_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(&folder.path().join("city.tide"), 5);
    // Nobody may create a file there, whoever he is.
    let error = store.backup("/proc/copy.tide").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::System, "{error}");
    assert!(error.to_string().contains("/proc/copy.tide"), "{error}");
}

#[test]
fn a_store_whose_file_cannot_be_read_gives_no_copy() {
    let disk = Disk::default();
    let options = Options { memory_bytes: 0, ..still::options() };
    let store = Store::open_backend(disk.backend(), options).unwrap();
    let (puts, _) = define(&store);
    puts.put_many((0..2000).map(|of| (of, AT, u64::from(of)))).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (from, for_good) = (disk.asked(), true);
    disk.fail(Failing { from, for_good, reason: Reason::Eio });
    assert!(store.backup(folder.path().join("copy.tide")).is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_change_that_is_under_way_counts_as_made_in_the_copy() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(&folder.path().join("city.tide"), 5);
    let to = folder.path().join("copy.tide");
    store.change(("building", 3_u32), || store.backup(&to).unwrap()).unwrap();
    let copy = still::open(&to).unwrap();
    let (_, built) = define(&copy);
    assert_eq!(built.peek(&3, AT).unwrap().unwrap().freshness(), Freshness::Stale);
    assert_eq!(built.peek(&2, AT).unwrap().unwrap().freshness(), Freshness::Fresh);
}

#[test]
fn nothing_is_fresh_in_a_copy_of_a_file_that_was_not_closed_and_is_only_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    filled(&path, 5).close().unwrap();
    crate::common::unsealed::edit(&path, |_| ());
    let options = Options { read_only: true, ..still::options() };
    let to = folder.path().join("copy.tide");
    Store::open_with(&path, options).unwrap().backup(&to).unwrap();
    let copy = still::open(&to).unwrap();
    let (puts, built) = define(&copy);
    for view in [puts, built] {
        assert_eq!(view.peek(&3, AT).unwrap().unwrap().freshness(), Freshness::Stale);
    }
    assert!(copy.verify().unwrap().is_clean());
}

#[test]
fn a_store_without_a_file_has_copies_too() {
    let folder = tempfile::tempdir().unwrap();
    let store = still::in_memory().unwrap();
    let (puts, _) = define(&store);
    puts.put(&1, AT, &7).unwrap();
    let to = folder.path().join("copy.tide");
    store.backup(&to).unwrap();
    let copy = still::open(&to).unwrap();
    assert_eq!(define(&copy).0.peek(&1, AT).unwrap().map(|record| *record), Some(7.into()));
}

#[test]
fn what_is_told_of_a_copy_may_use_the_store_and_close_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(&folder.path().join("city.tide"), 3000);
    let (puts, _) = define(&store);
    let to = folder.path().join("copy.tide");
    let mut told = 0;
    let report = store.backup_telling(&to, |_| {
        told += 1;
        let _ = puts.peek(&7, AT);
        store.close().unwrap();
    });
    assert!(told > 0);
    // It closed behind the reading, or before it began.
    match report {
        Ok(report) => assert_eq!(report.bytes, fs::metadata(&to).unwrap().len()),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Reopen),
    }
}

#[test]
fn a_listener_that_panics_ends_the_copy_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(&folder.path().join("city.tide"), 500);
    let to = folder.path().join("copy.tide");
    let panics = std::panic::AssertUnwindSafe(|| {
        store.backup_telling(&to, |_| panic!("on purpose")).map(drop)
    });
    assert!(std::panic::catch_unwind(panics).is_err());
    // By then nothing of it is under way.
    assert!(still::open(&to).unwrap().verify().unwrap().is_clean());
    store.backup(folder.path().join("second.tide")).unwrap();
    store.close().unwrap();
}

#[test]
fn an_error_of_a_copy_names_the_file_that_it_met() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    filled(&path, 2000).close().unwrap();
    let options = Options { memory_bytes: 0, ..still::options() };
    let store = Store::open_with(&path, options).unwrap();
    // Behind its back all but the header is another.
    let len = fs::metadata(&path).unwrap().len() as usize;
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &vec![9; len - 4096], 4096).unwrap();
    let error = store.backup(folder.path().join("copy.tide")).unwrap_err();
    assert_eq!((error.kind(), error.file()), (ErrorKind::Damaged, Some(&*path)), "{error}");
}

#[test]
fn a_store_that_writes_no_more_gives_a_copy_of_what_was_acknowledged_or_none() {
    let (mut copies, mut refusals) = (0, 0);
    for reason in [Reason::LostWrites, Reason::Enospc, Reason::Eio] {
        for for_good in [false, true] {
            let disk = Disk::default();
            let store = Store::open_backend(disk.backend(), still::options()).unwrap();
            let (puts, built) = define(&store);
            puts.put_many((0..50).map(|of| (of, AT, u64::from(of)))).unwrap();
            (0..50).for_each(|of| drop(built.get(&of, AT).unwrap()));
            store.invalidate(("building", 3_u32)).unwrap();
            disk.fail(Failing { from: disk.asked(), for_good, reason });
            assert!(puts.put(&0, AT, &77).is_err(), "{reason:?}");
            assert!(store.invalidate(("building", 4_u32)).is_err(), "{reason:?}");
            let folder = tempfile::tempdir().unwrap();
            let to = folder.path().join("copy.tide");
            match store.backup(&to) {
                Err(error) => {
                    assert!(
                        matches!(error.kind(), ErrorKind::System | ErrorKind::Reopen),
                        "{error}"
                    );
                    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
                    refusals += 1;
                }
                Ok(_) => {
                    let copy = still::open(&to).unwrap();
                    assert!(copy.verify().unwrap().is_clean());
                    let (puts, built) = define(&copy);
                    for of in 0..50 {
                        let record = puts.peek(&of, AT).unwrap().unwrap();
                        assert!([u64::from(of), 77].contains(&record.to_native()), "{reason:?}");
                        assert!(of == 0 || record.to_native() == u64::from(of));
                    }
                    assert!(
                        !built.peek(&3, AT).unwrap().unwrap().is_fresh(),
                        "it was acknowledged"
                    );
                    copies += 1;
                }
            }
        }
    }
    println!("{copies} copies, {refusals} refusals");
    assert_eq!(copies + refusals, 6);
}
