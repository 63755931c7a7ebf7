//! Closing in the middle.

use tidetable::{Horizon, RunState};

use crate::common::cases;
use crate::common::disk::{Cut, Disk, Images};

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
fn days_of_the_horizon_before_do_not_count_for_another() {
    let world = World::new("2026-05-04T05:00Z");
    let sun = world.sun(three_days(), 2);
    world.all();
    drop(sun);
    let world = world.reopen();
    let sun = world.sun(Horizon::days(open(), 0..=3), 2);
    // One of its days is begun.
    assert!(world.next().is_some());
    drop(sun);
    let world = world.reopen();
    let _sun = world.sun(Horizon::days(open(), 0..=3), 2);
    world.all();
    assert_eq!(world.store.runs().unwrap().len(), 3 + 4);
}

#[test]
fn a_view_that_is_deleted_takes_its_horizon_with_it() {
    let world = World::new("2026-05-04T05:00Z");
    let sun = world.sun(three_days(), 2);
    world.all();
    let horizons = || {
        let inventory = world.store.inventory().unwrap();
        inventory.tables.iter().find(|table| table.name == "horizons").unwrap().rows
    };
    assert_eq!(horizons(), 1);
    assert!(world.store.delete_view("sun").unwrap());
    assert!(world.next().is_none());
    assert_eq!(horizons(), 0);
    drop(sun);
    let _sun = world.sun(three_days(), 2);
    assert_eq!(world.all().len(), 3 * 2 * 73);
}

#[test]
fn after_any_cut_each_day_is_begun_once_and_filled() {
    // In the middle of the day: what is over is a chunk of its own.
    let world = World::new("2026-05-04T10:00Z");
    let sun = world.sun(Horizon::days(open(), 0..=1), 4);
    let defined = world.disk.changes();
    world.all();
    world.store.close().unwrap();
    drop(sun);
    let calls = world.disk.calls();
    let mut images = Images::new(Vec::new(), &calls);
    let stride = (calls.len() - defined).div_ceil(10).max(1);
    let (mut cases, mut begun) = (0, 0);
    for cut in (defined..=calls.len()).step_by(stride * cases::each()) {
        for kind in [Cut::Nothing, Cut::Unsynced, Cut::Torn(0x0d1a_b0de)] {
            let world = World::on(Disk::holding(images.after(cut, kind)), "2026-05-04T11:00Z");
            cases += 1;
            begun += world.store.runs().unwrap().len();
            let sun = world.sun(Horizon::days(open(), 0..=1), 4);
            let there = sun.census().unwrap().records;
            let built = world.all().len() as u64;
            assert_eq!(there + built, 2 * 4 * 73, "cut {cut} {kind:?}");
            assert_eq!(world.store.runs().unwrap().len(), 2, "cut {cut} {kind:?}");
            let days = sun.completeness().unwrap();
            assert!(days.iter().all(|day| day.fresh == 4 * 73), "cut {cut} {kind:?}: {days:?}");
        }
    }
    println!("{cases} cuts, {begun} runs begun before them, every {stride}. change");
    assert!(begun > cases / 2 && begun < 2 * cases, "{begun} of {cases}");
}

#[test]
fn a_day_that_was_cancelled_is_not_begun_again_by_itself() {
    let world = World::new("2026-05-04T05:00Z");
    let sun = world.sun(three_days(), 2);
    for _ in 0..3 {
        world.next();
    }
    // Begun last: the farthest day.
    world.store.runs().unwrap()[0].cancel().unwrap();
    assert_eq!(world.all().len(), 2 * 2 * 73);
    drop(sun);
    let world = world.reopen();
    let sun = world.sun(three_days(), 2);
    assert!(world.next().is_none());
    sun.fill_horizon().unwrap();
    assert_eq!(world.all(), each(0..2, &starts(day("2026-05-06T12:00Z"))));
}
