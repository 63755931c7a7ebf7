//! A page in memory.

use rkyv::util::AlignedVec;

use crate::error::{Error, Result};

use super::facts::Facts;
use super::shape::RecordShape;

/// A bucket's place in its page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Slot(pub(crate) u32);

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

    fn present(self) -> bool {
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
    /// Bit `b` of word `w`: whether slot `64 * w + b` holds a record.
    held: Box<[u64]>,
    facts: Box<[Facts]>,
    body: AlignedVec<16>,
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
        let held = vec![0; slots.div_ceil(64) as usize].into();
        let mut page = Self { slots, held, facts: facts.into(), body };
        for slot in 0..slots {
            let held = u64::from(page.entry(Slot(slot)).present());
            page.held[slot as usize / 64] |= held << (slot % 64);
        }
        page
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
        let word = self.held.get(slot.0 as usize / 64);
        word.is_some_and(|word| word >> (slot.0 % 64) & 1 == 1)
    }

    /// The slots that hold records, in order.
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
        &self.facts[usize::from(self.entry(slot).facts)]
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
        let entry = self.entry(slot);
        &self.body[entry.offset as usize..][..entry.len as usize]
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
