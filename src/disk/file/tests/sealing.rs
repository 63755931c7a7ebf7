//! The backend that knows the sum of every page, without redb above it.

use super::*;
use crate::disk::StorageBackend;
use crate::disk::file::sealed::SealedBackend;
use crate::disk::file::state::End;
use crate::disk::file::tests::memory::{Call, Memory};
use crate::sync::{Arc, AtomicBool, Ordering, thread};
use proptest::prelude::*;

const PAGE: usize = 4096;

fn sealed_over(memory: &Memory) -> (SealedBackend, Arc<SealState>) {
    let state = Arc::new(SealState::default());
    (SealedBackend::new(Box::new(memory.clone()), state.clone(), true), state)
}

/// Bytes that pass for a redb file which was closed.
fn pages(count: usize) -> Vec<u8> {
    let mut bytes = vec![0x5A; count * PAGE];
    bytes[..10].copy_from_slice(b"redb\x1A\x0A\xA9\x0D\x0A\x04");
    bytes
}

fn write_pages(backend: &SealedBackend, count: usize) {
    backend.set_len((count * PAGE) as u64).unwrap();
    backend.write(0, &pages(count)).unwrap();
    backend.sync_data().unwrap();
}

#[test]
fn the_seal_lies_behind_the_data_unseen_and_goes_before_the_first_write() {
    let memory = Memory::default();
    let (backend, state) = sealed_over(&memory);
    write_pages(&backend, 3);
    backend.close().unwrap();
    assert!(state.is_sealed());
    assert_eq!(memory.bytes().len(), 3 * PAGE + 3 * 8 + 33);
    let (backend, state) = sealed_over(&memory);
    assert_eq!(backend.len().unwrap(), 3 * PAGE as u64);
    backend.read(0, &mut [0; PAGE]).unwrap();
    assert!(memory.bytes().len() > 3 * PAGE, "reading takes no seal off");
    let before = memory.calls().len();
    backend.write(PAGE as u64, &[1; PAGE]).unwrap();
    let calls = &memory.calls()[before..];
    assert_eq!(calls[..2], [Call::SetLen(3 * PAGE as u64), Call::Sync]);
    assert!(matches!(calls[2], Call::Write(..)));
    backend.close().unwrap();
    assert!(state.is_sealed());
}

#[test]
fn a_file_that_was_only_read_keeps_its_seal() {
    let memory = Memory::default();
    let (backend, _) = sealed_over(&memory);
    write_pages(&backend, 2);
    backend.close().unwrap();
    let before = memory.bytes();
    let (backend, state) = sealed_over(&memory);
    backend.read(0, &mut [0; 2 * PAGE]).unwrap();
    backend.close().unwrap();
    assert_eq!(state.end(), End::Untouched);
    assert_eq!(memory.bytes(), before);
}

#[test]
fn after_any_failed_call_there_is_no_seal() {
    for call in ["read", "write", "sync", "set_len"] {
        let memory = Memory::default();
        let (backend, state) = sealed_over(&memory);
        write_pages(&backend, 2);
        memory.fail(call, 0);
        let failed = [
            backend.read(0, &mut [0; PAGE]).is_err(),
            backend.write(0, &pages(1)).is_err(),
            backend.sync_data().is_err(),
            backend.set_len(PAGE as u64).is_err(),
        ];
        assert_eq!(failed.iter().filter(|failed| **failed).count(), 1, "{call}");
        memory.fail(call, usize::MAX);
        drop(backend.close());
        assert_eq!(state.end(), End::Unsealed, "{call}");
        let error = state.first_error().unwrap();
        assert_eq!(error.kind(), ErrorKind::System);
        assert!(error.to_string().contains("injected"), "{error}");
        assert_eq!(memory.bytes().len() % PAGE, 0, "{call}: nothing behind the data");
    }
}

#[test]
fn a_failure_while_the_seal_is_written_is_no_seal() {
    for call in ["write", "sync", "set_len"] {
        let memory = Memory::default();
        let (backend, state) = sealed_over(&memory);
        write_pages(&backend, 2);
        memory.fail(call, 0);
        assert!(backend.close().is_err());
        assert_eq!(state.end(), End::Unsealed, "{call}");
        assert!(state.first_error().is_some());
    }
}

#[test]
fn a_header_that_says_unclean_is_never_sealed() {
    let memory = Memory::default();
    let (backend, state) = sealed_over(&memory);
    write_pages(&backend, 2);
    backend.write(9, &[6]).unwrap();
    backend.close().unwrap();
    assert_eq!(state.end(), End::Unsealed);
    assert_eq!(memory.bytes().len(), 2 * PAGE);
}

#[test]
fn a_page_written_in_part_does_not_give_damage_a_valid_sum() {
    let memory = Memory::default();
    let (backend, _) = sealed_over(&memory);
    write_pages(&backend, 2);
    memory.damage(PAGE + 3000);
    assert!(backend.write(PAGE as u64, &[1; 320]).unwrap_err().to_string().contains("byte 4096"));
}

#[test]
fn a_read_of_part_of_a_page_checks_that_page_and_no_other() {
    let memory = Memory::default();
    let (backend, _) = sealed_over(&memory);
    write_pages(&backend, 4);
    let expected = pages(4);
    memory.damage(10);
    memory.damage(3 * PAGE + 10);
    for (from, to) in [
        (PAGE, 2 * PAGE),
        (PAGE + 100, 2 * PAGE),
        (PAGE, PAGE + 100),
        (2 * PAGE + 7, 2 * PAGE + 8),
        (PAGE + 100, 3 * PAGE - 100),
    ] {
        let mut out = vec![0; to - from];
        backend.read(from as u64, &mut out).unwrap();
        assert_eq!(out, expected[from..to], "{from}..{to}");
    }
    assert!(backend.read(3 * PAGE as u64 - 1, &mut [0; 2]).is_err());
}

#[test]
fn a_read_beyond_the_end_is_damage_not_the_seal() {
    let memory = Memory::default();
    let (backend, _) = sealed_over(&memory);
    write_pages(&backend, 2);
    backend.close().unwrap();
    let (backend, state) = sealed_over(&memory);
    assert!(backend.read(2 * PAGE as u64, &mut [0; 8]).is_err());
    assert!(backend.read(u64::MAX, &mut [0; 8]).is_err());
    assert_eq!(state.first_error().unwrap().kind(), ErrorKind::Damaged);
}

#[test]
fn a_seal_of_another_header_is_damage_before_anything_is_read() {
    let memory = Memory::default();
    let (backend, _) = sealed_over(&memory);
    write_pages(&backend, 2);
    backend.close().unwrap();
    memory.damage(500);
    let (backend, _) = sealed_over(&memory);
    assert!(backend.len().unwrap_err().to_string().contains("page at byte 0 does not match"));
}

#[test]
fn a_file_that_a_later_release_has_sealed_is_refused_and_says_so() {
    let memory = Memory::default();
    let (backend, _) = sealed_over(&memory);
    write_pages(&backend, 2);
    backend.close().unwrap();
    let mut bytes = memory.bytes();
    let checked = bytes.len() - 8;
    bytes[checked - 17] = 9;
    let checksum = xxhash_rust::xxh3::xxh3_64(&bytes[2 * PAGE..checked]);
    bytes[checked..].copy_from_slice(&checksum.to_le_bytes());
    let of = |bytes: Vec<u8>| {
        let (backend, state) = sealed_over(&Memory::holding(bytes));
        backend.len().unwrap_err();
        state.first_error().unwrap()
    };
    let told = of(bytes.clone());
    assert_eq!(told.kind(), ErrorKind::Foreign);
    assert!(told.to_string().contains("format 9"), "{told}");
    // Whatever ends so without being redb's is nothing of ours.
    bytes[0] ^= 1;
    let told = of(bytes);
    assert_eq!(told.kind(), ErrorKind::Foreign);
    assert!(told.to_string().contains("not a tidetable file"), "{told}");
}

/// Once armed, a write is not over until somebody has read the page meanwhile.
#[derive(Debug, Default)]
struct Slow {
    memory: Memory,
    armed: AtomicBool,
    written: AtomicBool,
    read: AtomicBool,
}

#[derive(Clone, Debug, Default)]
struct SlowWrites(Arc<Slow>);

impl StorageBackend for SlowWrites {
    fn len(&self) -> std::io::Result<u64> {
        self.0.memory.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        self.0.memory.read(offset, out)?;
        if self.0.written.load(Ordering::Acquire) {
            self.0.read.store(true, Ordering::Release);
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> std::io::Result<()> {
        self.0.memory.set_len(len)
    }

    fn sync_data(&self) -> std::io::Result<()> {
        self.0.memory.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        self.0.memory.write(offset, data)?;
        if self.0.armed.load(Ordering::Acquire) {
            self.0.written.store(true, Ordering::Release);
            while !self.0.read.load(Ordering::Acquire) {
                thread::yield_now();
            }
        }
        Ok(())
    }
}

#[test]
fn a_reader_between_a_page_and_its_sum_waits_and_sees_the_new_page() {
    let slow = SlowWrites::default();
    let state = Arc::new(SealState::default());
    let backend = SealedBackend::new(Box::new(slow.clone()), state.clone(), true);
    write_pages(&backend, 2);
    slow.0.armed.store(true, Ordering::Release);
    thread::scope(|scope| {
        scope.spawn(|| backend.write(PAGE as u64, &[8; PAGE]).unwrap());
        while !slow.0.written.load(Ordering::Acquire) {
            thread::yield_now();
        }
        let mut page = [0; PAGE];
        backend.read(PAGE as u64, &mut page).unwrap();
        assert_eq!(page, [8; PAGE]);
    });
    assert!(state.first_error().is_none());
}

#[derive(Clone, Debug)]
enum Step {
    Read(usize, usize),
    Write(usize, Vec<u8>),
    SetLen(usize),
    Reopen,
    Damage(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let at = 320..6 * PAGE;
    let len = prop_oneof![Just(PAGE), Just(2 * PAGE), 1..9000_usize];
    let start = prop_oneof![at.clone(), (1..6_usize).prop_map(|page| page * PAGE)];
    prop_oneof![
        4 => (start.clone(), len.clone()).prop_map(|(at, len)| Step::Read(at, len)),
        4 => (start, len, any::<u8>()).prop_map(|(at, len, byte)| Step::Write(at, vec![byte; len])),
        1 => (PAGE..6 * PAGE).prop_map(Step::SetLen),
        1 => Just(Step::Reopen),
        1 => at.prop_map(Step::Damage),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    /// Against plain bytes: reads are right or fail, and once damage was met no seal is written.
    #[test]
    fn reads_and_writes_of_any_shape_are_right_or_fail(steps in prop::collection::vec(step(), 1..40)) {
        let memory = Memory::default();
        let (mut backend, mut state) = sealed_over(&memory);
        let mut model = pages(2);
        write_pages(&backend, 2);
        for step in steps {
            match step {
                Step::Read(at, len) => {
                    let mut out = vec![0; len];
                    let expected = model.get(at..at + len);
                    match backend.read(at as u64, &mut out) {
                        Ok(()) => prop_assert_eq!(Some(&out[..]), expected),
                        Err(_) => {
                            prop_assert!(expected.is_none());
                            return Ok(());
                        }
                    }
                }
                Step::Write(at, data) => {
                    let end = at + data.len();
                    if model.len() < end {
                        // As redb does: first the length, then the data.
                        model.resize(end, 0);
                        backend.set_len(end as u64).unwrap();
                    }
                    model[at..end].copy_from_slice(&data);
                    backend.write(at as u64, &data).unwrap();
                }
                Step::SetLen(len) => {
                    model.resize(len, 0);
                    backend.set_len(len as u64).unwrap();
                }
                Step::Reopen => {
                    backend.close().unwrap();
                    prop_assert!(state.end() != End::Unsealed);
                    (backend, state) = sealed_over(&memory);
                    prop_assert_eq!(backend.len().unwrap(), model.len() as u64);
                }
                Step::Damage(at) => {
                    let at = at.min(model.len() - 1);
                    // Known, so that the damage cannot be what is trusted first.
                    let mut page = vec![0; PAGE.min(model.len() - at / PAGE * PAGE)];
                    backend.read((at / PAGE * PAGE) as u64, &mut page).unwrap();
                    memory.damage(at);
                    prop_assert!(backend.read(at as u64, &mut [0]).is_err());
                    prop_assert!(backend.read((at / PAGE * PAGE) as u64, &mut page).is_err());
                    drop(backend.close());
                    prop_assert!(state.end() != End::Sealed);
                    return Ok(());
                }
            }
        }
    }
}
