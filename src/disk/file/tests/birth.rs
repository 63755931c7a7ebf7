//! A file is whole or not there.

use super::*;
use crate::disk::file::tests::memory::{Call, Memory};
use crate::sync::{AtomicU64, Ordering, thread};
use std::cell::Cell;
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[test]
fn the_name_appears_only_when_the_file_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let seen = Cell::new(0);
    let watched = Contents {
        lay_out: &|database| {
            assert!(!path.exists());
            let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(Result::unwrap).collect();
            assert_eq!(names.len(), 1);
            assert!(names[0].file_name().to_str().unwrap().starts_with(".tidetable-birth-"));
            seen.set(seen.get() + 1);
            (OURS.lay_out)(database)
        },
        ..OURS
    };
    let opened = open(&path, &creating(), watched).unwrap();
    assert_eq!(seen.get(), 1);
    assert_eq!(opened.outcome, Opening::Born);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_creation_that_fails_or_panics_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let failing = Contents { lay_out: &|_| Err(Error::input("no")), ..OURS };
    assert_eq!(kind_of(open(&path, &creating(), failing)), ErrorKind::Input);
    let panicking = Contents { lay_out: &|_| panic!("on purpose"), ..OURS };
    assert!(open(&path, &creating(), panicking).is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Cuts between the calls that change the file, as a killed process leaves them. Under its own name
/// the file is only seen after the last of them: so no cut may look like a finished creation.
#[test]
fn no_cut_of_a_creation_has_a_seal_before_the_last_sync() {
    let memory = Memory::default();
    let opened = open_backend(Box::new(memory.clone()), &creating(), OURS).unwrap();
    close(opened.database, &opened.seal, opened.home).unwrap();
    let calls = memory.calls();
    assert_eq!(calls[calls.len() - 2..], [Call::Sync, Call::Close]);
    let sealed = calls.iter().rposition(|call| matches!(call, Call::Write(..))).unwrap();
    for cut in 0..=calls.len() {
        let image = Memory::default();
        crash::replay(&image, &calls[..cut]);
        let opened = open_backend(Box::new(image), &existing(), OURS);
        let clean = opened.is_ok_and(|opened| opened.outcome == Opening::Clean);
        assert_eq!(clean, cut > sealed, "cut {cut} of {}", calls.len());
    }
}

#[test]
fn of_racing_creators_one_wins_and_all_find_the_same_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let (born, opened) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    match open(&path, &creating(), OURS) {
                        Ok(mine) => {
                            let first = mine.outcome == Opening::Born;
                            born.fetch_add(first.into(), Ordering::AcqRel);
                            opened.fetch_add(1, Ordering::AcqRel);
                            assert_eq!(get(&mine.database, 0).unwrap(), b"laid out");
                            close(mine.database, &mine.seal, mine.home).unwrap();
                            return;
                        }
                        Err(error) => assert_eq!(error.kind(), ErrorKind::Busy, "{error}"),
                    }
                    thread::yield_now();
                }
            });
        }
    });
    // A winner that finds its file already opened by a loser is busy first, and clean then.
    assert!(born.load(Ordering::Acquire) <= 1);
    assert_eq!(opened.load(Ordering::Acquire), 4);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_creator_that_loses_opens_the_winners_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let overtaken = Contents {
        lay_out: &|database| {
            filled(&path);
            (OURS.lay_out)(database)
        },
        ..OURS
    };
    let opened = open(&path, &creating(), overtaken).unwrap();
    assert_eq!(opened.outcome, Opening::Clean);
    assert_eq!(get(&opened.database, 3).unwrap(), [3; 100]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_link_that_points_nowhere_is_an_error_not_an_endless_search() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    std::os::unix::fs::symlink(folder.path().join("nowhere"), &path).unwrap();
    assert_eq!(kind_of(open(&path, &creating(), OURS)), ErrorKind::System);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
