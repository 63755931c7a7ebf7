//! The one build that shows whether a view may build again.

use tidetable::BreakerState;
use tidetable::{ErrorKind, Span, View};

use super::halting::Halting;
use super::world::{BREAKER, World, assert_busy, define, failures, minute};

fn is_half_open(view: &View<u32, u64>) -> bool {
    matches!(view.breaker_state(), BreakerState::HalfOpen { .. })
}

/// A world whose view halts before minute 100.
fn halting() -> (World, Halting) {
    let world = World::new();
    let halting = Halting::new(define(&world.store).version(2).breaker(BREAKER), &world.builds);
    (World { view: halting.view.clone(), ..world }, halting)
}

#[test]
fn after_the_rest_one_build_of_many_goes_through_and_lets_the_others_in() {
    let (world, halting) = halting();
    world.trip();
    world.builds.go_well();
    world.after_seconds(1);
    assert!(is_half_open(&world.view));
    // All others are answered while the one builds.
    let crowd = halting.crowd(12, || assert!(is_half_open(&world.view)));
    assert_eq!((crowd.built, crowd.turned_away.len()), (1, 11));
    for answer in crowd.turned_away {
        assert_busy(answer, "breaker");
    }
    assert_eq!(failures(&world.view), 0);
    assert!((0..12).all(|number| world.view.get(&1, minute(number)).is_ok()));
}

#[test]
fn each_build_that_fails_after_a_rest_makes_the_next_rest_longer_up_to_the_longest() {
    let world = World::new();
    world.trip();
    let mut ran = world.builds.ran();
    for (rested, next) in [(1, 2), (2, 3), (3, 3), (3, 3)] {
        world.clock.advance(Span::millis(rested * 1000 - 1));
        assert_busy(world.view.get(&1, minute(0)), "breaker");
        world.clock.advance(Span::millis(1));
        assert!(is_half_open(&world.view));
        assert_eq!(world.fails(0).kind(), ErrorKind::Build);
        ran += 1;
        assert_eq!(world.builds.ran(), ran);
        world.clock.advance(Span::seconds(next));
        assert!(is_half_open(&world.view), "a rest of {next} s is over");
        world.clock.advance(Span::seconds(-next));
    }
    world.builds.go_well();
    world.after_seconds(3);
    world.view.get(&1, minute(0)).unwrap();
    world.trip();
    world.after_seconds(1);
    assert!(is_half_open(&world.view), "the first rest is as short as ever");
}

#[test]
fn a_build_that_says_nothing_of_its_function_leaves_its_place_to_the_next() {
    let world = World::new();
    world.trip();
    world.after_seconds(1);
    world.builds.declare_nonsense();
    for _ in 0..5 {
        assert_eq!(world.fails(0).kind(), ErrorKind::Input);
        assert!(is_half_open(&world.view));
    }
    world.builds.go_well();
    world.view.get(&1, minute(0)).unwrap();
    assert_eq!(failures(&world.view), 0);
}

#[test]
fn mistakes_of_the_caller_open_nothing() {
    let world = World::new();
    world.builds.declare_nonsense();
    for _ in 0..10 {
        assert_eq!(world.fails(0).kind(), ErrorKind::Input);
    }
    assert_eq!((failures(&world.view), world.builds.ran()), (0, 10));
}

#[test]
fn a_build_that_does_not_end_stands_in_the_way_for_one_rest() {
    let (world, halting) = halting();
    world.trip();
    world.builds.go_well();
    world.after_seconds(1);
    let stuck = halting.while_one_builds(|view| {
        world.clock.advance(Span::millis(999));
        assert_busy(view.get(&1, minute(100)), "breaker");
        world.clock.advance(Span::millis(1));
        view.get(&1, minute(100)).unwrap();
        assert_eq!(failures(view), 0);
    });
    stuck.unwrap();
}

#[test]
fn failures_of_builds_from_before_it_opened_make_no_rest_longer() {
    let (world, halting) = halting();
    let late = halting.while_one_builds(|_| {
        world.trip();
        world.clock.advance(Span::millis(500));
    });
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Build);
    world.clock.advance(Span::millis(500));
    assert!(is_half_open(&world.view));
}
