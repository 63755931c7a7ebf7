//! Patios whose builds fail.

use tidetable::report::Reason;
use tidetable::{Horizon, RunState, Span};

use super::world::*;

#[test]
fn a_patio_that_fails_stops_no_other_and_is_tried_again_until_it_rests() {
    let world = World::new("2026-05-04T05:00Z");
    let sun = world.sun(Horizon::days(open(), 0..=0), 3);
    world.failing.lock().unwrap().insert(1);
    assert_eq!(world.all().len(), 2 * 73);
    let run = &world.store.runs().unwrap()[0];
    assert_eq!((run.status().state, run.status().failed), (RunState::Partial, 73));
    let counts = |failed, resting| {
        let days = sun.completeness().unwrap();
        let found = (days[0].present, days[0].failed, days[0].resting);
        assert_eq!(found, (2 * 73, failed, resting));
    };
    counts(73, 0);
    // Not before its time; then as what was asked for is.
    assert!(world.next().is_none());
    for (attempts, failed, resting) in [(2, 73, 0), (3, 0, 73)] {
        world.clock.advance(Span::seconds(100));
        let worked = world.next().unwrap();
        assert_eq!(worked.reason, Reason::Requested, "attempt {attempts}");
        while world.next().is_some() {}
        counts(failed, resting);
    }
    world.clock.advance(Span::hours(1));
    assert!(world.next().is_none(), "it rests");
}

#[test]
fn a_patio_that_failed_once_is_there_after_the_next_try() {
    let world = World::new("2026-05-04T05:00Z");
    let sun = world.sun(Horizon::days(open(), 0..=0), 3);
    world.failing.lock().unwrap().insert(1);
    world.all();
    world.failing.lock().unwrap().clear();
    world.clock.advance(Span::seconds(100));
    assert_eq!(world.all(), each(1..2, &starts(day("2026-05-04T12:00Z"))));
    let days = sun.completeness().unwrap();
    assert_eq!((days[0].fresh, days[0].failed, days[0].resting), (3 * 73, 0, 0));
}
