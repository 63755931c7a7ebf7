//! Which pages are used most, and pages that come back before anybody asks for them.

use super::*;
use crate::cache::Lodged;

fn lodge(cache: &Cache<Page>, key: CacheKey<'_>, bytes: usize) -> Lodged {
    let ticket = cache.ticket(key);
    cache.lodge(ticket, page(cache, key, 0, bytes))
}

fn names(cache: &Cache<Page>, most: usize) -> String {
    let hottest = cache.hottest(most);
    hottest.iter().map(|key| String::from_utf8_lossy(key).into_owned()).collect()
}

#[test]
fn the_hottest_pages_are_told_in_the_order_of_their_use_and_stay_in_it() {
    let cache = cache(64 << 10);
    for name in ["a", "b", "c", "d", "e"] {
        read(&cache, CacheKey::new(name.as_bytes()), 1000);
    }
    // Those asked for again are protected, the last used one first.
    for name in ["a", "c"] {
        assert!(read(&cache, CacheKey::new(name.as_bytes()), 1000));
    }
    assert_eq!(names(&cache, 10), "caedb");
    assert_eq!(names(&cache, 10), "caedb", "telling has changed the order");
    assert_eq!(names(&cache, 3), "cae");
    assert_eq!(names(&cache, 0), "");
}

#[test]
fn the_hottest_pages_of_many_shards_come_before_their_colder_ones() {
    let cache = Cache::with_shards(Budget::new(8 << 20), Life::begin(), 8);
    let keys: Vec<_> = (0..400_u32).map(u32::to_be_bytes).collect();
    keys.iter().for_each(|key| _ = read(&cache, CacheKey::new(key), 1000));
    keys[..100].iter().for_each(|key| _ = read(&cache, CacheKey::new(key), 1000));
    let hottest = cache.hottest(100);
    assert_eq!(hottest.len(), 100);
    let until = 100_u32.to_be_bytes();
    assert_eq!(hottest.iter().filter(|key| ***key < *until.as_slice()).count(), 100);
    assert_eq!(cache.hottest(1000).len(), 400);
}

#[test]
fn a_page_that_nobody_asked_for_pushes_nobody_out_and_stands_behind_those_offered_before() {
    let probe = cache(1 << 20);
    let bytes = page(&probe, CacheKey::new(b"a"), 0, 8 << 10).bytes();
    let cache = cache(7 * bytes + bytes / 2);
    let key = |name: &'static str| CacheKey::new(name.as_bytes());
    (0..2).for_each(|_| _ = read(&cache, key("a"), 8 << 10));
    for name in ["b", "c", "d", "e", "f"] {
        assert_eq!(lodge(&cache, key(name), 8 << 10), Lodged::In);
    }
    assert_eq!(lodge(&cache, key("b"), 8 << 10), Lodged::Needless);
    read(&cache, key("r"), 8 << 10);
    assert_eq!(names(&cache, 9), "abcderf", "most of the main pages are protected");
    assert_eq!(lodge(&cache, key("g"), 8 << 10), Lodged::NoRoom);
    assert_eq!(names(&cache, 9), "abcderf");
    cache.validate();
    // What readers bring in again and again takes the place of the coldest one.
    assert!((0..5).any(|_| read(&cache, key("h"), 8 << 10)));
    assert!(cache.peek(key("f")).is_none());
    cache.validate();
}

#[test]
fn a_scan_does_not_push_out_what_came_back_before_anybody_asked() {
    let cache = cache(100 << 10);
    let lodged: Vec<_> = (0..8_u32).map(u32::to_be_bytes).collect();
    for key in &lodged {
        assert_eq!(lodge(&cache, CacheKey::new(key), 8 << 10), Lodged::In);
    }
    (100..200_u32).for_each(|key| _ = read(&cache, CacheKey::new(&key.to_be_bytes()), 8 << 10));
    let left = lodged.iter().filter(|key| cache.peek(CacheKey::new(*key)).is_some()).count();
    assert_eq!(left, 8);
    cache.validate();
}

#[test]
fn what_was_overtaken_or_comes_after_the_end_is_not_taken_in() {
    let cache = cache(1 << 20);
    let key = CacheKey::new(b"key");
    let ticket = cache.ticket(key);
    cache.publish(key, Publication::Remove);
    assert_eq!(cache.lodge(ticket, page(&cache, key, 0, 1000)), Lodged::Needless);
    assert!(cache.peek(key).is_none() && cache.has_room());
    cache.retire_all();
    assert_eq!(lodge(&cache, key, 1000), Lodged::NoRoom);
    assert_eq!(cache.stats().residents, 0);
}
