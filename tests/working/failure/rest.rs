//! What reads and fills get while a view rests.

use std::future::Future;

use std::sync::Arc;

use crate::common::still;
use tidetable::BreakerState;
use tidetable::{Breaker, ErrorKind, Freshness, Marked, Options, Span, Store, Timestamp, View};

use super::world::{
    BREAKER, Builds, Ticking, World, assert_busy, define, failures, is_open, minute, minutes,
};

#[test]
fn a_view_rests_after_so_many_failures_in_a_row_and_not_before() {
    let world = World::new();
    for number in 0..30 {
        world.builds.fail();
        if number % 3 == 2 {
            world.builds.go_well();
        }
        let read = world.view.get(&1, minute(number));
        assert_eq!(read.is_ok(), number % 3 == 2, "minute {number}");
    }
    assert_eq!((failures(&world.view), world.builds.ran()), (0, 30));
    world.trip();
    assert_eq!(world.builds.ran(), 33);
    for number in 0..5 {
        assert_busy(world.view.get(&2, minute(number)), "breaker");
    }
    assert_eq!(world.builds.ran(), 33, "nothing runs while it rests");
    let metrics = world.store.metrics();
    assert_eq!((metrics.build_failures, metrics.builds_refused), (23, 5));
}

#[test]
fn what_is_refused_names_the_last_failure_and_when_to_ask_again() {
    let world = World::new();
    world.trip();
    let refused = world.fails(7);
    let told = refused.to_string();
    assert!(told.starts_with("view 'tide', bucket 1970-01-01T00:07"), "{told}");
    assert!(told.contains("before 1970-01-01T00:00:01Z"), "{told}");
    assert!(told.ends_with("the build function failed: the tide is out"), "{told}");
    assert_eq!(refused.build_cause().unwrap().to_string(), "the tide is out");
    match world.view.breaker_state() {
        BreakerState::Open { until, last_failure, .. } => {
            assert_eq!(until, Timestamp::from_seconds(1));
            assert_eq!(last_failure.build_cause().unwrap().to_string(), "the tide is out");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn panics_open_it_too() {
    let world = World::new();
    world.builds.panic();
    for number in 0..3 {
        assert_eq!(world.fails(number).kind(), ErrorKind::Build);
    }
    assert!(is_open(&world.view));
    assert_busy(world.view.get(&1, minute(3)), "panicked: the tide is out");
}

#[test]
fn an_old_record_is_served_as_it_is_while_the_view_rests() {
    let world = World::new();
    let built = world.view.get(&1, minute(0)).unwrap().to_native();
    world.view.invalidate(&1).unwrap();
    world.trip();
    let ran = world.builds.ran();
    let record = world.view.get(&1, minute(0)).unwrap();
    assert_eq!((record.to_native(), record.freshness()), (built, Freshness::Stale));
    // As well for those who would have waited for it to be fresh, but not for ever.
    let patient = world.view.when_marked(Marked::ServeFor(Span::ZERO));
    world.clock.advance(Span::millis(1));
    assert_eq!(patient.get(&1, minute(0)).unwrap().freshness(), Freshness::Stale);
    assert_eq!(
        world.view.get_many([1, 2], minute(0)).iter().filter(|read| read.is_ok()).count(),
        1
    );
    // And for those who leave the build to a builder.
    let mut future = std::pin::pin!(world.view.get_async(&1, minute(0)));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(future.as_mut().poll(&mut context).is_pending());
    world.store.build_next().unwrap();
    let std::task::Poll::Ready(read) = future.as_mut().poll(&mut context) else { panic!() };
    assert_eq!(read.unwrap().freshness(), Freshness::Stale);
    assert_eq!(world.builds.ran(), ran);
    world.builds.go_well();
    world.after_seconds(1);
    assert!(world.view.get(&1, minute(0)).unwrap().is_fresh());
}

#[test]
fn a_range_is_served_as_it_is_unless_it_lacks_a_record() {
    let world = World::new();
    world.view.fill(&1, minutes(0..40)).unwrap().complete().unwrap();
    world.view.invalidate_range(&1, minutes(30..35)).unwrap();
    world.trip();
    let ran = world.builds.ran();
    let timeline = world.view.range(&1, minutes(0..40)).unwrap();
    assert_eq!((timeline.len(), timeline.is_fresh()), (40, false));
    assert!(world.view.range(&1, minutes(0..30)).unwrap().is_fresh());
    assert_busy(world.view.range(&1, minutes(0..41)), "breaker");
    assert_busy(world.view.scan(minutes(39..41)), "breaker");
    assert_eq!(world.builds.ran(), ran);
}

#[test]
fn a_range_that_could_not_be_built_names_what_failed_before_what_was_not_tried() {
    /// A view of old records that rests, but not for as long as all of them take.
    fn resting() -> (Store, View<u32, u64>) {
        let clock = Arc::new(Ticking::default());
        let store = Store::in_memory_with(Options { clock, ..still::options() }).unwrap();
        let (builds, breaker) = (Builds::default(), Breaker { rest: Span::millis(30), ..BREAKER });
        let told = builds.clone();
        let view = define(&store).breaker(breaker).build(move |context, _, _| told.run(context));
        let view = view.unwrap();
        view.fill(&1, minutes(0..100)).unwrap().complete().unwrap();
        view.invalidate(&1).unwrap();
        builds.fail();
        (0..3).for_each(|number| drop(view.get(&1, minute(number)).unwrap_err()));
        (store, view)
    }
    let (_store, view) = resting();
    let filled = view.fill(&1, minutes(0..100)).unwrap();
    let kinds: Vec<_> = filled.failed.iter().map(|failure| failure.error.kind()).collect();
    assert!(kinds[0] == ErrorKind::Busy && kinds.contains(&ErrorKind::Build), "{kinds:?}");
    let (_store, view) = resting();
    let failed = view.range(&1, minutes(0..100)).unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Build, "{failed}");
}

#[test]
fn a_fill_lists_what_was_not_tried() {
    let world = World::new();
    world.builds.fail();
    let filled = world.view.fill(&1, minutes(0..40)).unwrap();
    let kinds: Vec<_> = filled.failed.iter().map(|failure| failure.error.kind()).collect();
    assert_eq!(kinds[..3], [ErrorKind::Build; 3]);
    assert_eq!(kinds[3..], [ErrorKind::Busy; 37]);
    assert_eq!(world.builds.ran(), 3);
}

#[test]
fn one_record_that_always_fails_hurts_none_of_those_beside_it() {
    let world = World::new();
    let view = define(&world.store).version(2).breaker(BREAKER).build(|_, _, bucket| {
        match super::world::number_of(bucket) % 4 {
            0 | 1 => Err("there is no such tide".into()),
            number => Ok(number as u64),
        }
    });
    let view = view.unwrap();
    let filled = view.fill(&1, minutes(0..200)).unwrap();
    assert_eq!((filled.built, filled.failed.len()), (100, 100));
    for _ in 0..20 {
        assert_eq!(view.get(&1, minute(4)).unwrap_err().kind(), ErrorKind::Build);
        assert!(view.get(&2, minute(2)).is_ok());
        view.delete(&2).unwrap();
    }
    assert!(matches!(view.breaker_state(), BreakerState::Closed { .. }));
}

#[test]
fn a_view_whose_pages_are_built_whole_rests_as_well() {
    let world = World::new();
    let told = world.builds.clone();
    let view = define(&world.store).version(2).breaker(BREAKER);
    let view = view
        .build_page(move |context, _, buckets| {
            told.run(context).map(|_| buckets.iter().map(|_| 7).collect())
        })
        .unwrap();
    view.fill(&1, minutes(0..16)).unwrap().complete().unwrap();
    world.builds.fail();
    let filled = view.fill(&1, minutes(16..96)).unwrap();
    assert_eq!(filled.failed.len(), 80);
    assert_eq!(world.builds.ran(), 4);
    assert_busy(filled.failed.last().map_or(Ok(()), |last| Err(last.error.clone())), "breaker");
    view.invalidate(&1).unwrap();
    assert_eq!(view.get(&1, minute(3)).unwrap().freshness(), Freshness::Stale);
    assert_eq!(view.range(&1, minutes(0..16)).unwrap().len(), 16);
}

#[test]
fn a_view_without_a_breaker_builds_however_often_that_fails() {
    let world = World::with(still::options(), |definition| definition.without_breaker());
    world.builds.fail();
    for number in 0..50 {
        assert_eq!(world.fails(number).kind(), ErrorKind::Build);
    }
    assert_eq!((world.builds.ran(), failures(&world.view)), (50, 0));
}

#[test]
fn an_equal_definition_says_anew_how_the_view_is_run() {
    let world = World::new();
    world.trip();
    let told = world.builds.clone();
    let free = define(&world.store).without_breaker().build(move |context, _, _| told.run(context));
    // The handle from before goes by it too.
    assert_eq!(world.fails(0).kind(), ErrorKind::Build);
    assert!(!is_open(&world.view) && !is_open(&free.unwrap()));
    let strict = Breaker { failures: 1, ..BREAKER };
    let _strict = define(&world.store).breaker(strict).build(|_, _, _| Ok(1)).unwrap();
    assert_eq!(world.fails(0).kind(), ErrorKind::Build);
    assert_busy(world.view.get(&1, minute(0)), "breaker");
}

#[test]
fn a_new_version_starts_with_a_closed_breaker() {
    let world = World::new();
    world.trip();
    let better = define(&world.store).version(2).breaker(BREAKER).build(|_, _, _| Ok(1)).unwrap();
    assert_eq!(better.get(&1, minute(0)).unwrap().to_native(), 1);
}

#[test]
fn what_is_out_of_range_is_refused_where_the_view_is_defined() {
    let world = World::new();
    let definition = || world.store.view::<u32, u64>("other");
    let refused = [
        definition().breaker(Breaker { failures: 0, ..BREAKER }),
        definition().retry(tidetable::Retry { attempts: 0, ..Default::default() }),
        definition().build_deadline(Span::ZERO),
        definition().builds_max(0),
    ];
    for definition in refused {
        let error = definition.build(|_, _, _| Ok(1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input, "{error}");
        assert!(error.to_string().contains("view 'other'"), "{error}");
    }
    let options = Options { builds_max: 0, ..still::options() };
    assert!(Store::in_memory_with(options).is_err());
}
