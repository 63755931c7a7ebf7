//! A page in memory.

use rkyv::util::AlignedVec;

use crate::error::{Error, Result};

use crate::revision::Revision;
use crate::time::Timestamp;

use super::facts::Facts;
use super::shape::RecordShape;
use super::slots::{Slot, SlotSet};

/// Where a record came from; on disk as the slot's state, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The view's build function made it.
    Built = 1,
    /// The application put it.
    Put = 2,
}

/// On disk: a deleted record that still has readers. It has facts but no bytes and is never served.
pub(super) const STATE_TOMBSTONE: u8 = 3;
/// On disk: nothing is there.
const STATE_ABSENT: u8 = 0;

/// One entry of the slot table that every body begins with.
///
/// On disk and in memory, little endian: offset of the record in the body (4 bytes), its length
/// (4), how long its build took in microseconds (4), the index of its facts (2), its state (1), a
/// zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) offset: u32,
    pub(super) len: u32,
    pub(super) build_micros: u32,
    pub(super) facts: u16,
    pub(super) state: u8,
}

/// Bytes of an entry; on disk, never changes within a format.
pub(super) const ENTRY_BYTES: usize = 16;

impl Entry {
    pub(super) const ABSENT: Self =
        Self { offset: 0, len: 0, build_micros: 0, facts: 0, state: STATE_ABSENT };

    pub(super) fn to_bytes(self) -> [u8; ENTRY_BYTES] {
        let mut out = [0; ENTRY_BYTES];
        out[0..4].copy_from_slice(&self.offset.to_le_bytes());
        out[4..8].copy_from_slice(&self.len.to_le_bytes());
        out[8..12].copy_from_slice(&self.build_micros.to_le_bytes());
        out[12..14].copy_from_slice(&self.facts.to_le_bytes());
        out[14] = self.state;
        out
    }

    #[inline]
    fn from_bytes(bytes: &[u8; ENTRY_BYTES]) -> Self {
        let [o0, o1, o2, o3, l0, l1, l2, l3, b0, b1, b2, b3, f0, f1, state, _] = *bytes;
        Self {
            offset: u32::from_le_bytes([o0, o1, o2, o3]),
            len: u32::from_le_bytes([l0, l1, l2, l3]),
            build_micros: u32::from_le_bytes([b0, b1, b2, b3]),
            facts: u16::from_le_bytes([f0, f1]),
            state,
        }
    }

    pub(super) fn present(self) -> bool {
        Self::is_record(self.state)
    }

    /// Whether a slot of this state holds a record.
    pub(super) fn is_record(state: u8) -> bool {
        state == Origin::Built as u8 || state == Origin::Put as u8
    }
}

/// A page in memory: every record in it has been checked and may be read in place. Immutable.
///
/// The body is one aligned buffer: the slot table, then the records.
pub(crate) struct Page {
    slots: u32,
    row: Row,
    floor: Floor,
    /// Bit `b` of word `w`: whether slot `64 * w + b` holds a record.
    held: Box<[u64]>,
    facts: Box<[Facts]>,
    body: AlignedVec<16>,
}

/// The first slots of a page, as far as they hold records of one length at equal distances: where
/// those stand is known without looking at the slot table. Mostly that is all of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Row {
    slots: u32,
    /// Where the first stands in the body, and how far it is from one to the next.
    first: u32,
    stride: u32,
    /// Bytes of each.
    len: u32,
}

/// What all records of a page have in common: enough to believe any of them, mostly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Floor {
    /// The least S.
    pub(crate) begun: Revision,
    /// The least V.
    pub(crate) verified: Revision,
    /// The least time from when on one is expired.
    pub(crate) fresh_until: Timestamp,
    /// The view's version, if one version built them all.
    pub(crate) version: Option<u32>,
}

impl Floor {
    fn of(facts: &[Facts]) -> Self {
        let nothing = Self {
            begun: Revision::from_raw(u64::MAX),
            verified: Revision::from_raw(u64::MAX),
            fresh_until: Timestamp::MAX,
            version: facts.first().map(|facts| facts.version),
        };
        facts.iter().fold(nothing, |floor, facts| Self {
            begun: floor.begun.min(facts.begun),
            verified: floor.verified.min(facts.verified),
            fresh_until: floor.fresh_until.min(facts.fresh_until),
            version: floor.version.filter(|version| *version == facts.version),
        })
    }
}

impl Row {
    /// Of a slot table.
    fn of(table: &[[u8; ENTRY_BYTES]]) -> Self {
        let mut entries = table.iter().map(Entry::from_bytes).take_while(|entry| entry.present());
        let Some(Entry { offset: first, len, .. }) = entries.next() else { return Self::default() };
        let mut row = Self { slots: 1, first, stride: 0, len };
        let mut last = first;
        for entry in entries.take_while(|entry| entry.len == len) {
            let Some(apart) = entry.offset.checked_sub(last) else { break };
            if row.slots == 1 {
                row.stride = apart;
            } else if apart != row.stride {
                break;
            }
            last = entry.offset;
            row.slots += 1;
        }
        row
    }
}

/// The slot table of a body.
fn slot_table(body: &[u8], slots: u32) -> &[[u8; ENTRY_BYTES]] {
    &body.as_chunks().0[..slots as usize]
}

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never record bytes.
        write!(f, "Page {{ slots: {}, present: {} }}", self.slots, self.present().count())
    }
}

impl Page {
    /// Takes parts that hold together: those of a `PageBuilder`, or those from disk that are about
    /// to be checked.
    pub(super) fn from_parts(slots: u32, facts: Vec<Facts>, body: AlignedVec<16>) -> Self {
        let table = slot_table(&body, slots);
        let word = |some: &[[u8; ENTRY_BYTES]]| {
            let bits = some.iter().map(|entry| u64::from(Entry::from_bytes(entry).present()));
            bits.rev().fold(0, |word, bit| word << 1 | bit)
        };
        let (held, row) = (table.chunks(64).map(word).collect(), Row::of(table));
        Self { slots, row, floor: Floor::of(&facts), held, facts: facts.into(), body }
    }

    /// Takes parts from disk, distrusting every number and every record.
    pub(super) fn from_disk(
        slots: u32,
        facts: Vec<Facts>,
        body: AlignedVec<16>,
        shape: &RecordShape,
    ) -> Result<Self> {
        let table = slots as usize * ENTRY_BYTES;
        if body.len() < table {
            return Err(Error::damaged("a page's body is shorter than its slot table"));
        }
        let page = Self::from_parts(slots, facts, body);
        for slot in (0..slots).map(Slot) {
            page.checked(slot, table, shape)
                .map_err(|cause| Error::damaged(format!("slot {} of the page: {cause}", slot.0)))?;
        }
        Ok(page)
    }

    fn checked(&self, slot: Slot, table: usize, shape: &RecordShape) -> Result<(), String> {
        let entry = self.entry(slot);
        if entry.state == STATE_ABSENT {
            return if entry == Entry::ABSENT {
                Ok(())
            } else {
                Err("an absent record has content".into())
            };
        }
        if usize::from(entry.facts) >= self.facts.len() {
            return Err("its facts are missing".into());
        }
        if entry.state == STATE_TOMBSTONE {
            return if entry.len == 0 { Ok(()) } else { Err("a tombstone has bytes".into()) };
        }
        if !entry.present() {
            return Err(format!("unknown state {}", entry.state));
        }
        let (offset, len) = (entry.offset as usize, entry.len as usize);
        let end = offset.checked_add(len).filter(|end| *end <= self.body.len());
        if offset < table || end.is_none() {
            return Err("the record lies outside the page".into());
        }
        if !shape.fits(len) || offset % shape.align() != 0 {
            return Err("the record does not stand as its type must".into());
        }
        shape.check(&self.body[offset..offset + len])
    }

    /// The entries of all slots, in order.
    pub(super) fn entries(&self) -> impl ExactSizeIterator<Item = Entry> {
        slot_table(&self.body, self.slots).iter().map(Entry::from_bytes)
    }

    #[inline]
    pub(super) fn entry(&self, slot: Slot) -> Entry {
        let at = slot.0 as usize * ENTRY_BYTES;
        let bytes = self.body[at..].first_chunk().expect("the slot table is whole");
        Entry::from_bytes(bytes)
    }

    /// How many buckets it has room for.
    #[inline]
    pub(crate) fn slots(&self) -> u32 {
        self.slots
    }

    /// Whether a record stands in the slot.
    #[inline]
    pub(crate) fn holds(&self, slot: Slot) -> bool {
        slot.0 < self.row.slots || {
            let word = self.held.get(slot.0 as usize / 64);
            word.is_some_and(|word| word >> (slot.0 % 64) & 1 == 1)
        }
    }

    /// Whether a record stands in each slot from one to another.
    #[inline]
    pub(crate) fn holds_all(&self, first: Slot, last: Slot) -> bool {
        last.0 < self.row.slots || (first.0..=last.0).all(|slot| self.holds(Slot(slot)))
    }

    /// The slots that hold records.
    pub(crate) fn held(&self) -> SlotSet {
        SlotSet::of_words(&self.held)
    }

    /// Those that hold records, in order.
    pub(crate) fn present(&self) -> impl DoubleEndedIterator<Item = Slot> {
        (0..self.slots).map(Slot).filter(|slot| self.holds(*slot))
    }

    /// Whether a deleted record has left its facts in the slot, for those that read it.
    pub(crate) fn is_tombstone(&self, slot: Slot) -> bool {
        slot.0 < self.slots && self.entry(slot).state == STATE_TOMBSTONE
    }

    /// Whether the slot has facts: of a record, or of one that retention deleted.
    pub(crate) fn has_facts(&self, slot: Slot) -> bool {
        self.holds(slot) || self.is_tombstone(slot)
    }

    /// Facts of the record in the slot, which must hold one or a tombstone.
    #[inline]
    pub(crate) fn facts(&self, slot: Slot) -> &Facts {
        &self.facts[self.facts_number(slot)]
    }

    /// Which of all its facts are those of the record in the slot, which must hold one or a tombstone.
    #[inline]
    pub(crate) fn facts_number(&self, slot: Slot) -> usize {
        usize::from(self.entry(slot).facts)
    }

    /// How long the build of the slot's record took, in microseconds.
    pub(crate) fn build_micros(&self, slot: Slot) -> u32 {
        self.entry(slot).build_micros
    }

    /// Whether the slot's record was put rather than built.
    pub(crate) fn was_put(&self, slot: Slot) -> bool {
        self.entry(slot).state == Origin::Put as u8
    }

    /// Bytes of the record in the slot; empty if there is none.
    #[inline]
    pub(crate) fn record(&self, slot: Slot) -> &[u8] {
        let (offset, len) = if slot.0 < self.row.slots {
            // Within 32 bits: it was compared with the entry's offset.
            (self.row.first + slot.0 * self.row.stride, self.row.len)
        } else {
            let entry = self.entry(slot);
            (entry.offset, entry.len)
        };
        &self.body[offset as usize..][..len as usize]
    }

    /// Bytes of the records in so many slots, if they stand one right behind the other and each has
    /// that size.
    #[inline]
    pub(super) fn array(&self, first: Slot, count: u32, size: usize) -> Option<&[u8]> {
        let row = self.row;
        let end = first.0.checked_add(count)?;
        if end > row.slots || row.len as usize != size || (row.stride != row.len && count > 1) {
            return None;
        }
        self.body[(row.first + first.0 * row.stride) as usize..].get(..count as usize * size)
    }

    /// Bytes of each record and how far it is from one to the next, if there is one in each slot and that
    /// is the same of all.
    pub(super) fn lies_evenly(&self) -> Option<(usize, usize)> {
        let Row { slots, stride, len, .. } = self.row;
        (slots == self.slots).then_some((len as usize, stride as usize))
    }

    /// What all its records have in common.
    #[inline]
    pub(crate) fn floor(&self) -> Floor {
        self.floor
    }

    /// Facts of all records, each once for those that share them.
    pub(crate) fn all_facts(&self) -> &[Facts] {
        &self.facts
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// The same records under other facts.
    pub(crate) fn with_facts(mut self, change: impl Fn(&mut Facts)) -> Self {
        self.facts.iter_mut().for_each(change);
        self.floor = Floor::of(&self.facts);
        self
    }

    /// What it weighs in memory.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.body.capacity()
            + size_of_val(&*self.facts)
            + size_of_val(&*self.held)
    }
}
