//! Pages beside the pattern of their time.

use super::super::facts::FACTS_BYTES;
use super::super::header::HEADER_BYTES;
use super::super::unpack::unpack;
use super::super::{Fate, Pattern, without};
use super::column::of_each_manner;
use super::*;
use crate::grid::PageNumber;
use crate::page::access;

const FAST: Compression = Compression { level: Some(1), dictionary: None };
const TIME: PageNumber = PageNumber(7);
/// On disk, where a header says its form.
const FORM_AT: usize = 6;
const BESIDE: u8 = 4;

/// The sun's height, which is the same for all; something of each place; and both together.
type Light = [u32; 4];

fn day(slots: u32, place: u32) -> Page {
    let mut page = builder::<Light>(slots);
    for slot in 0..slots {
        let sun = slot.wrapping_mul(0x9E37_79B9).rotate_left(slot % 31);
        let lit = if (slot + place) % 40 < 20 { sun } else { 0 };
        add(&mut page, slot, facts(1), &[sun, place, lit, sun ^ (place % 4)]);
    }
    page.finish()
}

fn pattern() -> Pattern {
    Pattern::of(&day(144, 1), TIME).expect("a full page")
}

fn stored_beside(page: &Page, pattern: &Pattern) -> Vec<u8> {
    let body = store_body(page, &FAST, Some(pattern));
    assert!(body.is_packed() && body.pattern().is_some());
    encode(page, &body, KEY, &RecordShape::of::<Light>())
}

fn load_beside(bytes: &[u8], pattern: &Pattern) -> crate::error::Result<Page> {
    decode(bytes, KEY, &RecordShape::of::<Light>(), |id| {
        assert_eq!(id, pattern.id());
        Ok(Some(Aid::Pattern(pattern.clone())))
    })
}

#[test]
fn pages_come_back_from_beside_their_pattern() {
    let pattern = pattern();
    let alone = stored::<Light>(&day(144, 5), &FAST).len();
    for place in 0..40 {
        let page = day(144, place);
        let bytes = stored_beside(&page, &pattern);
        assert_eq!(bytes[FORM_AT], BESIDE);
        let back = load_beside(&bytes, &pattern).unwrap();
        assert_eq!(said(&back), said(&page));
        assert_eq!(back.body(), page.body());
        assert!(bytes.len() < alone / 2, "{} beside, {alone} alone", bytes.len());
    }
}

#[test]
fn a_page_with_gaps_is_laid_beside_slot_by_slot() {
    let pattern = pattern();
    let fate = |slot: Slot| match slot.0 % 5 {
        0 => Fate::LeavesFacts,
        1 => Fate::Goes,
        _ => Fate::Stays,
    };
    let (page, _) = without(&day(144, 9), fate, &RecordShape::of::<Light>()).unwrap();
    let page = page.unwrap();
    let bytes = stored_beside(&page, &pattern);
    assert_eq!(said(&load_beside(&bytes, &pattern).unwrap()), said(&page));
    assert!(bytes.len() < stored::<Light>(&page, &FAST).len() / 2);
}

/// Bytes of pages that are packed one after the other, and of the same each by itself.
fn bytes_by_habit(pages: &[Page]) -> (usize, usize) {
    let pattern = pattern();
    store_body(&day(144, 1), &FAST, Some(&pattern));
    let by_habit = pages.iter().map(|page| stored_beside(page, &pattern).len()).sum();
    let each_anew = pages.iter().map(|page| stored_beside(page, &self::pattern()).len()).sum();
    (by_habit, each_anew)
}

/// Of what is noise in the pattern one thing stands still, and the rest is the pattern's.
fn still(place: u32) -> Page {
    let mut page = builder::<Light>(144);
    let pattern = day(144, 1);
    for slot in 0..144 {
        let [sun, _, lit, both] = *access::<Light>(&pattern, Slot(slot));
        let [sun, lit, both] = [sun, lit, both].map(|number| number.to_native());
        add(&mut page, slot, facts(1), &[7, place, lit ^ (sun & 1), both]);
    }
    page.finish()
}

#[test]
fn the_page_of_the_pattern_decides_for_no_other() {
    let pages: Vec<Page> = (2..66).map(still).collect();
    let (by_habit, each_anew) = bytes_by_habit(&pages);
    assert!(by_habit <= each_anew + each_anew / 20, "{by_habit} by habit, {each_anew} each anew");
}

#[test]
fn the_first_page_that_is_another_says_how_the_next_are_packed() {
    let pattern = pattern();
    store_body(&day(144, 1), &FAST, Some(&pattern));
    assert!(!pattern.full().has_habits(), "its own says nothing");
    store_body(&day(144, 2), &FAST, Some(&pattern));
    assert!(pattern.full().has_habits());
}

#[test]
fn of_two_kinds_neither_is_packed_as_the_other_is() {
    let pages: Vec<Page> =
        (2..200).map(|place| if place % 2 == 0 { still(place) } else { day(144, place) }).collect();
    let (by_habit, each_anew) = bytes_by_habit(&pages);
    assert!(by_habit <= each_anew * 3 / 2, "{by_habit} by habit, {each_anew} each anew");
}

#[test]
fn a_page_is_never_read_beside_another_pattern() {
    let (pattern, page) = (pattern(), day(144, 3));
    let bytes = stored_beside(&page, &pattern);
    let other = Pattern::of(&day(144, 2), TIME).unwrap();
    assert_eq!(other.id(), pattern.id());
    let error = load_beside(&bytes, &other).unwrap_err().to_string();
    assert!(error.contains("another pattern"), "{error}");
    let shape = RecordShape::of::<Light>();
    let error = decode(&bytes, KEY, &shape, |_| Ok(None)).unwrap_err().to_string();
    assert!(error.contains("is missing"), "{error}");
    let misled = Aid::Dictionary(dictionary(3));
    assert!(decode(&bytes, KEY, &shape, |_| Ok(Some(misled))).is_err());
    let compression = Compression { level: Some(3), dictionary: Some(dictionary(3)) };
    let bytes = stored::<String>(&texts(40, 1), &compression);
    let misled = Aid::Pattern(pattern);
    let refused = decode(&bytes, KEY, &RecordShape::of::<String>(), |_| Ok(Some(misled)));
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("the other way round"), "{error}");
}

#[test]
fn pages_of_another_length_are_packed_without_it() {
    let body = store_body(&day(100, 1), &FAST, Some(&pattern()));
    assert!(body.pattern().is_none());
    let (part, _) = without(
        &day(144, 1),
        |slot| {
            if slot.0 == 3 { Fate::Goes } else { Fate::Stays }
        },
        &RecordShape::of::<Light>(),
    )
    .unwrap();
    assert!(Pattern::of(&part.unwrap(), TIME).is_none(), "a pattern has a record in each slot");
    let plain = Compression { level: None, dictionary: None };
    assert!(store_body(&day(144, 1), &plain, Some(&pattern())).pattern().is_none());
}

#[test]
fn no_bit_of_a_pattern_can_flip_unseen() {
    let pattern = pattern();
    let whole = pattern.row().to_vec();
    let aid = Aid::prepare(pattern.id(), &whole, 1).unwrap();
    assert!(aid.proves_itself() && matches!(aid, Aid::Pattern(_)));
    assert!(Aid::prepare(pattern.id() + 1, &whole, 1).is_err(), "in the place of another");
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(Aid::prepare(pattern.id(), &flipped, 1).is_err(), "bit {bit}");
    }
    for len in 0..whole.len() {
        assert!(Aid::prepare(pattern.id(), &whole[..len], 1).is_err(), "cut to {len}");
    }
}

#[test]
fn no_byte_beside_a_pattern_can_be_tampered_with_to_a_panic() {
    let pattern = pattern();
    let whole = stored_beside(&day(144, 3), &pattern);
    for at in HEADER_BYTES..whole.len() {
        for other in [0, 1, 2, 3, 4, 5, 6, 7, 31, 32, 33, 127, 134, 255] {
            let mut bytes = whole.clone();
            bytes[at] = other;
            reseal(&mut bytes);
            if let Ok(page) = load_beside(&bytes, &pattern) {
                said(&page);
            }
        }
        let mut cut = whole[..at].to_vec();
        reseal(&mut cut);
        assert!(load_beside(&cut, &pattern).is_err(), "cut at {at}");
    }
}

/// What stands in files out there: if a sum changes, they would not be read any more, unless no more
/// than the choice among the manners has.
#[test]
fn columns_and_patterns_stand_in_the_file_as_they_always_did() {
    let mut columns = Vec::new();
    of_each_manner().iter().for_each(|column| column.column(0).pack(&mut columns));
    let pattern = pattern();
    let beside = stored_beside(&day(144, 9), &pattern);
    let sums = [&columns[..], pattern.row(), &beside].map(xxhash_rust::xxh3::xxh3_64);
    let known = [0x4e2d_a57c_88dd_5ffd, 0x7848_7358_d594_b53f, 0x9138_2820_18c0_f914];
    assert_eq!(sums, known, "{sums:x?}");
    let firsts = [0, 1, 2, 3, 4, 5, 6];
    let mut rest = &columns[..];
    for first in firsts {
        assert_eq!(rest[0] & 7, first, "each manner is among them");
        rest = unpack(rest, &mut [0; 144]).unwrap();
    }
    assert!(rest.is_empty());
}

#[test]
fn the_pattern_of_any_time_is_told_from_a_dictionary() {
    for number in [0, 7, 1 << 31, (1 << 31) + 7, -1, i64::from(u32::MAX)] {
        let pattern = Pattern::of(&day(144, 1), PageNumber(number)).unwrap();
        let aid = Aid::prepare(pattern.id(), pattern.row(), 1).unwrap();
        assert!(aid.into_pattern().unwrap().is(&pattern), "of page {number}");
    }
    let row = Dictionary::row_of(9, b"a dictionary may be any bytes");
    Aid::prepare(9, &row, 1).unwrap().into_dictionary().unwrap();
}

#[test]
fn a_pattern_is_another_where_a_record_is() {
    let at = |place| Pattern::of(&day(144, place), TIME).unwrap();
    assert!(at(1).is(&at(1)) && !at(1).is(&at(2)));
}

#[test]
fn a_row_whose_records_leave_a_slot_out_is_no_pattern() {
    let shape = RecordShape::of::<Light>();
    let (whole, gone) = without(
        &day(144, 1),
        |slot| match slot.0 {
            40 => Fate::Goes,
            _ => Fate::Stays,
        },
        &shape,
    )
    .unwrap();
    assert_eq!(gone, [Slot(40)]);
    let body = stored::<Light>(&whole.unwrap(), &FAST);
    let columns = &body[HEADER_BYTES + FACTS_BYTES..];
    let row = |slots: u32, columns: &[u8]| {
        let mut row = [&[0; 8][..], &slots.to_le_bytes(), columns].concat();
        Pattern::seal(pattern().id(), &mut row);
        row
    };
    let refused = Aid::prepare(pattern().id(), &row(144, columns), 1);
    assert!(refused.unwrap_err().to_string().contains("unusable"));
    let body = stored::<Light>(&day(144, 1), &FAST);
    let columns = &body[HEADER_BYTES + FACTS_BYTES..];
    assert!(Aid::prepare(pattern().id(), &row(144, columns), 1).is_ok(), "else it would be one");
    assert!(Aid::prepare(pattern().id(), &row(100, columns), 1).is_err());
}
