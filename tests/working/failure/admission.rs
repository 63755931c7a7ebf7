//! Too many readers that build at once.

use std::thread;

use crate::common::still;
use tidetable::{ErrorKind, Freshness, Grid, Options, Store, View};

use super::halting::Halting;
use super::world::{Builds, assert_busy, define, minute, minutes, number_of};

fn store(builds_max: usize) -> Store {
    Store::in_memory_with(Options { builds_max, ..still::options() }).unwrap()
}

fn halting(store: &Store) -> Halting {
    Halting::new(define(store), &Builds::default())
}

#[test]
fn of_many_readers_so_many_build_and_the_others_are_told_at_once() {
    let store = store(3);
    let halting = halting(&store);
    let crowd = halting.crowd(16, || ());
    assert_eq!((crowd.built, crowd.turned_away.len()), (3, 13));
    for answer in crowd.turned_away {
        assert_busy(answer, "3 readers are building records of the store");
    }
    assert_eq!(store.metrics().builds_refused, 13);
    // Room again for as many.
    assert!((100..110).all(|number| halting.view.get(&1, minute(number)).is_ok()));
}

#[test]
fn a_reader_that_is_one_too_many_is_served_what_there_is() {
    let store = store(1);
    let halting = halting(&store);
    halting.view.get(&1, minute(100)).unwrap();
    halting.view.fill(&2, minutes(100..110)).unwrap().complete().unwrap();
    halting.view.invalidate_all().unwrap();
    halting
        .while_one_builds(|view| {
            assert_eq!(view.get(&1, minute(100)).unwrap().freshness(), Freshness::Stale);
            assert_busy(view.get(&1, minute(101)), "read again later");
            let timeline = view.range(&2, minutes(100..110)).unwrap();
            assert!(timeline.len() == 10 && !timeline.is_fresh());
            assert_busy(view.range(&2, minutes(100..111)), "read again later");
        })
        .unwrap();
    assert!(halting.view.get(&1, minute(100)).unwrap().is_fresh());
    assert!(halting.view.range(&2, minutes(100..111)).unwrap().is_fresh());
}

#[test]
fn who_waits_for_a_build_of_another_does_not_count() {
    let store = store(1);
    let halting = halting(&store);
    let readers: Vec<_> = (0..8).map(|_| halting.view.clone()).collect();
    let mut waiting = Vec::new();
    halting
        .while_one_builds(|_| {
            let read =
                |view: View<u32, u64>| thread::spawn(move || view.get(&1, minute(0)).map(drop));
            waiting.extend(readers.into_iter().map(read));
        })
        .unwrap();
    for reader in waiting {
        reader.join().unwrap().unwrap();
    }
}

#[test]
fn fills_and_what_a_build_needs_do_not_count() {
    let store = store(1);
    let halting = halting(&store);
    let read = halting.view.clone();
    let above = store.view::<u32, u64>("above").grid(Grid::minutes(1));
    let above = above.build(move |_, entity, bucket| {
        let of_one = read.get(entity, bucket.start())?.to_native();
        let of_many = read.range(entity, minutes(200..204))?;
        Ok(of_one + of_many.len() as u64)
    });
    let above = above.unwrap();
    assert_eq!(above.get(&1, minute(100)).unwrap().to_native(), 4);
    halting
        .while_one_builds(|view| {
            assert_eq!(view.fill(&2, minutes(100..120)).unwrap().built, 20);
            assert_eq!(above.fill(&2, minutes(300..310)).unwrap().built, 10);
            assert_busy(above.get(&2, minute(400)), "of the store");
        })
        .unwrap();
    assert_eq!(store.metrics().builds_refused, 1);
}

#[test]
fn a_build_that_fails_or_panics_makes_room() {
    let store = store(1);
    let view = store.view::<u32, u64>("failing").grid(Grid::minutes(1)).without_breaker();
    let view = view.build(|_, _, bucket| match number_of(bucket) % 3 {
        0 => Err("the tide is out".into()),
        1 => panic!("the tide is out"),
        _ => Ok(1),
    });
    let view = view.unwrap();
    for number in 0..30 {
        let kind = view.get(&1, minute(number)).map_err(|error| error.kind()).map(drop);
        let expected = if number % 3 == 2 { Ok(()) } else { Err(ErrorKind::Build) };
        assert_eq!(kind, expected, "minute {number}");
    }
}

#[test]
fn a_view_may_have_a_limit_of_its_own() {
    let store = store(2);
    let halting = Halting::new(define(&store).builds_max(1), &Builds::default());
    let other = store.view::<u32, u64>("other").build(|_, _, _| Ok(1)).unwrap();
    halting
        .while_one_builds(|view| {
            assert_busy(view.get(&1, minute(100)), "1 readers are building records of the view");
            // Who was turned away by the view takes no room in the store.
            other.get(&1, minute(0)).unwrap();
        })
        .unwrap();
    assert!(halting.view.get(&1, minute(100)).is_ok());
}
