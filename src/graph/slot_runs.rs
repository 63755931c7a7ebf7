//! Values of the slots of a page, where neighbours most often have the same.

use crate::page::{PAGE_LEN_MAX, Slot, SlotSet};

/// Slot -> value, for some of the slots of a page.
///
/// A change most often concerns whole pages, so equal neighbours are held as one: a day's marks
/// cost as much as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SlotRuns<T> {
    /// In order, apart from each other, and of two that adjoin the values differ.
    runs: Vec<Run<T>>,
}

/// Slots that follow each other and have the same value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run<T> {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) value: T,
}

impl<T> Default for SlotRuns<T> {
    fn default() -> Self {
        Self { runs: Vec::new() }
    }
}

impl<T: Copy + Eq> SlotRuns<T> {
    pub(super) fn get(&self, slot: Slot) -> Option<T> {
        let slot = u16::try_from(slot.0).ok()?;
        let run = self.runs.get(self.runs.partition_point(|run| run.last < slot))?;
        (run.first <= slot).then_some(run.value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Run<T>> {
        self.runs.iter()
    }

    /// Each slot with its value, in order.
    pub(super) fn slots(&self) -> impl Iterator<Item = (Slot, T)> + '_ {
        self.runs
            .iter()
            .flat_map(|run| (run.first..=run.last).map(|slot| (Slot(slot.into()), run.value)))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The slots whose value is such.
    pub(super) fn with(&self, counts: impl Fn(&T) -> bool) -> SlotSet {
        let counted = self.runs.iter().filter(|run| counts(&run.value));
        counted.fold(SlotSet::EMPTY, |slots, run| slots.union(run.span()))
    }

    /// Gives all these slots one value.
    pub(super) fn set(&mut self, slots: SlotSet, value: T) {
        slots.runs().for_each(|(first, last)| self.put(first, last, Some(value)));
    }

    pub(super) fn remove(&mut self, slots: SlotSet) {
        slots.runs().for_each(|(first, last)| self.put(first, last, None));
    }

    /// Gives those of these slots that have a value another.
    pub(super) fn change(&mut self, slots: SlotSet, mut other: impl FnMut(T) -> T) {
        let held = |run: &Run<T>| (slots.intersection(run.span()), run.value);
        let held: Vec<(SlotSet, T)> =
            self.runs.iter().map(held).filter(|(slots, _)| !slots.is_empty()).collect();
        held.into_iter().for_each(|(slots, value)| self.set(slots, other(value)));
    }

    /// Gives every value another, and different ones different others.
    pub(super) fn rename(&mut self, rename: impl Fn(&mut T)) {
        self.runs.iter_mut().for_each(|run| rename(&mut run.value));
    }

    /// Puts a run in the place of whatever these slots have, and joins it with its neighbours where
    /// they say the same.
    fn put(&mut self, first: Slot, last: Slot, value: Option<T>) {
        // A set of slots holds none that a page has not.
        let (mut first, mut last) = (first.0 as u16, last.0 as u16);
        let mut from = self.runs.partition_point(|run| run.last < first);
        let mut to = self.runs.partition_point(|run| run.first <= last);
        if from > 0 && self.runs[from - 1].last + 1 == first {
            from -= usize::from(Some(self.runs[from - 1].value) == value);
        }
        if self.runs.get(to).is_some_and(|run| run.first == last + 1 && Some(run.value) == value) {
            to += 1;
        }
        let (mut before, mut behind) = (None, None);
        if let Some(run) = self.runs[from..to].first().filter(|run| run.first < first) {
            if Some(run.value) == value {
                first = run.first;
            } else {
                before = Some(Run { last: first - 1, ..*run });
            }
        }
        if let Some(run) = self.runs[from..to].last().filter(|run| run.last > last) {
            if Some(run.value) == value {
                last = run.last;
            } else {
                behind = Some(Run { first: last + 1, ..*run });
            }
        }
        let put = value.map(|value| Run { first, last, value });
        if let (true, Some(put)) = (self.runs.is_empty(), put) {
            // Most pages never have more than one.
            self.runs.reserve_exact(1);
            self.runs.push(put);
            return;
        }
        self.runs.splice(from..to, [before, put, behind].into_iter().flatten());
    }

    /// From runs as they come from the disk; `None` if a slot comes twice, or out of order, or is
    /// none that a page has.
    pub(super) fn push(&mut self, first: u16, last: u16, value: T) -> Option<()> {
        let follows = self.runs.last().is_none_or(|run| run.last < first);
        if !follows || first > last || u32::from(last) >= PAGE_LEN_MAX {
            return None;
        }
        match self.runs.last_mut() {
            Some(run) if run.last + 1 == first && run.value == value => run.last = last,
            _ => self.runs.push(Run { first, last, value }),
        }
        Some(())
    }
}

impl<T> Run<T> {
    fn span(&self) -> SlotSet {
        SlotSet::span(Slot(self.first.into()), Slot(self.last.into()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn validate(runs: &SlotRuns<u8>) {
        assert!(runs.iter().all(|run| run.first <= run.last));
        let apart = |one: &Run<u8>, next: &Run<u8>| {
            one.last < next.first && (one.last + 1 < next.first || one.value != next.value)
        };
        assert!(runs.runs.windows(2).all(|pair| apart(&pair[0], &pair[1])), "{runs:?}");
    }

    #[test]
    fn runs_hold_what_a_map_of_slots_holds() {
        let mut seed = 0x2545_F491_4F6C_DD1D_u64;
        let mut draw = move |below: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed % below
        };
        for _ in 0..200 {
            let (mut runs, mut map) = (SlotRuns::default(), BTreeMap::new());
            for _ in 0..60 {
                let mut slots = SlotSet::EMPTY;
                for _ in 0..=draw(3) {
                    let first = draw(40) as u32;
                    slots = slots.union(SlotSet::span(Slot(first), Slot(first + draw(9) as u32)));
                }
                let value = draw(3) as u8;
                match draw(4) {
                    0 => {
                        runs.remove(slots);
                        map.retain(|slot, _| !slots.contains(Slot(*slot)));
                    }
                    1 => {
                        runs.change(slots, |held| held / 2);
                        let held = map.iter_mut().filter(|(slot, _)| slots.contains(Slot(**slot)));
                        held.for_each(|(_, held): (_, &mut u8)| *held /= 2);
                    }
                    _ => {
                        runs.set(slots, value);
                        map.extend(slots.iter().map(|slot| (slot.0, value)));
                    }
                }
                validate(&runs);
                assert!(runs.slots().map(|(slot, value)| (slot.0, value)).eq(map.clone()));
                let all = |slot| (runs.get(Slot(slot)), map.get(&slot).copied());
                assert!((0..60).map(all).all(|(held, expected)| held == expected));
                let of_one: SlotSet =
                    map.iter().filter(|held| *held.1 == 1).map(|held| Slot(*held.0)).collect();
                assert_eq!(
                    (runs.with(|value| *value == 1), runs.is_empty()),
                    (of_one, map.is_empty())
                );
            }
        }
    }

    #[test]
    fn what_comes_out_of_order_is_refused_and_what_says_the_same_is_joined() {
        let mut runs = SlotRuns::default();
        assert_eq!(runs.push(0, 3, 'a'), Some(()));
        assert_eq!(runs.push(4, 5, 'a'), Some(()));
        assert_eq!(runs.iter().count(), 1);
        assert_eq!((runs.push(5, 6, 'b'), runs.push(9, 8, 'b')), (None, None));
        assert_eq!((runs.push(6, 1024, 'b'), runs.push(7, 1023, 'b')), (None, Some(())));
        assert_eq!((runs.get(Slot(6)), runs.get(Slot(1023))), (None, Some('b')));
    }
}
