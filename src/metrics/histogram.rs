//! How long things took.

use std::time::Duration;

use crate::sync::{AtomicU64, Ordering};

/// Bits of a duration that tell two of them apart, below its highest.
const BITS: u32 = 4;
/// Buckets for the durations of one highest bit.
const STEPS: usize = 1 << BITS;
/// Durations from here on, which is 73 minutes, share the last bucket.
const LONGEST: u64 = 1 << 42;
const BUCKETS: usize = bucket_of(LONGEST) + 1;

/// Durations, counted in buckets over their nanoseconds: each up to 15 in one of its own, from there
/// on sixteen to each doubling. It never grows (five kilobytes), takes no lock, and one that records
/// waits for nobody.
///
/// A quantile is told as the longest duration of its bucket: never less than the true one, and above
/// it by less than a sixteenth.
#[derive(Debug)]
pub(crate) struct Histogram {
    /// Bucket -> how many durations fell into it.
    buckets: Box<[AtomicU64]>,
    nanos: AtomicU64,
    longest: AtomicU64,
}

/// How long something took, in nanoseconds, as a plain snapshot.
///
/// All is zero if it never happened.
/// The quantiles are never below the true ones, and above them by less than a sixteenth (up to
/// 73 minutes; beyond that they are `max_ns`). Count, mean and maximum are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Latency {
    /// How many were timed.
    pub count: u64,
    /// The mean.
    pub mean_ns: u64,
    /// Half took no longer than this.
    pub p50_ns: u64,
    /// Of a hundred, 95 took no longer than this.
    pub p95_ns: u64,
    /// Of a hundred, 99 took no longer than this.
    pub p99_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        let buckets = (0..BUCKETS).map(|_| AtomicU64::new(0)).collect();
        Self { buckets, nanos: AtomicU64::new(0), longest: AtomicU64::new(0) }
    }
}

impl Histogram {
    pub(crate) fn record(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        // Before the bucket, so that a snapshot in between seldom finds one that is longer than the
        // longest.
        self.longest.fetch_max(nanos, Ordering::Relaxed);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
        self.buckets[bucket_of(nanos)].fetch_add(1, Ordering::Relaxed);
    }

    /// Adds what another has recorded.
    pub(super) fn absorb(&self, other: &Self) {
        self.longest.fetch_max(other.longest.load(Ordering::Relaxed), Ordering::Relaxed);
        self.nanos.fetch_add(other.nanos.load(Ordering::Relaxed), Ordering::Relaxed);
        for (own, other) in self.buckets.iter().zip(&other.buckets) {
            own.fetch_add(other.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    pub(super) fn snapshot(&self) -> Latency {
        let counts: Vec<u64> =
            self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        let count: u64 = counts.iter().sum();
        if count == 0 {
            return Latency::default();
        }
        let max_ns = self.longest.load(Ordering::Relaxed);
        let quantile = |hundredths: u64| quantile(&counts, count, hundredths).min(max_ns);
        Latency {
            count,
            mean_ns: self.nanos.load(Ordering::Relaxed) / count,
            p50_ns: quantile(50),
            p95_ns: quantile(95),
            p99_ns: quantile(99),
            max_ns,
        }
    }
}

/// The longest duration of the bucket below or in which so many hundredths of all lie.
fn quantile(counts: &[u64], count: u64, hundredths: u64) -> u64 {
    let rank = (u128::from(count) * u128::from(hundredths)).div_ceil(100).max(1);
    let mut below = 0;
    let bucket = counts.iter().position(|count| {
        below += u128::from(*count);
        below >= rank
    });
    longest_of(bucket.unwrap_or(BUCKETS - 1))
}

const fn bucket_of(nanos: u64) -> usize {
    let nanos = if nanos > LONGEST { LONGEST } else { nanos };
    if nanos < STEPS as u64 {
        return nanos as usize;
    }
    let shift = nanos.ilog2() - BITS;
    // What is left of the shift lies between one and two times `STEPS`.
    shift as usize * STEPS + (nanos >> shift) as usize
}

/// The longest duration that falls into a bucket.
const fn longest_of(bucket: usize) -> u64 {
    if bucket < STEPS {
        return bucket as u64;
    }
    if bucket + 1 >= BUCKETS {
        return u64::MAX;
    }
    let shift = bucket / STEPS - 1;
    (((bucket % STEPS + STEPS + 1) as u64) << shift) - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(samples: &[u64]) -> Histogram {
        let histogram = Histogram::default();
        samples.iter().for_each(|nanos| histogram.record(Duration::from_nanos(*nanos)));
        histogram
    }

    fn true_quantile(sorted: &[u64], hundredths: usize) -> u64 {
        sorted[(sorted.len() * hundredths).div_ceil(100).max(1) - 1]
    }

    /// Durations of every order of magnitude alike.
    fn duration() -> impl Strategy<Value = u64> {
        (0..42_u32, any::<u64>()).prop_map(|(bits, any)| any & ((2 << bits) - 1))
    }

    proptest! {
        #[test]
        fn a_quantile_is_never_below_the_true_one_and_less_than_a_sixteenth_above(
            mut samples in prop::collection::vec(duration(), 1..400),
        ) {
            let told = of(&samples).snapshot();
            samples.sort_unstable();
            for (hundredths, told) in [(50, told.p50_ns), (95, told.p95_ns), (99, told.p99_ns)] {
                let exact = true_quantile(&samples, hundredths);
                prop_assert!(told >= exact, "p{hundredths} is {exact}, told {told}");
                prop_assert!((told - exact) * 16 < exact.max(1), "p{hundredths} is {exact}, told {told}");
            }
            let sum: u64 = samples.iter().sum();
            prop_assert_eq!(told.max_ns, samples[samples.len() - 1]);
            prop_assert_eq!(told.mean_ns, sum / samples.len() as u64);
            prop_assert_eq!(told.count, samples.len() as u64);
        }

        #[test]
        fn what_is_absorbed_counts_as_if_it_had_been_recorded(
            one in prop::collection::vec(duration(), 0..50),
            other in prop::collection::vec(duration(), 0..50),
        ) {
            let absorbed = of(&one);
            absorbed.absorb(&of(&other));
            prop_assert_eq!(absorbed.snapshot(), of(&[one, other].concat()).snapshot());
        }
    }

    #[test]
    fn buckets_follow_each_other_without_a_gap_or_an_overlap() {
        for bucket in 0..BUCKETS - 1 {
            let longest = longest_of(bucket);
            assert_eq!((bucket_of(longest), bucket_of(longest + 1)), (bucket, bucket + 1));
        }
        assert_eq!(longest_of(BUCKETS - 2) + 1, LONGEST);
    }

    #[test]
    fn nothing_recorded_is_all_zero_and_what_is_beyond_the_last_bucket_is_the_longest() {
        assert_eq!(Histogram::default().snapshot(), Latency::default());
        let told = of(&[LONGEST, LONGEST * 3]).snapshot();
        assert_eq!((told.count, told.p50_ns, told.max_ns), (2, LONGEST * 3, LONGEST * 3));
    }
}
