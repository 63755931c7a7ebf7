//! What a stop in the middle leaves, and what the next opening makes of it.

use super::*;
use crate::disk::StorageBackend;
use crate::disk::file::tests::memory::{Call, Memory};
use crate::sync::{Arc, Mutex};
use std::fs;

pub(super) fn replay(image: &Memory, calls: &[Call]) {
    for call in calls {
        match call {
            Call::Write(offset, data) => image.write(*offset, data).unwrap(),
            Call::SetLen(len) => image.set_len(*len).unwrap(),
            Call::Sync | Call::Close => {}
        }
    }
}

#[test]
fn a_file_that_was_not_closed_is_verified_and_tells_its_progress() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("store"), folder.path().join("copy"));
    filled(&path);
    let opened = open(&path, &existing(), OURS).unwrap();
    put(&opened.database, 99, b"after the last close");
    fs::copy(&path, &copy).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = told.clone();
    let options = FileOptions {
        on_repair: Some(Arc::new(move |progress| listener.lock().push(progress))),
        ..existing()
    };
    let reopened = open(&copy, &options, OURS).unwrap();
    assert_eq!(reopened.outcome, Opening::Verified);
    assert_eq!(*told.lock(), [0.0, 0.6, 0.9]);
    assert_eq!(get(&reopened.database, 99).unwrap(), b"after the last close");
    close(reopened.database, &reopened.seal, reopened.home).unwrap();
    assert_eq!(open(&copy, &existing(), OURS).unwrap().outcome, Opening::Clean);
}

#[test]
fn a_listener_that_panics_does_not_harm_the_opening() {
    let memory = Memory::default();
    let opened = open_backend(Box::new(memory.clone()), &creating(), OURS).unwrap();
    let image = Memory::holding(memory.bytes());
    let options = FileOptions { on_repair: Some(Arc::new(|_| panic!("on purpose"))), ..existing() };
    let reopened = open_backend(Box::new(image), &options, OURS).unwrap();
    assert_eq!(reopened.outcome, Opening::Verified);
    drop(opened);
}

#[test]
fn after_every_cut_all_that_was_synced_is_there() {
    let memory = Memory::default();
    let opened = open_backend(Box::new(memory.clone()), &creating(), OURS).unwrap();
    close(opened.database, &opened.seal, opened.home).unwrap();
    let start = memory.bytes();
    let from = memory.calls().len();
    let opened = open_backend(Box::new(memory.clone()), &existing(), OURS).unwrap();
    let mut acknowledged = Vec::new();
    for key in 1..8 {
        put(&opened.database, key, &[key as u8; 5000]);
        acknowledged.push((memory.calls().len(), key));
    }
    close(opened.database, &opened.seal, opened.home).unwrap();
    let calls = memory.calls();
    let mut verified = 0;
    for cut in from..=calls.len() {
        let image = Memory::holding(start.clone());
        replay(&image, &calls[from..cut]);
        let reopened = open_backend(Box::new(image), &existing(), OURS).unwrap();
        assert_ne!(reopened.outcome, Opening::RolledBack, "cut {cut}");
        verified += usize::from(reopened.outcome == Opening::Verified);
        for &(_, key) in acknowledged.iter().filter(|(done, _)| *done <= cut) {
            assert_eq!(get(&reopened.database, key).unwrap(), [key as u8; 5000], "cut {cut}");
        }
    }
    assert!(verified > 20, "only {verified} cuts were verified");
}

#[test]
fn a_seal_that_contradicts_the_header_is_no_seal() {
    let memory = Memory::default();
    let opened = open_backend(Box::new(memory.clone()), &creating(), OURS).unwrap();
    close(opened.database, &opened.seal, opened.home).unwrap();
    let mut bytes = memory.bytes();
    bytes[9] |= 2;
    let reopened = open_backend(Box::new(Memory::holding(bytes)), &existing(), OURS).unwrap();
    assert_eq!(reopened.outcome, Opening::RolledBack);
    assert_eq!(get(&reopened.database, 0).unwrap(), b"laid out");
}

/// What a file holds that was not closed after its last commit.
fn unclosed() -> Vec<u8> {
    let memory = Memory::default();
    let opened = open_backend(Box::new(memory.clone()), &creating(), OURS).unwrap();
    for key in 1..5 {
        put(&opened.database, key, &[key as u8; 5000]);
    }
    memory.bytes()
}

#[test]
fn a_flipped_choice_between_two_commits_loses_none_that_was_acknowledged() {
    let mut bytes = unclosed();
    bytes[9] ^= 1;
    let image = Memory::holding(bytes.clone());
    let reader = open_backend(Box::new(image.clone()), &reading(), OURS).unwrap();
    assert_eq!(reader.outcome, Opening::Verified);
    assert_eq!(get(&reader.database, 4).unwrap(), [4; 5000]);
    drop(reader);
    assert_eq!((image.calls(), image.bytes()), (vec![Call::Close], bytes));
    let opened = open_backend(Box::new(image.clone()), &existing(), OURS).unwrap();
    assert_eq!(opened.outcome, Opening::Verified);
    // What the choice rests on is on the disk before the choice is.
    assert_eq!(image.calls()[1], Call::Sync);
    assert_eq!(get(&opened.database, 4).unwrap(), [4; 5000]);
    close(opened.database, &opened.seal, opened.home).unwrap();
    let opened = open_backend(Box::new(image), &existing(), OURS).unwrap();
    assert_eq!(opened.outcome, Opening::Clean);
    assert_eq!(get(&opened.database, 4).unwrap(), [4; 5000]);
}

#[test]
fn a_last_commit_that_lost_a_bit_is_not_given_up_in_silence() {
    let bytes = unclosed();
    let of_the_last = |at: &usize| bytes[*at..].starts_with(&[4; 100]);
    let at = (0..bytes.len()).find(of_the_last).unwrap();
    for at in [at, at + 50, at + 99] {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        for options in [existing(), reading()] {
            let opened = open_backend(Box::new(Memory::holding(bytes.clone())), &options, OURS);
            let told = opened.map(|opened| opened.outcome).unwrap_err();
            assert_eq!(told.kind(), ErrorKind::Damaged, "{told}");
        }
    }
}

#[test]
fn a_later_commit_that_lacks_a_page_is_left_aside() {
    let memory = Memory::default();
    let opened = open_backend(Box::new(memory.clone()), &creating(), OURS).unwrap();
    put(&opened.database, 1, &[1; 5000]);
    let (before, from) = (memory.bytes(), memory.calls().len());
    put(&opened.database, 2, &[2; 5000]);
    // The first phase in part: the header, which comes first, and none of the pages.
    let header = memory.calls()[from..].to_vec();
    let header = header.iter().find(|call| matches!(call, Call::Write(0, _))).unwrap();
    let image = Memory::holding(before);
    replay(&image, std::slice::from_ref(header));
    let reopened = open_backend(Box::new(image), &existing(), OURS).unwrap();
    assert_eq!(reopened.outcome, Opening::Verified);
    assert_eq!(get(&reopened.database, 1).unwrap(), [1; 5000]);
    assert_eq!(get(&reopened.database, 2), None);
}

#[test]
fn a_disk_that_fails_does_not_choose_the_earlier_commit() {
    let mut bytes = unclosed();
    bytes[9] ^= 1;
    let mut failed = 0;
    for after in 0.. {
        let image = Memory::holding(bytes.clone());
        image.fail("read", after);
        match open_backend(Box::new(image), &existing(), OURS) {
            Ok(opened) => {
                // Reads fail from a certain one on; so none was left to fail.
                assert_eq!(opened.outcome, Opening::Verified);
                break;
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::System, "{error}"),
        }
        failed += 1;
    }
    assert!(failed > 10, "only {failed} reads");
}

#[test]
fn a_header_that_lets_redb_fall_back_is_not_relied_on() {
    let memory = Memory::default();
    let opened = open_backend(Box::new(memory.clone()), &creating(), OURS).unwrap();
    put(&opened.database, 1, b"one");
    let mut bytes = memory.bytes();
    bytes[9] &= !4;
    let reopened = open_backend(Box::new(Memory::holding(bytes)), &existing(), OURS).unwrap();
    assert_eq!(reopened.outcome, Opening::RolledBack);
    drop(opened);
}

#[test]
fn a_commit_that_redb_gives_up_in_a_repair_counts_as_rolled_back() {
    let memory = Memory::default();
    let opened = open_backend(Box::new(memory.clone()), &creating(), OURS).unwrap();
    put(&opened.database, 1, b"one");
    let before = memory.calls().len();
    let mut write = opened.database.begin_write().unwrap();
    write.set_durability(Durability::Immediate).unwrap();
    write.open_table(TABLE).unwrap().insert(2, &b"two"[..]).unwrap();
    write.commit().unwrap();
    let bytes = memory.bytes();
    // The last page that a one-phase commit wrote never reached the disk.
    let lost = memory.calls()[before..]
        .iter()
        .find_map(|call| match call {
            Call::Write(offset, _) if *offset > 0 => Some(*offset as usize),
            _ => None,
        })
        .unwrap();
    let image = Memory::holding(bytes);
    image.damage(lost + 8);
    let reopened = open_backend(Box::new(image), &existing(), OURS).unwrap();
    assert_eq!(reopened.outcome, Opening::RolledBack);
    assert_eq!(get(&reopened.database, 2), None);
    drop(opened);
}

#[test]
fn a_file_unlinked_while_open_does_not_acknowledge_another_commit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let opened = open(&path, &creating(), OURS).unwrap();
    put(&opened.database, 1, b"while it had a name");
    fs::remove_file(&path).unwrap();
    let refused = try_put(&opened.database, 2, b"lost").unwrap_err();
    let error = explain(refused, &opened.seal);
    assert_eq!(error.kind(), ErrorKind::System);
    assert!(error.to_string().contains("unlinked"), "{error}");
    assert!(
        close(opened.database, &opened.seal, opened.home)
            .unwrap_err()
            .to_string()
            .contains("unlinked")
    );
    assert!(!opened.seal.is_sealed());
}

#[test]
fn a_reader_of_a_file_that_was_not_closed_verifies_it_and_leaves_it_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("store"), folder.path().join("copy"));
    let opened = open(&path, &creating(), OURS).unwrap();
    put(&opened.database, 1, b"one");
    fs::copy(&path, &copy).unwrap();
    let before = fs::read(&copy).unwrap();
    let reader = open(&copy, &reading(), OURS).unwrap();
    assert_eq!(reader.outcome, Opening::Verified);
    assert_eq!(get(&reader.database, 1).unwrap(), b"one");
    close(reader.database, &reader.seal, reader.home).unwrap();
    assert_eq!(fs::read(&copy).unwrap(), before);
    drop(opened);
}
