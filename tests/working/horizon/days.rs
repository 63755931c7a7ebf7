//! Which days are filled, and when.

use tidetable::report::RunKind;
use tidetable::{DailyWindow, Grid, Horizon, RunState};

use super::world::*;

#[test]
fn a_day_from_eight_through_eight_is_73_buckets_also_where_the_clock_is_set() {
    for noon in ["2026-05-04T12:00Z", "2026-03-29T12:00Z", "2026-10-25T12:00Z"] {
        let day = day(noon);
        let world = World::new(noon);
        world.clock.set(day.start());
        let _sun = world.sun(Horizon::days(open(), 0..=0), 2);
        let starts = starts(day);
        assert_eq!(starts.len(), 73, "{noon}");
        assert_eq!(world.all(), each(0..2, &starts), "{noon}");
    }
}

#[test]
fn a_whole_day_is_as_long_as_its_clock_says() {
    for (noon, buckets) in
        [("2026-05-04T12:00Z", 144), ("2026-03-29T12:00Z", 138), ("2026-10-25T12:00Z", 150)]
    {
        let world = World::new(noon);
        let _sun = world.sun(Horizon::whole_days(STOCKHOLM, 0..=0).unwrap(), 1);
        let mut built = world.all();
        built.sort_unstable();
        let day: Vec<_> = grid().buckets(day(noon)).map(|it| (0, it.unwrap().start())).collect();
        assert_eq!((built.len(), built), (buckets, day), "{noon}");
    }
}

#[test]
fn at_local_midnight_exactly_the_new_day_is_filled() {
    // Two nights before the clock is set forward.
    let world = World::new("2026-03-27T05:00Z");
    let _sun = world.sun(three_days(), 3);
    assert_eq!(world.all().len(), 3 * 3 * 73);
    assert!(world.next().is_none());
    for (before, midnight, new) in [
        ("2026-03-27T22:59Z", "2026-03-27T23:00Z", "2026-03-30T12:00Z"),
        ("2026-03-28T22:59Z", "2026-03-28T23:00Z", "2026-03-31T12:00Z"),
        // An hour earlier in the night that is shorter.
        ("2026-03-29T21:59Z", "2026-03-29T22:00Z", "2026-04-01T12:00Z"),
    ] {
        world.set(before);
        assert!(world.next().is_none(), "{before}");
        world.set(midnight);
        assert_eq!(world.all(), each(0..3, &starts(day(new))), "{midnight}");
        assert!(world.next().is_none(), "{midnight}");
    }
}

#[test]
fn each_day_is_a_run_of_its_own_with_its_hours() {
    let world = World::new("2026-05-04T05:00Z");
    let _sun = world.sun(three_days(), 3);
    world.all();
    let runs = world.store.runs().unwrap();
    assert_eq!(runs.len(), 3);
    let noons = ["2026-05-06T12:00Z", "2026-05-05T12:00Z", "2026-05-04T12:00Z"];
    for (run, noon) in runs.iter().zip(noons) {
        let status = run.status();
        assert_eq!((status.kind, status.state), (RunKind::Horizon, RunState::Completed));
        assert_eq!((status.total, status.done, &*status.name), (3 * 73, 3 * 73, "sun"));
        assert_eq!(status.range.start(), starts(day(noon))[0]);
    }
}

#[test]
fn after_days_away_the_window_is_filled_and_what_was_missed_is_not() {
    let world = World::new("2026-05-04T05:00Z");
    let _sun = world.sun(three_days(), 1);
    world.all();
    world.set("2026-05-20T05:00Z");
    let mut built = world.all();
    built.sort_unstable();
    let noons = ["2026-05-20T12:00Z", "2026-05-21T12:00Z", "2026-05-22T12:00Z"];
    let all: Vec<_> = noons.iter().flat_map(|noon| starts(day(noon))).collect();
    assert_eq!(built, each(0..1, &all));
}

#[test]
fn a_clock_that_is_set_back_has_the_earlier_days_filled_and_no_day_twice() {
    let world = World::new("2026-05-04T05:00Z");
    let _sun = world.sun(three_days(), 1);
    world.all();
    world.set("2026-05-03T05:00Z");
    assert_eq!(world.all(), each(0..1, &starts(day("2026-05-03T12:00Z"))));
    world.set("2026-05-04T05:00Z");
    assert!(world.all().is_empty());
}

#[test]
fn a_date_that_the_zone_skipped_is_no_day_of_the_window() {
    let world = World::new("2011-12-29T12:00Z");
    let open = DailyWindow::until("08:00", "20:00", "Pacific/Apia").unwrap();
    let _sun = world.sun(Horizon::days(open, 0..=2), 1);
    // Today, and the day after tomorrow, which comes next.
    assert_eq!(world.all().len(), 2 * 72);
    assert_eq!(world.store.runs().unwrap().len(), 2);
}

#[test]
fn two_views_are_filled_each_by_its_own_horizon() {
    let world = World::new("2026-05-04T05:00Z");
    let _sun = world.sun(Horizon::days(open(), 0..=0), 2);
    let night = DailyWindow::until("22:00", "04:00", "America/New_York").unwrap();
    let moon = world.definition("moon").horizon(Horizon::days(night.clone(), 0..=0), || 10..12_u32);
    let _moon = world.build(moon);
    let mut built = world.all();
    built.sort_unstable();
    let mut both = each(0..2, &starts(day("2026-05-04T12:00Z")));
    // Of the night that begins on the fourth over there; now it is one o'clock.
    let there = tidetable::local_day("America/New_York", at("2026-05-04T12:00Z")).unwrap();
    let hours = tidetable::TimeRange::new(there.start(), at("2026-05-05T12:00Z"));
    let grid = grid();
    let of_night = night.buckets(&grid, hours).map(|bucket| bucket.unwrap().start());
    let of_night: Vec<_> = of_night.filter(|start| *start >= at("2026-05-05T00:00Z")).collect();
    both.extend(each(10..12, &of_night));
    assert_eq!((of_night.len(), built), (36, both));
    // Midnight there is four hours after midnight in Stockholm, and more.
    world.set("2026-05-04T22:00Z");
    assert_eq!(world.all().len(), 2 * 73);
    world.set("2026-05-05T04:00Z");
    assert_eq!(world.all().len(), 2 * 36);
}

#[test]
fn a_horizon_that_cannot_be_kept_is_refused() {
    let world = World::new("2026-05-04T05:00Z");
    let puts = world.definition("put").horizon(three_days(), || 0..1_u32).without_build();
    let days = |first, last| Horizon::days(open(), first..=last);
    let backwards = world.definition("sun").horizon(days(1, 0), || 0..1_u32);
    let timeless = world.definition("sun").grid(Grid::timeless());
    let timeless = timeless.horizon(three_days(), || 0..1_u32);
    let daily = world.definition("sun").grid(Grid::daily("Europe/Stockholm"));
    let daily = daily.horizon(three_days(), || 0..1_u32);
    for (refused, why) in [
        (puts, "without a build function"),
        (backwards.build(|_, _, _| Ok(0)), "from day 1 to day 0"),
        (timeless.build(|_, _, _| Ok(0)), "without time"),
        (
            daily.build(|_, _, _| Ok(0)),
            "no bucket of the grid 'days of Europe/Stockholm' starts within",
        ),
    ] {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), tidetable::ErrorKind::Input);
        assert!(error.to_string().contains(why), "{error}");
    }
}
