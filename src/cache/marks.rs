//! The colours of a cached page's slots.

use crate::graph::Colour;
use crate::sync::{AtomicU64, Ordering};

/// The marks of one resident page: a suspect and a stale bit for each slot.
///
/// They are only ever raised. A slot becomes fresh again by publishing a new resident, never by
/// lowering a bit here: a lowered bit could erase a mark that arrived meanwhile.
#[derive(Debug)]
pub(crate) struct Marks {
    /// Bit `w` is set if word `w` of either kind has a bit set, so that a hit on an unmarked page
    /// costs one load.
    summary: AtomicU64,
    words: Box<[Word]>,
}

#[derive(Debug)]
struct Word {
    suspect: AtomicU64,
    stale: AtomicU64,
}

impl Marks {
    /// The most slots that marks can be kept for: one summary bit for each 64.
    pub(crate) const SLOTS_MAX: usize = 1024;

    /// No marks on any of so many slots.
    ///
    /// # Panics
    /// If `slots` is zero or above [`Marks::SLOTS_MAX`]: page lengths are checked where views are
    /// defined.
    pub(crate) fn new(slots: usize) -> Self {
        assert!((1..=Self::SLOTS_MAX).contains(&slots), "a page cannot have {slots} slots");
        let word = || Word { suspect: AtomicU64::new(0), stale: AtomicU64::new(0) };
        Self {
            summary: AtomicU64::new(0),
            words: (0..slots.div_ceil(64)).map(|_| word()).collect(),
        }
    }

    /// Whether any slot is marked.
    #[inline]
    pub(crate) fn any(&self) -> bool {
        self.summary.load(Ordering::Acquire) != 0
    }

    /// A reader that began after a raise was published sees it: the raise comes before the
    /// revision is published, and these words never go back.
    pub(crate) fn colour(&self, slot: usize) -> Colour {
        let (word, bit) = (slot / 64, 1 << (slot % 64));
        if self.summary.load(Ordering::Acquire) & (1 << word) == 0 {
            return Colour::Fresh;
        }
        let word = &self.words[word];
        if word.stale.load(Ordering::Acquire) & bit != 0 {
            Colour::Stale
        } else if word.suspect.load(Ordering::Acquire) & bit != 0 {
            Colour::Suspect
        } else {
            Colour::Fresh
        }
    }

    #[cfg(test)]
    pub(crate) fn raise_suspect(&self, slot: usize) {
        self.raise_word(slot / 64, 0, 1 << (slot % 64));
    }

    #[cfg(test)]
    pub(crate) fn raise_stale(&self, slot: usize) {
        self.raise_word(slot / 64, 1 << (slot % 64), 0);
    }

    /// Raises every bit that is set: word `w`, bit `b` stands for slot `64 * w + b`.
    ///
    /// Words beyond the page's last slot are ignored; a shorter bitmap raises nothing there.
    pub(crate) fn raise(&self, stale: &[u64], suspect: &[u64]) {
        for word in 0..self.words.len() {
            let bits = |map: &[u64]| map.get(word).copied().unwrap_or(0);
            self.raise_word(word, bits(stale), bits(suspect));
        }
    }

    fn raise_word(&self, word: usize, stale: u64, suspect: u64) {
        if stale | suspect == 0 {
            return;
        }
        self.words[word].stale.fetch_or(stale, Ordering::Release);
        self.words[word].suspect.fetch_or(suspect, Ordering::Release);
        // Last, so that whoever sees the summary bit finds the marks under it.
        self.summary.fetch_or(1 << word, Ordering::Release);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_slot_that_is_raised_to_both_is_stale() {
        let marks = Marks::new(70);
        marks.raise(&[1, 2], &[1, 2]);
        assert_eq!((marks.colour(0), marks.colour(65)), (Colour::Stale, Colour::Stale));
        assert_eq!((marks.colour(1), marks.colour(64)), (Colour::Fresh, Colour::Fresh));
    }

    #[test]
    fn a_mark_colours_its_own_slot_alone() {
        for slots in [1, 63, 64, 65, 144, 1024] {
            for marked in [0, slots / 2, slots - 1] {
                let marks = Marks::new(slots);
                assert!(!marks.any());
                marks.raise_suspect(marked);
                assert!(marks.any());
                for slot in 0..slots {
                    let expected = if slot == marked { Colour::Suspect } else { Colour::Fresh };
                    assert_eq!(marks.colour(slot), expected, "slot {slot} of {slots}");
                }
            }
        }
    }

    #[test]
    fn stale_outranks_suspect_whichever_came_first() {
        let marks = Marks::new(2);
        marks.raise_suspect(0);
        marks.raise_stale(0);
        marks.raise_stale(1);
        marks.raise_suspect(1);
        assert_eq!([marks.colour(0), marks.colour(1)], [Colour::Stale; 2]);
    }

    #[test]
    fn bitmaps_raise_what_they_set_and_lower_nothing() {
        let marks = Marks::new(130);
        marks.raise_stale(3);
        marks.raise(&[0, 1 << 5], &[1 << 3, 0, 0b10]);
        marks.raise(&[0; 4], &[]);
        let marked: Vec<_> = (0..130)
            .map(|slot| (slot, marks.colour(slot)))
            .filter(|m| m.1 > Colour::Fresh)
            .collect();
        assert_eq!(marked, [(3, Colour::Stale), (69, Colour::Stale), (129, Colour::Suspect)]);
    }
}
