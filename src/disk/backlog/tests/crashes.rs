//! What a stop in the middle leaves of the backlog, and what older files have of it.

use std::fs;

use redb::{ReadableDatabase, ReadableTable};

use super::*;
use crate::disk::StorageBackend;
use crate::disk::contents::view_rows;
use crate::disk::file::tests::memory::{Call, Memory};
use crate::disk::operations::{NoteBegun, NoteEnded};
use crate::disk::tables::{BEGUN, FAILURES, SWEEPS, VIEWS};
use crate::disk::{CONTENTS, begin_life};

fn on(memory: &Memory) -> World {
    let clock = Arc::new(ManualClock::new(NOW));
    World::of(Engine::open_backend(Box::new(memory.clone()), options(&clock)).unwrap(), clock)
}

fn replay(image: &Memory, calls: &[Call]) {
    for call in calls {
        match call {
            Call::Write(offset, data) => image.write(*offset, data).unwrap(),
            Call::SetLen(len) => image.set_len(*len).unwrap(),
            Call::Sync | Call::Close => {}
        }
    }
}

#[test]
fn a_request_that_was_acknowledged_is_there_after_every_cut_or_built() {
    let memory = Memory::default();
    on(&memory).engine.close().unwrap();
    let (start, from) = (memory.bytes(), memory.calls().len());

    let it = on(&memory);
    let mut acknowledged = Vec::new();
    let mut asked = |it: &World, view: &View<u32, u64>, entity, minutes: std::ops::Range<i64>| {
        it.want(view, entity, minutes.clone());
        acknowledged.push((memory.calls().len(), view.name().to_owned(), entity, minutes));
    };
    asked(&it, &it.below, 1, 0..6);
    it.fail(&it.below, 1, 0, 1, REST);
    it.read(&it.below, 1, 1..3);
    asked(&it, &it.above, 2, 0..2);
    it.fail(&it.above, 2, 1, 1, REST);
    it.fail(&it.below, 1, 4, 1, NOW);
    it.engine.sync().unwrap();
    // What rests is asked for again: that is to last as well.
    asked(&it, &it.below, 1, 0..1);
    let revived = memory.calls().len();
    it.read(&it.above, 2, 0..1);
    asked(&it, &it.below, 3, 0..1);
    it.fail(&it.below, 3, 0, 1, REST);
    it.engine.sync().unwrap();
    it.below.invalidate(&3).unwrap();
    let invalidated = memory.calls().len();
    it.unwant(&it.below, 1, 5..6);
    drop(it);

    let calls = memory.calls();
    let (mut lost, mut noted) = (0, 0);
    for cut in from..=calls.len() {
        let synced = calls[..cut].iter().rposition(|call| *call == Call::Sync).unwrap_or(from);
        for reached in [cut, synced.max(from)] {
            let image = Memory::holding(start.clone());
            replay(&image, &calls[from..reached]);
            let found = on(&image);
            let view = |name: &str| if name == "below" { &found.below } else { &found.above };
            for (at, name, entity, minutes) in &acknowledged {
                for minute in minutes.clone() {
                    let view = view(name);
                    let stands = view.peek(entity, super::at(minute)).unwrap().is_some();
                    let tries = found.tries(view, *entity, minute);
                    // From when on it may be gone again.
                    let may_go = (*entity, minute) == (1, 5) && cut > invalidated;
                    let there = stands || tries.is_some() || may_go;
                    assert!(
                        *at > cut || there,
                        "{name} {entity} {minute} at cut {cut} of {reached}"
                    );
                    let Some(Try { tries, failure }) = tries else { continue };
                    assert!(!tries.rests() || failure.is_some(), "cut {cut}: it rests for nothing");
                    lost += u64::from(failure.is_none());
                    noted += u64::from(failure.is_some());
                    let again = match (*entity, minute) {
                        (1, 0) => cut >= revived,
                        (3, 0) => cut >= invalidated,
                        _ => false,
                    };
                    assert!(!again || !tries.rests(), "cut {cut}: {entity} {minute} still rests");
                }
            }
        }
    }
    assert!(lost > 100 && noted > 100, "{lost} without a failure, {noted} with one");
}

#[test]
fn a_record_that_was_being_built_when_the_process_ended_rests_until_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let (path, crashed) = (folder.path().join("store"), folder.path().join("crashed"));
    let it = World::open(&path);
    assert!(!it.shared().after_unclean_stop);
    it.read(&it.below, 1, 0..2);
    it.invalidate(1);
    it.want(&it.below, 1, 4..8);
    let writer = it.engine.writer().unwrap();
    for minute in [0, 4, 5, 6, 7, 8] {
        let (page, slot) = it.at(&it.below, 1, minute);
        writer.run(NoteBegun { page, slot, now: NOW }).unwrap();
    }
    // One is stored, one failed, one turned out to be right; the others are under way.
    it.read(&it.below, 1, 5..6);
    it.fail(&it.below, 1, 6, 1, NOW);
    let (page, slot) = it.at(&it.below, 1, 7);
    writer.run(NoteEnded { page, slot }).unwrap();
    it.engine.sync().unwrap();
    let under_way = |it: &World| {
        let begun = begun(it.shared()).unwrap();
        begun
            .into_iter()
            .map(|(page, slot)| minutes_of(&page, SlotSet::one(slot)).1[0])
            .collect::<Vec<_>>()
    };
    assert_eq!(under_way(&it), [0, 4, 8]);
    fs::copy(&path, &crashed).unwrap();

    let it = World::open(&crashed);
    assert!(it.shared().after_unclean_stop);
    assert_eq!(under_way(&it), [0_i64; 0]);
    assert_eq!((it.marked(&it.below), it.wanted()), (vec![(1, vec![1])], vec![(1, vec![6, 7])]));
    for minute in [0, 4, 8] {
        let Try { tries, failure } = it.tries(&it.below, 1, minute).unwrap();
        assert!(tries.attempts == 1 && tries.rests(), "{minute}");
        let failure = failure.unwrap();
        assert_eq!((failure.kind, failure.at), (ErrorKind::Build, NOW));
        assert!(failure.message.contains("the process ended while"), "{}", failure.message);
    }
    assert_eq!((it.tries(&it.below, 1, 5), it.attempts(&it.below, 1, 7)), (None, Some(0)));
    it.want(&it.below, 1, 0..5);
    it.read(&it.below, 1, 0..1);
    assert_eq!(it.wanted(), [(1, vec![2, 3]), (1, vec![4, 6, 7])]);
    it.engine.close().unwrap();
    drop(it);
    assert!(!World::open(&crashed).shared().after_unclean_stop);
}

#[test]
fn what_was_begun_and_closed_over_in_order_is_nobodys_fault() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let it = World::open(&path);
    let (page, slot) = it.at(&it.below, 1, 0);
    it.engine.writer().unwrap().run(NoteBegun { page, slot, now: NOW }).unwrap();
    it.engine.close().unwrap();
    drop(it);
    let it = World::open(&path);
    assert_eq!((begun(it.shared()).unwrap().len(), it.tries(&it.below, 1, 0)), (0, None));
}

#[test]
fn a_file_that_lost_history_lets_what_was_being_built_rest_all_the_same() {
    let backend = redb::backends::InMemoryBackend::new();
    let mut database = redb::Builder::new().create_with_backend(backend).unwrap();
    (CONTENTS.lay_out)(&mut database).unwrap();
    let page = PageKey::new(crate::page::ViewId(1), &7, crate::grid::PageNumber(0));
    let key = rows::record_key(page.as_slice(), Slot(3));
    let txn = database.begin_write().unwrap();
    // A time that is cut short, and a key that is none.
    txn.open_table(BEGUN).unwrap().insert(&*key, &[1_u8, 2][..]).unwrap();
    txn.open_table(BEGUN).unwrap().insert(&[9_u8][..], &[][..]).unwrap();
    txn.commit().unwrap();
    let revision = begin_life(&database, true, true).unwrap();
    let txn = database.begin_read().unwrap();
    let failures = txn.open_table(FAILURES).unwrap();
    let failure = Failure::from_bytes(failures.get(&*key).unwrap().unwrap().value()).unwrap();
    assert_eq!(failure.begun, revision, "the stamp of this life does not revive it");
    assert!(txn.open_table(BEGUN).unwrap().first().unwrap().is_none());
    assert!(view_rows(&txn.open_table(VIEWS).unwrap()).unwrap().is_empty());
}

#[test]
fn a_file_that_was_laid_out_without_these_tables_is_read_and_gets_them_when_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let it = World::open(&path);
    it.read(&it.above, 1, 0..1);
    it.want(&it.below, 2, 0..1);
    it.below.invalidate_all().unwrap();
    it.engine.close().unwrap();
    drop(it);
    // Without its seal the file counts as not closed cleanly.
    let bytes = fs::read(&path).unwrap();
    let len = bytes[bytes.len() - 33..][9..17].try_into().unwrap();
    fs::write(&path, &bytes[..u64::from_le_bytes(len) as usize]).unwrap();
    let database = redb::Database::open(&path).unwrap();
    let mut txn = database.begin_write().unwrap();
    txn.set_two_phase_commit(true);
    for table in [FAILURES, SWEEPS, BEGUN] {
        assert!(txn.delete_table(table).unwrap());
    }
    txn.commit().unwrap();
    drop(database);

    let clock = Arc::new(ManualClock::new(NOW));
    let reading = Options { read_only: true, create: false, ..options(&clock) };
    let it = World::of(Engine::open(&path, reading).unwrap(), clock);
    assert!(it.shared().after_unclean_stop);
    let counts = BacklogCounts { wanted: 1, stamped: 2, ..BacklogCounts::default() };
    assert_eq!(backlog(it.shared()).unwrap(), counts);
    assert_eq!(last_failures(it.shared(), 9).unwrap(), []);
    assert!(begun(it.shared()).unwrap().is_empty());
    assert_eq!(it.attempts(&it.below, 2, 0), Some(0));
    assert!(matches!(sweep_of(it.shared(), &it.state(&it.below)), Ok(SweepState::At { .. })));
    it.engine.close().unwrap();
    drop(it);

    let it = World::open(&path);
    let opened = it.shared().file.read(|txn| Ok(txn.open_table(SWEEPS).is_ok()));
    assert!(opened.unwrap());
    it.fail(&it.below, 2, 0, 1, REST);
    assert_eq!(last_failures(it.shared(), 9).unwrap().len(), 1);
    let (page, slot) = it.at(&it.below, 2, 0);
    it.engine.writer().unwrap().run(NoteBegun { page, slot, now: NOW }).unwrap();
    assert_eq!(begun(it.shared()).unwrap().len(), 1);
    it.engine.close().unwrap();
}
