//! The value in the table of what is wanted: which slots of a page are to be built though nothing
//! that stands there is marked.

use std::collections::BTreeMap;

use super::bytes::{put_span, take_span};
use super::tries::Tries;
use crate::page::{PAGE_LEN_MAX, Slot, SlotSet};

/// The slots of a page that were asked for and are not yet built.
///
/// On disk, until the bytes end: runs of slots that were tried alike: first and last (2 bytes each),
/// attempts (2), the next attempt (8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WantedRow {
    pub(crate) slots: BTreeMap<u16, Tries>,
}

impl WantedRow {
    /// Wants slots, those that are wanted already as if they had not been tried. Answers which were
    /// not.
    pub(crate) fn want(&mut self, slots: SlotSet) -> SlotSet {
        let newly = slots.minus(self.wanted());
        self.slots.extend(slots.iter().map(|slot| (slot.0 as u16, Tries::NONE)));
        newly
    }

    /// What was tried in vain is as if it had not been. Answers which slots that concerns.
    pub(crate) fn revive(&mut self, slots: SlotSet) -> SlotSet {
        let mut revived = SlotSet::EMPTY;
        for (slot, tries) in &mut self.slots {
            let slot = Slot((*slot).into());
            if *tries != Tries::NONE && slots.contains(slot) {
                *tries = Tries::NONE;
                revived.insert(slot);
            }
        }
        revived
    }

    pub(crate) fn clear(&mut self, slots: SlotSet) {
        self.slots.retain(|slot, _| !slots.contains(Slot((*slot).into())));
    }

    pub(crate) fn set_tries(&mut self, slot: Slot, tries: Tries) {
        self.slots.insert(slot.0 as u16, tries);
    }

    pub(crate) fn tries(&self, slot: Slot) -> Option<Tries> {
        self.slots.get(&u16::try_from(slot.0).ok()?).copied()
    }

    pub(crate) fn all_tries(&self) -> impl Iterator<Item = (Slot, Tries)> + '_ {
        self.slots.iter().map(|(slot, tries)| (Slot((*slot).into()), *tries))
    }

    pub(crate) fn wanted(&self) -> SlotSet {
        self.slots.keys().map(|slot| Slot((*slot).into())).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut slots = self.slots.iter().peekable();
        while let Some((first, tries)) = slots.next() {
            let mut last = *first;
            while slots.next_if(|(slot, next)| **slot == last + 1 && *next == tries).is_some() {
                last += 1;
            }
            put_span(&mut bytes, (*first, last));
            tries.put(&mut bytes);
        }
        bytes
    }

    /// `None` if these bytes are no row.
    pub(crate) fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let bytes = &mut bytes;
        let mut row = Self::default();
        let mut free = 0;
        while !bytes.is_empty() {
            let (first, last) = take_span(bytes)?;
            let tries = Tries::take(bytes)?;
            if first < free || u32::from(last) >= PAGE_LEN_MAX {
                return None;
            }
            row.slots.extend((first..=last).map(|slot| (slot, tries)));
            free = last + 1;
        }
        Some(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn slots(first: u32, last: u32) -> SlotSet {
        SlotSet::span(Slot(first), Slot(last))
    }

    fn tries(attempts: u16, next: i64) -> Tries {
        Tries { attempts, next_attempt: Timestamp::from_millis(next) }
    }

    #[test]
    fn the_bytes_on_disk_are_these() {
        let mut row = WantedRow::default();
        row.want(slots(1, 3));
        row.set_tries(Slot(2), tries(5, 258));
        let never = i64::MIN.to_le_bytes();
        let first = [&[1, 0, 1, 0, 0, 0][..], &never].concat();
        let second = [&[2, 0, 2, 0, 5, 0][..], &[2, 1, 0, 0, 0, 0, 0, 0]].concat();
        let third = [&[3, 0, 3, 0, 0, 0][..], &never].concat();
        assert_eq!(row.to_bytes(), [first, second, third].concat());
        assert_eq!(WantedRow::from_bytes(&row.to_bytes()), Some(row));
    }

    #[test]
    fn a_thousand_slots_asked_for_together_are_one_run() {
        let mut row = WantedRow::default();
        assert_eq!(row.want(slots(0, 1023)).len(), 1024);
        assert_eq!(row.to_bytes().len(), 14);
        assert_eq!(WantedRow::from_bytes(&row.to_bytes()), Some(row));
    }

    #[test]
    fn what_is_asked_for_again_counts_as_not_tried() {
        let mut row = WantedRow::default();
        row.want(slots(1, 2));
        row.set_tries(Slot(1), tries(5, i64::MAX));
        row.set_tries(Slot(2), tries(1, 9));
        assert_eq!(row.want(slots(1, 1)), SlotSet::EMPTY, "it was wanted already");
        assert_eq!(row.tries(Slot(1)), Some(Tries::NONE));
        assert_eq!(row.tries(Slot(2)), Some(tries(1, 9)), "nobody asked for this one");
        assert_eq!(row.revive(slots(0, 9)), slots(2, 2));
        assert_eq!(row.wanted(), slots(1, 2));
        row.clear(slots(0, 9));
        assert!(row.is_empty());
    }

    #[test]
    fn what_is_no_row_is_refused() {
        let mut row = WantedRow::default();
        row.want(slots(3, 4));
        row.set_tries(Slot(7), tries(1, 2));
        let bytes = row.to_bytes();
        let run = 14;
        for len in 0..bytes.len() {
            let row = WantedRow::from_bytes(&bytes[..len]);
            assert_eq!(row.is_some(), len % run == 0, "{len} bytes");
        }
        // A run that ends before it begins, ends beyond a page, or overlaps the one before.
        for (place, byte) in [(2, 2), (3, 4), (run, 4)] {
            let mut foreign = bytes.clone();
            foreign[place] = byte;
            assert_eq!(WantedRow::from_bytes(&foreign), None, "{byte} at {place}");
        }
    }
}
