//! The days of a zone that were used last, each in one word.

use crate::sync::{AtomicU64, Ordering};

/// A local day; its number counts dates from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LocalDay {
    pub(super) number: i64,
    pub(super) start: i64,
    pub(super) end: i64,
    /// From its midnight to the next the clock is not set, so that the day is one stretch.
    pub(super) even: bool,
}

/// Remembers local days, so that neighbouring look-ups need not ask the zone's rules again.
///
/// A day is one 64-bit word: its number, where it begins and how long it is, in seconds, and
/// whether it is even. A word is read and written whole, so there is nothing to lock and no order to
/// keep; whoever finds another day than the one looked for works it out and writes it over.
#[derive(Debug)]
pub(super) struct RecentDays([AtomicU64; PLACES]);

const PLACES: usize = 64;

const NUMBER_BITS: u32 = 23;
const START_BITS: u32 = 19;
const LENGTH_BITS: u32 = 19;
/// Makes a day's number, and its start relative to that day in UTC, positive.
const NUMBER_BIAS: i64 = 1 << (NUMBER_BITS - 1);
const START_BIAS: i64 = 1 << (START_BITS - 1);

pub(super) const DAY: i64 = 86_400_000;

impl RecentDays {
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }

    /// The day remembered at `place`, if `instant` lies in it.
    pub(super) fn find(&self, place: i64, instant: i64) -> Option<LocalDay> {
        let word = self.at(place).load(Ordering::Relaxed);
        unpack(word).filter(|day| day.start <= instant && instant < day.end)
    }

    pub(super) fn keep(&self, place: i64, day: LocalDay) {
        if let Some(word) = pack(day) {
            self.at(place).store(word, Ordering::Relaxed);
        }
    }

    fn at(&self, place: i64) -> &AtomicU64 {
        &self.0[place.rem_euclid(PLACES as i64) as usize]
    }
}

/// None for a day whose parts do not fit; such a day is worked out each time.
fn pack(day: LocalDay) -> Option<u64> {
    let field = |value: i64, bits: u32| u64::try_from(value).ok().filter(|v| v >> bits == 0);
    let number = field(day.number + NUMBER_BIAS, NUMBER_BITS)?;
    let (start, length) = (day.start - day.number * DAY, day.end - day.start);
    if start % 1000 != 0 || length % 1000 != 0 {
        return None;
    }
    let start = field(start / 1000 + START_BIAS, START_BITS)?;
    let length = field(length / 1000, LENGTH_BITS)?;
    Some(((number << START_BITS | start) << LENGTH_BITS | length) << 1 | u64::from(day.even))
}

/// None for a word never written: no day is zero seconds long.
fn unpack(word: u64) -> Option<LocalDay> {
    let field = |shift: u32, bits: u32| (word >> shift & ((1 << bits) - 1)) as i64;
    let length = field(1, LENGTH_BITS);
    if length == 0 {
        return None;
    }
    let number = field(1 + LENGTH_BITS + START_BITS, NUMBER_BITS) - NUMBER_BIAS;
    let start = number * DAY + (field(1 + LENGTH_BITS, START_BITS) - START_BIAS) * 1000;
    Some(LocalDay { number, start, end: start + length * 1000, even: word & 1 == 1 })
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn a_day_comes_out_of_its_word_as_it_went_in(
            number in -4_371_000..2_933_000_i64, start in -180_000..180_000_i64, length in 1..270_000_i64,
            even in any::<bool>(),
        ) {
            let start = number * DAY + start * 1000;
            let day = LocalDay { number, start, end: start + length * 1000, even };
            if let Some(word) = pack(day) {
                prop_assert_eq!(unpack(word), Some(day));
            } else {
                prop_assert!(number < -NUMBER_BIAS);
            }
        }
    }

    #[test]
    fn a_day_that_does_not_fit_is_not_kept() {
        let days = RecentDays::new();
        days.keep(0, LocalDay { number: 0, start: 500, end: DAY, even: true });
        days.keep(0, LocalDay { number: 1 << 40, start: 0, end: DAY, even: true });
        assert_eq!(days.find(0, 600), None);
        let day = LocalDay { number: 0, start: 0, end: DAY, even: true };
        days.keep(64, day);
        assert_eq!(days.find(0, DAY - 1), Some(day));
        assert_eq!(days.find(0, DAY), None);
    }
}
