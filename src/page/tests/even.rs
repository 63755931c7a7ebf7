//! Pages whose records are all of one length, in each form that they may take in the file.

use super::super::even::{Even, from_lean};
use super::super::{Fate, without};
use super::*;

/// On disk, where a header says its form.
const FORM_AT: usize = 6;
const PACKED_FORM: u8 = 2;
const LEAN_FORM: u8 = 3;
const FAST: Compression = Compression { level: Some(1), dictionary: None };

type Tide = [u32; 6];

/// What moves a little from slot to slot, and not in every one.
fn tides(slots: u32, step: usize) -> Page {
    let mut page = builder::<Tide>(slots);
    for slot in (0..slots).step_by(step) {
        let tide = [7, slot, slot / 9 * 1000, u32::MAX - slot, 0, (slot % 2) << 31];
        add(&mut page, slot, facts(u64::from(slot) % 2), &tide);
    }
    page.finish()
}

/// What nothing is to be seen in, except that it repeats.
fn noise(slots: u32) -> Page {
    let mut page = builder::<Tide>(slots);
    for slot in 0..slots {
        let mixed = |n: u32| (slot % 3 * 8 + n + 1).wrapping_mul(0x9E37_79B9).rotate_left(n);
        add(&mut page, slot, facts(1), &std::array::from_fn::<u32, 6, _>(|n| mixed(n as u32)));
    }
    page.finish()
}

fn comes_back_as(form: u8, page: &Page) -> Vec<u8> {
    let bytes = stored::<Tide>(page, &FAST);
    assert_eq!(bytes[FORM_AT], form);
    let back = load::<Tide>(&bytes).unwrap();
    assert_eq!(said(&back), said(page));
    assert_eq!(back.body(), page.body());
    bytes
}

#[test]
fn numbers_that_move_little_stand_as_columns() {
    for (slots, step) in [(32, 1), (144, 1), (1024, 1)] {
        // Taken at once only where it packs to a fifth of the body.
        comes_back_as(PACKED_FORM, &tides(slots, step));
    }
}

#[test]
fn what_repeats_in_no_order_stands_lean() {
    comes_back_as(LEAN_FORM, &noise(144));
}

#[test]
fn what_retention_left_stands_among_the_columns() {
    let fate = |slot: Slot| match slot.0 % 4 {
        0 => Fate::LeavesFacts,
        1 => Fate::Goes,
        _ => Fate::Stays,
    };
    let (page, gone) = without(&tides(144, 1), fate, &RecordShape::of::<Tide>()).unwrap();
    let page = page.unwrap();
    assert_eq!(gone.len(), 72);
    let bytes = comes_back_as(PACKED_FORM, &page);
    let back = load::<Tide>(&bytes).unwrap();
    for slot in (0..144).map(Slot) {
        assert_eq!(back.is_tombstone(slot), page.is_tombstone(slot));
        assert!(!back.has_facts(slot) || back.facts(slot) == page.facts(slot));
    }
}

#[test]
fn no_byte_of_a_column_can_be_tampered_with_to_a_panic() {
    let page = tides(32, 1);
    let whole = stored::<Tide>(&page, &FAST);
    assert_eq!(whole[FORM_AT], PACKED_FORM);
    for at in 0..whole.len() {
        for other in [0, 1, 2, 31, 32, 33, 127, 255] {
            let mut bytes = whole.clone();
            bytes[at] = other;
            reseal(&mut bytes);
            if let Ok(page) = load::<Tide>(&bytes) {
                said(&page);
            }
        }
        let mut cut = whole[..at].to_vec();
        if at >= CHECKED_FROM {
            reseal(&mut cut);
        }
        assert!(load::<Tide>(&cut).is_err(), "cut at {at}");
    }
}

#[test]
fn records_that_are_not_as_long_as_the_page_says_are_refused() {
    let whole = stored::<Tide>(&tides(32, 1), &FAST);
    let lengths = super::super::header::HEADER_BYTES + 2 * 48;
    for (at, value) in
        [(0, 0), (0, 20), (0, u32::MAX), (4, 0), (4, 16), (4, 1 << 20), (4, u32::MAX)]
    {
        let mut bytes = whole.clone();
        bytes[lengths + at..lengths + at + 4].copy_from_slice(&u32::to_le_bytes(value));
        reseal(&mut bytes);
        assert!(load::<Tide>(&bytes).is_err(), "{value} at {at}");
    }
}

#[test]
fn a_page_of_one_record_claims_no_room_for_a_next() {
    let mut page = builder::<Tide>(4);
    add(&mut page, 2, facts(1), &[7; 6]);
    let page = page.finish();
    let lean = Even::of(&page).expect("one record is even").lean(&page);
    let body_len = page.body().len();
    let back = from_lean(&lean, page.slots(), body_len).unwrap();
    assert_eq!(*back, *page.body());
    for stride in [25, 1 << 20, u32::MAX] {
        let mut other = lean.clone();
        other[4..8].copy_from_slice(&stride.to_le_bytes());
        assert!(from_lean(&other, page.slots(), body_len).is_err(), "{stride}");
    }
}
