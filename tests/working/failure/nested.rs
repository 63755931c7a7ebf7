//! Breakers of views that read each other, and of one that reads itself.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};

use tidetable::{ErrorKind, Freshness, Grid, View};

use super::world::{BREAKER, World, failures, is_open, minute, number_of};

impl World {
    /// A view that reads the world's view, minute by minute, and how often it was built.
    fn above(&self) -> (View<u32, u64>, Arc<AtomicU64>) {
        let (below, ran) = (self.view.clone(), Arc::new(AtomicU64::new(0)));
        let counted = ran.clone();
        let above = self.store.view("above").grid(Grid::minutes(1)).breaker(BREAKER);
        let above = above.build(move |_, entity, bucket| {
            counted.fetch_add(1, SeqCst);
            Ok(below.get(entity, bucket.start())?.to_native())
        });
        (above.unwrap(), ran)
    }

    /// A running total over the world's builds.
    fn total(&self) -> View<u32, u64> {
        let itself = Arc::new(OnceLock::<View<u32, u64>>::new());
        let (captured, told) = (itself.clone(), self.builds.clone());
        let total = self.store.view("total").grid(Grid::minutes(1)).breaker(BREAKER);
        let total = total.build(move |context, entity, bucket| {
            let before = number_of(bucket) - 1;
            if before < 0 {
                return told.run(context).map(|_| 0);
            }
            let itself = captured.get().expect("it is set");
            Ok(itself.get(entity, minute(before))?.to_native() + 1)
        });
        itself.set(total.unwrap()).unwrap();
        itself.get().unwrap().clone()
    }
}

#[test]
fn a_build_that_reads_a_view_that_rests_is_told_and_its_own_view_rests_in_turn() {
    let world = World::new();
    let (above, ran) = world.above();
    let old = above.get(&1, minute(0)).unwrap().to_native();
    world.view.invalidate(&1).unwrap();
    world.trip();
    for number in 1..4 {
        let failed = above.get(&1, minute(number)).unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::Build);
        assert!(failed.to_string().contains("breaker"), "{failed}");
    }
    assert!(is_open(&above));
    assert_eq!((world.builds.ran(), ran.load(SeqCst)), (4, 4));
    let record = above.get(&1, minute(0)).unwrap();
    assert_eq!((record.to_native(), record.freshness()), (old, Freshness::Suspect));
}

#[test]
fn a_build_is_not_given_an_old_record_of_a_view_that_rests() {
    let world = World::new();
    let (above, _) = world.above();
    world.view.get(&1, minute(0)).unwrap();
    world.view.invalidate(&1).unwrap();
    world.trip();
    assert_eq!(world.view.get(&1, minute(0)).unwrap().freshness(), Freshness::Stale);
    assert_eq!(above.get(&1, minute(0)).unwrap_err().kind(), ErrorKind::Build);
    assert!(above.peek(&1, minute(0)).unwrap().is_none());
}

#[test]
fn a_build_that_does_without_what_a_view_that_rests_would_give_is_not_relied_on() {
    let world = World::new();
    let below = world.view.clone();
    let lenient = world.store.view::<u32, u64>("lenient").grid(Grid::minutes(1));
    let lenient = lenient.build(move |_, entity, bucket| {
        Ok(below.get(entity, bucket.start()).map_or(77, |record| record.to_native()))
    });
    let lenient = lenient.unwrap();
    world.trip();
    let record = lenient.get(&1, minute(0)).unwrap();
    assert!(record.to_native() == 77 && !record.is_fresh());
    world.builds.go_well();
    world.after_seconds(1);
    let record = lenient.get(&1, minute(0)).unwrap();
    assert!(record.to_native() == 3 && record.is_fresh());
}

#[test]
fn a_build_for_another_view_may_be_the_one_that_shows_that_a_view_builds_again() {
    let world = World::new();
    let (above, _) = world.above();
    world.trip();
    world.after_seconds(1);
    world.builds.go_well();
    above.get(&1, minute(0)).unwrap();
    assert_eq!(failures(&world.view), 0);
    world.trip();
    world.after_seconds(1);
    assert_eq!(above.get(&1, minute(1)).unwrap_err().kind(), ErrorKind::Build);
    assert!(is_open(&world.view));
    assert_eq!(failures(&above), 1);
}

#[test]
fn a_chain_of_builds_counts_as_one() {
    let world = World::new();
    // The last is deeper than builds nest on one thread.
    for (failed, end) in [(1, 20), (2, 40), (3, 300)] {
        let total = world.total();
        world.builds.fail();
        let error = total.get(&1, minute(end)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Build, "{error}");
        assert_eq!(world.builds.ran(), failed);
        if failed < 3 {
            assert_eq!(u64::from(failures(&total)), failed);
        } else {
            assert!(is_open(&total));
        }
    }
}

#[test]
fn what_the_one_build_after_a_rest_needs_is_built_with_it() {
    for end in [20, 300] {
        let world = World::new();
        let total = world.total();
        world.builds.fail();
        for _ in 0..3 {
            total.get(&1, minute(0)).unwrap_err();
        }
        assert!(is_open(&total));
        world.builds.go_well();
        world.after_seconds(1);
        assert_eq!(total.get(&1, minute(end)).unwrap().to_native(), end as u64);
        assert_eq!(failures(&total), 0);
    }
}

#[test]
fn a_suspect_record_that_is_right_becomes_fresh_while_its_view_rests() {
    let world = World::new();
    let source = world.store.view::<u32, u64>("source").grid(Grid::minutes(1));
    let source = source.build(|_, _, _| Ok(5)).unwrap();
    let (read, told) = (source.clone(), world.builds.clone());
    let middle = world.store.view("middle").grid(Grid::minutes(1));
    let middle: View<u32, u64> = middle
        .build(move |_, entity, bucket| Ok(read.get(entity, bucket.start())?.to_native()))
        .unwrap();
    let read = middle.clone();
    let above = world.store.view::<u32, u64>("above").grid(Grid::minutes(1)).breaker(BREAKER);
    let above = above.build(move |context, entity, bucket| {
        Ok(read.get(entity, bucket.start())?.to_native() + told.run(context)?)
    });
    let above = above.unwrap();
    above.get(&1, minute(0)).unwrap();
    world.builds.fail();
    for number in 1..4 {
        above.get(&1, minute(number)).unwrap_err();
    }
    assert!(is_open(&above));
    source.invalidate(&1).unwrap();
    assert_eq!(above.peek(&1, minute(0)).unwrap().unwrap().freshness(), Freshness::Suspect);
    assert!(above.get(&1, minute(0)).unwrap().is_fresh());
    assert_eq!(world.store.metrics().builds_refused, 0);
}
