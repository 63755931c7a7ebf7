//! Who names the entities.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use tidetable::{ErrorKind, Horizon, Span};

use super::world::*;

#[test]
fn entities_that_cannot_be_named_are_told_of_and_asked_for_later() {
    let world = World::new("2026-05-04T05:00Z");
    let broken = Arc::new(AtomicU32::new(2));
    let left = broken.clone();
    let sun = world.definition("sun").horizon(Horizon::days(open(), 0..=0), move || {
        let broken = left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok();
        (0..3_u32).inspect(move |patio| assert!(!broken || *patio < 2, "no third patio"))
    });
    let _sun = world.build(sun);
    for attempt in 0..2 {
        let failed = world.failed();
        assert_eq!((failed.len(), failed[0].kind()), (1, ErrorKind::Build), "{attempt}");
        let told = world.told();
        assert!(told.len() == 1 && told[0].contains("no third patio"), "{told:?}");
        assert!(world.store.runs().unwrap().is_empty(), "what was spooled is gone");
        world.clock.advance(Span::seconds(1));
        assert!(world.next().is_none(), "not before its time");
        world.clock.advance(Span::seconds(100));
    }
    assert_eq!(world.all().len(), 3 * 73);
}

#[test]
fn entities_that_can_never_be_named_are_asked_for_a_few_times_a_day() {
    let world = World::new("2026-05-04T05:00Z");
    let sun = world.definition("sun").horizon(three_days(), || -> Vec<u32> { panic!("gone") });
    let _sun = world.build(sun);
    let tries_of_today = || {
        let mut tries = 0;
        for _ in 0..100 {
            tries += world.failed().len();
            world.clock.advance(Span::minutes(5));
        }
        tries
    };
    assert_eq!(tries_of_today(), 3);
    world.set("2026-05-04T22:00Z");
    assert!(tries_of_today() > 0, "a new day, a new try");
}

#[test]
fn new_entities_are_filled_at_once_when_that_is_asked_for() {
    let world = World::new("2026-05-04T05:00Z");
    let patios = Arc::new(AtomicU32::new(2));
    let counted = patios.clone();
    let sun = world.definition("sun").horizon(three_days(), move || 0..counted.load(SeqCst));
    let sun = world.build(sun);
    world.all();
    patios.store(3, SeqCst);
    assert!(world.next().is_none());
    let runs = sun.fill_horizon().unwrap();
    assert_eq!(runs.len(), 3);
    let noons = ["2026-05-04T12:00Z", "2026-05-05T12:00Z", "2026-05-06T12:00Z"];
    let new: Vec<_> = noons.iter().flat_map(|noon| starts(day(noon))).collect();
    assert_eq!(world.all(), each(2..3, &new));
    let status = runs[0].status();
    assert_eq!((status.total, status.already_fresh), (3 * 73, 2 * 73));
}

#[test]
fn what_was_filled_by_hand_is_not_begun_again() {
    let world = World::new("2026-05-04T05:00Z");
    let sun = world.sun(three_days(), 1);
    let runs = sun.fill_horizon().unwrap();
    assert!(runs.iter().all(|run| run.wait().unwrap().done == 73));
    assert!(world.next().is_none());
    let plain = world.build(world.definition("plain"));
    assert_eq!(plain.fill_horizon().unwrap_err().kind(), ErrorKind::Input);
}

#[test]
fn the_entities_may_be_those_that_a_view_holds() {
    let world = World::new("2026-05-04T05:00Z");
    let sun = world.build(world.definition("sun").horizon_of_held(Horizon::days(open(), 1..=1)));
    let moon = world.definition("moon").horizon_of_view(Horizon::days(open(), 2..=2), &sun);
    let _moon = world.build(moon);
    for patio in [3, 9] {
        sun.get(&patio, at("2026-05-04T12:00Z")).unwrap();
    }
    let mut built = world.all();
    built.sort_unstable();
    let noons = ["2026-05-05T12:00Z", "2026-05-06T12:00Z"];
    let both: Vec<_> = noons.iter().flat_map(|noon| starts(day(noon))).collect();
    assert_eq!(built, [each(3..4, &both), each(9..10, &both)].concat());
}
