//! Timing.

use std::hint::black_box;
use std::time::Instant;

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
