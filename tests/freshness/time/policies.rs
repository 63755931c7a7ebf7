//! What reads do with expired records.

use tidetable::{Freshness::*, Marked, Span, TimeRange, Timestamp};

use super::world::*;

#[test]
fn serving_what_is_marked_serves_what_is_expired() {
    let it = World::new();
    value(&it.below, 1);
    it.weather.set(4);
    it.go_to_expiry(1);
    let record = it.below.when_marked(Marked::Serve).get(&1, NOW).unwrap();
    assert_eq!((record.to_native(), record.freshness()), (0, Expired));
    assert_eq!(work(&it.store).0, 1);
}

#[test]
fn serving_for_a_while_counts_from_the_instant_at_which_the_record_expired() {
    let it = World::new();
    value(&it.top, 1);
    it.weather.set(40);
    let at = it.go_to_expiry(1);
    let ten = Marked::ServeFor(Span::minutes(10));
    it.clock.set(at.checked_add(Span::minutes(10)).unwrap());
    for view in [&it.below, &it.middle, &it.top] {
        assert_eq!(view.when_marked(ten).get(&1, NOW).unwrap().freshness(), Expired);
    }
    let all = TimeRange::new(Timestamp::MIN, Timestamp::MAX);
    assert!(!it.top.when_marked(ten).range(&1, all).unwrap().is_fresh());
    it.clock.advance(Span::millis(1));
    let record = it.top.when_marked(ten).get(&1, NOW).unwrap();
    assert_eq!((record.to_native(), record.freshness()), (1004, Fresh));
}

#[test]
fn serving_for_a_while_counts_from_the_first_of_a_change_and_the_end_of_its_time() {
    let it = World::new();
    let ten = Marked::ServeFor(Span::minutes(10));
    value(&it.top, 1);
    let at = it.go_to_expiry(1);
    it.clock.advance(Span::minutes(8));
    it.store.invalidate(("top", 1)).unwrap();
    assert_eq!(it.top.when_marked(ten).get(&1, NOW).unwrap().freshness(), Stale);
    it.clock.set(at.checked_add(Span::millis(600_001)).unwrap());
    assert_eq!(it.top.when_marked(ten).get(&1, NOW).unwrap().freshness(), Fresh);

    it.clock.set(before(until(&it.top, 1), 300_000));
    it.store.invalidate(("top", 1)).unwrap();
    it.clock.advance(Span::minutes(10));
    assert_eq!(it.top.when_marked(ten).get(&1, NOW).unwrap().freshness(), Stale);
    it.clock.advance(Span::millis(1));
    assert_eq!(it.top.when_marked(ten).get(&1, NOW).unwrap().freshness(), Fresh);
}

#[test]
fn a_fill_builds_what_is_expired_and_leaves_the_rest() {
    let it = World::new();
    let all = TimeRange::new(Timestamp::MIN, Timestamp::MAX);
    value(&it.below, 1);
    assert_eq!(it.below.fill(&1, all).unwrap().already_fresh, 1);
    it.weather.set(4);
    it.go_to_expiry(1);
    let filled = it.below.fill(&1, all).unwrap();
    assert_eq!((filled.built, filled.already_fresh), (1, 0));
    assert_eq!(peek(&it.below, 1).to_native(), 4);
    assert_eq!(colour(&it.below, 1), Fresh);
}

#[test]
fn a_range_rebuilds_what_of_it_is_expired() {
    let it = World::new();
    let all = TimeRange::new(Timestamp::MIN, Timestamp::MAX);
    value(&it.top, 1);
    it.weather.set(10);
    it.go_to_expiry(1);
    let timeline = it.top.range(&1, all).unwrap();
    assert!(timeline.is_fresh());
    assert_eq!(timeline.iter().next().unwrap().1.to_native(), 1001);
    assert_eq!(it.colours(1), [Fresh; 3]);
}
