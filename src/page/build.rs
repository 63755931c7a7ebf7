//! Putting a page together, record by record.

use rkyv::util::AlignedVec;

use crate::error::{Error, Result};

use super::access::{Room, is_plain};
use super::body::{ENTRY_BYTES, Entry, Origin, Page, STATE_TOMBSTONE};
use super::facts::Facts;
use super::shape::{RecordShape, RecordType};
use super::slots::{Slot, SlotSet};
use super::{PAGE_BYTES_MAX, PAGE_LEN_MAX};

/// A page in the making. Slots are filled in any order; the last record for a slot stays.
pub(crate) struct PageBuilder {
    shape: RecordShape,
    entries: Vec<Entry>,
    facts: Vec<Facts>,
    /// The body so far: room for the slot table, then the records.
    body: AlignedVec<16>,
}

/// A page in the making takes no more room than this before it is known to need it.
const RESERVED_BYTES_MAX: usize = 1 << 20;

impl PageBuilder {
    /// An empty page with room for `slots` buckets.
    pub(crate) fn new(slots: u32, shape: RecordShape) -> Self {
        debug_assert!((1..=PAGE_LEN_MAX).contains(&slots));
        Self {
            shape,
            entries: vec![Entry::ABSENT; slots as usize],
            facts: Vec::new(),
            body: AlignedVec::new(),
        }
    }

    /// Makes room for so many records at once.
    pub(crate) fn reserve(&mut self, records: usize) {
        let each = self.shape.size().next_multiple_of(self.shape.align());
        let bytes = self.entries.len() * ENTRY_BYTES + records.saturating_mul(each);
        self.body.reserve(bytes.min(RESERVED_BYTES_MAX).saturating_sub(self.body.len()));
    }

    /// Adds a record that rkyv serialized from a value of the page's type.
    #[inline]
    pub(crate) fn add(
        &mut self,
        slot: Slot,
        origin: Origin,
        facts: Facts,
        build_micros: u32,
        record: &[u8],
    ) -> Result<()> {
        let align = self.shape.align();
        let offset = self.open(record.len(), align)?;
        self.body.extend_from_slice(record);
        self.entries[slot.0 as usize] = Entry {
            offset: u32::try_from(offset).expect("within the page limit"),
            len: u32::try_from(record.len()).expect("within the page limit"),
            build_micros,
            facts: self.facts_index(facts),
            state: origin as u8,
        };
        Ok(())
    }

    /// Adds records in one piece, one for each of the slots, if each is a plain copy of its value. `false`
    /// and none of them where it is not, or something of them is refused.
    pub(crate) fn add_array<R: RecordType>(
        &mut self,
        slots: SlotSet,
        facts: impl Iterator<Item = Facts>,
        origin: Origin,
        build_micros: u32,
        records: &[R],
        room: &mut Room,
    ) -> bool {
        // What is read in place later stands on this.
        assert_eq!(slots.len() as usize, records.len(), "a record for each slot");
        let size = self.shape.size();
        let bytes = records.len().saturating_mul(size);
        if !is_plain::<R>() {
            return false;
        }
        let Ok(first) = self.open(bytes, self.shape.align()) else { return false };
        let made = room.append_array(&mut self.body, records);
        if made.is_err() || self.shape.check_array(&self.body[first..]).is_err() {
            self.body.resize(first, 0);
            return false;
        }
        assert_eq!(self.body.len(), first + bytes, "plain copies");
        let in_page = |number: usize| u32::try_from(number).expect("within the page limit");
        let mut offset = first;
        for (slot, facts) in slots.iter().zip(facts) {
            let (facts, state) = (self.facts_index(facts), origin as u8);
            let (at, len) = (in_page(offset), in_page(size));
            self.entries[slot.0 as usize] = Entry { offset: at, len, build_micros, facts, state };
            offset += size;
        }
        true
    }

    /// Makes the body end where so many bytes may be appended: where that is.
    #[inline]
    fn open(&mut self, bytes: usize, align: usize) -> Result<usize> {
        let table = self.entries.len() * ENTRY_BYTES;
        let offset = self.body.len().max(table).next_multiple_of(align);
        let end = offset.saturating_add(bytes);
        if end > PAGE_BYTES_MAX {
            return Err(Error::input(format!(
                "a page of {} buckets would hold {end} bytes or more, the limit is {PAGE_BYTES_MAX}; \
                 give the view a shorter page (`page_len`)",
                self.entries.len()
            )));
        }
        if offset > self.body.len() {
            self.body.resize(offset, 0);
        }
        Ok(offset)
    }

    /// Takes a record, or what it left, over from another page as it stands there.
    pub(super) fn copy(&mut self, from: &Page, slot: Slot, facts: Facts) -> Result<()> {
        if from.is_tombstone(slot) {
            self.bury(slot, facts);
            return Ok(());
        }
        self.copy_to(slot, from, slot, facts)
    }

    /// Leaves a deleted record's facts in its slot.
    pub(super) fn bury(&mut self, slot: Slot, facts: Facts) {
        let facts = self.facts_index(facts);
        self.entries[slot.0 as usize] = Entry { facts, state: STATE_TOMBSTONE, ..Entry::ABSENT };
    }

    /// Takes a record over into another slot: pages are laid out anew.
    pub(super) fn copy_to(
        &mut self,
        slot: Slot,
        from: &Page,
        at: Slot,
        facts: Facts,
    ) -> Result<()> {
        let origin = if from.was_put(at) { Origin::Put } else { Origin::Built };
        self.add(slot, origin, facts, from.build_micros(at), from.record(at))
    }

    #[inline]
    fn facts_index(&mut self, facts: Facts) -> u16 {
        let at = match &*self.facts {
            // Most often: records of a page tend to come together.
            [.., last] if *last == facts => self.facts.len() - 1,
            _ => self.facts_at(facts),
        };
        u16::try_from(at).expect("no more facts than slots")
    }

    fn facts_at(&mut self, facts: Facts) -> usize {
        self.facts.iter().rposition(|known| *known == facts).unwrap_or_else(|| {
            self.facts.push(facts);
            self.facts.len() - 1
        })
    }

    /// Whether anything was added.
    pub(crate) fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    /// The page.
    pub(crate) fn finish(mut self) -> Page {
        self.forget_unused_facts();
        let slots = u32::try_from(self.entries.len()).expect("within the page length limit");
        let table = self.entries.len() * ENTRY_BYTES;
        // Of tombstones alone there is no more than the table.
        self.body.resize(self.body.len().max(table), 0);
        for (entry, bytes) in self.entries.iter().zip(self.body.chunks_exact_mut(ENTRY_BYTES)) {
            bytes.copy_from_slice(&entry.to_bytes());
        }
        // What was reserved for records that did not come, or by doubling.
        if self.body.capacity() > self.body.len() + self.body.len() / 8 {
            self.body.shrink_to_fit();
        }
        Page::from_parts(slots, self.facts, self.body)
    }

    /// Of a record that gave way to another in its slot, the facts may be left. A page with more of
    /// them than slots would be refused when it is read.
    fn forget_unused_facts(&mut self) {
        let mut used = vec![false; self.facts.len()];
        for entry in self.entries.iter().filter(|entry| **entry != Entry::ABSENT) {
            used[usize::from(entry.facts)] = true;
        }
        if used.iter().all(|used| *used) {
            return;
        }
        let mut kept = 0u16;
        let moved: Vec<u16> = used
            .iter()
            .map(|used| {
                let to = kept;
                kept += u16::from(*used);
                to
            })
            .collect();
        for entry in self.entries.iter_mut().filter(|entry| **entry != Entry::ABSENT) {
            entry.facts = moved[usize::from(entry.facts)];
        }
        let mut used = used.into_iter();
        self.facts.retain(|_| used.next().expect("one for each"));
    }
}

#[cfg(test)]
mod tests {
    use std::iter::repeat_n;

    use super::super::{Compression, decode, encode, serialize, store_body};
    use super::*;
    use crate::revision::Revision;
    use crate::time::Timestamp;

    fn facts(begun: u64) -> Facts {
        Facts {
            begun: Revision::from_raw(begun),
            verified: Revision::ZERO,
            changed: Revision::ZERO,
            built_at: Timestamp::from_millis(0),
            fresh_until: Timestamp::MAX,
            version: 1,
            dependencies: 0,
        }
    }

    #[test]
    fn what_was_reserved_and_did_not_come_is_given_back_unless_it_is_little() {
        let shape = RecordShape::of::<[u64; 64]>();
        for came in [1, 56, 112] {
            let mut page = PageBuilder::new(112, shape);
            page.reserve(112);
            for slot in 0..came {
                page.add(Slot(slot), Origin::Built, facts(1), 0, &[7; 512]).unwrap();
            }
            let room = page.body.capacity();
            let page = page.finish();
            let (body, told) = (page.body().len(), size_of::<Page>() + 48 + 2 * 8);
            // Room is given by powers of two.
            let kept = if came == 112 { room } else { body };
            assert_eq!(page.bytes() - told, kept, "{body} of {room} are filled");
        }
    }

    #[test]
    fn a_slot_filled_again_leaves_no_facts_that_the_page_is_refused_for() {
        let shape = RecordShape::of::<u64>();
        let mut page = PageBuilder::new(2, shape);
        for (slot, begun) in [(0, 1), (1, 2), (0, 3), (0, 4)] {
            let record = serialize(&begun).unwrap();
            page.add(Slot(slot), Origin::Built, facts(begun), 0, &record).unwrap();
        }
        let page = page.finish();
        let plain = Compression { level: None, dictionary: None };
        let stored = encode(&page, &store_body(&page, &plain, None), b"key", &shape);
        let page = decode(&stored, b"key", &shape, |_| Ok(None)).unwrap();
        assert_eq!(page.all_facts().len(), 2);
        assert_eq!(*page.facts(Slot(0)), facts(4));
        assert_eq!(*page.facts(Slot(1)), facts(2));
    }

    #[test]
    fn an_array_of_records_makes_the_page_that_they_make_one_by_one() {
        let records: Vec<[u32; 6]> = (0..50).map(|n| [n, n * n, 7, n, n / 3, 9]).collect();
        let shape = RecordShape::of::<[u32; 6]>();
        // Others stand between them, and their facts change on the way.
        let slots = || (0..50).map(|nth| Slot(nth + nth / 10));
        let all_facts = || (0..50).map(|nth| facts(nth / 20 + 1));
        let (mut alone, mut together) = (PageBuilder::new(60, shape), PageBuilder::new(60, shape));
        for ((slot, facts), record) in slots().zip(all_facts()).zip(&records) {
            let record = serialize(record).unwrap();
            alone.add(slot, Origin::Built, facts, 7, &record).unwrap();
        }
        let mut room = Room::default();
        let slots = slots().collect();
        assert!(together.add_array(slots, all_facts(), Origin::Built, 7, &records, &mut room));
        let (alone, together) = (alone.finish(), together.finish());
        assert_eq!(alone.body(), together.body());
        assert_eq!(alone.all_facts(), together.all_facts());
    }

    #[test]
    fn an_array_that_no_page_can_hold_leaves_nothing() {
        const LARGE: usize = 33 << 10;
        let mut page = PageBuilder::new(1024, RecordShape::of::<[u8; LARGE]>());
        let (records, room) = (vec![[0_u8; LARGE]; 1024], &mut Room::default());
        let facts = repeat_n(facts(1), 1024);
        assert!(!page.add_array(first(1024), facts, Origin::Built, 0, &records, room));
        assert!(page.is_empty());
        assert_eq!(page.finish().present().count(), 0);
    }

    #[derive(rkyv::Archive, rkyv::Serialize)]
    #[rkyv(attr(repr(align(16))))]
    struct Wide(u64);

    fn first(slots: u32) -> SlotSet {
        (0..slots).map(Slot).collect()
    }

    fn stands_in_an_array<R: RecordType>(records: &[R]) -> bool {
        let mut page = PageBuilder::new(2, RecordShape::of::<R>());
        let (slots, facts) = (first(records.len() as u32), repeat_n(facts(1), records.len()));
        let stands = page.add_array(slots, facts, Origin::Built, 0, records, &mut Room::default());
        assert_eq!(page.is_empty(), !stands);
        stands
    }

    #[test]
    fn what_is_no_plain_copy_of_its_value_stands_in_no_array() {
        assert!(stands_in_an_array(&[1_u32, 2]));
        assert!(!stands_in_an_array(&["low tide".to_owned()]), "its text is elsewhere");
        assert!(!stands_in_an_array(&[(1_u8, 2_u64)]), "it has room between its fields");
        assert!(!stands_in_an_array(&[(), ()]), "there is nothing to lay down");
        assert!(!stands_in_an_array(&[Wide(1), Wide(2)]), "it is wider when archived");
    }

    #[test]
    fn of_an_array_with_a_record_that_is_refused_nothing_stands() {
        // Bytes, in a page that takes truth alone.
        let mut page = PageBuilder::new(3, RecordShape::of::<bool>());
        let room = &mut Room::default();
        let mut add = |records: &[u8; 2]| {
            let facts = repeat_n(facts(1), 2);
            page.add_array(first(2), facts, Origin::Built, 0, records, room)
        };
        assert!(!add(&[1, 2]));
        assert!(add(&[0, 1]));
        let page = page.finish();
        assert_eq!(page.present().collect::<Vec<_>>(), [Slot(0), Slot(1)]);
        assert_eq!((page.record(Slot(0)), page.record(Slot(1))), (&[0][..], &[1][..]));
        assert_eq!(page.body().len(), 3 * ENTRY_BYTES + 2);
    }
}
