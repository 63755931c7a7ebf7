//! Whether those who read once harm those who read again.

use super::*;

const PAGE_BYTES: usize = 4000;
const BUDGET_PAGES: u64 = 2000;

/// The hit ratio, in percent, of a reader who asks for favourites among 20,000 pages, while every
/// read of its is followed by `meanwhile`, ten times: 20,000 times in all.
fn steady_reader(mut meanwhile: impl FnMut(&Cache<Page>, u64)) -> f64 {
    let probe = cache(1 << 20);
    let bytes = page(&probe, CacheKey::new(&[0; 8]), 0, PAGE_BYTES).bytes();
    let cache = Cache::with_shards(Budget::new(bytes * BUDGET_PAGES as usize), Life::begin(), 4);
    let mut numbers = Numbers(2026);
    let mut ask = || read(&cache, CacheKey::new(&numbers.skewed(20_000).to_le_bytes()), PAGE_BYTES);
    (0..60_000).for_each(|_| _ = ask());
    let mut hits = 0;
    for step in 0..2000 {
        hits += u64::from(ask());
        (0..10).for_each(|part| meanwhile(&cache, 10 * step + part));
    }
    cache.validate();
    hits as f64 / 20.0
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

#[test]
fn pages_asked_for_once_displace_none_that_were_asked_for_often() {
    let probe = cache(1 << 20);
    let bytes = page(&probe, CacheKey::new(&[0; 8]), 0, PAGE_BYTES).bytes();
    let cache = cache(100 * bytes);
    for _ in 0..3 {
        (0..98_u64).for_each(|key| _ = read(&cache, CacheKey::new(&key.to_le_bytes()), PAGE_BYTES));
    }
    (0..500).for_each(|number| _ = read(&cache, CacheKey::new(&other(number)), PAGE_BYTES));
    let left = (0..98_u64).filter(|key| cache.get(CacheKey::new(&key.to_le_bytes())).is_some());
    assert!(left.count() >= 95);
}

/// How many of fifty pages are in memory that were asked for as often as those that fill it, later.
fn equals_let_in(times: usize) -> usize {
    let probe = cache(1 << 20);
    let bytes = page(&probe, CacheKey::new(&[0; 8]), 0, PAGE_BYTES).bytes();
    let cache = Cache::with_shards(Budget::new(bytes * 100), Life::begin(), 1);
    let ask = |key: u64| _ = read(&cache, CacheKey::new(&key.to_le_bytes()), PAGE_BYTES);
    (0..times).for_each(|_| (0..100).for_each(ask));
    (0..times).for_each(|_| (1000..1050).for_each(ask));
    // What the window holds at the end was let in by nobody.
    (1050..1053).for_each(ask);
    let is_in = |key: &u64| cache.peek(CacheKey::new(&key.to_le_bytes())).is_some();
    (1000..1050).filter(is_in).count()
}

#[test]
fn of_pages_asked_for_equally_often_the_later_ones_stay_and_of_those_asked_for_seldom_the_earlier()
{
    assert!(equals_let_in(1) <= 1, "{}", equals_let_in(1));
    assert!(equals_let_in(2) <= 1, "{}", equals_let_in(2));
    // Three times is often.
    assert!(equals_let_in(3) >= 15, "{}", equals_let_in(3));
    assert!(equals_let_in(4) >= 15, "{}", equals_let_in(4));
}
