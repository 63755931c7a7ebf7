//! When a build that failed in the background is tried again.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::error::{Error, Result};
use crate::time::{Span, Timestamp};

/// How often, and how far apart, the background tries a build that fails.
///
/// The first wait is `first`, each further one twice the one before, at most `most`. Up to a quarter
/// is taken off each, by chance, so that records that failed together are not all tried together.
///
/// A record that was built from something which stays marked waits in the same way: built at once
/// it would only come out the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How many tries there are, the first included. Then the record rests until it is read, asked
    /// for or announced again. Default: 5; at least 1.
    pub attempts: u16,
    /// The wait after the first try. Default: 1 s; longer than zero.
    pub first: Span,
    /// The longest wait. Default: 5 min; not shorter than `first`.
    pub most: Span,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 5, first: Span::seconds(1), most: Span::minutes(5) }
    }
}

impl Retry {
    /// Holds every value against its range.
    pub(crate) fn validate(&self) -> Result<()> {
        let Self { attempts, first, most } = self;
        let fault = if *attempts == 0 {
            "attempts is 0; it must be at least 1".to_owned()
        } else if *first <= Span::ZERO {
            format!("first is {first}; it must be longer than zero")
        } else if most < first {
            format!("most is {most}; it cannot be shorter than first, which is {first}")
        } else {
            return Ok(());
        };
        Err(Error::input(format!("retry: {fault}")))
    }

    /// When the next try is due after so many that failed, the last of them now.
    /// [`Timestamp::MAX`]: there is none. The same seed gives the same instant.
    pub(crate) fn after(&self, attempts: u16, now: Timestamp, seed: u64) -> Timestamp {
        if attempts >= self.attempts {
            return Timestamp::MAX;
        }
        let wait = self.longest_after(attempts);
        let quarter = u64::try_from(wait / 4).expect("a wait is longer than zero");
        let chance = xxh3_64_with_seed(&attempts.to_le_bytes(), seed) % (quarter + 1);
        let off = i64::try_from(chance).expect("it is at most a quarter of a span");
        now + Span::millis(wait - off)
    }

    /// The wait before chance takes something off it, in milliseconds.
    fn longest_after(&self, attempts: u16) -> i64 {
        let doublings = u32::from(attempts.saturating_sub(1)).min(62);
        let grown = self.first.as_millis().saturating_mul(1 << doublings);
        grown.min(self.most.as_millis())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wait(retry: &Retry, attempts: u16, seed: u64) -> i64 {
        retry.after(attempts, Timestamp::EPOCH, seed).as_millis()
    }

    #[test]
    fn waits_double_up_to_the_longest_and_then_there_is_no_try_left() {
        let retry = Retry { attempts: 6, first: Span::seconds(1), most: Span::seconds(5) };
        for (attempts, longest) in [(1, 1000), (2, 2000), (3, 4000), (4, 5000), (5, 5000)] {
            let waits = (0..200).map(|seed| wait(&retry, attempts, seed));
            assert!(waits.clone().all(|wait| (longest * 3 / 4..=longest).contains(&wait)));
            assert!(waits.max() > waits_mean(&retry, attempts), "{attempts}: chance has no part");
        }
        assert_eq!(retry.after(6, Timestamp::EPOCH, 0), Timestamp::MAX);
    }

    fn waits_mean(retry: &Retry, attempts: u16) -> Option<i64> {
        Some((0..200).map(|seed| wait(retry, attempts, seed)).sum::<i64>() / 200)
    }

    proptest! {
        #[test]
        fn no_numbers_overflow(
            attempts in 1_u16.., tried: u16, first in 1_i64.., most in 1_i64.., now: i64, seed: u64,
        ) {
            let most = Span::millis(most.max(first));
            let retry = Retry { attempts, first: Span::millis(first), most };
            prop_assert!(retry.validate().is_ok());
            let now = Timestamp::from_millis(now);
            let next = retry.after(tried, now, seed);
            prop_assert_eq!(next, retry.after(tried, now, seed));
            prop_assert!(next >= now);
            prop_assert!(tried < attempts || next == Timestamp::MAX);
            prop_assert!(next == Timestamp::MAX || next.since(now) <= most);
        }
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        let good = Retry::default();
        assert!(good.validate().is_ok());
        let bad = [
            (Retry { attempts: 0, ..good }, "attempts is 0"),
            (Retry { first: Span::ZERO, ..good }, "first is 0 ms"),
            (Retry { most: Span::millis(999), ..good }, "most is 999 ms"),
        ];
        for (retry, expected) in bad {
            let message = retry.validate().unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
