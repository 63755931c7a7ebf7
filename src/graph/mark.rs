//! The value in the table of marks: which records of a page may not be believed, and why.

use super::bytes::{put_span, take_span, take_u8, take_u16};
use super::cause::{Cause, put_cause, take_cause};
use super::colour::Colour;
use super::slot_runs::{Run, SlotRuns};
use super::tries::Tries;
use crate::page::{Slot, SlotSet};

/// The marks of a page.
///
/// On disk: how many causes there are (2 bytes) and each of them, then until the bytes end runs of
/// slots with equal marks: first and last (2 and 2), colour (1), cause (2), and its [`Tries`] (10).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MarkRow {
    /// Each once, and only those that some mark has.
    pub(crate) causes: Vec<Cause>,
    /// A slot -> its mark.
    slots: SlotRuns<SlotMark>,
}

/// The mark of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SlotMark {
    /// Suspect or stale.
    colour: Colour,
    /// Its place among the causes of the row.
    cause: u16,
    tries: Tries,
}

/// What was new about marks that were raised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Raised {
    /// Had no mark.
    pub(crate) newly: SlotSet,
    /// Were suspect and are stale.
    pub(crate) worsened: SlotSet,
    /// Were as marked as that, but had been tried in vain; that is forgotten.
    pub(crate) revived: SlotSet,
}

impl Raised {
    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl MarkRow {
    /// Marks only go up: a slot keeps its mark and its cause unless it was suspect and becomes
    /// stale. Whatever was tried in vain may succeed now.
    pub(crate) fn raise(&mut self, slots: SlotSet, colour: Colour, cause: Cause) -> Raised {
        let raised = self.would_raise(slots, colour);
        if raised.is_nothing() {
            return raised;
        }
        let Self { causes, slots: marks } = self;
        marks.change(raised.worsened, |mark| {
            // What it does not contain it has not contained since the first of them.
            let since = cause.since.min(causes[usize::from(mark.cause)].since);
            let cause = intern(causes, Cause { since, ..cause.clone() });
            SlotMark { colour, cause, tries: Tries::NONE }
        });
        if !raised.newly.is_empty() {
            let cause = intern(causes, cause);
            marks.set(raised.newly, SlotMark { colour, cause, tries: Tries::NONE });
        }
        self.revive(raised.revived);
        if !raised.worsened.is_empty() {
            self.drop_unused_causes();
        }
        raised
    }

    /// What [`Self::raise`] would do.
    pub(crate) fn would_raise(&self, slots: SlotSet, colour: Colour) -> Raised {
        let newly = slots.minus(self.marked());
        let worsened = match colour {
            Colour::Fresh => return Raised::default(),
            Colour::Suspect => SlotSet::EMPTY,
            Colour::Stale => slots.intersection(self.suspect()),
        };
        let revived = slots.intersection(self.tried()).minus(worsened);
        Raised { newly, worsened, revived }
    }

    /// What was tried in vain is as if it had not been. Answers which slots that concerns.
    pub(crate) fn revive(&mut self, slots: SlotSet) -> SlotSet {
        let revived = slots.intersection(self.tried());
        self.slots.change(revived, |mark| SlotMark { tries: Tries::NONE, ..mark });
        revived
    }

    /// Says how often the record of a marked slot was tried.
    pub(crate) fn set_tries(&mut self, slot: Slot, tries: Tries) {
        self.slots.change(SlotSet::one(slot), |mark| SlotMark { tries, ..mark });
    }

    pub(crate) fn tries(&self, slot: Slot) -> Option<Tries> {
        self.slots.get(slot).map(|mark| mark.tries)
    }

    pub(crate) fn all_tries(&self) -> impl Iterator<Item = (Slot, Tries)> + '_ {
        self.slots.slots().map(|(slot, mark)| (slot, mark.tries))
    }

    fn tried(&self) -> SlotSet {
        self.slots.with(|mark| mark.tries != Tries::NONE)
    }

    pub(crate) fn clear(&mut self, slots: SlotSet) {
        self.slots.remove(slots);
        self.drop_unused_causes();
    }

    fn drop_unused_causes(&mut self) {
        let mut used = vec![None; self.causes.len()];
        for Run { value, .. } in self.slots.iter() {
            used[usize::from(value.cause)] = Some(0);
        }
        let kept = used.iter_mut().filter_map(Option::as_mut);
        kept.zip(0_u16..).for_each(|(place, new)| *place = new);
        let mut place = used.iter();
        self.causes.retain(|_| place.next().is_some_and(Option::is_some));
        self.slots.rename(|mark| {
            mark.cause = used[usize::from(mark.cause)].expect("this mark has it");
        });
    }

    pub(crate) fn colour(&self, slot: Slot) -> Colour {
        self.slots.get(slot).map_or(Colour::Fresh, |mark| mark.colour)
    }

    pub(crate) fn cause(&self, slot: Slot) -> Option<&Cause> {
        self.slots.get(slot).and_then(|mark| self.causes.get(usize::from(mark.cause)))
    }

    pub(crate) fn stale(&self) -> SlotSet {
        self.slots.with(|mark| mark.colour == Colour::Stale)
    }

    pub(crate) fn suspect(&self) -> SlotSet {
        self.slots.with(|mark| mark.colour == Colour::Suspect)
    }

    pub(crate) fn marked(&self) -> SlotSet {
        self.slots.with(|mark| mark.colour > Colour::Fresh)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
}

fn intern(causes: &mut Vec<Cause>, cause: Cause) -> u16 {
    // The last one first: marks that come together have one cause.
    let place = causes.iter().rposition(|held| *held == cause).unwrap_or_else(|| {
        if causes.is_empty() {
            // Most pages have one, and as many are marked as read one thing.
            causes.reserve_exact(1);
        }
        causes.push(cause);
        causes.len() - 1
    });
    u16::try_from(place).expect("each cause has a slot, and one more may be on its way")
}

// On disk: a tag never changes and is never used for something else.
const SUSPECT: u8 = 1;
const STALE: u8 = 2;

impl MarkRow {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let causes = u16::try_from(self.causes.len()).expect("each cause has a slot");
        let mut bytes = causes.to_le_bytes().to_vec();
        self.causes.iter().for_each(|cause| put_cause(&mut bytes, cause));
        for Run { first, last, value: mark } in self.slots.iter() {
            put_span(&mut bytes, (*first, *last));
            bytes.push(if mark.colour == Colour::Stale { STALE } else { SUSPECT });
            bytes.extend_from_slice(&mark.cause.to_le_bytes());
            mark.tries.put(&mut bytes);
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
        while !bytes.is_empty() {
            let (first, last) = take_span(bytes)?;
            let mark = take_mark(bytes)?;
            row.causes.get(usize::from(mark.cause))?;
            row.slots.push(first, last, mark)?;
        }
        // So there are never more of them than slots, whatever the bytes say.
        row.drop_unused_causes();
        Some(row)
    }
}

fn take_mark(bytes: &mut &[u8]) -> Option<SlotMark> {
    let colour = match take_u8(bytes)? {
        SUSPECT => Colour::Suspect,
        STALE => Colour::Stale,
        _ => return None,
    };
    Some(SlotMark { colour, cause: take_u16(bytes)?, tries: Tries::take(bytes)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Origin;
    use crate::page::PAGE_LEN_MAX;
    use crate::revision::Revision;
    use crate::time::Timestamp;

    fn slots(numbers: &[u32]) -> SlotSet {
        let mut set = SlotSet::EMPTY;
        numbers.iter().for_each(|number| set.insert(Slot(*number)));
        set
    }

    fn cause(revision: u64) -> Cause {
        let since = Timestamp::from_millis(revision as i64 * 10);
        let revision = Revision::from_raw(revision);
        Cause { origin: Origin::Changed, revision, since, through: None }
    }

    fn revision(row: &MarkRow, slot: u32) -> Option<u64> {
        row.cause(Slot(slot)).map(|cause| cause.revision.get())
    }

    #[test]
    fn a_mark_keeps_its_first_cause_until_suspect_becomes_stale() {
        let mut row = MarkRow::default();
        let raised = row.raise(slots(&[1, 2]), Colour::Suspect, cause(1));
        assert_eq!((raised.newly, raised.worsened), (slots(&[1, 2]), SlotSet::EMPTY));
        assert!(row.raise(slots(&[1, 2]), Colour::Suspect, cause(2)).is_nothing());
        let raised = row.raise(slots(&[2, 3]), Colour::Stale, cause(3));
        assert_eq!((raised.newly, raised.worsened), (slots(&[3]), slots(&[2])));
        assert!(row.raise(slots(&[2, 3]), Colour::Stale, cause(4)).is_nothing());
        assert!(row.raise(slots(&[2, 3]), Colour::Suspect, cause(5)).is_nothing());
        assert!(row.raise(slots(&[9]), Colour::Fresh, cause(6)).is_nothing());
        assert_eq!(
            [0, 1, 2, 3].map(|slot| revision(&row, slot)),
            [None, Some(1), Some(3), Some(3)]
        );
        let colours = [0, 1, 2, 3].map(|slot| row.colour(Slot(slot)));
        assert_eq!(colours, [Colour::Fresh, Colour::Suspect, Colour::Stale, Colour::Stale]);
        assert_eq!((row.stale(), row.suspect()), (slots(&[2, 3]), slots(&[1])));
        assert_eq!(row.marked(), slots(&[1, 2, 3]));
        let since = |slot| row.cause(Slot(slot)).unwrap().since;
        assert_eq!(since(2), since(1), "it has not been right since the first of them");
        assert!(since(3) > since(2));
    }

    #[test]
    fn a_cause_goes_with_the_last_mark_that_has_it() {
        let mut row = MarkRow::default();
        row.raise(slots(&[0]), Colour::Suspect, cause(1));
        row.raise(slots(&[1]), Colour::Suspect, cause(2));
        row.raise(slots(&[2]), Colour::Stale, cause(3));
        row.clear(slots(&[0]));
        assert_eq!((row.causes.len(), revision(&row, 1), revision(&row, 2)), (2, Some(2), Some(3)));
        row.raise(slots(&[1]), Colour::Stale, cause(3));
        assert_eq!((row.causes.len(), revision(&row, 1)), (2, Some(3)));
        row.clear(slots(&[1, 2]));
        assert!(row.is_empty() && row.causes.is_empty());
    }

    #[test]
    fn every_slot_of_the_longest_page_may_have_a_cause_of_its_own() {
        let mut row = MarkRow::default();
        for slot in 0..PAGE_LEN_MAX {
            row.raise(slots(&[slot]), Colour::Suspect, cause(u64::from(slot)));
        }
        for slot in 0..PAGE_LEN_MAX {
            row.raise(slots(&[slot]), Colour::Stale, cause(u64::from(slot) + 5000));
        }
        assert_eq!(row.causes.len(), 1024);
        assert_eq!(revision(&row, 77), Some(5077));
        assert_eq!(MarkRow::from_bytes(&row.to_bytes()), Some(row));
    }

    #[test]
    fn the_bytes_on_disk_are_these() {
        let mut row = MarkRow::default();
        row.raise(slots(&[1, 2, 4]), Colour::Suspect, cause(1));
        row.raise(slots(&[5]), Colour::Stale, cause(1));
        let mut expected = vec![1, 0];
        put_cause(&mut expected, &cause(1));
        let never = i64::MIN.to_le_bytes();
        for (first, last, colour) in [(1, 2, 1), (4, 4, 1), (5, 5, 2)] {
            expected.extend([first, 0, last, 0, colour, 0, 0, 0, 0]);
            expected.extend(never);
        }
        assert_eq!(row.to_bytes(), expected);
    }

    #[test]
    fn marks_return_with_their_attempts() {
        let mut row = MarkRow::default();
        row.raise(SlotSet::span(Slot(0), Slot(1023)), Colour::Suspect, cause(1));
        assert!(row.to_bytes().len() < 64, "equal marks are one run");
        row.set_tries(Slot(500), in_vain(3));
        assert_eq!(MarkRow::from_bytes(&row.to_bytes()), Some(row));
    }

    fn in_vain(attempts: u16) -> Tries {
        Tries { attempts, next_attempt: Timestamp::from_millis(-8) }
    }

    #[test]
    fn what_was_tried_in_vain_counts_as_not_tried_once_it_is_marked_again() {
        let mut row = MarkRow::default();
        row.raise(slots(&[1, 2]), Colour::Suspect, cause(1));
        row.raise(slots(&[3]), Colour::Stale, cause(1));
        [1, 2, 3].into_iter().for_each(|slot| row.set_tries(Slot(slot), in_vain(5)));
        let tries = |row: &MarkRow| [1, 2, 3].map(|slot| row.tries(Slot(slot)).unwrap().attempts);
        let raised = row.raise(slots(&[2, 3]), Colour::Suspect, cause(2));
        assert_eq!((raised.newly, raised.worsened), (SlotSet::EMPTY, SlotSet::EMPTY));
        assert_eq!((raised.revived, tries(&row)), (slots(&[2, 3]), [5, 0, 0]));
        assert_eq!([1, 2, 3].map(|slot| revision(&row, slot)), [Some(1); 3], "nor another cause");
        assert!(row.raise(slots(&[2, 3]), Colour::Suspect, cause(3)).is_nothing());
        let raised = row.raise(slots(&[1]), Colour::Stale, cause(4));
        assert_eq!((raised.worsened, raised.revived), (slots(&[1]), SlotSet::EMPTY));
        assert_eq!(tries(&row), [0; 3]);
        row.set_tries(Slot(9), in_vain(1));
        assert_eq!(row.tries(Slot(9)), None, "what is not marked is not tried here");
    }

    #[test]
    fn what_is_no_row_is_refused() {
        let mut row = MarkRow::default();
        row.raise(slots(&[3]), Colour::Suspect, cause(1));
        row.raise(slots(&[7]), Colour::Stale, cause(2));
        let bytes = row.to_bytes();
        let run = 17;
        for len in 0..bytes.len() {
            let whole = [0, run].contains(&(bytes.len() - len)) || len == bytes.len() - 2 * run;
            assert_eq!(MarkRow::from_bytes(&bytes[..len]).is_some(), whole, "{len} bytes");
        }
        let last = bytes.len() - run;
        for (place, byte) in
            [(0, 3), (2, 99), (last, 3), (last + 2, 6), (last + 3, 4), (last + 4, 0)]
        {
            let mut foreign = bytes.clone();
            foreign[place] = byte;
            assert_eq!(MarkRow::from_bytes(&foreign), None, "{byte} at {place}");
        }
        let mut foreign = bytes.clone();
        foreign[last + 5] = 2;
        assert_eq!(MarkRow::from_bytes(&foreign), None, "a cause that is not there");
    }

    #[test]
    fn causes_that_no_mark_has_are_not_read() {
        let mut bytes = vec![255, 255];
        (0..65535).for_each(|_| put_cause(&mut bytes, &cause(1)));
        let mut row = MarkRow::from_bytes(&bytes).unwrap();
        assert!(row.causes.is_empty());
        row.raise(slots(&[1]), Colour::Stale, cause(2));
        assert_eq!(MarkRow::from_bytes(&row.to_bytes()), Some(row));
    }
}
