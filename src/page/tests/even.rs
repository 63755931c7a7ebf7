//! Pages whose records are all of one length, in each form that they may take in the file.

use rkyv::util::AlignedVec;

use super::super::even::{Even, from_lean, from_packed};
use super::super::{Fate, Pattern, without};
use super::*;
use crate::error::Result;
use crate::grid::PageNumber;

/// On disk, where a header says its form.
const FORM_AT: usize = 6;
const PACKED_FORM: u8 = 2;
const LEAN_FORM: u8 = 3;
const FAST: Compression = Compression { level: Some(1), dictionary: None };

type Tide = [u32; 6];

/// About what the largest pages hold that all lengths are tried with: what comes after the first few
/// dozens of records is more of the same.
const PAGE_BYTES: u32 = 20_000;

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
        let seed = |n: u32| (slot % 40 * 8 + n + 1).wrapping_mul(0x9E37_79B9);
        let mixed = |n: u32| (seed(n) ^ seed(n) >> 15).wrapping_mul(0x85EB_CA6B).rotate_left(n);
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
fn what_packs_to_a_fifth_is_taken_at_once_where_speed_counts_and_else_held_against_zstd() {
    let mut page = builder::<[u32; 32]>(1024);
    for slot in 0..1024 {
        let bit = |column: u32| (slot % 40 + column).wrapping_mul(0x9E37_79B9) >> 31;
        add(&mut page, slot, facts(1), &std::array::from_fn::<u32, 32, _>(|n| bit(n as u32)));
    }
    let page = page.finish();
    let form = |compression| stored::<[u32; 32]>(&page, compression)[FORM_AT];
    assert_eq!((form(&FAST), form(&PACKED)), (PACKED_FORM, LEAN_FORM));
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
    let back = unfolded(&lean, page.slots(), body_len).unwrap();
    assert_eq!(*back, *page.body());
    for stride in [25, 1 << 20, u32::MAX] {
        let mut other = lean.clone();
        other[4..8].copy_from_slice(&stride.to_le_bytes());
        assert!(unfolded(&other, page.slots(), body_len).is_err(), "{stride}");
    }
}

#[test]
fn a_record_that_gave_way_to_another_is_no_padding() {
    let mut page = builder::<Tide>(2);
    add(&mut page, 0, facts(1), &[7; 6]);
    add(&mut page, 1, facts(1), &[8; 6]);
    add(&mut page, 1, facts(1), &[9; 6]);
    let page = page.finish();
    assert!(Even::of(&page).is_none(), "what lies between the two would be lost");
    let back = load::<Tide>(&stored::<Tide>(&page, &FAST)).unwrap();
    assert_eq!(back.body(), page.body());
}

/// The body of which this is the lean form.
fn unfolded(lean: &[u8], slots: u32, body_len: usize) -> Result<AlignedVec<16>> {
    let mut inflated = AlignedVec::with_capacity(lean.len());
    inflated.extend_from_slice(lean);
    from_lean(inflated, slots, body_len)
}

#[test]
fn no_form_unfolds_in_more_room_than_its_body() {
    // Thirteen letters outside the root, so that there is padding behind each record.
    let mut page = builder::<String>(16);
    for slot in 0..16 {
        add(&mut page, slot, facts(1), &format!("high water {slot:02}"));
    }
    let page = page.finish();
    let even = Even::of(&page).expect("all are of one length");
    assert!(even.packs());
    let (slots, body_len) = (page.slots(), page.body().len());
    let unpacked = from_packed(&packed(even, &page), slots, body_len, None).unwrap();
    assert_eq!((unpacked.capacity(), &*unpacked), (body_len, page.body()));
    let mut lean = AlignedVec::with_capacity(body_len);
    lean.extend_from_slice(&even.lean(&page));
    let lean = from_lean(lean, slots, body_len).unwrap();
    assert_eq!((lean.capacity(), &*lean), (body_len, page.body()));
}

/// A page in columns, by itself.
fn packed(even: Even, page: &Page) -> Vec<u8> {
    let mut columns = Vec::new();
    assert!(!even.pack(page, None, &mut columns), "there is nothing beside it");
    columns
}

/// That a page whose records are of one length comes back, in every form.
fn comes_back<R: RecordType>(page: &Page) {
    let even = Even::of(page).expect("all are of one length");
    let (slots, body_len) = (page.slots(), page.body().len());
    assert_eq!(*unfolded(&even.lean(page), slots, body_len).unwrap(), *page.body());
    if even.packs() {
        assert_eq!(*from_packed(&packed(even, page), slots, body_len, None).unwrap(), *page.body());
    }
    for level in [1, 3] {
        let bytes = stored::<R>(page, &Compression { level: Some(level), dictionary: None });
        assert_eq!(said(&load::<R>(&bytes).unwrap()), said(page));
    }
}

/// Has pages of such records come back: with gaps, and with facts that retention left among them.
fn all_come_back<R: RecordType>(
    draw: &mut impl FnMut(u32) -> u32,
    slots_max: u32,
    record: impl Fn(u32) -> R,
) {
    let slots = [1, 2, 7, 8, 9, 63, 64, 65, 144, 1024][draw(10) as usize].min(slots_max);
    let (gaps, one) = (draw(3), slots / 2);
    let mut page = builder::<R>(slots);
    for slot in 0..slots {
        if slot != one && draw(gaps + 1) > 0 {
            continue;
        }
        let moves = if draw(4) == 0 { draw(255) } else { 0 };
        add(&mut page, slot, facts(u64::from(slot % 3)), &record(slot / 5 + moves));
    }
    let page = page.finish();
    comes_back::<R>(&page);
    let fate = |slot: Slot| match slot.0 % 5 {
        _ if slot.0 == one => Fate::Stays,
        0 => Fate::LeavesFacts,
        1 => Fate::Goes,
        _ => Fate::Stays,
    };
    let (left, _) = without(&page, fate, &RecordShape::of::<R>()).unwrap();
    left.iter().for_each(comes_back::<R>);
}

#[test]
fn records_of_every_length_come_back_in_every_form() {
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut draw = move |below: u32| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as u32 % below
    };
    for len in 1..=300_u32 {
        all_come_back(&mut draw, PAGE_BYTES / len, |moved| {
            (0..len).map(|at| (at * 7 + moved) as u8).collect::<Vec<_>>()
        });
    }
    // Those above are whole words long; these are not, and stand with room between them.
    macro_rules! odd {
        ($($len:literal)*) => {
            $(all_come_back(&mut draw, PAGE_BYTES / $len, |moved| {
                std::array::from_fn::<u8, $len, _>(|at| (at as u32 * 7 + moved) as u8)
            });)*
        };
    }
    odd!(1 2 3 5 6 7 9 13 15 16 17 31 33 63 65 127 129 255 299);
}

#[test]
fn a_page_of_what_retention_left_alone_comes_back() {
    let shape = RecordShape::of::<Tide>();
    let (page, gone) = without(&tides(9, 1), |_| Fate::LeavesFacts, &shape).unwrap();
    let page = page.unwrap();
    assert!(gone.len() == 9 && Even::of(&page).is_none());
    for compression in [PLAIN, FAST, PACKED] {
        let back = load::<Tide>(&stored::<Tide>(&page, &compression)).unwrap();
        for slot in (0..9).map(Slot) {
            assert!(back.is_tombstone(slot) && back.facts(slot) == page.facts(slot));
        }
    }
}

#[test]
fn records_of_no_length_come_back() {
    let mut page = builder::<()>(40);
    (0..40).for_each(|slot| add(&mut page, slot, facts(1), &()));
    let page = page.finish();
    assert!(Even::of(&page).is_none(), "nothing says how many there are");
    for compression in [PLAIN, FAST, PACKED] {
        assert_eq!(said(&load::<()>(&stored::<()>(&page, &compression)).unwrap()), said(&page));
    }
}

#[test]
fn a_lean_form_of_more_or_less_than_its_records_is_refused() {
    let page = tides(9, 1);
    let lean = Even::of(&page).expect("all are of one length").lean(&page);
    let (slots, body_len) = (page.slots(), page.body().len());
    assert!(unfolded(&[&lean[..], &[0]].concat(), slots, body_len).is_err());
    assert!(unfolded(&lean[..lean.len() - 1], slots, body_len).is_err());
    assert!(unfolded(&lean, slots, body_len).is_ok());
}

#[test]
fn a_lean_form_of_no_record_is_refused() {
    let lean = [&24_u32.to_le_bytes()[..], &24_u32.to_le_bytes(), &[0; 2 * 4 * 4]].concat();
    assert!(unfolded(&lean, 4, 4 * 16).is_err());
    assert!(unfolded(&lean, 4, 4 * 16 + 24).is_err());
}

#[test]
fn columns_of_what_does_not_pack_or_beside_what_does_not_suit_are_refused() {
    let few = tides(7, 1);
    let even = Even::of(&few).expect("all are of one length");
    assert!(!even.packs());
    assert!(from_packed(&packed(even, &few), 7, few.body().len(), None).is_err());
    let pattern = Pattern::of(&tides(144, 1), PageNumber(7)).expect("a full page");
    let other = tides(100, 1);
    let packed = packed(Even::of(&other).expect("all are of one length"), &other);
    let body_len = other.body().len();
    assert!(from_packed(&packed, 100, body_len, Some(pattern.full())).is_err());
    assert!(from_packed(&packed, 100, body_len, None).is_ok(), "by itself it is a page");
}
