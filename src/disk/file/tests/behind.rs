//! Writes that are held back.

use super::super::behind::WriteBehind;
use super::memory::{Call, Memory};
use crate::disk::StorageBackend;
use crate::sync::{AtomicU64, Ordering, thread};
use proptest::prelude::*;

const PAGE: usize = 4096;

fn behind(memory: &Memory) -> WriteBehind {
    WriteBehind::over(Box::new(memory.clone()), usize::MAX)
}

fn page_of(number: u64, byte: u8, pages: usize) -> (u64, Vec<u8>) {
    (number * PAGE as u64, vec![byte; pages * PAGE])
}

#[test]
fn pages_are_written_by_the_sync_in_order_and_neighbours_together() {
    let memory = Memory::holding(vec![0; 16 * PAGE]);
    let behind = behind(&memory);
    for (number, byte, pages) in [(9, 1, 1), (4, 2, 2), (3, 3, 1), (6, 4, 1), (9, 5, 1)] {
        let (at, bytes) = page_of(number, byte, pages);
        behind.write(at, &bytes).unwrap();
    }
    assert_eq!(memory.calls(), []);
    behind.sync_data().unwrap();
    behind.sync_data().unwrap();
    let together = [3, 2, 2, 4].into_iter().flat_map(|byte| [byte; PAGE]).collect();
    let written =
        [Call::Write(3 * PAGE as u64, together), Call::Write(9 * PAGE as u64, vec![5; PAGE])];
    let calls = memory.calls();
    assert_eq!(calls[..2], written);
    assert_eq!(calls[2..], [Call::Sync, Call::Sync]);
}

#[test]
fn what_is_no_whole_page_comes_behind_all_that_was_written_before() {
    for length in [320, PAGE + 1] {
        let memory = Memory::holding(vec![0; 4 * PAGE]);
        let behind = behind(&memory);
        behind.write(0, &[1; PAGE]).unwrap();
        behind.write(0, &vec![2; length]).unwrap();
        let calls = memory.calls();
        assert_eq!(calls, [Call::Write(0, vec![1; PAGE]), Call::Write(0, vec![2; length])]);
    }
}

#[test]
fn no_more_is_held_than_eight_megabytes_or_than_there_is_memory_for() {
    for (memory_bytes, most) in [(usize::MAX, 2048), (5 * PAGE + 1, 5), (PAGE, 1)] {
        let memory = Memory::holding(vec![0; 4096 * PAGE]);
        let behind = WriteBehind::over(Box::new(memory.clone()), memory_bytes);
        for number in (0..most).rev() {
            let (at, bytes) = page_of(number, 1, 1);
            behind.write(at, &bytes).unwrap();
        }
        assert_eq!(memory.calls(), []);
        behind.write(4095 * PAGE as u64, &[2; PAGE]).unwrap();
        // Neighbours, in pieces of 64; the last one is held.
        assert_eq!(memory.calls().len() as u64, most.div_ceil(64));
    }
    let memory = Memory::holding(vec![0; 4 * PAGE]);
    WriteBehind::over(Box::new(memory.clone()), 0).write(0, &[1; PAGE]).unwrap();
    assert_eq!(memory.calls(), [Call::Write(0, vec![1; PAGE])], "without memory nothing is");
}

#[test]
fn what_is_long_by_itself_is_not_held() {
    let memory = Memory::holding(vec![0; 256 * PAGE]);
    let behind = behind(&memory);
    behind.write(0, &[1; PAGE]).unwrap();
    behind.write(0, &vec![2; 65 * PAGE]).unwrap();
    let calls = memory.calls();
    assert_eq!(calls, [Call::Write(0, vec![1; PAGE]), Call::Write(0, vec![2; 65 * PAGE])]);
}

#[test]
fn a_write_that_fails_is_an_error_of_the_sync_and_its_pages_are_still_read() {
    let memory = Memory::holding(vec![0; 8 * PAGE]);
    let behind = behind(&memory);
    behind.write(PAGE as u64, &[7; PAGE]).unwrap();
    behind.write(5 * PAGE as u64, &[8; PAGE]).unwrap();
    memory.fail("write", 1);
    let error = behind.sync_data().unwrap_err();
    assert_eq!(error.to_string(), "writing at byte 20480: injected");
    behind.set_len(8 * PAGE as u64).unwrap_err();
    for (number, byte) in [(1, 7), (5, 8)] {
        let mut page = [0; PAGE];
        behind.read(number * PAGE as u64, &mut page).unwrap();
        assert_eq!(page, [byte; PAGE]);
    }
    assert!(!memory.calls().contains(&Call::Sync), "what was not written is not synced either");
    // The disk is well again: nothing has been forgotten.
    memory.fail("none", 0);
    behind.sync_data().unwrap();
    let written = memory.bytes();
    assert_eq!((written[PAGE], written[5 * PAGE]), (7, 8));
}

#[test]
fn what_cannot_be_written_to_make_room_leaves_what_came_where_it_was() {
    let memory = Memory::holding(vec![0; 8 * PAGE]);
    let behind = WriteBehind::over(Box::new(memory.clone()), PAGE);
    behind.write(0, &[1; PAGE]).unwrap();
    memory.fail("write", 0);
    behind.write(PAGE as u64, &[2; PAGE]).unwrap_err();
    let mut pages = [9; 2 * PAGE];
    behind.read(0, &mut pages).unwrap();
    assert_eq!((pages[0], pages[PAGE]), (1, 0));
}

#[test]
fn who_reads_while_pages_are_held_and_written_sees_each_as_it_was_written() {
    const PAGES: u64 = 64;
    let memory = Memory::holding(vec![0; PAGES as usize * PAGE]);
    let behind = WriteBehind::over(Box::new(memory), 16 * PAGE);
    let written = AtomicU64::new(0);
    thread::scope(|scope| {
        for reader in 0..2 {
            let (behind, written) = (&behind, &written);
            scope.spawn(move || {
                let mut page = [0; PAGE];
                let mut turn = reader;
                // Of the page that is being written nobody knows anything.
                while let at @ 0..PAGES = written.load(Ordering::Acquire) {
                    turn += 1;
                    if at > 0 {
                        let number = turn * 7 % at;
                        behind.read(number * PAGE as u64, &mut page).unwrap();
                        assert_eq!(page, [number as u8 + 1; PAGE]);
                    }
                }
            });
        }
        for number in 0..PAGES {
            behind.write(number * PAGE as u64, &[number as u8 + 1; PAGE]).unwrap();
            if number % 11 == 10 {
                behind.sync_data().unwrap();
            }
            written.store(number + 1, Ordering::Release);
            thread::yield_now();
        }
    });
}

#[derive(Clone, Debug)]
enum Step {
    Write { page: u64, pages: usize, byte: u8 },
    WritePart { at: u64, len: usize, byte: u8 },
    SetLen { pages: u64 },
    Sync,
}

fn step() -> impl Strategy<Value = Step> {
    let whole = (0..24_u64, 1..4_usize, any::<u8>());
    let part = (0..24 * PAGE as u64, 1..2 * PAGE, any::<u8>());
    prop_oneof![
        8 => whole.prop_map(|(page, pages, byte)| Step::Write { page, pages, byte }),
        1 => part.prop_map(|(at, len, byte)| Step::WritePart { at, len, byte }),
        1 => (1..24_u64).prop_map(|pages| Step::SetLen { pages }),
        2 => Just(Step::Sync),
    ]
}

proptest! {
    #[test]
    fn whatever_is_written_is_what_is_read_and_after_a_sync_what_is_there(
        steps in prop::collection::vec(step(), 1..40),
        read in prop::collection::vec((0.0..1.0, 0.0..1.0), 8),
    ) {
        let memory = Memory::default();
        let behind = behind(&memory);
        let mut told = Vec::new();
        let put = |told: &mut Vec<u8>, at: u64, bytes: &[u8]| {
            let (at, end) = (at as usize, at as usize + bytes.len());
            told.resize(told.len().max(end), 0);
            told[at..end].copy_from_slice(bytes);
            behind.write(at as u64, bytes).unwrap();
        };
        for step in steps {
            match step {
                Step::Write { page, pages, byte } => {
                    // Nobody writes beyond the end and leaves a gap.
                    let end = told.len() as u64 / PAGE as u64;
                    let (at, bytes) = page_of(page.min(end), byte, pages);
                    put(&mut told, at, &bytes);
                }
                Step::WritePart { at, len, byte } => {
                    let at = at.min(told.len() as u64);
                    put(&mut told, at, &vec![byte; len]);
                }
                Step::SetLen { pages } => {
                    told.resize(pages as usize * PAGE, 0);
                    behind.set_len(pages * PAGE as u64).unwrap();
                }
                Step::Sync => {
                    behind.sync_data().unwrap();
                    prop_assert_eq!(&memory.bytes(), &told);
                }
            }
            prop_assert_eq!(behind.len().unwrap(), told.len() as u64);
            for (from, to) in &read {
                let end = (told.len() as f64 * to) as usize;
                let at = (end as f64 * from) as usize;
                let mut out = vec![0; end - at];
                behind.read(at as u64, &mut out).unwrap();
                prop_assert_eq!(&out[..], &told[at..end]);
            }
        }
    }
}
