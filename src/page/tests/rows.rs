//! What a page knows without looking at its slot table, held against that table.

use rkyv::util::AlignedVec;

use super::super::body::{ENTRY_BYTES, Entry, STATE_TOMBSTONE};
use super::*;

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
        says_what_its_table_says(&page_of(&entries), &entries);
    }
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
