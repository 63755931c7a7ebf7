//! Playing a trace.

use super::lis::Trace;

/// A cache under a trace.
pub(super) trait Cache {
    /// Asks for a key as an application would, which puts in what it misses. Whether it was there.
    fn ask(&self, key: u32) -> bool;
}

/// The part of the requests that found their key, in percent. In each round keys have other numbers,
/// and so other hashes.
pub(super) fn ratio(cache: &impl Cache, trace: &Trace, round: u32) -> f64 {
    let renamed = |key: u32| {
        let key = u64::from(key) + u64::from(round) * u64::from(RENAMED_BY);
        (key % u64::from(trace.keys())) as u32
    };
    let hits = trace.requests().iter().filter(|key| cache.ask(renamed(**key))).count();
    100.0 * hits as f64 / trace.requests().len().max(1) as f64
}

/// A prime, so that no two rounds of any trace are alike.
const RENAMED_BY: u32 = 15_485_863;
