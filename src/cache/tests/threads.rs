//! Threads on one cache, at full speed: for a tool that watches their memory as much as for what they
//! are told.

use super::*;
use crate::cache::Shortcut;
use crate::sync::{AtomicU64, Ordering, thread};

const KEYS: u64 = 40;
const CHANGES: u64 = 2_000;
const READS: u64 = 8_000;
const PAGE_BYTES: usize = 3_000;

/// A key's versions: the last that was committed, and the last that was published.
#[derive(Default)]
struct Version {
    committed: AtomicU64,
    published: AtomicU64,
}

fn change(cache: &Cache<Page>, versions: &[Version], seed: u64) {
    let mut numbers = Numbers(seed);
    for version in 1..=CHANGES {
        let number = numbers.skewed(KEYS);
        let bytes = number.to_le_bytes();
        let (key, of) = (CacheKey::new(&bytes), &versions[number as usize]);
        of.committed.store(version, Ordering::SeqCst);
        match version % 4 {
            0 => cache.publish(key, Publication::Remove),
            admit => replace(cache, key, version, PAGE_BYTES, admit != 1),
        }
        of.published.store(version, Ordering::SeqCst);
    }
}

fn read_all(cache: &Cache<Page>, versions: &[Version], seed: u64) {
    let (mut numbers, mut shortcut) = (Numbers(seed), Shortcut::new());
    for _ in 0..READS {
        let number = numbers.skewed(KEYS);
        let bytes = number.to_le_bytes();
        let (key, of) = (CacheKey::new(&bytes), &versions[number as usize]);
        let before = of.published.load(Ordering::SeqCst);
        let seen = match cache.get_through(&mut shortcut, key) {
            Some(hold) => hold.resident().value().version,
            None => {
                let ticket = cache.ticket(key);
                let on_disk = of.committed.load(Ordering::SeqCst);
                match cache.install(ticket, page(cache, key, on_disk, PAGE_BYTES)) {
                    Installed::Cached(page) | Installed::Private(page) => page.value().version,
                    Installed::Joined(page) => page.value().version,
                }
            }
        };
        assert!(seen >= before, "seed {seed}: key {number} was {seen}, and {before} before that");
    }
}

#[test]
fn among_threads_nobody_is_given_what_was_replaced_before_he_asked() {
    // Not all of the pages fit, so that some leave for others.
    let cache = cache(KEYS as usize * PAGE_BYTES / 2);
    let versions: Vec<Version> = (0..KEYS).map(|_| Version::default()).collect();
    thread::scope(|scope| {
        scope.spawn(|| change(&cache, &versions, 1));
        for seed in 2..5 {
            let (cache, versions) = (&cache, &versions);
            scope.spawn(move || read_all(cache, versions, seed));
        }
    });
    cache.validate();
    cache.retire_all();
    assert_eq!(cache.resident_bytes(), 0);
}
