//! The value of an edge: which slots of a page read which slots of a node.

use std::collections::BTreeSet;

use super::bytes::{put_span, take_span, take_u8, take_u64};
use crate::page::{PAGE_LEN_MAX, Slot, SlotSet};

/// What is read of a node that has no slots: all of it.
pub(crate) const WHOLE: (u16, u16) = (0, u16::MAX);

/// What one page reads of one node.
///
/// On disk one span after the other, until the bytes end: what follows (1 byte: bit 0 a version,
/// bit 1 the slots that are read; else all of the node is), the reader's slots, the slots that are
/// read, the version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EdgeRow {
    /// In order, and merged where that says the same.
    pub(crate) spans: Vec<EdgeSpan>,
}

/// Slots that read the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EdgeSpan {
    /// The first and last slot of a page that are read; [`WHOLE`] of any other node.
    pub(crate) read: (u16, u16),
    /// The application's version of the source that was seen.
    pub(crate) version: Option<u64>,
    /// The first and last slot of the reader.
    pub(crate) by: (u16, u16),
}

const HAS_VERSION: u8 = 1;
const HAS_SLOTS: u8 = 2;

impl EdgeRow {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for span in &self.spans {
            let slots = if span.read == WHOLE { 0 } else { HAS_SLOTS };
            bytes.push(slots | if span.version.is_some() { HAS_VERSION } else { 0 });
            put_span(&mut bytes, span.by);
            if span.read != WHOLE {
                put_span(&mut bytes, span.read);
            }
            bytes.extend(span.version.iter().flat_map(|version| version.to_le_bytes()));
        }
        bytes
    }

    /// `None` if these bytes are not what [`Self::to_bytes`] gives for some row.
    pub(crate) fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let mut row = Self::default();
        while !bytes.is_empty() {
            let span = take_edge_span(&mut bytes)?;
            if row.spans.last().is_some_and(|last| !last.stands_before(&span)) {
                return None;
            }
            row.spans.push(span);
        }
        Some(row)
    }

    /// Whether a slot reads something by `other` that it does not read by this.
    pub(crate) fn lacks(&self, other: &Self) -> bool {
        let all = |row: &Self| -> BTreeSet<_> {
            let spans = row.spans.iter();
            spans
                .flat_map(|span| span.readers().iter().map(|by| (by, span.read, span.version)))
                .collect()
        };
        !all(other).is_subset(&all(self))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// All slots that read here.
    pub(crate) fn readers(&self) -> SlotSet {
        self.readers_where(|_| true)
    }

    /// The slots that read any of these slots of a page.
    pub(crate) fn readers_of(&self, changed: SlotSet) -> SlotSet {
        self.readers_where(|span| span.first_read(&changed).is_some())
    }

    /// The slots that did not see exactly this version; all of them if there is none.
    pub(crate) fn readers_unless(&self, version: Option<u64>) -> SlotSet {
        // A slot may stand in several spans: it is spared only if it saw nothing else.
        self.readers_where(|span| version.is_none() || span.version != version)
    }

    fn readers_where(&self, counts: impl Fn(&EdgeSpan) -> bool) -> SlotSet {
        let counted = self.spans.iter().filter(|span| counts(span));
        counted.fold(SlotSet::EMPTY, |readers, span| readers.union(span.readers()))
    }

    /// The first of these slots that anything here reads.
    pub(crate) fn first_read(&self, changed: SlotSet) -> Option<Slot> {
        self.spans.iter().find_map(|span| span.first_read(&changed))
    }

    /// Of a page that reads itself: the slots of `open` that read any of `from`, or a slot of
    /// `open` that does, and so on.
    ///
    /// A running total reads the slot before, so that a change at the front of a page reaches each
    /// of the others through the one before it. Spans are in the order of what they read, so going
    /// through them there and back takes one round for that, not one for each slot.
    pub(crate) fn readers_through(&self, from: SlotSet, open: SlotSet) -> SlotSet {
        let (mut seen, mut reached) = (from, SlotSet::EMPTY);
        loop {
            let before = reached;
            for span in self.spans.iter().chain(self.spans.iter().rev()) {
                if span.first_read(&seen).is_some() {
                    reached = reached.union(span.readers().intersection(open));
                    seen = seen.union(reached);
                }
            }
            if reached == before {
                return reached;
            }
        }
    }

    /// Says anew what some slots, each after the other, read here; with no `reads` it is nothing.
    pub(crate) fn set(&mut self, by: (Slot, Slot), reads: &[(u16, u16)], version: Option<u64>) {
        let within =
            |slot: Slot| u16::try_from(slot.0).ok().filter(|at| u32::from(*at) < PAGE_LEN_MAX);
        let (Some(from), Some(to)) = (within(by.0), within(by.1)) else {
            return;
        };
        let mut spans = Vec::with_capacity(self.spans.len() + reads.len() + 1);
        for span in self.spans.drain(..) {
            let (first, last) = span.by;
            if to < first || from > last {
                spans.push(span);
                continue;
            }
            if first < from {
                spans.push(EdgeSpan { by: (first, from - 1), ..span });
            }
            if to < last {
                spans.push(EdgeSpan { by: (to + 1, last), ..span });
            }
        }
        spans.extend(reads.iter().map(|read| EdgeSpan { read: *read, by: (from, to), version }));
        spans.sort_unstable();
        spans.dedup_by(|next, span| span.take_in(next));
        self.spans = spans;
    }
}

impl EdgeSpan {
    fn readers(&self) -> SlotSet {
        SlotSet::span(Slot(self.by.0.into()), Slot(self.by.1.into()))
    }

    fn first_read(&self, changed: &SlotSet) -> Option<Slot> {
        changed.first_in(Slot(self.read.0.into()), Slot(self.read.1.into()))
    }

    /// Takes in one that follows, if the two then say the same as one.
    fn take_in(&mut self, next: &Self) -> bool {
        let adjoins = (self.read, self.version) == (next.read, next.version)
            && next.by.0 <= self.by.1.saturating_add(1);
        if adjoins {
            self.by.1 = self.by.1.max(next.by.1);
        }
        adjoins
    }

    /// Whether the two stand in this order, and as two, in a row.
    fn stands_before(mut self, next: &Self) -> bool {
        self < *next && !self.take_in(next)
    }
}

fn take_edge_span(bytes: &mut &[u8]) -> Option<EdgeSpan> {
    let follows = take_u8(bytes)?;
    if follows & !(HAS_VERSION | HAS_SLOTS) != 0 {
        return None;
    }
    let by = take_span(bytes).filter(|by| u32::from(by.1) < PAGE_LEN_MAX)?;
    let read = if follows & HAS_SLOTS != 0 {
        take_span(bytes).filter(|read| *read != WHOLE)?
    } else {
        WHOLE
    };
    let version = if follows & HAS_VERSION != 0 { Some(take_u64(bytes)?) } else { None };
    Some(EdgeSpan { read, version, by })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(slot: u32) -> (Slot, Slot) {
        (Slot(slot), Slot(slot))
    }

    fn slots(numbers: impl IntoIterator<Item = u32>) -> SlotSet {
        let mut set = SlotSet::EMPTY;
        numbers.into_iter().for_each(|number| set.insert(Slot(number)));
        set
    }

    /// A slot, what it reads, and the version that it saw.
    type Reads<'a> = (u32, &'a [(u16, u16)], Option<u64>);

    fn row(reads: &[Reads<'_>]) -> EdgeRow {
        let mut row = EdgeRow::default();
        reads.iter().for_each(|(slot, reads, version)| row.set(one(*slot), reads, *version));
        row
    }

    fn running_totals(len: u32) -> EdgeRow {
        let mut row = EdgeRow::default();
        (1..len).for_each(|slot| row.set(one(slot), &[(slot as u16 - 1, slot as u16 - 1)], None));
        row
    }

    #[test]
    fn a_row_lacks_what_a_slot_reads_by_another_alone_however_either_is_cut() {
        let standing = row(&[(1, &[(5, 9)], None), (2, &[(5, 9)], None), (4, &[WHOLE], Some(7))]);
        let mut asunder = EdgeRow::default();
        asunder.set((Slot(1), Slot(2)), &[(5, 9)], None);
        assert!(!standing.lacks(&asunder) && !standing.lacks(&EdgeRow::default()));
        assert!(asunder.lacks(&standing), "slot 4 reads by the other alone");
        assert!(standing.lacks(&row(&[(1, &[(5, 8)], None)])), "other slots are read");
        assert!(standing.lacks(&row(&[(3, &[(5, 9)], None)])), "another slot reads them");
        assert!(standing.lacks(&row(&[(4, &[WHOLE], Some(8))])), "another version was seen");
        assert!(standing.lacks(&row(&[(4, &[WHOLE], None)])));
    }

    #[test]
    fn slots_that_read_the_same_cost_one_span_in_whatever_order_they_come() {
        for step in [1, 5, 143] {
            let mut row = EdgeRow::default();
            (0..144).for_each(|n| row.set(one(n * step % 144), &[WHOLE], Some(7)));
            assert_eq!(row.spans, [EdgeSpan { read: WHOLE, version: Some(7), by: (0, 143) }]);
            assert_eq!(row.to_bytes().len(), 13);
        }
    }

    #[test]
    fn what_a_slot_reads_is_replaced_and_that_of_others_stays() {
        let mut row = row(&[(4, &[(0, 9)], None), (5, &[(0, 9)], None), (6, &[(0, 9)], None)]);
        row.set(one(5), &[(2, 2), (7, 8)], None);
        assert_eq!(row.readers_of(slots([2])), slots([4, 5, 6]));
        assert_eq!(row.readers_of(slots([3])), slots([4, 6]));
        row.set(one(5), &[], None);
        assert_eq!(row.readers(), slots([4, 6]));
        assert_eq!(row.spans.len(), 2);
        row.set(one(5), &[(0, 9)], None);
        assert_eq!(row.spans.len(), 1);
        (4..=6).for_each(|slot| row.set(one(slot), &[], None));
        assert!(row.is_empty() && row.to_bytes().is_empty());
    }

    #[test]
    fn a_slot_that_no_page_has_reads_nothing() {
        let row = row(&[(1024, &[WHOLE], None), (u32::MAX, &[WHOLE], None)]);
        assert!(row.is_empty());
    }

    #[test]
    fn only_those_that_saw_exactly_this_version_are_left_alone() {
        let row = row(&[(1, &[WHOLE], Some(7)), (2, &[WHOLE], Some(8)), (3, &[WHOLE], None)]);
        assert_eq!(row.readers_unless(Some(7)), slots([2, 3]));
        assert_eq!(row.readers_unless(Some(9)), slots([1, 2, 3]));
        assert_eq!(row.readers_unless(None), slots([1, 2, 3]));
    }

    #[test]
    fn the_first_slot_that_is_read_is_one_that_changed() {
        let row = row(&[(1, &[(10, 20)], None), (2, &[(40, 50)], None)]);
        assert_eq!(row.first_read(slots([5, 15, 45])), Some(Slot(15)));
        assert_eq!(row.first_read(slots([45])), Some(Slot(45)));
        assert_eq!(row.first_read(slots([5, 30])), None);
    }

    #[test]
    fn a_running_total_is_reached_to_its_end_or_to_what_is_marked_already() {
        let row = running_totals(144);
        let all = slots(0..1024);
        assert_eq!(row.readers_through(slots([3]), all), slots(4..144));
        assert_eq!(row.readers_through(slots([3]), all.minus(slots([9]))), slots(4..9));
        assert_eq!(row.readers_through(slots([3]), SlotSet::EMPTY), SlotSet::EMPTY);
        let mut backwards = EdgeRow::default();
        (0..143).for_each(|slot| backwards.set(one(slot.into()), &[(slot + 1, slot + 1)], None));
        assert_eq!(backwards.readers_through(slots([99]), all), slots(0..99));
    }

    #[test]
    fn the_bytes_on_disk_are_these() {
        let row = row(&[(1, &[(2, 3)], None), (4, &[WHOLE], Some(5)), (258, &[WHOLE], None)]);
        let whole = [&[0, 2, 1, 2, 1, 1, 4, 0, 4, 0][..], &5_u64.to_le_bytes()].concat();
        assert_eq!(row.to_bytes(), [&whole[..], &[2, 1, 0, 1, 0, 2, 0, 3, 0]].concat());
        assert_eq!(EdgeRow::from_bytes(&row.to_bytes()), Some(row));
    }

    #[test]
    fn what_is_no_row_is_refused() {
        let row = row(&[(1, &[(2, 3)], Some(9)), (3, &[(2, 3)], Some(9)), (4, &[WHOLE], None)]);
        let bytes = row.to_bytes();
        let whole = [0, 5, 22, 39];
        assert_eq!(bytes.len(), 39);
        for len in 0..=bytes.len() {
            let read = EdgeRow::from_bytes(&bytes[..len]);
            assert_eq!(read.is_some(), whole.contains(&len), "{len} bytes");
        }
        let foreign: [(&str, &[u8]); 7] = [
            ("an unknown flag", &[4, 0, 0, 0, 0]),
            ("a reader's slot that no page has", &[0, 0, 0, 0, 4]),
            ("readers that end before they begin", &[0, 2, 0, 1, 0]),
            ("slots that end before they begin", &[2, 0, 0, 0, 0, 2, 0, 1, 0]),
            ("all slots by number", &[2, 0, 0, 0, 0, 0, 0, 255, 255]),
            ("two spans that are one", &[0, 0, 0, 0, 0, 0, 1, 0, 1, 0]),
            ("spans out of order", &[0, 5, 0, 5, 0, 0, 1, 0, 1, 0]),
        ];
        for (what, bytes) in foreign {
            assert_eq!(EdgeRow::from_bytes(bytes), None, "{what}");
        }
    }
}
