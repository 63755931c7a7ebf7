//! Paths and files: what is born, what is refused.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use crate::common::still;
use tidetable::{Error, ErrorKind, Options, Store};

use crate::common::disk::{Disk, Failing, Reason};
use crate::common::record::{at, cell, put_view};

/// Bytes and time of last change.
fn state(path: &Path) -> (Vec<u8>, SystemTime) {
    (fs::read(path).unwrap(), fs::metadata(path).unwrap().modified().unwrap())
}

/// The ways of opening that must all be refused alike.
fn ways() -> [Options; 3] {
    [
        still::options(),
        Options { create: false, ..still::options() },
        Options { read_only: true, ..still::options() },
    ]
}

fn refusal(path: &Path, options: Options) -> Error {
    Store::open_with(path, options).map(drop).unwrap_err()
}

#[test]
fn a_store_is_born_at_its_first_open_and_found_at_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    let store = Store::open(&path).unwrap();
    assert!(store.views().unwrap().is_empty());
    put_view(&store, "put").unwrap().put(&1, at(0), &cell(1, 0, 7)).unwrap();
    store.close().unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "something was left behind");
    let store = Store::open(&path).unwrap();
    assert_eq!(store.views().unwrap()[0].name, "put");
    assert_eq!(put_view(&store, "put").unwrap().get(&1, at(0)).unwrap().value, 7);
    store.close().unwrap();
}

#[test]
fn the_first_call_of_an_opening_is_never_lost() {
    // The writer is looking for what an earlier opening left to do, just then.
    for opening in 0..500 {
        let store = still::in_memory().unwrap();
        let view = put_view(&store, "put").unwrap_or_else(|error| panic!("{opening}: {error}"));
        view.put(&1, at(0), &cell(1, 0, 7)).unwrap();
        store.close().unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_new_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    let _store = Store::open(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_second_open_is_refused_at_once_and_the_first_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    let store = Store::open(&path).unwrap();
    let view = put_view(&store, "put").unwrap();
    for options in ways() {
        let busy = refusal(&path, options);
        assert_eq!(busy.kind(), ErrorKind::Busy, "{busy}");
        assert_eq!(busy.file(), Some(&*path));
        assert!(busy.to_string().contains("has the file open"), "{busy}");
    }
    view.put(&1, at(0), &cell(1, 0, 1)).unwrap();
    store.close().unwrap();
    Store::open(&path).unwrap().close().unwrap();
}

#[test]
fn a_file_that_is_not_there_is_created_only_when_it_may_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    let [_, existing, reading] = ways();
    for options in [existing, reading] {
        let missing = refusal(&path, options);
        assert_eq!(missing.kind(), ErrorKind::System, "{missing}");
        assert!(missing.to_string().contains("No such file"), "{missing}");
        assert_eq!(missing.file(), Some(&*path));
        assert!(!path.exists());
    }
}

#[test]
fn a_missing_folder_and_a_folder_in_the_place_of_the_file_are_the_systems_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("not/there/city.tide");
    let below_a_file = folder.path().join("file").join("city.tide");
    fs::write(folder.path().join("file"), b"a file").unwrap();
    for options in ways() {
        for (path, reason) in [
            (&*missing, "No such file"),
            (folder.path(), "is a directory"),
            (&*below_a_file, "Not a directory"),
        ] {
            let error = refusal(path, options.clone());
            assert_eq!(error.kind(), ErrorKind::System, "{error}");
            assert!(error.to_string().contains(reason), "{error}");
            assert!(error.to_string().contains(&*path.to_string_lossy()), "{error}");
            assert_eq!(error.file(), Some(path));
        }
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "something was left behind");
}

#[cfg(unix)]
#[test]
fn a_file_and_a_folder_that_may_not_be_written_are_the_systems_refusal() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    Store::open(&path).unwrap().close().unwrap();
    let allow = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    allow(&path, 0o400);
    if fs::OpenOptions::new().write(true).open(&path).is_ok() {
        println!("skipped: whoever runs this may write whatever its permissions say");
        return;
    }
    let before = state(&path);
    let error = refusal(&path, still::options());
    assert_eq!(error.kind(), ErrorKind::System, "{error}");
    assert!(error.to_string().contains("Permission denied"), "{error}");
    assert_eq!(state(&path), before);
    Store::open_with(&path, Options { read_only: true, ..still::options() }).unwrap();
    allow(folder.path(), 0o500);
    let error = refusal(&folder.path().join("new.tide"), still::options());
    assert_eq!(error.kind(), ErrorKind::System, "{error}");
    allow(folder.path(), 0o700);
}

#[test]
fn what_is_not_a_store_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    fs::write(&empty, b"").unwrap();
    let text = folder.path().join("letter.txt");
    fs::write(&text, "Dear harbour master, ".repeat(2_000)).unwrap();
    let short = folder.path().join("short");
    fs::write(&short, b"redb").unwrap();
    let zeros = folder.path().join("zeros");
    fs::write(&zeros, vec![0; 100_000]).unwrap();
    let database = folder.path().join("theirs.redb");
    anothers_database(&database);
    for path in [&empty, &text, &short, &zeros, &database] {
        let before = state(path);
        for options in ways() {
            let foreign = refusal(path, options);
            assert_eq!(foreign.kind(), ErrorKind::Foreign, "{foreign}");
            assert_eq!(foreign.file(), Some(&**path));
            assert!(foreign.to_string().contains(&*path.to_string_lossy()), "{foreign}");
        }
        assert_eq!(state(path), before, "{} was touched", path.display());
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5, "something was left behind");
    let opened = redb::Database::open(&database).expect("its program still opens it");
    drop(opened);
}

/// A closed database of a program that knows nothing of us, with a table called as one of ours.
fn anothers_database(path: &Path) {
    let database = redb::Database::create(path).unwrap();
    let write = database.begin_write().unwrap();
    let meta = redb::TableDefinition::<&str, u64>::new("meta");
    write.open_table(meta).unwrap().insert("answer", 42).unwrap();
    write.commit().unwrap();
}

#[test]
fn a_full_disk_is_the_systems_reason_at_birth_and_stops_writing_later() {
    let full = |from| Failing { from, for_good: true, reason: Reason::Enospc };
    let disk = Disk::default();
    disk.fail(full(0));
    let error = Store::open_backend(disk.backend(), still::options()).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::System, "{error}");
    assert!(error.to_string().contains("No space left"), "{error}");
    assert!(disk.bytes().is_empty());

    let disk = Disk::default();
    let store = Store::open_backend(disk.backend(), still::options()).unwrap();
    let view = put_view(&store, "put").unwrap();
    view.put(&1, at(0), &cell(1, 0, 1)).unwrap();
    disk.fail(full(disk.asked()));
    let error = view.put(&2, at(0), &cell(2, 0, 1)).unwrap_err();
    assert!(error.to_string().contains("No space left"), "{error}");
    assert_eq!(view.get(&1, at(0)).unwrap().value, 1);
    let reported = store.close().unwrap_err();
    assert!(reported.to_string().contains("No space left"), "{reported}");
    let store = Store::open_backend(Disk::holding(disk.bytes()).backend(), still::options());
    let view = put_view(&store.unwrap(), "put").unwrap();
    assert_eq!(view.get(&1, at(0)).unwrap().value, 1);
    assert!(view.peek(&2, at(0)).unwrap().is_none());
}

#[test]
fn a_store_on_a_full_disk_is_refused_untouched() {
    let disk = Disk::default();
    Store::open_backend(disk.backend(), still::options()).unwrap().close().unwrap();
    let before = disk.bytes();
    disk.fail(Failing { from: disk.asked(), for_good: true, reason: Reason::Enospc });
    let error = Store::open_backend(disk.backend(), still::options()).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::System, "{error}");
    assert!(error.to_string().contains("No space left"), "{error}");
    assert_eq!(disk.bytes(), before);
    let reading = Options { read_only: true, ..still::options() };
    Store::open_backend(disk.backend(), reading).unwrap();
}
