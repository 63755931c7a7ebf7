//! The slots of a page, and sets of them.

use std::fmt;

use super::PAGE_LEN_MAX;

const WORDS: usize = PAGE_LEN_MAX as usize / 64;
const LAST: u32 = PAGE_LEN_MAX - 1;

/// A bucket's place in its page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Slot(pub(crate) u32);

/// Some of the slots of a page: bit `b` of word `w` is slot `64 * w + b`.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SlotSet([u64; WORDS]);

/// Slots by the key of their page.
pub(crate) type SlotsByPage = Vec<(Box<[u8]>, SlotSet)>;

impl FromIterator<Slot> for SlotSet {
    fn from_iter<I: IntoIterator<Item = Slot>>(slots: I) -> Self {
        let mut set = Self::EMPTY;
        slots.into_iter().for_each(|slot| set.insert(slot));
        set
    }
}

impl SlotSet {
    pub(crate) const EMPTY: Self = Self([0; WORDS]);

    pub(crate) fn one(slot: Slot) -> Self {
        let mut set = Self::EMPTY;
        set.insert(slot);
        set
    }

    /// All slots from the first to the last, both of them too, as far as a page reaches.
    pub(crate) fn span(first: Slot, last: Slot) -> Self {
        let mut set = Self::EMPTY;
        for (word, mask) in masks(first.0, last.0) {
            set.0[word] = mask;
        }
        set
    }

    /// The set with these words.
    pub(super) fn of_words(words: &[u64]) -> Self {
        let mut set = Self::EMPTY;
        set.0[..words.len()].copy_from_slice(words);
        set
    }

    /// A slot that no page has is not taken in.
    pub(crate) fn insert(&mut self, slot: Slot) {
        if let Some(word) = self.0.get_mut(slot.0 as usize / 64) {
            *word |= 1 << (slot.0 % 64);
        }
    }

    pub(crate) fn contains(&self, slot: Slot) -> bool {
        self.0.get(slot.0 as usize / 64).is_some_and(|word| word >> (slot.0 % 64) & 1 == 1)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(crate) fn len(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// In order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Slot> + use<> {
        (0..).step_by(64).zip(self.0).flat_map(|(start, mut word)| {
            std::iter::from_fn(move || {
                let bit = (word != 0).then(|| word.trailing_zeros())?;
                word &= word - 1;
                Some(Slot(start + bit))
            })
        })
    }

    /// The runs of slots that follow each other, first and last of each, in order.
    ///
    /// Word by word: most often all slots of a page are in one run.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (Slot, Slot)> + use<> {
        let (words, mut from) = (self.0, 0);
        std::iter::from_fn(move || {
            let first = next_slot(&words, from, |word| word)?;
            // What ends the run, or the end of the longest page.
            from = next_slot(&words, first, |word| !word).unwrap_or(PAGE_LEN_MAX);
            Some((Slot(first), Slot(from - 1)))
        })
    }

    /// The least slot from the first to the last, both of them too.
    pub(crate) fn first_in(&self, first: Slot, last: Slot) -> Option<Slot> {
        masks(first.0, last.0).find_map(|(word, mask)| {
            let held = self.0[word] & mask;
            (held != 0).then(|| Slot(word as u32 * 64 + held.trailing_zeros()))
        })
    }

    pub(crate) fn union(self, other: Self) -> Self {
        self.with(other, |a, b| a | b)
    }

    pub(crate) fn intersection(self, other: Self) -> Self {
        self.with(other, |a, b| a & b)
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        self.with(other, |a, b| a & !b)
    }

    fn with(mut self, other: Self, combine: impl Fn(u64, u64) -> u64) -> Self {
        for (word, other) in self.0.iter_mut().zip(other.0) {
            *word = combine(*word, other);
        }
        self
    }

    /// As the marks of a page in memory are raised.
    pub(crate) fn words(&self) -> &[u64] {
        &self.0
    }
}

/// The first slot from this one on whose bit is set in its word as `see` shows it.
fn next_slot(words: &[u64; WORDS], from: u32, see: impl Fn(u64) -> u64) -> Option<u32> {
    let (mut at, mut hidden) = (from as usize / 64, from % 64);
    loop {
        let seen = see(*words.get(at)?) >> hidden << hidden;
        if seen != 0 {
            return Some(at as u32 * 64 + seen.trailing_zeros());
        }
        (at, hidden) = (at + 1, 0);
    }
}

/// The words that a span reaches into, and which of their bits are in it.
fn masks(first: u32, last: u32) -> impl Iterator<Item = (usize, u64)> {
    let last = last.min(LAST);
    // A span that ends before it begins, or begins beyond a page, has no words.
    let words = if first <= last { first / 64..last / 64 + 1 } else { 0..0 };
    words.map(move |word| {
        let from = if word == first / 64 { first % 64 } else { 0 };
        let to = if word == last / 64 { last % 64 } else { 63 };
        (word as usize, u64::MAX << from & u64::MAX >> (63 - to))
    })
}

/// As runs: `0-3,7`.
impl fmt::Debug for SlotSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (first, last)) in self.runs().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{}", first.0)?;
            if last != first {
                write!(f, "-{}", last.0)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(numbers: impl IntoIterator<Item = u32>) -> SlotSet {
        numbers.into_iter().map(Slot).collect()
    }

    #[test]
    fn a_span_holds_what_lies_between_its_ends_and_no_more() {
        let ends = [0, 1, 62, 63, 64, 65, 127, 128, 500, 1022, 1023, 1024, 5000, u32::MAX];
        for first in ends {
            for last in ends {
                let set = SlotSet::span(Slot(first), Slot(last));
                let expected: Vec<_> = (first..=last.min(1023)).map(Slot).collect();
                assert!(set.iter().eq(expected.iter().copied()), "{first} to {last}");
                assert_eq!(set.len() as usize, expected.len());
                assert_eq!(set.is_empty(), expected.is_empty());
                assert_eq!(
                    set.runs().next(),
                    expected.first().copied().zip(expected.last().copied())
                );
            }
        }
    }

    #[test]
    fn runs_end_where_a_slot_is_missing_wherever_words_end() {
        let all: Vec<u32> = (0..1024).collect();
        let gaps = [0, 1, 62, 63, 64, 65, 127, 128, 640, 1022, 1023];
        for from in gaps {
            for to in gaps {
                let left = all.iter().copied().filter(|slot| ![from, to].contains(slot));
                let left: Vec<u32> = left.collect();
                let expected = left.chunk_by(|a, b| a + 1 == *b);
                let expected = expected.map(|run| (Slot(run[0]), Slot(run[run.len() - 1])));
                assert!(slots(left.clone()).runs().eq(expected), "without {from} and {to}");
            }
        }
        assert_eq!(SlotSet::EMPTY.runs().next(), None);
    }

    #[test]
    fn what_was_inserted_is_there_until_it_is_taken_away() {
        for slot in [0, 1, 63, 64, 1023].map(Slot) {
            let mut set = SlotSet::span(Slot(0), Slot(1023));
            set = set.minus(SlotSet::one(slot));
            assert!(!set.contains(slot) && set.len() == 1023);
            set.insert(slot);
            assert!(set.contains(slot) && set.len() == 1024);
            assert_eq!(set.minus(SlotSet::one(slot)).union(SlotSet::one(slot)), set);
        }
    }

    #[test]
    fn a_slot_that_no_page_has_is_in_no_set() {
        let set = slots([1024, u32::MAX]);
        assert!(set.is_empty() && !set.contains(Slot(1024)));
        assert_eq!(set, SlotSet::EMPTY);
    }

    #[test]
    fn sets_are_joined_and_cut_slot_by_slot() {
        let (a, b) = (slots([1, 64, 700]), slots([2, 64, 1000]));
        assert_eq!(a.union(b), slots([1, 2, 64, 700, 1000]));
        assert_eq!(a.intersection(b), slots([64]));
        assert_eq!(a.minus(b), slots([1, 700]));
        assert_eq!(slots([64]).words()[..3], [0, 1, 0]);
    }

    #[test]
    fn the_first_of_a_span_is_the_least_that_lies_in_it() {
        let set = slots([5, 63, 64, 900]);
        let first = |from, to| set.first_in(Slot(from), Slot(to)).map(|slot| slot.0);
        assert_eq!(first(0, 4), None);
        assert_eq!(first(0, 5), Some(5));
        assert_eq!(first(6, u32::MAX), Some(63));
        assert_eq!(first(64, 64), Some(64));
        assert_eq!(first(65, 899), None);
    }

    #[test]
    fn debug_output_shows_runs() {
        assert_eq!(format!("{:?}", slots([0, 1, 2, 3, 7])), "0-3,7");
        assert_eq!(format!("{:?}", slots([63, 64, 1023])), "63-64,1023");
        assert_eq!(format!("{:?}", SlotSet::EMPTY), "");
    }
}
