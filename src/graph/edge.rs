//! The value of an edge: which slots of a page read which slots of a node.

use super::bytes::{put_span, take_span, take_u8, take_u64};
use super::slots::SlotSet;
use crate::page::{PAGE_LEN_MAX, Slot};

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

    /// Says anew what one slot reads here; with no `reads` it reads nothing.
    pub(crate) fn set(&mut self, slot: Slot, reads: &[(u16, u16)], version: Option<u64>) {
        let Some(slot) = u16::try_from(slot.0).ok().filter(|slot| u32::from(*slot) < PAGE_LEN_MAX)
        else {
            return;
        };
        let mut spans = Vec::with_capacity(self.spans.len() + reads.len() + 1);
        for span in self.spans.drain(..) {
            let (first, last) = span.by;
            if slot < first || slot > last {
                spans.push(span);
                continue;
            }
            if first < slot {
                spans.push(EdgeSpan { by: (first, slot - 1), ..span });
            }
            if slot < last {
                spans.push(EdgeSpan { by: (slot + 1, last), ..span });
            }
        }
        spans.extend(reads.iter().map(|read| EdgeSpan { read: *read, by: (slot, slot), version }));
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
