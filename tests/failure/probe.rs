//! The one build that shows whether a view may build again.

use std::sync::{Mutex, mpsc};
use std::thread;

use tidetable::{BreakerState, ErrorKind, Span, View};

use crate::world::{BREAKER, World, assert_busy, define, failures, is_open, minute};

fn is_half_open(view: &View<u32, u64>) -> bool {
    matches!(view.breaker_state(), BreakerState::HalfOpen { .. })
}

#[test]
fn after_the_rest_one_build_of_many_goes_through_and_lets_the_others_in() {
    const READERS: i64 = 12;
    let world = World::new();
    let (begin, begun) = mpsc::channel();
    let (go, may_go) = mpsc::channel();
    let (told, may_go) = (world.builds.clone(), Mutex::new(may_go));
    let view = define(&world.store).version(2).breaker(BREAKER).build(move |context, _, bucket| {
        if crate::world::number_of(bucket) < READERS {
            begin.send(()).unwrap();
            may_go.lock().unwrap().recv().unwrap();
        }
        told.run(context)
    });
    let world = World { view: view.unwrap(), ..world };
    world.trip();
    world.builds.go_well();
    world.after_seconds(1);
    assert!(is_half_open(&world.view));
    thread::scope(|scope| {
        let (answer, answers) = mpsc::channel();
        for number in 0..READERS {
            let (answer, view) = (answer.clone(), &world.view);
            scope.spawn(move || answer.send(view.get(&1, minute(number)).map(drop)).unwrap());
        }
        begun.recv().unwrap();
        // All others are answered while the one builds.
        for _ in 1..READERS {
            assert_busy(answers.recv().unwrap(), "breaker");
        }
        assert!(is_half_open(&world.view) && begun.try_recv().is_err());
        go.send(()).unwrap();
        answers.recv().unwrap().unwrap();
    });
    assert_eq!(failures(&world.view), 0);
    (0..READERS).for_each(|_| go.send(()).unwrap());
    assert!((0..READERS).all(|number| world.view.get(&1, minute(number)).is_ok()));
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
    let world = World::new();
    let (begin, begun) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let (told, may_go) = (world.builds.clone(), Mutex::new(may_go));
    let view = define(&world.store).version(2).breaker(BREAKER).build(move |context, _, bucket| {
        if crate::world::number_of(bucket) == 0 {
            begin.send(()).unwrap();
            may_go.lock().unwrap().recv().unwrap();
        }
        told.run(context)
    });
    let world = World { view: view.unwrap(), ..world };
    world.trip();
    world.builds.go_well();
    world.after_seconds(1);
    thread::scope(|scope| {
        let stuck = scope.spawn(|| world.view.get(&1, minute(0)).map(drop));
        begun.recv().unwrap();
        world.clock.advance(Span::millis(999));
        assert_busy(world.view.get(&1, minute(1)), "breaker");
        world.clock.advance(Span::millis(1));
        world.view.get(&1, minute(1)).unwrap();
        assert_eq!(failures(&world.view), 0);
        go.send(()).unwrap();
        stuck.join().unwrap().unwrap();
    });
}

#[test]
fn failures_of_builds_from_before_it_opened_make_no_rest_longer() {
    let world = World::new();
    let (begin, begun) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let (told, may_go) = (world.builds.clone(), Mutex::new(may_go));
    let view = define(&world.store).version(2).breaker(BREAKER).build(move |context, _, bucket| {
        if crate::world::number_of(bucket) == 0 {
            begin.send(()).unwrap();
            may_go.lock().unwrap().recv().unwrap();
        }
        told.run(context)
    });
    let world = World { view: view.unwrap(), ..world };
    thread::scope(|scope| {
        let late = scope.spawn(|| world.view.get(&1, minute(0)).map(drop));
        begun.recv().unwrap();
        world.trip();
        world.clock.advance(Span::millis(500));
        go.send(()).unwrap();
        assert_eq!(late.join().unwrap().unwrap_err().kind(), ErrorKind::Build);
    });
    world.clock.advance(Span::millis(500));
    assert!(!is_open(&world.view));
}
