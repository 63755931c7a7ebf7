//! A thread's own table in front of the cache, and lives.

use super::*;
use crate::cache::{Lodged, Shortcut};

const KEY: CacheKey<'static> = CacheKey::with_hash(17, b"key");

#[test]
fn a_shortcut_hands_out_its_lease_without_touching_the_shared_count() {
    let cache = cache(1 << 20);
    read(&cache, KEY, 4000);
    let mut shortcut = Shortcut::new();
    cache.get_through(&mut shortcut, KEY).unwrap();
    let lease = shortcut.get(&cache, &KEY).unwrap();
    let resident = cache.get(KEY).unwrap();
    let count = Arc::strong_count(&resident);
    let more: Vec<_> = (0..50).map(|_| shortcut.get(&cache, &KEY).unwrap()).collect();
    assert!(more.iter().all(|other| Arc::ptr_eq(other.resident(), lease.resident())));
    assert_eq!(Arc::strong_count(&resident), count);
}

#[test]
fn a_shortcut_lets_go_of_a_page_that_left_the_cache() {
    type Leave = fn(&Cache<Page>);
    let ways: [(&str, Leave); 5] = [
        ("replaced", |cache| replace(cache, KEY, 1, 4000, false)),
        ("removed", |cache| cache.publish(KEY, Publication::Remove)),
        ("picked", |cache| cache.retire_where(|bytes| bytes == b"key")),
        ("closed", Cache::retire_all),
        ("evicted", |cache| {
            let squeeze = Budget::charge(cache.budget(), 1 << 20);
            cache.publish(CacheKey::new(b"other"), Publication::Remove);
            drop(squeeze);
        }),
    ];
    for (way, leave) in ways {
        let cache = cache(1 << 20);
        read(&cache, KEY, 4000);
        let mut shortcut = Shortcut::new();
        let lease = cache.get_through(&mut shortcut, KEY).unwrap();
        leave(&cache);
        assert!(lease.resident().is_retired(), "{way}");
        assert!(shortcut.get(&cache, &KEY).is_none(), "{way}");
        drop(lease);
        let cached: usize = cache.resident_bytes();
        assert_eq!(cache.budget().used_bytes(), cached, "{way}: the slot still holds the page");
    }
}

#[test]
fn a_shortcut_serves_only_the_life_it_was_filled_in() {
    let (before, after) = (cache(1 << 20), cache(1 << 20));
    let mut shortcut = Shortcut::new();
    for (cache, version) in [(&before, 1), (&after, 2)] {
        replace(cache, KEY, version, 4000, true);
        let lease = cache.get_through(&mut shortcut, KEY).unwrap();
        assert_eq!(lease.resident().value().version, version);
    }
    assert!(shortcut.get(&before, &KEY).is_none());
}

#[test]
fn large_pages_stay_out_of_shortcuts() {
    let cache = cache(1 << 20);
    let most = (64 << 10) - page(&cache, KEY, 0, 0).bytes();
    for (bytes, stays) in [(most, true), (most + 1, false)] {
        replace(&cache, KEY, 1, bytes, true);
        let mut shortcut = Shortcut::new();
        assert!(cache.get_through(&mut shortcut, KEY).is_some());
        assert_eq!(shortcut.get(&cache, &KEY).is_some(), stays, "{bytes} bytes");
    }
}

/// A key that stands in the first pair of a table, whatever its size, or in another.
fn key_in_pair(pair: u64, number: &[u8; 1]) -> CacheKey<'_> {
    CacheKey::with_hash(pair << 9 | u64::from(number[0]), number)
}

#[test]
fn two_pages_of_one_pair_stand_beside_each_other() {
    let cache = cache(1 << 20);
    let mut shortcut = Shortcut::new();
    for _ in 0..2 {
        for number in 0..2 {
            let number = [number];
            let key = key_in_pair(0, &number);
            read(&cache, key, 100);
            cache.get_through(&mut shortcut, key).unwrap();
        }
    }
    for number in 0..2 {
        assert!(shortcut.get(&cache, &key_in_pair(0, &[number])).is_some(), "{number}");
    }
}

#[test]
fn what_left_the_cache_and_nobody_asks_for_is_let_go_when_others_find_no_place() {
    let cache = cache(1 << 20);
    let held = cache.held_by_threads();
    let mut shortcut = Shortcut::new();
    let numbers: Vec<[u8; 1]> = (0..16).map(|number| [number]).collect();
    let keys = || (0..).zip(&numbers).map(|(nth, number): (u64, _)| key_in_pair(nth / 2, number));
    for key in keys() {
        read(&cache, key, 4000);
        cache.get_through(&mut shortcut, key).unwrap();
    }
    assert!(held.used_bytes() > 16 * 4000, "all of them stand in the table");
    keys().for_each(|key| cache.publish(key, Publication::Remove));
    // Two of these take the places of such as left; the others find none.
    for number in 100..120 {
        let number = [number];
        let key = key_in_pair(0, &number);
        read(&cache, key, 100);
        cache.get_through(&mut shortcut, key).unwrap();
    }
    assert!(held.used_bytes() < 4000, "{} bytes are held", held.used_bytes());
    assert_eq!(shortcut.slots(), 16, "nothing was there to grow for");
}

#[test]
fn what_left_the_cache_makes_way_for_what_threads_may_hold_no_more_of() {
    let cache = cache(1 << 20);
    let mut shortcut = Shortcut::new();
    for (pair, bytes) in [(1, 60_000), (2, 60_000)] {
        read(&cache, key_in_pair(pair, &[0]), bytes);
        cache.get_through(&mut shortcut, key_in_pair(pair, &[0])).unwrap();
        cache.publish(key_in_pair(pair, &[0]), Publication::Remove);
    }
    // There are free places, and no room in what threads may hold: until room is made.
    let key = key_in_pair(3, &[0]);
    read(&cache, key, 20_000);
    (0..12).for_each(|_| drop(cache.get_through(&mut shortcut, key)));
    assert!(shortcut.get(&cache, &key).is_some());
}

#[test]
fn of_two_pages_the_one_that_was_not_used_makes_way_for_the_eighth_that_wants_a_place() {
    let cache = cache(1 << 20);
    let mut shortcut = Shortcut::new();
    let [used, unused, third] = [[0], [1], [2]];
    let [used, unused, third] = [&used, &unused, &third].map(|number| key_in_pair(1, number));
    for key in [used, unused, third] {
        read(&cache, key, 100);
        cache.get_through(&mut shortcut, key).unwrap();
    }
    assert!(shortcut.get(&cache, &third).is_none(), "the first that wants a place gets none");
    assert!(shortcut.get(&cache, &used).is_some());
    let before = (1..20).find(|_| {
        cache.get_through(&mut shortcut, third);
        shortcut.get(&cache, &third).is_some()
    });
    assert_eq!(before, Some(7), "of those that follow");
    assert!(shortcut.get(&cache, &used).is_some() && shortcut.get(&cache, &unused).is_none());
}

#[test]
fn a_table_grows_once_a_quarter_of_it_is_in_use_and_nine_pages_found_no_place() {
    let cache = cache(1 << 20);
    let mut shortcut = Shortcut::new();
    for (pair, number) in [(1, 0), (1, 1), (2, 0), (2, 1)] {
        let number = [number];
        let key = key_in_pair(pair, &number);
        read(&cache, key, 100);
        cache.get_through(&mut shortcut, key).unwrap();
    }
    for number in 2..12 {
        assert_eq!(shortcut.slots(), 16, "{} found no place", number - 2);
        let number = [number];
        let key = key_in_pair(1, &number);
        read(&cache, key, 100);
        cache.get_through(&mut shortcut, key).unwrap();
    }
    assert_eq!(shortcut.slots(), 32);
}

#[test]
fn a_page_used_only_through_a_shortcut_outlives_a_scan() {
    let cache = cache(1 << 20);
    let mut shortcut = Shortcut::new();
    read(&cache, KEY, 4000);
    for number in 0..5000_u64 {
        (0..50).for_each(|_| drop(cache.get_through(&mut shortcut, KEY)));
        let key = (number / 2).to_le_bytes();
        read(&cache, CacheKey::new(&key), 4000);
    }
    assert!(!cache.get(KEY).expect("the page most used was evicted").is_retired());
}

#[test]
fn hits_of_a_page_that_left_before_they_were_told_bring_it_back_to_stay() {
    let cache = cache(1 << 20);
    let keys = |numbers: std::ops::Range<u64>| numbers.map(u64::to_le_bytes);
    // The cache is full of pages that were asked for a few times.
    for _ in 0..4 {
        keys(0..300).for_each(|key| _ = read(&cache, CacheKey::new(&key), 4000));
    }
    let mut shortcut = Shortcut::new();
    read(&cache, KEY, 4000);
    (0..100).for_each(|_| drop(cache.get_through(&mut shortcut, KEY)));
    // It is pushed out, in so short a time that the cache was told of one hit at most.
    let mut others = keys(1000..1400);
    while cache.peek(KEY).is_some() {
        read(&cache, CacheKey::new(&others.next().expect("it is never pushed out")), 4000);
    }
    assert!(cache.get_through(&mut shortcut, KEY).is_none());
    read(&cache, KEY, 4000);
    keys(2000..2100).for_each(|key| _ = read(&cache, CacheKey::new(&key), 4000));
    assert!(cache.peek(KEY).is_some(), "the page most used was evicted again");
}

#[test]
fn eras_pass_evenly_however_many_shards_there_are() {
    for shards in [1, 64] {
        let cache = Cache::with_shards(Budget::new(64 << 20), Life::begin(), shards);
        let pages = (0..20_000_u64).map(u64::to_le_bytes);
        pages.for_each(|key| _ = read(&cache, CacheKey::new(&key), 4000));
        let held = cache.stats().residents as u64;
        for part in 0..4 {
            let before = cache.era();
            let new = (0..held / 4).map(|number| ((part + 1) << 40 | number).to_le_bytes());
            new.for_each(|key| _ = read(&cache, CacheKey::new(&key), 4000));
            let passed = cache.era() - before;
            assert!((12..=20).contains(&passed), "{passed} of 16, {shards} shards");
        }
    }
}

#[test]
fn a_table_whose_pages_may_not_be_held_does_not_grow() {
    let cache = cache(1 << 20);
    let mut shortcut = Shortcut::new();
    let keys: Vec<_> = (0..100_u64).map(u64::to_le_bytes).collect();
    keys.iter().for_each(|key| _ = read(&cache, CacheKey::new(key), 8000));
    for _ in 0..100 {
        for key in &keys {
            cache.get_through(&mut shortcut, CacheKey::new(key));
        }
    }
    assert!(shortcut.slots() <= 64, "{} slots for a dozen pages", shortcut.slots());
}

#[test]
fn what_a_table_takes_is_part_of_what_threads_may_hold_and_of_the_budget() {
    let cache = cache(16 << 20);
    let keys: Vec<_> = (0..1000_u64).map(u64::to_le_bytes).collect();
    keys.iter().for_each(|key| _ = read(&cache, CacheKey::new(key), 10));
    let cached = cache.budget().used_bytes();
    let mut shortcut = Shortcut::new();
    for _ in 0..20 {
        for key in &keys {
            cache.get_through(&mut shortcut, CacheKey::new(key));
        }
    }
    let holds: Vec<_> =
        keys.iter().filter_map(|key| shortcut.get(&cache, &CacheKey::new(key))).collect();
    let pages: usize = holds.iter().map(|hold| hold.resident().bytes()).sum();
    let (table, holds) = (64 * shortcut.slots(), 100 * holds.len());
    assert!(table > 64 << 10, "it has grown");
    assert!(cache.held_by_threads().used_bytes() >= pages + table + holds);
    assert!(cache.budget().used_bytes() >= cached + table);
    drop(shortcut);
    assert_eq!((cache.held_by_threads().used_bytes(), cache.budget().used_bytes()), (0, cached));
}

#[test]
fn a_ticket_of_another_life_installs_nothing() {
    let (before, after) = (cache(1 << 20), cache(1 << 20));
    let ticket = before.ticket(KEY);
    assert!(!is_cached(&after.install(ticket, page(&after, KEY, 0, 10))));
    assert!(after.get(KEY).is_none());
}

#[test]
fn nothing_enters_a_life_that_is_over() {
    let cache = cache(1 << 20);
    cache.retire_all();
    read(&cache, KEY, 4000);
    replace(&cache, KEY, 1, 4000, true);
    assert!(cache.get(KEY).is_none());
    assert_eq!(cache.budget().used_bytes(), 0);
}

#[test]
fn a_reader_that_missed_cannot_install_what_was_published_over() {
    type Publish = fn(&Cache<Page>);
    let ways: [(&str, Publish); 4] = [
        ("replaced", |cache| replace(cache, KEY, 1, 4000, false)),
        ("removed", |cache| cache.publish(KEY, Publication::Remove)),
        ("marked", |cache| cache.publish(KEY, Publication::Raise { stale: &[1], suspect: &[] })),
        ("picked", |cache| cache.retire_where(|_| false)),
    ];
    for (way, publish) in ways {
        let cache = cache(1 << 20);
        let ticket = cache.ticket(KEY);
        publish(&cache);
        let installed = cache.install(ticket, page(&cache, KEY, 0, 4000));
        assert!(matches!(installed, Installed::Private(_)), "{way}");
        assert!(cache.get(KEY).is_none(), "{way}");
    }
}

#[test]
fn a_page_in_the_tables_of_many_threads_counts_once_and_until_the_last_lets_go() {
    let cache = cache(4 << 20);
    // One thread may hold all of them, two could not if each counted.
    let keys: Vec<_> = (0..40_u64).map(u64::to_le_bytes).collect();
    keys.iter().for_each(|key| _ = read(&cache, CacheKey::new(key), 8000));
    let mut tables: Vec<Shortcut<Page>> = (0..8).map(|_| Shortcut::new()).collect();
    for _ in 0..100 {
        for table in &mut tables {
            for key in &keys {
                cache.get_through(table, CacheKey::new(key));
            }
        }
    }
    let has_all = |table: &mut Shortcut<Page>| {
        keys.iter().all(|key| table.get(&cache, &CacheKey::new(key)).is_some())
    };
    assert!(tables.iter_mut().all(has_all), "each thread has what all have");
    let held = cache.held_by_threads();
    assert!(held.used_bytes() <= held.limit_bytes());
    let pages = 40 * 8000;
    while let Some(table) = tables.pop() {
        assert!(held.used_bytes() >= pages, "{} tables are left", tables.len() + 1);
        drop(table);
    }
    assert_eq!(held.used_bytes(), 0);
}

#[test]
fn a_ticket_is_current_until_something_is_published_for_its_key() {
    let (cache, other) = (cache(1 << 20), cache(1 << 20));
    let ticket = cache.ticket(KEY);
    assert!(cache.is_current(ticket));
    assert!(!other.is_current(ticket), "it is of another life");
    cache.publish(KEY, Publication::Remove);
    assert!(!cache.is_current(ticket) && cache.is_current(cache.ticket(KEY)));
}

#[test]
fn keys_of_one_hash_are_told_apart() {
    let cache = cache(1 << 20);
    let other = CacheKey::with_hash(17, b"yek");
    read(&cache, KEY, 4000);
    let mut shortcut = Shortcut::new();
    cache.get_through(&mut shortcut, KEY).unwrap();
    assert!(shortcut.get(&cache, &other).is_none() && cache.get(other).is_none());
    let lodged = cache.lodge(cache.ticket(other), page(&cache, other, 1, 4000));
    assert_eq!(lodged, Lodged::NoRoom, "one of a hash at a time");
    assert!(shortcut.get(&cache, &KEY).is_some());
    cache.validate();
}
