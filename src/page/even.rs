//! The stored forms of pages whose records are all of one length, one behind the other in the order
//! of their slots: most pages are.
//!
//! Where they lie then follows from their length, and the slot table shrinks to what is known of
//! each slot: how long its build took, the index of its facts, its state. Two forms, little endian:
//!
//! ```text
//! lean:    | length 4 | stride 4 | build times, 4 each | facts and states, 4 each | records ...
//! packed:  | length 4 | stride 4 | the same two as columns | a column for each four bytes of a record
//! ```
//! The lean form is what zstd is given. The packed one does without zstd, and is mostly smaller where
//! records are numbers that move from bucket to bucket; beside a full page, the pattern of its time, a
//! column may say what it differs by.

use std::borrow::Cow;
use std::cell::RefCell;

use rkyv::util::AlignedVec;

use super::PAGE_LEN_MAX;
use super::body::{ENTRY_BYTES, Entry, Page};
use super::columns::{Column, Columns};
use super::habits::Habits;
use super::pack::Habit;
use super::steps::BLOCK;
use super::unpack::{unpack, unpack_beside};
use crate::error::{Error, Result};

/// Bytes that a column holds of each record.
const WORD: usize = 4;
/// Fewer records than this have too few steps between them.
const PACKED_RECORDS_MIN: usize = 8;
/// Bytes of the two lengths in front of either form.
const LENGTHS: usize = 8;
/// Columns that are unpacked before they are laid among the records.
const GROUP: usize = 16;
/// The most bytes that a pattern's records may have, since they are kept unpacked.
const PATTERN_BYTES_MAX: usize = 64 << 10;
/// What the lean form may have more than the body that it stands for.
pub(super) const LEAN_EXCESS: usize = LENGTHS;

/// What of its columns a thread keeps until the next page: as much as most pages have.
const COLUMNS_BYTES_KEPT: usize = 64 << 10;

thread_local! {
    /// The records' columns while they are packed. To have them anew for each page took longer than to
    /// fill them.
    static COLUMNS: RefCell<Columns> = RefCell::default();
}

/// How the records of such a page lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Even {
    len: usize,
    /// From the start of one record to that of the next.
    stride: usize,
    /// How many records there are.
    count: usize,
}

/// What is said of the slots, apart from where their records lie.
struct Slots {
    micros: Vec<u32>,
    /// Index of the facts, and the state 16 bits above it.
    standing: Vec<u32>,
}

impl Even {
    /// `None` for a page of another kind.
    pub(super) fn of(page: &Page) -> Option<Self> {
        let even = match page.lies_evenly().filter(|_| page.slots() > 1) {
            Some((len, stride)) => Self { len, stride, count: page.slots() as usize },
            None => Self::of_some(page)?,
        };
        // Of a body of this length the first record stands right behind the slot table.
        let fits = even.body_len(page.slots()) == Some(page.body().len());
        (fits && even.has_empty_gaps(page)).then_some(even)
    }

    /// How the records lie of a page that may not have one in each slot.
    fn of_some(page: &Page) -> Option<Self> {
        let table = page.slots() as usize * ENTRY_BYTES;
        let mut even: Option<Self> = None;
        for entry in page.present().map(|slot| page.entry(slot)) {
            let (len, at) = (entry.len as usize, entry.offset as usize);
            let even = even.get_or_insert(Self { len, stride: len, count: 0 });
            if even.count == 1 {
                even.stride = at.checked_sub(table)?;
            }
            if len != even.len || at != table + even.count * even.stride {
                return None;
            }
            even.count += 1;
        }
        even
    }

    /// Whether nothing but padding lies between the records: not one that gave way to another.
    fn has_empty_gaps(self, page: &Page) -> bool {
        let records = &page.body()[page.slots() as usize * ENTRY_BYTES..];
        self.stride == self.len
            || records.chunks(self.stride).all(|record| record[self.len..].iter().all(|b| *b == 0))
    }

    /// Whether its records are worth a try as columns.
    pub(super) fn packs(self) -> bool {
        self.len.is_multiple_of(WORD) && self.count >= PACKED_RECORDS_MIN
    }

    /// Whether none of so many slots is without a record.
    pub(super) fn fills(self, slots: u32) -> bool {
        self.count == slots as usize
    }

    /// Whether they may be the pattern of others.
    pub(super) fn may_be_pattern(self, slots: u32) -> bool {
        self.fills(slots) && self.count.saturating_mul(self.len) <= PATTERN_BYTES_MAX
    }

    /// Bytes of the body in memory; `None` if it could be none.
    fn body_len(self, slots: u32) -> Option<usize> {
        if self.len == 0 || self.stride < self.len || self.count == 0 {
            return None;
        }
        // Of one record alone the body does not bound the stride.
        if self.count == 1 && self.stride != self.len {
            return None;
        }
        let records = (self.count - 1).checked_mul(self.stride)?.checked_add(self.len)?;
        records.checked_add(slots as usize * ENTRY_BYTES)
    }

    fn lengths(self) -> [u8; LENGTHS] {
        let mut out = [0; LENGTHS];
        // Both lie within the page, whose limit is far below.
        out[..4].copy_from_slice(&(self.len as u32).to_le_bytes());
        out[4..].copy_from_slice(&(self.stride as u32).to_le_bytes());
        out
    }

    /// The lean form.
    pub(super) fn lean(self, page: &Page) -> Vec<u8> {
        let slots = Slots::of(page);
        let told = slots.micros.len() * 2 * WORD;
        let mut out = Vec::with_capacity(LENGTHS + told + self.count * self.len);
        out.extend_from_slice(&self.lengths());
        for word in slots.micros.iter().chain(&slots.standing) {
            out.extend_from_slice(&word.to_le_bytes());
        }
        for record in self.records(page) {
            out.extend_from_slice(&record[..self.len]);
        }
        out
    }

    /// Appends the packed form of a page that [`packs`](Self::packs), beside a full one that it suits.
    /// Whether anything of it is.
    pub(super) fn pack(self, page: &Page, full: Option<&Full>, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(&self.lengths());
        let mut room = Columns::of(page.entries().map(|entry| entry.build_micros));
        room.column(0).pack(out);
        room.refill(page.entries().map(standing));
        room.column(0).pack(out);
        COLUMNS.with_borrow_mut(|columns| {
            columns.refill_by_rows(self.records(page), self.len / WORD);
            let is_beside = self.pack_columns(columns, page, full, &mut room, out);
            columns.keep_at_most(COLUMNS_BYTES_KEPT);
            is_beside
        })
    }

    /// Appends the columns of its records.
    fn pack_columns(
        self,
        columns: &Columns,
        page: &Page,
        full: Option<&Full>,
        room: &mut Columns,
        out: &mut Vec<u8>,
    ) -> bool {
        let columns = (0..self.len / WORD).map(|nth| columns.column(nth));
        let Some(full) = full else {
            columns.for_each(|column| column.pack(out));
            return false;
        };
        let is_full = self.fills(page.slots());
        let other = |nth| match full.column(nth) {
            other if is_full => Cow::Borrowed(other),
            other => {
                let pairs = page.entries().zip(other).filter(|(entry, _)| entry.present());
                Cow::Owned(pairs.map(|(_, number)| *number).collect::<Vec<_>>())
            }
        };
        let columns = columns.enumerate();
        if let Some(habits) = full.habits.of_the_moment() {
            let pack = |is_beside, (nth, column): (usize, Column<'_>)| {
                column.pack_as(&habits[nth], &other(nth), room, out) | is_beside
            };
            return columns.fold(false, pack);
        }
        let pack = |(nth, column): (usize, Column<'_>)| column.pack_beside(&other(nth), room, out);
        let found: Vec<Habit> = columns.map(pack).collect();
        let is_beside = found.iter().any(Habit::is_beside);
        // The pattern's own page says nothing of others.
        if !found.iter().all(Habit::is_the_other) {
            full.habits.begin(found);
        }
        is_beside
    }

    /// The records, each with what lies between it and the next.
    fn records(self, page: &Page) -> impl ExactSizeIterator<Item = &[u8]> {
        page.body()[page.slots() as usize * ENTRY_BYTES..].chunks(self.stride)
    }
}

/// The body of a page in its lean form, unfolded where that lies: a page near the limit is never in
/// memory twice.
pub(super) fn from_lean(
    lean: AlignedVec<16>,
    slots: u32,
    body_len: usize,
) -> Result<AlignedVec<16>> {
    let (slots, records) = Slots::from_lean(&lean, slots as usize).ok_or_else(broken)?;
    let even = slots.even_in(&lean, body_len)?;
    if records.len() != even.count * even.len {
        return Err(broken());
    }
    let (from, table) = (lean.len() - records.len(), slots.micros.len() * ENTRY_BYTES);
    let mut body = lean;
    body.resize(body_len, 0);
    // From the last to the first: each goes further back than it lay, onto what has gone already.
    for nth in (0..even.count).rev() {
        let (record, place) = (from + nth * even.len, table + nth * even.stride);
        body.copy_within(record..record + even.len, place);
        let next = (place + even.stride).min(body_len);
        body[place + even.len..next].fill(0);
    }
    slots.lay_table(even, &mut body);
    Ok(body)
}

/// The body of a page in its packed form, beside the full one that it was packed beside, if any.
pub(super) fn from_packed(
    packed: &[u8],
    slots: u32,
    body_len: usize,
    full: Option<&Full>,
) -> Result<AlignedVec<16>> {
    let (slots, mut columns) = Slots::from_packed(packed, slots as usize).ok_or_else(broken)?;
    let even = slots.even_in(packed, body_len)?;
    let of = slots.micros.len() as u32;
    if !even.packs() || !full.is_none_or(|full| full.suits(even, of)) {
        return Err(broken());
    }
    let mut body = AlignedVec::with_capacity(body_len);
    body.resize(body_len, 0);
    slots.lay_table(even, &mut body);
    let records = &mut body[slots.micros.len() * ENTRY_BYTES..];
    // Some columns at a time: a line of the processor's cache of each record, and little room.
    let is_full = even.fills(of);
    let (words, each) = (even.len / WORD, even.count.next_multiple_of(BLOCK));
    let mut group = vec![0; each * words.min(GROUP)];
    for first in (0..words).step_by(GROUP) {
        let many = (words - first).min(GROUP);
        for (nth, column) in group.chunks_exact_mut(each).take(many).enumerate() {
            let behind = match full.map(|full| full.column(first + nth)) {
                Some(other) if is_full => unpack_beside(columns, column, other.iter().copied()),
                Some(other) => unpack_beside(columns, column, slots.at_records(other)),
                None => unpack(columns, column),
            };
            columns = behind.ok_or_else(broken)?;
        }
        for (nth, record) in records.chunks_mut(even.stride).enumerate() {
            let (places, _) = record[first * WORD..][..many * WORD].as_chunks_mut();
            for (place, column) in places.iter_mut().zip(group.chunks_exact(each)) {
                *place = column[nth].to_le_bytes();
            }
        }
    }
    if columns.is_empty() { Ok(body) } else { Err(broken()) }
}

/// The records of a page that has one in each slot, as columns beside which others are packed.
#[derive(Debug)]
pub(super) struct Full {
    slots: u32,
    /// Bytes of each record.
    len: usize,
    columns: Columns,
    /// How pages beside it were packed.
    habits: Habits,
}

impl Full {
    /// Whether a page beside it would be packed as one before it was.
    #[cfg(test)]
    pub(super) fn has_habits(&self) -> bool {
        self.habits.of_the_moment().is_some()
    }

    /// Of a packed body; `None` if it is of no page that may be a pattern.
    pub(super) fn unpack(packed: &[u8], slots: u32) -> Option<Self> {
        let (told, stored) = Slots::from_packed(packed, slots as usize)?;
        let even = told.even(packed).filter(|even| even.packs() && even.may_be_pattern(slots))?;
        let columns = Columns::unpack(stored, even.count, even.len / WORD)?;
        Some(Self { slots, len: even.len, columns, habits: Habits::default() })
    }

    /// Whether such records can be laid beside it, of a page of so many slots.
    pub(super) fn suits(&self, even: Even, slots: u32) -> bool {
        (self.slots, self.len) == (slots, even.len)
    }

    /// A column: a number of each slot.
    fn column(&self, nth: usize) -> &[u32] {
        self.columns.column(nth).numbers()
    }
}

impl Slots {
    fn of(page: &Page) -> Self {
        let micros = page.entries().map(|entry| entry.build_micros).collect();
        Self { micros, standing: page.entries().map(standing).collect() }
    }

    /// What is said of so many slots, and the bytes behind.
    fn from_lean(lean: &[u8], slots: usize) -> Option<(Self, &[u8])> {
        let told = lean.get(LENGTHS..)?;
        let (micros, told) = told.split_at_checked(slots * WORD)?;
        let (standing, records) = told.split_at_checked(slots * WORD)?;
        let words = |bytes: &[u8]| bytes.chunks_exact(WORD).map(word).collect();
        Some((Self { micros: words(micros), standing: words(standing) }, records))
    }

    fn from_packed(packed: &[u8], slots: usize) -> Option<(Self, &[u8])> {
        debug_assert!(slots <= PAGE_LEN_MAX as usize, "bounded by the header");
        let room = vec![0; slots.next_multiple_of(BLOCK)];
        let (mut micros, mut standing) = (room.clone(), room);
        let rest = unpack(packed.get(LENGTHS..)?, &mut micros)?;
        let rest = unpack(rest, &mut standing)?;
        micros.truncate(slots);
        standing.truncate(slots);
        Some((Self { micros, standing }, rest))
    }

    /// How the records lie, as the two lengths in front say.
    fn even(&self, stored: &[u8]) -> Option<Even> {
        let lengths = stored.get(..LENGTHS)?;
        let count = self.at_records(&self.standing).count();
        let [len, stride] = [word(lengths), word(&lengths[WORD..])].map(|length| length as usize);
        Some(Even { len, stride, count })
    }

    /// What is said of the slots that have a record, of what is said of all.
    fn at_records(&self, said: &[u32]) -> impl Iterator<Item = u32> {
        let pairs = self.standing.iter().zip(said);
        pairs.filter(|(standing, _)| Entry::is_record(state(**standing))).map(|(_, said)| *said)
    }

    /// How the records lie: only if the body is then as long as the header says, whose bounds were
    /// checked.
    fn even_in(&self, stored: &[u8], body_len: usize) -> Result<Even> {
        let even = self.even(stored);
        let fits = |even: &Even| even.body_len(self.micros.len() as u32) == Some(body_len);
        even.filter(fits).ok_or_else(broken)
    }

    /// Writes the slot table of a body whose records lie so.
    fn lay_table(&self, even: Even, body: &mut [u8]) {
        let mut offset = self.micros.len() * ENTRY_BYTES;
        let told = self.micros.iter().zip(&self.standing);
        for ((build_micros, standing), place) in told.zip(body.as_chunks_mut().0) {
            let state = state(*standing);
            let mut entry = Entry {
                offset: 0,
                len: 0,
                build_micros: *build_micros,
                facts: *standing as u16,
                state,
            };
            if Entry::is_record(state) {
                entry.offset = offset as u32;
                entry.len = even.len as u32;
                offset += even.stride;
            }
            *place = entry.to_bytes();
        }
    }
}

/// The index of an entry's facts, and its state 16 bits above it.
fn standing(entry: Entry) -> u32 {
    u32::from(entry.facts) | u32::from(entry.state) << 16
}

/// The byte above the index of the facts. What is above that is nothing, and not looked at.
fn state(standing: u32) -> u8 {
    (standing >> 16) as u8
}

fn word(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes[..WORD].try_into().expect("a slice of four bytes"))
}

fn broken() -> Error {
    Error::damaged("a page's body does not unfold to what it claims")
}
