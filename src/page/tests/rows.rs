//! What a page knows without looking at its slot table, held against that table.

use rkyv::util::AlignedVec;

use super::super::body::{ENTRY_BYTES, Entry, STATE_TOMBSTONE};
use super::*;
use crate::page::{access, access_array};

const SLOTS_MAX: u32 = 20;
/// Room for records behind the table.
const ROOM: usize = 1024;

/// A generator of numbers that are the same on every run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(0x14_057B);
        (self.0 >> 33) as u32 % end
    }
}

fn page_of(entries: &[Entry]) -> Page {
    let mut body = AlignedVec::with_capacity(entries.len() * ENTRY_BYTES + ROOM);
    entries.iter().for_each(|entry| body.extend_from_slice(&entry.to_bytes()));
    (0..ROOM).for_each(|at| body.push(at as u8));
    Page::from_parts(entries.len() as u32, vec![facts(1)], body)
}

fn says_what_its_table_says(page: &Page, entries: &[Entry]) {
    for (slot, entry) in (0..).map(Slot).zip(entries) {
        let present = Entry::is_record(entry.state);
        assert_eq!(page.holds(slot), present, "{slot:?} of {entries:?}");
        let (from, len) = (entry.offset as usize, entry.len as usize);
        let within = from.checked_add(len).is_some_and(|end| end <= page.body().len());
        if present && within {
            assert_eq!(
                page.record(slot),
                &page.body()[from..from + len],
                "{slot:?} of {entries:?}"
            );
        }
    }
    assert!(!page.holds(Slot(entries.len() as u32)) && !page.holds(Slot(u32::MAX)));
    for first in (0..page.slots()).step_by(3) {
        for last in (first..=page.slots()).step_by(4) {
            let all = (first..=last).all(|slot| page.holds(Slot(slot)));
            assert_eq!(
                page.holds_all(Slot(first), Slot(last)),
                all,
                "{first} to {last} of {entries:?}"
            );
        }
    }
}

/// What is given out as an array is read without a look at the table.
fn its_arrays_are_what_its_table_says(page: &Page, entries: &[Entry], size: u32) {
    let len = page.body().len();
    // Of pages from disk that is checked, record by record.
    if entries.iter().any(|entry| entry.offset as usize + entry.len as usize > len) {
        return;
    }
    for first in (0..page.slots()).step_by(3) {
        for count in (0..=page.slots() - first + 1).step_by(3) {
            let Some(array) = page.array(Slot(first), count, size as usize) else { continue };
            assert_eq!(array.len(), count as usize * size as usize);
            for slot in first..first + count {
                assert!(page.holds(Slot(slot)), "{slot} of {first} and {count} in {entries:?}");
                assert_eq!(entries[slot as usize].len, size);
                let at = (slot - first) as usize * size as usize;
                assert_eq!(&array[at..at + size as usize], page.record(Slot(slot)));
            }
        }
    }
}

#[test]
fn a_page_says_of_each_slot_what_its_table_says() {
    let mut draw = Draw(7);
    for _ in 0..20_000 {
        let slots = 1 + draw.below(SLOTS_MAX);
        let first = slots * ENTRY_BYTES as u32 + draw.below(3) * 8;
        let (stride, usual, oddness) = (draw.below(5) * 8, draw.below(4) * 8, draw.below(12) + 1);
        let entry = |slot: u32| {
            let mut entry = Entry {
                offset: first + slot * stride,
                len: usual,
                build_micros: slot,
                facts: 0,
                state: Origin::Built as u8 + (draw.below(4) == 0) as u8,
            };
            match draw.below(oddness) {
                0 => {}
                1 => entry.offset += 8,
                2 => entry.len += 8,
                3 => entry.offset = first,
                4 => entry.offset = u32::MAX - draw.below(9),
                5 => entry = Entry { state: STATE_TOMBSTONE, ..Entry::ABSENT },
                6 => entry = Entry::ABSENT,
                _ => {}
            }
            entry
        };
        let entries: Vec<Entry> = (0..slots).map(entry).collect();
        let page = page_of(&entries);
        says_what_its_table_says(&page, &entries);
        for size in [0, 8, usual] {
            its_arrays_are_what_its_table_says(&page, &entries, size);
        }
    }
}

#[test]
fn records_of_one_size_right_behind_each_other_are_an_array_and_others_are_none() {
    let page = |stride: u32| {
        let at = |slot: u32| Entry {
            offset: 4 * ENTRY_BYTES as u32 + slot * stride,
            len: 8,
            state: Origin::Built as u8,
            ..Entry::ABSENT
        };
        page_of(&[at(0), at(1), at(2), Entry::ABSENT])
    };
    let (close, apart) = (page(8), page(16));
    let records = &close.body()[4 * ENTRY_BYTES..][..3 * 8];
    assert_eq!(close.array(Slot(0), 3, 8), Some(records));
    assert_eq!(close.array(Slot(1), 2, 8), Some(&records[8..]));
    assert_eq!(close.array(Slot(0), 4, 8), None, "the last slot is empty");
    assert_eq!(close.array(Slot(0), 3, 4), None, "they are longer");
    assert_eq!(close.array(Slot(1), u32::MAX, 8), None, "no slot is so far");
    assert_eq!(apart.array(Slot(0), 2, 8), None, "something stands between them");
    assert_eq!(apart.array(Slot(1), 1, 8), Some(apart.record(Slot(1))));
}

#[test]
fn records_of_an_array_are_read_in_place_as_each_by_itself() {
    let mut page = builder::<u64>(4);
    (0..3).for_each(|slot| add(&mut page, slot, facts(1), &(u64::from(slot) + 7)));
    let page = page.finish();
    let read = access_array::<u64>(&page, Slot(1), 2).expect("they stand one behind the other");
    assert_eq!(read.iter().map(|number| number.to_native()).collect::<Vec<_>>(), [8, 9]);
    assert!(std::ptr::eq(&read[1], access::<u64>(&page, Slot(2))));
    assert!(access_array::<u64>(&page, Slot(1), 3).is_none(), "the last slot is empty");
}

#[test]
fn what_is_printed_of_a_page_has_no_byte_of_its_records() {
    let mut page = builder::<u64>(4);
    (0..3).for_each(|slot| add(&mut page, slot, facts(1), &0x7EA5_E77E_u64));
    assert_eq!(format!("{:?}", page.finish()), "Page { slots: 4, present: 3 }");
    assert_eq!(format!("{:?}", dictionary(7)), "Dictionary(7)");
    let shape = format!("{:?}", RecordShape::unknown(0xAB));
    assert_eq!(shape, "RecordShape { size: 0, fingerprint: 00000000000000ab }");
}

#[test]
fn rows_whose_places_lie_beyond_32_bits_end_before() {
    let stride = u32::MAX / 3;
    let at = |slot: u32| Entry {
        offset: (64_u32).wrapping_add(slot.wrapping_mul(stride)),
        len: 8,
        state: Origin::Built as u8,
        ..Entry::ABSENT
    };
    let entries: Vec<Entry> = (0..4).map(at).collect();
    says_what_its_table_says(&page_of(&entries), &entries);
}

#[test]
fn what_all_records_have_in_common_is_the_least_of_each_and_their_one_version() {
    let floor = |all: &[Facts]| {
        let mut page = builder::<u64>(8);
        (0..).zip(all).for_each(|(slot, facts)| add(&mut page, slot, *facts, &1_u64));
        page.finish().floor()
    };
    let early = Facts { fresh_until: Timestamp::from_millis(9), ..facts(3) };
    let late = Facts { version: 3, fresh_until: Timestamp::from_millis(20), ..facts(8) };
    let both = floor(&[late, early]);
    assert_eq!((both.begun, both.verified), (early.begun, early.verified));
    assert_eq!((both.fresh_until, both.version), (early.fresh_until, Some(3)));
    assert_eq!(floor(&[late, early, facts(4)]).version, None);
    assert_eq!(
        floor(&[late, facts(4), facts(4)]).version,
        None,
        "the later agree, the first does not"
    );
}

#[test]
fn a_page_weighs_all_its_parts() {
    let mut body = AlignedVec::with_capacity(8192);
    body.resize(130 * ENTRY_BYTES, 0);
    let all = [facts(1), facts(2), facts(3)];
    let page = Page::from_parts(130, all.to_vec(), body);
    // Facts, and a bit for each slot.
    let told = size_of_val(&all) + 3 * size_of::<u64>();
    assert_eq!(page.bytes(), size_of::<Page>() + 8192 + told);
}
