//! What the cache promises, tried from outside.

mod hottest;
mod model;
mod room;
mod scan;
mod shortcuts;
mod threads;

use crate::cache::{Budget, Cache, CacheKey, Installed, Publication, Resident, Weighed};
use crate::revision::Life;
use crate::sync::Arc;

/// A page that says what was committed when it was read.
#[derive(Debug)]
struct Page {
    version: u64,
    bytes: usize,
}

impl Weighed for Page {
    fn bytes(&self) -> usize {
        self.bytes
    }
}

const SLOTS: usize = 70;

fn page(cache: &Cache<Page>, key: CacheKey<'_>, version: u64, bytes: usize) -> Resident<Page> {
    Resident::new(cache.budget(), key, Page { version, bytes }, SLOTS)
}

/// What a read does: the page from the cache, or else from the disk.
fn read(cache: &Cache<Page>, key: CacheKey<'_>, bytes: usize) -> bool {
    if cache.get(key).is_some() {
        return true;
    }
    let ticket = cache.ticket(key);
    cache.install(ticket, page(cache, key, 0, bytes));
    false
}

fn cache(limit_bytes: usize) -> Cache<Page> {
    Cache::new(Budget::new(limit_bytes), Life::begin())
}

fn is_cached(installed: &Installed<Page>) -> bool {
    matches!(installed, Installed::Cached(_))
}

fn replace(cache: &Cache<Page>, key: CacheKey<'_>, version: u64, bytes: usize, admit: bool) {
    let resident = Arc::new(page(cache, key, version, bytes));
    cache.publish(key, Publication::Replace { resident, admit });
}

/// A generator of numbers that are the same on every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`, small numbers far more often than large ones.
    fn skewed(&mut self, end: u64) -> u64 {
        let part = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        (end as f64).powf(part) as u64 - 1
    }
}
