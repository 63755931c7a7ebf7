//! What an opening answers, and what it leaves untouched.

use super::*;
use crate::disk::StorageBackend;
use crate::disk::file::open::open_in;
use crate::disk::file::os::OsFile;
use crate::disk::file::overlay::{Overlay, ReadOverlay};
use crate::disk::file::sealed::SealedBackend;
use crate::disk::file::tests::memory::Memory;
use crate::sync::Arc;
use std::cell::Cell;
use std::fs;
use std::io;
use std::ops::Bound;

#[test]
fn a_file_is_born_then_clean_and_holds_what_was_put() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let opened = open(&path, &creating(), OURS).unwrap();
    assert_eq!(opened.outcome, Opening::Born);
    put(&opened.database, 7, b"seven");
    assert!(opened.seal.bytes() > 0);
    close(opened.database, &opened.seal, opened.home).unwrap();
    assert!(opened.seal.is_sealed());
    for options in [creating(), existing(), reading()] {
        let opened = open(&path, &options, OURS).unwrap();
        assert_eq!(opened.outcome, Opening::Clean);
        assert_eq!(get(&opened.database, 7).unwrap(), b"seven");
        close(opened.database, &opened.seal, opened.home).unwrap();
    }
}

#[test]
fn a_second_opening_is_busy_at_once_and_harms_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let opened = open(&path, &creating(), OURS).unwrap();
    for options in [creating(), existing(), reading()] {
        let refused = open(&path, &options, OURS).err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::Busy);
        assert!(refused.to_string().contains("store"), "{refused}");
    }
    put(&opened.database, 1, b"still here");
    close(opened.database, &opened.seal, opened.home).unwrap();
    let opened = open(&path, &existing(), OURS).unwrap();
    assert_eq!(opened.outcome, Opening::Clean);
    assert_eq!(get(&opened.database, 1).unwrap(), b"still here");
}

#[test]
fn readers_share_a_file_change_nothing_and_exclude_a_writer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    filled(&path);
    let before = fs::read(&path).unwrap();
    let written_at = fs::metadata(&path).unwrap().modified().unwrap();
    let one = open(&path, &reading(), OURS).unwrap();
    let two = open(&path, &reading(), OURS).unwrap();
    assert_eq!(kind_of(open(&path, &existing(), OURS)), ErrorKind::Busy);
    put(&one.database, 3, b"in memory only");
    assert_eq!(get(&one.database, 3).unwrap(), b"in memory only");
    assert_eq!(get(&two.database, 3).unwrap(), [3; 100]);
    close(one.database, &one.seal, one.home).unwrap();
    close(two.database, &two.seal, two.home).unwrap();
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), written_at);
    assert_eq!(open(&path, &existing(), OURS).unwrap().outcome, Opening::Clean);
}

/// Its creator may be another process, which has linked it and not yet synced the folder.
#[test]
fn the_name_of_a_file_that_is_found_is_synced_before_anything_is_written_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let synced = Cell::new(0);
    let count = |_: &Path| {
        synced.set(synced.get() + 1);
        Ok(())
    };
    // Who makes it syncs the folder in making it.
    let born = open_in(&path, &creating(), OURS, &count).unwrap();
    assert_eq!((born.outcome, synced.get()), (Opening::Born, 0));
    close(born.database, &born.seal, born.home).unwrap();
    for (nth, options) in (1..).zip([existing(), creating()]) {
        let sealed = fs::read(&path).unwrap();
        let untouched = |named: &Path| {
            assert!(fs::read(&path).unwrap() == sealed, "written before");
            count(named)
        };
        let found = open_in(&path, &options, OURS, &untouched).unwrap();
        assert_eq!((found.outcome, synced.get()), (Opening::Clean, nth));
        close(found.database, &found.seal, found.home).unwrap();
    }
    let sealed = fs::read(&path).unwrap();
    // Who only reads acknowledges nothing.
    let read = open_in(&path, &reading(), OURS, &count).unwrap();
    close(read.database, &read.seal, read.home).unwrap();
    assert_eq!(synced.get(), 2);
    let fails = |_: &Path| Err(io::Error::other("on purpose"));
    let refused = open_in(&path, &existing(), OURS, &fails).err().unwrap().to_string();
    assert!(refused.contains("syncing the folder") && refused.contains("on purpose"), "{refused}");
    assert!(fs::read(&path).unwrap() == sealed, "written all the same");
    assert_eq!(open(&path, &existing(), OURS).unwrap().outcome, Opening::Clean);
}

#[cfg(unix)]
#[test]
fn a_file_is_opened_through_a_link_and_where_its_folder_may_not_be_read() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    filled(&inner.join("store"));
    let link = folder.path().join("link");
    symlink(inner.join("store"), &link).unwrap();
    // To go through, and not to list.
    fs::set_permissions(&inner, fs::Permissions::from_mode(0o100)).unwrap();
    let opened = open(&link, &existing(), OURS).unwrap();
    assert_eq!(get(&opened.database, 3).unwrap(), [3; 100]);
    close(opened.database, &opened.seal, opened.home).unwrap();
    fs::set_permissions(&inner, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_path_that_cannot_be_opened_says_why_and_names_itself() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    for options in [existing(), reading()] {
        let refused = open(&missing, &options, OURS).err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::System);
        assert!(refused.to_string().contains("missing"), "{refused}");
    }
    assert!(!missing.exists());
    let directory = open(folder.path(), &creating(), OURS).err().unwrap();
    assert_eq!(directory.kind(), ErrorKind::System);
    assert!(directory.to_string().contains("directory"), "{directory}");
    let device = open(Path::new("/dev/null"), &creating(), OURS).err().unwrap();
    assert!(device.to_string().contains("not a regular file"), "{device}");
    assert_eq!(kind_of(open(&missing.join("below"), &creating(), OURS)), ErrorKind::System);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let file = folder.path().join("file");
    fs::write(&file, b"theirs").unwrap();
    for options in [existing(), reading(), creating()] {
        let refused = open(&file.join("below"), &options, OURS).err().unwrap();
        assert!(refused.to_string().contains("a part of the path is a file"), "{refused}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_file_without_permission_is_refused_untouched() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    filled(&path);
    let before = fs::read(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    if fs::OpenOptions::new().write(true).open(&path).is_ok() {
        println!("permissions do not bind this user: nothing to test");
        return;
    }
    assert_eq!(kind_of(open(&path, &existing(), OURS)), ErrorKind::System);
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn empty_and_foreign_files_are_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let text = b"a letter, perhaps".repeat(1000);
    for (bytes, word) in
        [(&b""[..], "empty"), (b"x", "not a tidetable"), (&text, "not a tidetable")]
    {
        fs::write(&path, bytes).unwrap();
        let written_at = fs::metadata(&path).unwrap().modified().unwrap();
        for options in [creating(), existing(), reading()] {
            let refused = open(&path, &options, OURS).err().unwrap();
            assert_eq!(refused.kind(), ErrorKind::Foreign);
            assert!(refused.to_string().contains(word), "{refused}");
        }
        assert_eq!(fs::read(&path).unwrap(), bytes);
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), written_at);
    }
}

#[test]
fn a_redb_file_of_another_program_is_refused_untouched_closed_or_crashed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, crashed) = (folder.path().join("theirs"), folder.path().join("crashed"));
    let database = Database::create(&path).unwrap();
    let write = database.begin_write().unwrap();
    write.open_table(TableDefinition::<u8, u8>::new("theirs")).unwrap().insert(1, 2).unwrap();
    write.commit().unwrap();
    fs::copy(&path, &crashed).unwrap();
    drop(database);
    for path in [path, crashed] {
        let before = fs::read(&path).unwrap();
        let written_at = fs::metadata(&path).unwrap().modified().unwrap();
        for options in [creating(), existing(), reading()] {
            assert_eq!(kind_of(open(&path, &options, OURS)), ErrorKind::Foreign);
        }
        assert_eq!(fs::read(&path).unwrap(), before);
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), written_at);
    }
}

#[test]
fn an_empty_backend_is_laid_out_only_when_it_may_be_created() {
    let memory = Memory::default();
    for options in [existing(), reading()] {
        let refused = open_backend(Box::new(memory.clone()), &options, OURS);
        assert_eq!(kind_of(refused), ErrorKind::Foreign);
        assert_eq!(memory.bytes(), b"");
    }
    let opened = open_backend(Box::new(memory.clone()), &creating(), OURS).unwrap();
    assert_eq!(opened.outcome, Opening::Born);
    close(opened.database, &opened.seal, opened.home).unwrap();
    let opened = open_backend(Box::new(memory), &existing(), OURS).unwrap();
    assert_eq!(opened.outcome, Opening::Clean);
    assert_eq!(get(&opened.database, 0).unwrap(), b"laid out");
}

#[test]
fn a_store_in_memory_is_laid_out_and_closes() {
    let opened = in_memory(&creating(), OURS).unwrap();
    assert_eq!(opened.outcome, Opening::Born);
    assert_eq!(get(&opened.database, 0).unwrap(), b"laid out");
    close(opened.database, &opened.seal, opened.home).unwrap();
}

#[test]
fn all_six_lock_calls_reach_the_backend_and_a_reader_asks_for_shared_ones() {
    fn call(backend: &dyn StorageBackend) {
        let (start, end) = (Bound::Included(5), Bound::Excluded(9));
        assert!(backend.try_lock_range(start, end).unwrap());
        assert!(backend.try_lock_shared_range(start, end).unwrap());
        backend.lock_range(start, end).unwrap();
        backend.lock_shared_range(start, end).unwrap();
        backend.unlock_range(start, end).unwrap();
        assert!(!backend.query_lock_range(start, end).unwrap());
    }
    fn names(memory: &Memory) -> Vec<&'static str> {
        let locks = memory.locks();
        assert!(
            locks.iter().all(|lock| (lock.1, lock.2) == (Bound::Included(5), Bound::Excluded(9)))
        );
        locks.into_iter().map(|lock| lock.0).collect()
    }
    let memory = Memory::default();
    let sealed = SealedBackend::new(Box::new(memory.clone()), Arc::default(), true);
    call(&Overlay::over(sealed));
    assert_eq!(names(&memory), ["try", "try shared", "wait", "wait shared", "unlock", "query"]);
    let memory = Memory::default();
    call(&ReadOverlay::over(memory.clone()));
    assert_eq!(
        names(&memory),
        ["try shared", "try shared", "wait shared", "wait shared", "unlock", "query"]
    );
}

#[test]
fn a_forked_child_neither_writes_nor_releases_the_lock() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    filled(&path);
    let before = fs::read(&path).unwrap();
    let file = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let parent = OsFile::new(file.try_clone().unwrap()).unwrap();
    assert!(parent.try_lock_range(Bound::Unbounded, Bound::Unbounded).unwrap());
    let child = OsFile::of(HomeProcess::elsewhere(), file).unwrap();
    child.try_lock_range(Bound::Unbounded, Bound::Unbounded).unwrap();
    assert!(child.write(0, b"x").unwrap_err().to_string().contains("forked"));
    assert!(child.set_len(0).is_err());
    assert!(child.sync_data().is_err());
    child.close().unwrap();
    drop(child);
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(kind_of(open(&path, &existing(), OURS)), ErrorKind::Busy);
    parent.close().unwrap();
    assert!(open(&path, &existing(), OURS).is_ok());
}

#[test]
fn closing_in_a_forked_child_leaves_file_and_lock_to_the_parent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let opened = open(&path, &creating(), OURS).unwrap();
    put(&opened.database, 1, b"one");
    let before = fs::read(&path).unwrap();
    let closed = close(opened.database, &opened.seal, HomeProcess::elsewhere());
    assert_eq!(kind_of(closed), ErrorKind::Reopen);
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(kind_of(open(&path, &existing(), OURS)), ErrorKind::Busy);
}

#[test]
fn a_write_transaction_that_outlives_the_database_is_named_at_close() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let opened = open(&path, &creating(), OURS).unwrap();
    let write = opened.database.begin_write().unwrap();
    assert_eq!(kind_of(close(opened.database, &opened.seal, opened.home)), ErrorKind::Input);
    drop(write);
    assert!(opened.seal.is_sealed());
    assert_eq!(open(&path, &existing(), OURS).unwrap().outcome, Opening::Clean);
}
