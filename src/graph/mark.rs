//! The value in the table of marks: which records of a page may not be believed, and why.

use std::collections::BTreeMap;

use super::bytes::{
    put_short, put_span, take_i64, take_short, take_span, take_u8, take_u16, take_u64,
};
use super::colour::Colour;
use super::node::Node;
use super::slots::SlotSet;
use crate::page::{PAGE_LEN_MAX, PageKey, Slot};
use crate::revision::Revision;
use crate::time::Timestamp;

/// The marks of a page.
///
/// On disk: how many causes there are (2 bytes); of each the origin (a tag of 1 byte, and behind
/// that of a node its length (2) and bytes), the revision (8), since when (8) and through which
/// record: the length of a page's key (2; 0 if there is none), the key, the slot (2). Then until
/// the bytes end runs of slots with equal marks: first and last (2 and 2), colour (1), cause (2),
/// attempts (2), the next attempt (8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MarkRow {
    /// Each once, and only those that some mark has.
    pub(crate) causes: Vec<Cause>,
    /// A slot -> its mark.
    pub(crate) slots: BTreeMap<u16, SlotMark>,
}

/// The mark of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlotMark {
    /// Suspect or stale.
    pub(crate) colour: Colour,
    /// Its place among the causes of the row.
    pub(crate) cause: u16,
    /// How often it was tried to build the record since.
    pub(crate) attempts: u16,
    /// Before this it is not tried in the background.
    pub(crate) next_attempt: Timestamp,
}

/// Why records are marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    pub(crate) origin: Origin,
    /// Of the operation that it began with.
    pub(crate) revision: Revision,
    pub(crate) since: Timestamp,
    /// The page and slot of the record by which the mark came here; among records of one page that
    /// read each other, the one by which it came to the first. `None` where nothing lies between
    /// the origin and the record.
    pub(crate) through: Option<(Box<[u8]>, u16)>,
}

/// What a mark began with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A source, kind, entity or view that was invalidated.
    Node(Node),
    /// A record got another content.
    Changed,
    /// A record came to be where there was none.
    Appeared,
    /// A record was deleted.
    Deleted,
    /// It was stored after something that its build had read had moved.
    Overtaken,
    /// It was stored while something that its build had read was marked.
    Upstream,
    /// The file lost history.
    History,
    /// The rules of the grid's time zone changed.
    Zone,
    /// The view was given a higher version.
    Version,
}

/// What was new about marks that were raised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Raised {
    /// Had no mark.
    pub(crate) newly: SlotSet,
    /// Were suspect and are stale.
    pub(crate) worsened: SlotSet,
}

impl Raised {
    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl MarkRow {
    /// Marks only go up: a slot keeps its mark and its cause unless it was suspect and becomes
    /// stale.
    pub(crate) fn raise(&mut self, slots: SlotSet, colour: Colour, cause: Cause) -> Raised {
        let raised = self.would_raise(slots, colour);
        if raised.is_nothing() {
            return raised;
        }
        let cause = self.intern(cause);
        for slot in raised.newly.iter() {
            let next_attempt = Timestamp::MIN;
            let mark = SlotMark { colour, cause, attempts: 0, next_attempt };
            self.slots.insert(slot.0 as u16, mark);
        }
        for slot in raised.worsened.iter() {
            if let Some(mark) = self.slots.get_mut(&(slot.0 as u16)) {
                *mark = SlotMark { colour, cause, ..*mark };
            }
        }
        if !raised.worsened.is_empty() {
            self.drop_unused_causes();
        }
        raised
    }

    /// What [`Self::raise`] would do.
    pub(crate) fn would_raise(&self, slots: SlotSet, colour: Colour) -> Raised {
        match colour {
            Colour::Fresh => Raised::default(),
            Colour::Suspect => {
                Raised { newly: slots.minus(self.marked()), worsened: SlotSet::EMPTY }
            }
            Colour::Stale => Raised {
                newly: slots.minus(self.marked()),
                worsened: slots.intersection(self.suspect()),
            },
        }
    }

    fn intern(&mut self, cause: Cause) -> u16 {
        // The last one first: marks that come together have one cause.
        let place = self.causes.iter().rposition(|held| *held == cause).unwrap_or_else(|| {
            self.causes.push(cause);
            self.causes.len() - 1
        });
        u16::try_from(place).expect("each cause has a slot, and one more may be on its way")
    }

    pub(crate) fn clear(&mut self, slots: SlotSet) {
        self.slots.retain(|slot, _| !slots.contains(Slot((*slot).into())));
        self.drop_unused_causes();
    }

    fn drop_unused_causes(&mut self) {
        let mut used = vec![None; self.causes.len()];
        for mark in self.slots.values() {
            used[usize::from(mark.cause)] = Some(0);
        }
        let kept = used.iter_mut().filter_map(Option::as_mut);
        kept.zip(0_u16..).for_each(|(place, new)| *place = new);
        let mut place = used.iter();
        self.causes.retain(|_| place.next().is_some_and(Option::is_some));
        for mark in self.slots.values_mut() {
            mark.cause = used[usize::from(mark.cause)].expect("this mark has it");
        }
    }

    pub(crate) fn colour(&self, slot: Slot) -> Colour {
        self.mark(slot).map_or(Colour::Fresh, |mark| mark.colour)
    }

    pub(crate) fn cause(&self, slot: Slot) -> Option<&Cause> {
        self.mark(slot).and_then(|mark| self.causes.get(usize::from(mark.cause)))
    }

    fn mark(&self, slot: Slot) -> Option<&SlotMark> {
        self.slots.get(&u16::try_from(slot.0).ok()?)
    }

    pub(crate) fn stale(&self) -> SlotSet {
        self.with(|colour| colour == Colour::Stale)
    }

    pub(crate) fn suspect(&self) -> SlotSet {
        self.with(|colour| colour == Colour::Suspect)
    }

    pub(crate) fn marked(&self) -> SlotSet {
        self.with(|colour| colour > Colour::Fresh)
    }

    fn with(&self, counts: impl Fn(Colour) -> bool) -> SlotSet {
        let mut set = SlotSet::EMPTY;
        for (slot, _) in self.slots.iter().filter(|(_, mark)| counts(mark.colour)) {
            set.insert(Slot((*slot).into()));
        }
        set
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
}

// On disk: a tag never changes and is never used for something else.
const SUSPECT: u8 = 1;
const STALE: u8 = 2;
const NODE: u8 = 1;
const CHANGED: u8 = 2;
const APPEARED: u8 = 3;
const DELETED: u8 = 4;
const OVERTAKEN: u8 = 5;
const UPSTREAM: u8 = 6;
const HISTORY: u8 = 7;
const ZONE: u8 = 8;
const VERSION: u8 = 9;

impl MarkRow {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let causes = u16::try_from(self.causes.len()).expect("each cause has a slot");
        let mut bytes = causes.to_le_bytes().to_vec();
        self.causes.iter().for_each(|cause| put_cause(&mut bytes, cause));
        let mut marks = self.slots.iter().peekable();
        while let Some((first, mark)) = marks.next() {
            let mut last = *first;
            while marks.next_if(|(slot, next)| **slot == last + 1 && *next == mark).is_some() {
                last += 1;
            }
            put_span(&mut bytes, (*first, last));
            bytes.push(if mark.colour == Colour::Stale { STALE } else { SUSPECT });
            bytes.extend_from_slice(&mark.cause.to_le_bytes());
            bytes.extend_from_slice(&mark.attempts.to_le_bytes());
            bytes.extend_from_slice(&mark.next_attempt.as_millis().to_le_bytes());
        }
        bytes
    }

    /// `None` if these bytes are no row.
    pub(crate) fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let bytes = &mut bytes;
        let mut row = Self::default();
        for _ in 0..take_u16(bytes)? {
            row.causes.push(take_cause(bytes)?);
        }
        let mut free = 0;
        while !bytes.is_empty() {
            let (first, last) = take_span(bytes)?;
            let mark = take_mark(bytes)?;
            let known = usize::from(mark.cause) < row.causes.len();
            if first < free || u32::from(last) >= PAGE_LEN_MAX || !known {
                return None;
            }
            row.slots.extend((first..=last).map(|slot| (slot, mark)));
            free = last + 1;
        }
        Some(row)
    }
}

fn put_cause(bytes: &mut Vec<u8>, cause: &Cause) {
    bytes.push(match cause.origin {
        Origin::Node(_) => NODE,
        Origin::Changed => CHANGED,
        Origin::Appeared => APPEARED,
        Origin::Deleted => DELETED,
        Origin::Overtaken => OVERTAKEN,
        Origin::Upstream => UPSTREAM,
        Origin::History => HISTORY,
        Origin::Zone => ZONE,
        Origin::Version => VERSION,
    });
    if let Origin::Node(node) = &cause.origin {
        put_short(bytes, node.as_slice());
    }
    bytes.extend_from_slice(&cause.revision.get().to_le_bytes());
    bytes.extend_from_slice(&cause.since.as_millis().to_le_bytes());
    match &cause.through {
        Some((page, slot)) => {
            put_short(bytes, page);
            bytes.extend_from_slice(&slot.to_le_bytes());
        }
        None => put_short(bytes, &[]),
    }
}

fn take_cause(bytes: &mut &[u8]) -> Option<Cause> {
    let origin = match take_u8(bytes)? {
        NODE => Origin::Node(Node::from_slice(take_short(bytes)?)?),
        CHANGED => Origin::Changed,
        APPEARED => Origin::Appeared,
        DELETED => Origin::Deleted,
        OVERTAKEN => Origin::Overtaken,
        UPSTREAM => Origin::Upstream,
        HISTORY => Origin::History,
        ZONE => Origin::Zone,
        VERSION => Origin::Version,
        _ => return None,
    };
    let revision = Revision::from_raw(take_u64(bytes)?);
    let since = Timestamp::from_millis(take_i64(bytes)?);
    let through = match take_short(bytes)? {
        [] => None,
        page => {
            PageKey::split(page)?;
            Some((page.into(), take_u16(bytes)?))
        }
    };
    Some(Cause { origin, revision, since, through })
}

fn take_mark(bytes: &mut &[u8]) -> Option<SlotMark> {
    let colour = match take_u8(bytes)? {
        SUSPECT => Colour::Suspect,
        STALE => Colour::Stale,
        _ => return None,
    };
    let (cause, attempts) = (take_u16(bytes)?, take_u16(bytes)?);
    let next_attempt = Timestamp::from_millis(take_i64(bytes)?);
    Some(SlotMark { colour, cause, attempts, next_attempt })
}
