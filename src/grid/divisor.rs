//! Division by a number that stays the same.

/// A positive number to divide by, with its reciprocal: a multiplication takes a third of the time
/// that a division does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Divisor {
    divisor: u64,
    /// 2^64 by the divisor, rounded down; of 1 that is one less than it should be.
    reciprocal: u64,
}

impl Divisor {
    pub(super) const fn new(divisor: u64) -> Self {
        assert!(divisor > 0, "nothing is divided by zero");
        Self { divisor, reciprocal: u64::MAX / divisor }
    }

    /// Quotient and remainder of a number below 2^63.
    #[inline]
    pub(super) const fn divide(self, number: u64) -> (u64, u64) {
        debug_assert!(number < 1 << 63);
        // The reciprocal lacks less than two of what it should be, times a number of less than 2^63
        // that is less than 2^64: so the quotient lacks one at most.
        let quotient = ((number as u128 * self.reciprocal as u128) >> 64) as u64;
        let remainder = number - quotient * self.divisor;
        if remainder >= self.divisor {
            (quotient + 1, remainder - self.divisor)
        } else {
            (quotient, remainder)
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_ends_divide_as_they_should() {
        let ends =
            [1_u64, 2, 3, 5, 144, 600_000, (1 << 32) - 1, 1 << 32, (1 << 62) + 1, (1 << 63) - 1];
        for divisor in ends {
            for number in ends.into_iter().chain([0]).flat_map(|n| [n, n.saturating_sub(1)]) {
                let expected = (number / divisor, number % divisor);
                assert_eq!(Divisor::new(divisor).divide(number), expected, "{number} by {divisor}");
            }
            let most = Divisor::new(divisor).divide((1 << 63) - 1);
            assert_eq!(most, (((1 << 63) - 1) / divisor, ((1 << 63) - 1) % divisor));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 50_000,
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn it_divides_as_the_machine_does(
            number in any::<u64>(), less in 1..64_u32, divisor in any::<u64>(), shift in 0..64_u32,
        ) {
            let (number, divisor) = (number >> less, (divisor >> shift).max(1));
            prop_assert_eq!(Divisor::new(divisor).divide(number), (number / divisor, number % divisor));
        }
    }
}
