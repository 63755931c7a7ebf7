//! Closing in the middle.

use tidetable::{Horizon, RunState};

use super::world::*;

#[test]
fn a_restart_in_the_middle_goes_on_and_builds_nothing_twice() {
    let world = World::new("2026-05-04T05:00Z");
    let sun = world.sun(Horizon::days(open(), 0..=1), 120);
    for _ in 0..3 {
        assert!(world.next().is_some());
    }
    let before = world.built.lock().unwrap().clone();
    assert!(!before.is_empty() && before.len() < 120 * 73, "{}", before.len());
    drop(sun);
    let world = world.reopen();
    let sun = world.sun(Horizon::days(open(), 0..=1), 120);
    let after = world.all();
    assert_eq!(before.len() + after.len(), 2 * 120 * 73);
    let runs = world.store.runs().unwrap();
    assert_eq!(runs.len(), 2, "no day was begun again");
    assert!(runs.iter().all(|run| run.status().state == RunState::Completed));
    assert!(sun.completeness().unwrap().iter().all(|day| day.fresh == 120 * 73));
}

#[test]
fn a_restart_between_two_days_begins_the_others() {
    let world = World::new("2026-05-04T05:00Z");
    let sun = world.sun(three_days(), 2);
    // The first day is begun, and no more.
    assert!(world.next().is_some());
    drop(sun);
    let world = world.reopen();
    assert_eq!(world.store.runs().unwrap().len(), 1);
    let _sun = world.sun(three_days(), 2);
    assert_eq!(world.all().len(), 3 * 2 * 73);
    assert_eq!(world.store.runs().unwrap().len(), 3);
}

#[test]
fn days_that_were_filled_are_not_gone_through_again_at_the_next_opening() {
    let world = World::new("2026-05-04T05:00Z");
    let sun = world.sun(three_days(), 2);
    world.all();
    drop(sun);
    let world = world.reopen();
    let _sun = world.sun(three_days(), 2);
    assert!(world.next().is_none());
    world.set("2026-05-04T22:00Z");
    assert_eq!(world.all(), each(0..2, &starts(day("2026-05-07T12:00Z"))));
}

#[test]
fn another_horizon_begins_with_all_its_days_and_builds_what_is_missing() {
    let world = World::new("2026-05-04T05:00Z");
    let sun = world.sun(three_days(), 2);
    world.all();
    drop(sun);
    let world = world.reopen();
    let _sun = world.sun(Horizon::days(open(), 0..=3), 2);
    assert_eq!(world.all(), each(0..2, &starts(day("2026-05-07T12:00Z"))));
    assert_eq!(world.store.runs().unwrap().len(), 7);
}

#[test]
fn a_view_that_is_deleted_takes_its_horizon_with_it() {
    let world = World::new("2026-05-04T05:00Z");
    let sun = world.sun(three_days(), 2);
    world.all();
    assert!(world.store.delete_view("sun").unwrap());
    assert!(world.next().is_none());
    drop(sun);
    let _sun = world.sun(three_days(), 2);
    assert_eq!(world.all().len(), 3 * 2 * 73);
}
