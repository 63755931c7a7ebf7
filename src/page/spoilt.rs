//! Pages beside a pattern, both spoilt behind checksums that hold, for fuzzing.

use std::fmt::Debug;
use std::ops::Range;

use rkyv::Archived;
use rkyv::api::high::HighDeserializer;
use rkyv::{Deserialize, rancor};

use super::aid::Aid;
use super::body::Origin;
use super::build::PageBuilder;
use super::dictionary::Compression;
use super::fuzzing::{read_holds, some_facts};
use super::header::{CHECKED_FROM, HEADER_BYTES};
use super::pattern::Pattern;
use super::serialize;
use super::shape::{RecordShape, RecordType};
use super::slots::Slot;
use super::stored::{checksum, decode, encode, store_body};
use crate::error::ErrorKind;
use crate::grid::PageNumber;

const KEY: &[u8] = b"where it stands";
const FAST: Compression = Compression { level: Some(1), dictionary: None };
/// Bytes of a pattern's checksum, in front of its row and of a body beside it.
const SUM_BYTES: usize = 8;
/// Where a header says how many slots, facts and bytes there are, and beside which pattern.
const SAID: Range<usize> = 24..HEADER_BYTES;

/// Makes a pattern and a page beside it, spoils both as the bytes say, and reads the page. Whoever
/// made such bytes knew how checksums are made.
///
/// # Panics
/// If what is let in does not hold together. A refusal is no fault.
pub fn spoilt_page_holds(data: &[u8]) {
    let [shape, slots, gap, edits @ ..] = data else { return };
    let slots = 8 + u32::from(*slots) % 64;
    let gap = Slot(u32::from(*gap));
    match shape % 2 {
        0 => spoilt_holds(slots, gap, edits, |slot, place| {
            u64::from(slot * 977 + place * (slot % 5))
        }),
        _ => spoilt_holds(slots, gap, edits, |slot, place| {
            let sun = slot.wrapping_mul(0x9E37_79B9).rotate_left(slot % 31);
            [sun, place, if slot < 20 { sun } else { 0 }, sun ^ (place % 4)]
        }),
    }
}

fn spoilt_holds<R>(slots: u32, gap: Slot, edits: &[u8], record: impl Fn(u32, u32) -> R)
where
    R: RecordType + PartialEq + Debug,
    Archived<R>: Deserialize<R, HighDeserializer<rancor::Error>>,
{
    let shape = RecordShape::of::<R>();
    let made = |place: u32, gap: Option<Slot>| {
        let mut page = PageBuilder::new(slots, shape);
        for slot in (0..slots).map(Slot).filter(|slot| Some(*slot) != gap) {
            let archived = serialize(&record(slot.0, place)).expect("plain values are archived");
            let added = page.add(slot, Origin::Built, some_facts(1), slot.0, &archived);
            added.expect("far below the limit");
        }
        page.finish()
    };
    let pattern = Pattern::of(&made(1, None), PageNumber(7)).expect("a full page of numbers");
    let page = made(2, Some(gap));
    let body = store_body(&page, &FAST, Some(&pattern));
    let is_beside = body.pattern().is_some();
    let (mut row, mut stored) = (pattern.row().to_vec(), encode(&page, &body, KEY, &shape));
    let begins = HEADER_BYTES + page.all_facts().len() * super::facts::FACTS_BYTES;
    let begins = begins + if is_beside { SUM_BYTES } else { 0 };
    for edit in edits.as_chunks::<4>().0 {
        match edit[0] % 4 {
            0 => spoil(&mut row, SUM_BYTES, edit),
            1 => stored[SAID.start + usize::from(edit[1]) % SAID.len()] = edit[3],
            _ => spoil(&mut stored, begins, edit),
        }
    }
    Pattern::seal(pattern.id(), &mut row);
    let pattern = match Aid::prepare(pattern.id(), &row, 1) {
        Ok(Aid::Pattern(pattern)) => pattern,
        Ok(Aid::Dictionary(_)) => panic!("a pattern became a dictionary"),
        Err(error) => return assert_eq!(error.kind(), ErrorKind::Damaged, "{error}"),
    };
    if is_beside {
        stored[begins - SUM_BYTES..begins].copy_from_slice(&pattern.sum().to_le_bytes());
    }
    let sum = checksum(KEY, &stored[CHECKED_FROM..]);
    stored[8..16].copy_from_slice(&sum.to_le_bytes());
    let read = decode(&stored, KEY, &shape, |_| Ok(Some(Aid::Pattern(pattern))));
    match read {
        Ok(page) => read_holds::<R>(&page, KEY, &shape),
        Err(error) => {
            assert!(!edits.is_empty(), "{error}");
            assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
            assert!(!error.to_string().contains("checksum"), "{error}");
        }
    }
}

/// Another byte somewhere, a byte more, or an end that comes early: from a place on.
fn spoil(bytes: &mut Vec<u8>, from: usize, edit: &[u8; 4]) {
    let [how, high, low, byte] = *edit;
    let at = from + usize::from(u16::from_be_bytes([high, low])) % (bytes.len() - from + 1);
    match (how / 4 % 8, bytes.get_mut(at)) {
        (0, _) => bytes.truncate(at),
        (1, _) | (_, None) => bytes.push(byte),
        (_, Some(place)) => *place = byte,
    }
}
