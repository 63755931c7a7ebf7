//! Bytes on disk that are not what was written.

use super::*;
use crate::disk::file::tests::memory::Memory;
use std::collections::BTreeMap;

const ROWS: u64 = 40;

/// A small sealed file and what it holds.
fn sealed() -> Vec<u8> {
    let memory = Memory::default();
    let opened = open_backend(Box::new(memory.clone()), &creating(), OURS).unwrap();
    for key in 0..ROWS {
        put(&opened.database, key, &[key as u8; 64]);
    }
    // The same rows again, so that an older commit with other values lies beneath.
    for key in 0..ROWS {
        put(&opened.database, key, &[!key as u8; 64]);
    }
    close(opened.database, &opened.seal, opened.home).unwrap();
    memory.bytes()
}

/// Opens the image and reads all of it. Right answers are counted, errors are counted by kind, and
/// a wrong answer fails the test.
fn outcome(image: Vec<u8>, what: &str) -> &'static str {
    let opened = match open_backend(Box::new(Memory::holding(image)), &existing(), OURS) {
        Ok(opened) => opened,
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::Damaged | ErrorKind::Foreign), "{error:?}");
            return "refused";
        }
    };
    let mut outcome = "right";
    for key in 0..ROWS {
        match try_get(&opened.database, key) {
            Ok(value) => assert_eq!(value, Some(vec![!key as u8; 64]), "{what}, key {key}"),
            Err(error) => {
                let error = explain(error, &opened.seal);
                assert_eq!(error.kind(), ErrorKind::Damaged, "{what}: {error}");
                outcome = "read error";
            }
        }
    }
    let closed = close(opened.database, &opened.seal, opened.home);
    assert!(outcome == "right" || closed.is_err(), "{what}: damage, and yet a clean close");
    outcome
}

#[test]
fn a_flipped_bit_in_a_sealed_file_gives_an_error_or_the_right_answer() {
    let whole = sealed();
    let seal_at = whole.len() / 4096 * 4096;
    // Every bit where redb has no checksum and where the seal is, and one bit in each few bytes else.
    let dense =
        (0..320).chain(seal_at..whole.len()).flat_map(|at| (0..8).map(move |bit| (at, bit)));
    let sparse = (320..seal_at).step_by(13).map(|at| (at, at % 8));
    assert!(flip(&whole, dense.chain(sparse)) > 6_500);
}

#[test]
#[ignore = "takes minutes: every bit of the file, of which the test above takes some"]
fn every_flipped_bit_in_a_sealed_file_gives_an_error_or_the_right_answer() {
    let whole = sealed();
    let bits = (0..whole.len()).flat_map(|at| (0..8).map(move |bit| (at, bit)));
    assert_eq!(flip(&whole, bits), whole.len() * 8);
}

/// How many bits were flipped, one at a time.
fn flip(whole: &[u8], bits: impl Iterator<Item = (usize, usize)>) -> usize {
    let mut counts = BTreeMap::new();
    for (at, bit) in bits {
        let mut image = whole.to_vec();
        image[at] ^= 1 << bit;
        *counts.entry(outcome(image, &format!("bit {bit} of byte {at}"))).or_insert(0) += 1;
    }
    println!("{counts:?}");
    assert!(counts.contains_key("refused") && counts.contains_key("right"), "{counts:?}");
    counts.values().sum()
}

/// redb opens such a file without verifying it: the tree holds the allocator state of its last
/// commit, and the header says that it was closed.
#[test]
fn without_a_seal_a_damaged_page_is_found_when_the_file_is_opened() {
    let whole = sealed();
    let data = &whole[..whole.len() / 4096 * 4096];
    let value = [!5_u8; 64];
    let held: Vec<_> = (0..data.len() - 64).filter(|at| data[*at..].starts_with(&value)).collect();
    assert!(!held.is_empty());
    let mut refused = 0;
    for at in held {
        let mut image = data.to_vec();
        image[at] ^= 1;
        refused += usize::from(outcome(image, &format!("byte {at}")) == "refused");
    }
    assert!(refused > 0);
}

#[test]
fn a_cut_or_lengthened_file_gives_an_error_or_the_right_answer() {
    let whole = sealed();
    let seal_at = whole.len() / 4096 * 4096;
    for len in (0..seal_at).step_by(509).chain(seal_at..whole.len()) {
        let outcome = outcome(whole[..len].to_vec(), &format!("cut to {len}"));
        assert_eq!(outcome, if len < seal_at { "refused" } else { "right" }, "cut to {len}");
    }
    for more in [1, 8, 33, 4096, 5000] {
        let mut image = whole.clone();
        image.resize(whole.len() + more, 0xAB);
        assert_eq!(outcome(image, "lengthened"), "right");
    }
}

#[test]
fn a_torn_seal_means_a_verification_not_a_loss() {
    let whole = sealed();
    let seal_at = whole.len() / 4096 * 4096;
    for len in seal_at..whole.len() {
        let image = Memory::holding(whole[..len].to_vec());
        let opened = open_backend(Box::new(image.clone()), &existing(), OURS).unwrap();
        assert_eq!(opened.outcome, Opening::Verified, "cut to {len}");
        close(opened.database, &opened.seal, opened.home).unwrap();
        let opened = open_backend(Box::new(image), &existing(), OURS).unwrap();
        assert_eq!(opened.outcome, Opening::Clean);
    }
}

#[test]
fn damage_under_an_open_file_names_its_page_and_is_the_reason_given_at_close() {
    let image = Memory::holding(sealed());
    let uncached = FileOptions { redb_cache_bytes: 0, ..existing() };
    let opened = open_backend(Box::new(image.clone()), &uncached, OURS).unwrap();
    for page in 1..image.bytes().len() / 4096 {
        image.damage(page * 4096 + 100);
    }
    let error = explain(try_get(&opened.database, 1).unwrap_err(), &opened.seal);
    assert_eq!(error.kind(), ErrorKind::Damaged);
    let text = error.to_string();
    assert!(text.contains("page at byte ") && text.contains("does not match its seal"), "{text}");
    assert_eq!(opened.seal.first_error().unwrap().to_string(), text);
    assert_eq!(close(opened.database, &opened.seal, opened.home).unwrap_err().to_string(), text);
    assert!(!opened.seal.is_sealed());
}

#[test]
fn hostile_bytes_behind_redbs_magic_number_end_in_errors() {
    let whole = sealed();
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    println!("seed {seed:#x}");
    for case in 0..300 {
        let mut image = whole[..4096 * (1 + case % (whole.len() / 4096))].to_vec();
        for _ in 0..1 + case % 40 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = 9 + (seed >> 33) as usize % (image.len().min(400) - 9);
            image[at] = (seed >> 20) as u8;
        }
        let opened = open_backend(Box::new(Memory::holding(image)), &existing(), OURS);
        if let Ok(opened) = opened {
            drop(close(opened.database, &opened.seal, opened.home));
        }
    }
}
