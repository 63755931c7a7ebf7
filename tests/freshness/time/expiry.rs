//! When a record expires, and who says so.

use std::collections::BTreeSet;

use crate::common::still;
use tidetable::{ErrorKind, Freshness::*, Missing, Span, TimeRange, Timestamp};

use crate::common::disk::Disk;
use crate::common::record::patient;

use super::world::*;

#[test]
fn a_record_is_fresh_up_to_the_instant_at_which_it_expires_and_not_at_it() {
    let it = World::new();
    assert_eq!(value(&it.below, 1), 0);
    let at = until(&it.below, 1);
    assert!(at > minute(54) && at <= minute(60), "{at}");
    it.clock.set(before(at, 1));
    assert_eq!(colour(&it.below, 1), Fresh);
    it.clock.set(at);
    assert_eq!(colour(&it.below, 1), Expired);
}

#[test]
fn an_expired_record_is_built_again_when_it_is_read() {
    let it = World::new();
    value(&it.below, 1);
    it.weather.set(7);
    assert_eq!(value(&it.below, 1), 0, "nobody has said anything");
    it.go_to_expiry(1);
    assert_eq!(value(&it.below, 1), 7);
    assert_eq!(work(&it.store), (2, 0));
    assert!(until(&it.below, 1) > minute(100));
    assert_eq!(it.store.metrics().builds_unexplained, 0, "time explains it");
}

#[test]
fn records_built_together_expire_spread_over_a_tenth_and_the_same_after_reopening() {
    let (disk, weather) = (Disk::default(), Weather::default());
    let it = World::open(&disk, minute(0), &weather);
    for entity in 0..100 {
        value(&it.below, entity);
    }
    let expire = |it: &World| (0..100).map(|entity| until(&it.below, entity)).collect::<Vec<_>>();
    let first = expire(&it);
    assert!(first.iter().all(|at| (minute(54)..=minute(60)).contains(at)));
    assert!(first.iter().collect::<BTreeSet<_>>().len() > 90);
    it.store.close().unwrap();
    let it = World::open(&disk, minute(1), &weather);
    assert_eq!(expire(&it), first);
    let last = *first.iter().max().unwrap();
    it.clock.set(before(last, 1));
    let expired = first.iter().filter(|at| **at < last).count();
    let seen = (0..100).filter(|entity| colour(&it.below, *entity) == Expired).count();
    assert_eq!(seen, expired);
}

#[test]
fn the_records_of_one_page_built_together_expire_together() {
    let it = World::new();
    let view = it.store.view::<u32, u64>("page").grid(crate::common::record::grid()).page_len(8);
    let view = view.fresh_for(HOUR).build_page(|_, _, buckets| Ok(vec![1; buckets.len()])).unwrap();
    let day = TimeRange::new(minute(120), minute(128));
    let timeline = view.range(&1, day).unwrap();
    let times: BTreeSet<_> = timeline.into_iter().map(|(_, record)| record.fresh_until()).collect();
    assert_eq!(times.len(), 1, "{times:?}");
}

#[test]
fn every_path_says_that_a_record_is_expired() {
    let it = World::new();
    value(&it.top, 1);
    let at = it.go_to_expiry(1);
    let below = it.below.when_marked(tidetable::Marked::Serve);
    assert_eq!(below.get(&1, NOW).unwrap().freshness(), Expired);
    assert_eq!(below.peek(&1, NOW).unwrap().unwrap().freshness(), Expired);
    let all = TimeRange::new(Timestamp::MIN, Timestamp::MAX);
    let timeline = below.range(&1, all).unwrap();
    assert!(!timeline.is_fresh());
    assert_eq!(timeline.into_iter().next().unwrap().1.freshness(), Expired);
    let scanned = below.scan(all).unwrap();
    assert_eq!(scanned.len(), 1);
    assert!(!scanned[0].1.is_fresh());
    for record in below.get_many([1, 1], NOW) {
        assert_eq!(record.unwrap().freshness(), Expired);
    }
    let nearest = below.nearest(&1, NOW, Span::ZERO).unwrap().unwrap();
    assert_eq!((nearest.freshness(), nearest.fresh_until()), (Expired, Some(at)));
    let census = below.census().unwrap();
    assert_eq!((census.records, census.expired, census.fresh), (1, 1, 0));
    assert_eq!(work(&it.store).0, 3, "nothing of this builds");
}

#[test]
fn an_explanation_says_until_when_a_record_counts_and_why_no_longer() {
    let it = World::new();
    value(&it.top, 1);
    let told = it.below.explain(&1, NOW).unwrap();
    assert!(told.to_string().contains(&format!("fresh until {}", until(&it.below, 1))), "{told}");
    assert!(told.causes.is_empty());
    let at = it.go_to_expiry(1);
    let told = it.below.explain(&1, NOW).unwrap();
    assert_eq!((told.freshness, told.causes.len()), (Some(Expired), 1));
    assert_eq!(told.causes[0].since, at);
    assert!(told.causes[0].what.contains("records of the view count"), "{told}");
    assert_eq!(told.built.unwrap().fresh_until, Some(at));
    let told = it.top.explain(&1, NOW).unwrap();
    assert!(told.causes[0].what.contains("something that it was built from"), "{told}");
}

#[test]
fn a_record_that_was_put_expires_too_and_is_served_as_it_is() {
    let it = World::new();
    let put = it.store.view::<u32, u64>("put").fresh_for(HOUR).without_build().unwrap();
    put.put(&1, NOW, &5).unwrap();
    assert_eq!(value(&put, 1), 5);
    it.clock.set(until(&put, 1));
    let record = put.get(&1, NOW).unwrap();
    assert_eq!((record.to_native(), record.freshness()), (5, Expired));
    put.put(&1, NOW, &5).unwrap();
    assert_eq!(value(&put, 1), 5);
}

#[test]
fn a_clock_that_steps_back_makes_an_expired_record_fresh_until_its_instant_comes_again() {
    let it = World::new();
    value(&it.top, 1);
    let at = it.go_to_expiry(1);
    assert_eq!(it.colours(1), [Expired; 3]);
    it.clock.set(before(at, 1));
    assert_eq!(it.colours(1), [Fresh; 3]);
    it.clock.set(minute(-1000));
    assert_eq!(it.colours(1), [Fresh; 3]);
    it.weather.set(3);
    it.clock.set(at);
    assert_eq!((value(&it.below, 1), it.colours(1)), (3, [Fresh, Stale, Suspect]));
}

#[test]
fn a_store_opened_to_read_only_serves_what_is_expired_and_says_so() {
    let (disk, weather) = (Disk::default(), Weather::default());
    let it = World::open(&disk, minute(0), &weather);
    value(&it.top, 1);
    let at = until(&it.below, 1);
    it.store.close().unwrap();
    let options = || tidetable::Options { create: false, read_only: true, ..patient() };
    let it = World::open_as(&disk, before(at, 1), &weather, options());
    assert_eq!(it.colours(1), [Fresh; 3]);
    it.clock.set(at);
    assert_eq!(it.top.get(&1, NOW).unwrap().freshness(), Expired);
    assert_eq!(it.colours(1), [Expired; 3]);
}

#[test]
fn a_build_that_takes_longer_than_its_record_counts_gives_it_as_expired() {
    let it = World::new();
    let clock = it.clock.clone();
    let slow = it.store.view::<u32, u64>("slow").fresh_for(Span::minutes(1));
    let slow = slow.build(move |_, _, _| {
        clock.advance(Span::minutes(2));
        Ok(1)
    });
    let slow = slow.unwrap();
    assert_eq!(slow.get(&1, NOW).unwrap().freshness(), Expired);
    assert_eq!(slow.get(&1, NOW).unwrap().freshness(), Expired);
    assert_eq!(it.store.metrics().builds, 2);
}

#[test]
fn spans_that_make_no_sense_are_refused() {
    let store = still::in_memory().unwrap();
    let refused = [
        store.view::<u32, u64>("a").fresh_for(Span::ZERO).without_build(),
        store.view::<u32, u64>("a").fresh_for(Span::millis(-1)).without_build(),
        store.view::<u32, u64>("a").expire_past().without_build(),
        store.view::<u32, u64>("a").refresh_ahead(Span::minutes(1)).without_build(),
        store.view::<u32, u64>("a").fresh_for(HOUR).refresh_ahead(HOUR).without_build(),
        store.view::<u32, u64>("a").fresh_for(HOUR).refresh_ahead(Span::millis(-1)).without_build(),
    ];
    for definition in refused {
        assert_eq!(definition.unwrap_err().kind(), ErrorKind::Input);
    }
    let view = store.view::<u32, u64>("a").fresh_for(Span::millis(1)).without_build().unwrap();
    assert_eq!(
        view.when_missing(Missing::Miss).get(&1, NOW).unwrap_err().kind(),
        ErrorKind::Absent
    );
}
