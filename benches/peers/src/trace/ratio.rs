//! Playing a trace.

use super::lis::Trace;

/// A cache under a trace.
pub(super) trait Cache {
    /// Asks for a key as an application would, which puts in what it misses. Whether it was there.
    fn ask(&self, key: u32) -> bool;
}

/// The part of the requests that found their key, in percent.
pub(super) fn ratio(cache: &impl Cache, trace: &Trace) -> f64 {
    let hits = trace.requests().iter().filter(|key| cache.ask(**key)).count();
    100.0 * hits as f64 / trace.requests().len().max(1) as f64
}
