//! What fits, and what is done about what does not.

use super::*;
use crate::cache::Lodged;

#[test]
fn a_budget_of_one_page_caches_one_page() {
    let key = CacheKey::new(b"a");
    let probe = cache(1 << 20);
    let bytes = page(&probe, key, 0, 8 << 10).bytes();
    for (limit_bytes, fits) in [(bytes - 1, false), (bytes, true), (bytes + 1, true)] {
        let cache = cache(limit_bytes);
        read(&cache, key, 8 << 10);
        assert_eq!(cache.get(key).is_some(), fits, "{limit_bytes} of {bytes} bytes");
        replace(&cache, key, 1, 8 << 10, true);
        let version = cache.get(key).map(|resident| resident.value().version);
        assert_eq!(version, fits.then_some(1), "replacing needs no second place");
        cache.validate();
    }
}

#[test]
fn a_cache_of_one_page_turns_to_what_is_asked_for_now() {
    let cache = cache(10 << 10);
    let (old, new) = (CacheKey::new(b"old"), CacheKey::new(b"new"));
    (0..10).for_each(|_| _ = read(&cache, old, 8 << 10));
    assert!((0..20).any(|_| read(&cache, new, 8 << 10)), "the old page never gave way");
}

#[test]
fn a_page_of_half_the_budget_is_cached_beside_small_ones() {
    let limit_bytes = 64 << 20;
    let cache = cache(limit_bytes);
    let large = CacheKey::new(b"large");
    let keys: Vec<_> = (0..30_000_u32).map(u32::to_le_bytes).collect();
    let smalls = || keys.iter().map(|key| CacheKey::new(key));
    smalls().for_each(|key| _ = read(&cache, key, 2000));
    (0..4).for_each(|_| _ = read(&cache, large, limit_bytes / 2));
    assert!(cache.get(large).is_some());
    for round in 0..3 {
        smalls().for_each(|key| _ = read(&cache, key, 2000));
        cache.validate();
        let left = smalls().filter(|&key| cache.get(key).is_some()).count();
        assert!(left > 5000, "the large page left room for {left} small ones in round {round}");
    }
}

#[test]
fn a_page_over_the_budget_is_served_uncached() {
    let cache = cache(1 << 20);
    let large = CacheKey::new(b"large");
    for version in 0..20 {
        read(&cache, CacheKey::new(&[version]), 4000);
        let read = page(&cache, large, u64::from(version), 2 << 20);
        let installed = cache.install(cache.ticket(large), read);
        let Installed::Private(private) = installed else { panic!("{installed:?}") };
        assert_eq!(private.value().version, u64::from(version));
        assert!(cache.get(large).is_none());
        cache.validate();
    }
    let small = CacheKey::new(b"small");
    read(&cache, small, 4000);
    assert!(cache.get(small).is_some(), "the cache does not come back");
}

#[test]
fn pages_are_served_uncached_while_handles_hold_the_budget() {
    let cache = cache(100 << 10);
    let keys: Vec<_> = (0..40_u32).map(u32::to_le_bytes).collect();
    let mut handles = Vec::new();
    for key in keys.iter().map(|key| CacheKey::new(key)) {
        let ticket = cache.ticket(key);
        match cache.install(ticket, page(&cache, key, 3, 10 << 10)) {
            Installed::Cached(page) | Installed::Joined(page) | Installed::Private(page) => {
                assert_eq!(page.value().version, 3);
                handles.push(page);
            }
        }
        cache.validate();
    }
    assert!(cache.budget().used_bytes() > cache.budget().limit_bytes());
    assert_eq!(cache.stats().residents, 0);
    handles.clear();
    let key = CacheKey::new(b"again");
    read(&cache, key, 10 << 10);
    assert!(cache.get(key).is_some(), "the cache does not come back");
}

#[test]
fn what_others_charge_to_the_budget_squeezes_the_cache() {
    let cache = cache(64 << 20);
    let keys: Vec<_> = (0..8000_u32).map(u32::to_le_bytes).collect();
    keys.iter().for_each(|key| _ = read(&cache, CacheKey::new(key), 8000));
    let before = cache.stats();
    assert!(cache.resident_bytes() > 60 << 20, "{before:?}");
    let elsewhere = Budget::charge(cache.budget(), 32 << 20);
    read(&cache, CacheKey::new(b"next"), 8000);
    cache.validate();
    assert!(cache.resident_bytes() <= 32 << 20);
    assert!(cache.stats().evicted > before.evicted + 3000);
    drop(elsewhere);
}

#[test]
fn every_shard_gives_up_pages_for_what_others_charge_whichever_was_changed() {
    for changed in 0..4_u64 {
        let cache = Cache::with_shards(Budget::new(1 << 20), Life::begin(), 4);
        for number in 0..200_u64 {
            let bytes = number.to_le_bytes();
            read(&cache, CacheKey::with_hash(number << 32 | number, &bytes), 4000);
        }
        let elsewhere = Budget::charge(cache.budget(), (1 << 20) - 40_000);
        cache.publish(CacheKey::with_hash(changed << 32, b"other"), Publication::Remove);
        assert!(
            cache.budget().used_bytes() <= 1 << 20,
            "beyond it after a change of shard {changed}"
        );
        drop(elsewhere);
    }
}

#[test]
fn a_page_that_gives_way_to_its_successor_was_not_evicted() {
    let cache = cache(1 << 20);
    let key = CacheKey::new(b"key");
    read(&cache, key, 4000);
    (1..5).for_each(|version| replace(&cache, key, version, 4000, false));
    cache.publish(key, Publication::Remove);
    assert_eq!(cache.stats().evicted, 0);
}

#[test]
fn no_era_passes_while_no_pages_come() {
    let cache = cache(1 << 20);
    let key = CacheKey::new(b"key");
    read(&cache, key, 4000);
    let era = cache.era();
    for _ in 0..100 {
        cache.publish(key, Publication::Raise { stale: &[1], suspect: &[] });
        replace(&cache, key, 1, 4000, false);
    }
    assert_eq!(cache.era(), era);
}

#[test]
fn a_page_that_nobody_asked_for_is_taken_in_if_it_fits_to_the_byte() {
    let key = CacheKey::new(b"key");
    let bytes = page(&cache(1 << 20), key, 0, 4000).bytes();
    for (limit_bytes, expected) in [(bytes, Lodged::In), (bytes - 1, Lodged::NoRoom)] {
        let cache = cache(limit_bytes);
        assert_eq!(cache.lodge(cache.ticket(key), page(&cache, key, 0, 4000)), expected);
        cache.validate();
    }
}

#[test]
fn there_is_room_until_the_whole_budget_is_charged() {
    let cache = cache(1 << 20);
    let left = (1 << 20) - cache.budget().used_bytes();
    let most = Budget::charge(cache.budget(), left - 1);
    assert!(cache.has_room());
    let last = Budget::charge(cache.budget(), 1);
    assert!(!cache.has_room());
    drop((most, last));
    assert!(cache.has_room());
}

#[test]
fn a_shard_that_is_full_lodges_no_more_though_there_is_room_elsewhere() {
    let cache = Cache::with_shards(Budget::new(1 << 20), Life::begin(), 4);
    let lodge = |number: &u64| {
        let bytes = number.to_le_bytes();
        // Neither end of the hash differs, so that all go to one shard.
        let key = CacheKey::with_hash(number << 16, &bytes);
        cache.lodge(cache.ticket(key), page(&cache, key, 0, 3000)) == Lodged::In
    };
    let lodged = (1..300).take_while(lodge).count();
    let bytes = cache.resident_bytes();
    assert!((1 << 18) - 4500 < bytes && bytes <= 1 << 18, "{bytes} in {lodged} pages");
    assert!(cache.has_room());
    cache.validate();
}
