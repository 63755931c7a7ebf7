//! Buckets of one width, counted from an origin: integer arithmetic and nothing else.

use super::bucket::Bucket;
use super::divisor::Divisor;
use crate::error::{Error, Result};
use crate::time::{Span, Timestamp};

/// A width and the instant at which bucket 0 starts. The width is positive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fixed {
    width: i64,
    divisor: Divisor,
    origin: i64,
}

impl Fixed {
    pub(super) fn new(width: Span) -> Result<Self> {
        let divisor = u64::try_from(width.as_millis()).unwrap_or(0);
        if divisor == 0 {
            return Err(Error::input(format!(
                "a grid's buckets cannot be {width} wide: the width must be between 1 ms and {}",
                Span::MAX
            )));
        }
        Ok(Self { width: width.as_millis(), divisor: Divisor::new(divisor), origin: 0 })
    }

    pub(super) const fn with_origin(self, origin: Timestamp) -> Self {
        Self { origin: origin.as_millis(), ..self }
    }

    pub(super) const fn width(self) -> i64 {
        self.width
    }

    pub(super) const fn origin(self) -> i64 {
        self.origin
    }

    #[inline]
    pub(super) fn bucket_at(self, instant: Timestamp) -> Result<Bucket> {
        match self.near_bucket_at(instant) {
            Some(bucket) => Ok(bucket),
            None => self.far_bucket_at(instant.as_millis()),
        }
    }

    /// The bucket of nearly any instant that is not before the origin: two checked additions and one
    /// division.
    #[inline]
    pub(super) fn near_bucket_at(self, instant: Timestamp) -> Option<Bucket> {
        let instant = instant.as_millis();
        let distance = u64::try_from(instant.checked_sub(self.origin)?).ok()?;
        let (number, beyond) = self.divisor.divide(distance);
        // No further from the instant than the origin is.
        let start = instant - beyond as i64;
        Some(Bucket::new(number as i64, start, start.checked_add(self.width)?))
    }

    /// For instants before the origin, for those further from it than 64 bits reach, and for those at
    /// the ends of time.
    #[cold]
    fn far_bucket_at(self, instant: i64) -> Result<Bucket> {
        if let Some(distance) = instant.checked_sub(self.origin)
            && let Some(start) = instant.checked_sub(distance.rem_euclid(self.width))
            && let Some(end) = start.checked_add(self.width)
        {
            return Ok(Bucket::new(distance.div_euclid(self.width), start, end));
        }
        let number = self.distance(instant).div_euclid(i128::from(self.width));
        self.numbered(number).ok_or_else(|| {
            Error::input(format!(
                "{} lies in a bucket of {} that cannot be represented: it begins or ends outside \
                 {} to {} ms, or lies too far from the grid's origin",
                Timestamp::from_millis(instant),
                Span::millis(self.width),
                i64::MIN,
                i64::MAX
            ))
        })
    }

    /// The bucket of that number, if 64 bits can hold it.
    pub(super) fn numbered(self, number: i128) -> Option<Bucket> {
        let start = number.checked_mul(self.width.into())?.checked_add(self.origin.into())?;
        let end = start.checked_add(self.width.into())?;
        Some(Bucket::new(
            i64::try_from(number).ok()?,
            i64::try_from(start).ok()?,
            i64::try_from(end).ok()?,
        ))
    }

    /// The number of the first bucket that starts at `instant` or after it.
    pub(super) fn first_from(self, instant: i64) -> i128 {
        if let Some(bucket) = self.near_bucket_at(Timestamp::from_millis(instant)) {
            return i128::from(bucket.number().0)
                + i128::from(bucket.start().as_millis() < instant);
        }
        let width = i128::from(self.width);
        -(-self.distance(instant)).div_euclid(width)
    }

    /// The first instant at `instant` or after it at which a bucket starts, if there is one.
    pub(super) fn first_start_from(self, instant: Timestamp) -> Option<Timestamp> {
        let start = self.first_from(instant.as_millis()).checked_mul(self.width.into())?;
        i64::try_from(start + i128::from(self.origin)).ok().map(Timestamp::from_millis)
    }

    fn distance(self, instant: i64) -> i128 {
        i128::from(instant) - i128::from(self.origin)
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Instants, origins and widths where overflow lives: the ends of 64 bits, zero, and between.
    fn edgy() -> impl Strategy<Value = i64> {
        prop_oneof![
            (0..100_i64).prop_map(|step| i64::MAX - step),
            (0..100_i64).prop_map(|step| i64::MIN + step),
            -100..100_i64,
            any::<i64>(),
            (any::<i64>(), 0..63_u32).prop_map(|(value, shift)| value >> shift),
        ]
    }

    fn positive() -> impl Strategy<Value = i64> {
        edgy().prop_map(|value| value.checked_abs().unwrap_or(i64::MAX).max(1))
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 20_000,
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn every_instant_lies_in_the_bucket_that_wide_arithmetic_names(
            instant in edgy(), width in positive(), origin in edgy(),
        ) {
            let fixed = Fixed::new(Span::millis(width)).unwrap()
                .with_origin(Timestamp::from_millis(origin));
            let number = (i128::from(instant) - i128::from(origin)).div_euclid(width.into());
            let start = i128::from(origin) + number * i128::from(width);
            let fits = [number, start, start + i128::from(width)]
                .map(|wide| i64::try_from(wide).ok());
            match (fixed.bucket_at(Timestamp::from_millis(instant)), fits) {
                (Ok(found), [Some(number), Some(start), Some(end)]) => {
                    prop_assert_eq!(found, Bucket::new(number, start, end));
                    prop_assert!(found.contains(Timestamp::from_millis(instant)));
                    prop_assert_eq!(fixed.numbered(number.into()), Some(found));
                }
                (Err(_), fits) => prop_assert!(fits.contains(&None)),
                (Ok(found), _) => prop_assert!(false, "{found:?} cannot be represented"),
            }
        }

        #[test]
        fn the_first_bucket_from_an_instant_starts_there_or_soonest_after(
            instant in edgy(), width in positive(), origin in edgy(),
        ) {
            let fixed = Fixed::new(Span::millis(width)).unwrap()
                .with_origin(Timestamp::from_millis(origin));
            let (instant, width) = (i128::from(instant), i128::from(width));
            let start = fixed.first_from(instant as i64) * width + i128::from(origin);
            prop_assert!(start >= instant && start - width < instant);
        }
    }
}
