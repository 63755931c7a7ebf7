//! What is filled first.

use tidetable::report::Reason;
use tidetable::{Horizon, Timestamp};

use super::world::*;

#[test]
fn the_nearest_day_is_filled_first_and_of_today_what_is_to_come() {
    // 12:05 in Stockholm.
    let world = World::new("2026-05-04T10:05Z");
    let _sun = world.sun(Horizon::days(open(), -1..=1), 2);
    let today = starts(day("2026-05-04T12:00Z"));
    let (over, to_come): (Vec<_>, Vec<_>) =
        today.iter().partition(|start| **start < at("2026-05-04T10:00Z"));
    assert_eq!((over.len(), to_come.len()), (24, 49));
    let expected = [
        each(0..2, &to_come),
        each(0..2, &over),
        each(0..2, &starts(day("2026-05-05T12:00Z"))),
        each(0..2, &starts(day("2026-05-03T12:00Z"))),
    ];
    assert_eq!(world.all(), expected.concat());
}

#[test]
fn what_is_left_of_a_day_that_is_over_waits_for_the_others() {
    let world = World::new("2026-05-04T05:00Z");
    let _sun = world.sun(Horizon::days(open(), 0..=1), 1);
    // Begun, and nothing of it done before the next day is half over.
    assert!(world.next().is_some());
    world.set("2026-05-05T10:00Z");
    let today = starts(day("2026-05-05T12:00Z"));
    let (over, to_come): (Vec<_>, Vec<_>) =
        today.iter().partition(|start| **start < at("2026-05-05T10:00Z"));
    let (tomorrow, yesterday) =
        (starts(day("2026-05-06T12:00Z")), starts(day("2026-05-04T12:00Z")));
    let expected = [to_come, over, tomorrow, yesterday].concat();
    assert_eq!(world.all(), each(0..1, &expected));
}

#[test]
fn patios_that_somebody_reads_are_filled_before_the_others() {
    let world = World::new("2026-05-04T05:00Z");
    let sun = world.sun(Horizon::days(open(), 0..=0), 600);
    world.all();
    for patio in [7, 300, 599] {
        sun.get(&patio, at("2026-05-04T12:00Z")).unwrap();
    }
    // Who counts reads nothing.
    assert_eq!(sun.completeness().unwrap()[0].fresh, 600 * 73);
    world.set("2026-05-04T22:00Z");
    let built: Vec<u32> = first_of_each(&world.all());
    let others = (0..600).filter(|patio| ![7, 300, 599].contains(patio));
    assert_eq!(built, [7, 300, 599].into_iter().chain(others).collect::<Vec<_>>());
}

/// The patios in the order in which they were built.
fn first_of_each(built: &[(u32, Timestamp)]) -> Vec<u32> {
    let mut patios: Vec<u32> = built.iter().map(|(patio, _)| *patio).collect();
    patios.dedup();
    patios
}

#[test]
fn what_is_over_waits_for_all_that_is_to_come_of_whomever() {
    let world = World::new("2026-05-04T10:00Z");
    let sun = world.sun(Horizon::days(open(), 0..=0), 3);
    // Read, and marked: it is the first of all.
    sun.get(&2, at("2026-05-04T12:00Z")).unwrap();
    world.store.invalidate(("cloud", 2_u32)).unwrap();
    world.built.lock().unwrap().clear();
    assert_eq!(world.next().unwrap().reason, Reason::Marked);
    let built = world.all();
    let (to_come, over) = built.split_at(3 * 49 - 1);
    let now = at("2026-05-04T10:00Z");
    assert!(to_come.iter().all(|(_, start)| *start >= now));
    assert!(over.len() == 3 * 24 && over.iter().all(|(_, start)| *start < now));
    assert_eq!(first_of_each(to_come), [2, 0, 1]);
    assert_eq!(first_of_each(over), [2, 0, 1]);
}
