//! Timing.

use std::hint::black_box;
use std::time::Instant;

use hdrhistogram::Histogram;

/// How long something took, in nanoseconds.
pub fn nanos<T>(work: impl FnOnce() -> T) -> f64 {
    let started = Instant::now();
    black_box(work());
    started.elapsed().as_nanos() as f64
}

/// The same in milliseconds.
pub fn millis<T>(work: impl FnOnce() -> T) -> f64 {
    nanos(work) / 1e6
}

/// For times from a nanosecond to a minute, each within a thousandth.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("bounds in order, three digits")
}
