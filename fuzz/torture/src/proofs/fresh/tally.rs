//! What one reader has read.

use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tidetable::{Freshness, Layer};

/// Counts of a thread's own, told to the others now and then.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Records that were held against the versions; a timeline has several.
    pub reads: u64,
    /// Of these, answered from memory and fresh.
    pub hits: u64,
    /// Those from memory included.
    pub fresh: u64,
    pub overtaken: u64,
    /// Served marked, and told so.
    pub marked: u64,
}

impl Counts {
    pub fn add(&mut self, freshness: Freshness, layer: Layer) {
        self.reads += 1;
        match freshness {
            Freshness::Fresh => {
                self.fresh += 1;
                self.hits += u64::from(layer == Layer::Memory);
            }
            Freshness::Overtaken => self.overtaken += 1,
            _ => self.marked += 1,
        }
    }

    /// Of a timeline that was answered from memory.
    pub fn add_hits(&mut self, records: u64) {
        self.reads += records;
        self.fresh += records;
        self.hits += records;
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.reads += more.reads;
        self.hits += more.hits;
        self.fresh += more.fresh;
        self.overtaken += more.overtaken;
        self.marked += more.marked;
    }
}

/// The same for all to see, in a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Tally([AtomicU64; 5]);

impl Tally {
    pub fn tell(&self, Counts { reads, hits, fresh, overtaken, marked }: Counts) {
        for (told, count) in self.0.iter().zip([reads, hits, fresh, overtaken, marked]) {
            told.store(count, Relaxed);
        }
    }

    pub fn reads(&self) -> u64 {
        self.0[0].load(Relaxed)
    }

    pub fn counts(&self) -> Counts {
        let [reads, hits, fresh, overtaken, marked] =
            [0, 1, 2, 3, 4].map(|n| self.0[n].load(Relaxed));
        Counts { reads, hits, fresh, overtaken, marked }
    }
}
