//! Whether those who read once harm those who read again.

use super::*;

const PAGE_BYTES: usize = 4000;
const BUDGET_PAGES: u64 = 2000;

/// The hit ratio, in percent, of a reader who asks for favourites among 20,000 pages, while every
/// read of its is followed by what `meanwhile` does with the cache.
fn steady_reader(mut meanwhile: impl FnMut(&Cache<Page>, u64)) -> f64 {
    let probe = cache(1 << 20);
    let bytes = page(&probe, CacheKey::new(&[0; 8]), 0, PAGE_BYTES).bytes();
    let cache = Cache::with_shards(Budget::new(bytes * BUDGET_PAGES as usize), Life::begin(), 4);
    let mut numbers = Numbers(2026);
    let mut ask = || read(&cache, CacheKey::new(&numbers.skewed(20_000).to_le_bytes()), PAGE_BYTES);
    (0..60_000).for_each(|_| drop(ask()));
    let mut hits = 0;
    for step in 0..20_000 {
        hits += u64::from(ask());
        meanwhile(&cache, step);
    }
    cache.validate();
    hits as f64 / 200.0
}

fn other(number: u64) -> [u8; 8] {
    (1_000_000 + number).to_le_bytes()
}

#[test]
fn writing_ten_times_the_budget_costs_a_steady_reader_two_points_at_most() {
    let alone = steady_reader(|_, _| ());
    let bulk = steady_reader(|cache, step| {
        replace(cache, CacheKey::new(&other(step)), 1, PAGE_BYTES, false);
    });
    let built = steady_reader(|cache, step| {
        replace(cache, CacheKey::new(&other(step)), 1, PAGE_BYTES, true);
    });
    println!("alone {alone} %, beside a bulk run {bulk} %, beside as many admitted {built} %");
    assert!(alone > 50.0, "the reader hardly hits: {alone} %");
    assert!(bulk > alone - 2.0 && built > alone - 2.0);
}

#[test]
fn reading_ten_times_the_budget_once_costs_a_steady_reader_two_points_at_most() {
    let alone = steady_reader(|_, _| ());
    let beside = steady_reader(|cache, step| {
        read(cache, CacheKey::new(&other(step)), PAGE_BYTES);
    });
    println!("alone {alone} %, beside a scan {beside} %");
    assert!(beside > alone - 2.0);
}
