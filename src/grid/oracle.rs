//! Grids against what a clock on the wall shows, instant by instant: every zone of the bundled
//! database, two days to either side of every transition of 2010 to 2035.
//!
//! The oracle knows nothing of day starts, folds or gaps. It asks the library for the civil time of
//! each instant, one after the other, and remembers the highest date it has seen.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::day::DAY;
use super::define::Grid;
use super::place::{PageNumber, Place};
use super::window::DailyWindow;
use crate::time::{TimeRange, Timestamp};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const HALF_HOUR: i64 = 30 * MINUTE;

/// What the clock shows at an instant, and the latest date it has shown.
#[derive(Clone, Copy)]
struct Seen {
    instant: i64,
    reading: i64,
    day: i64,
}

fn civil_day(date: Date) -> i64 {
    date.duration_since(Date::constant(1970, 1, 1)).as_hours() / 24
}

fn reading(rules: &TimeZone, instant: i64) -> i64 {
    let civil = rules.to_datetime(jiff::Timestamp::from_millisecond(instant).unwrap());
    let time = civil.time();
    let minutes = i64::from(time.hour()) * 60 + i64::from(time.minute());
    let millis = i64::from(time.second()) * 1000 + i64::from(time.millisecond());
    civil_day(civil.date()) * DAY + minutes * MINUTE + millis
}

fn transitions(rules: &TimeZone, from: &str, until: &str) -> Vec<(i64, i32)> {
    let until: jiff::Timestamp = until.parse().unwrap();
    rules
        .following(from.parse().unwrap())
        .map(|transition| (transition.timestamp(), transition.offset()))
        .take_while(|&(at, _)| at < until)
        .map(|(at, offset)| (at.as_millisecond(), offset.seconds()))
        .collect()
}

/// One name for each way in which clocks were or will be set around those years.
fn distinct_zones(from: &str, until: &str) -> Vec<(String, TimeZone)> {
    let database = TimeZoneDatabase::bundled();
    let mut distinct = BTreeMap::new();
    for name in database.available() {
        let rules = database.get(name.as_str()).unwrap();
        if !rules.is_unknown() {
            let first = rules.to_offset(from.parse().unwrap()).seconds();
            let set = transitions(&rules, from, until);
            distinct.entry((first, set)).or_insert((name.to_string(), rules));
        }
    }
    assert!(distinct.len() > 100, "only {} zones", distinct.len());
    distinct.into_values().collect()
}

/// Two days to either side of a transition: every half hour, near it every five minutes and then
/// every minute (clocks are set at 00:01 in places), and the milliseconds next to it.
fn walk(rules: &TimeZone, around: i64) -> Vec<Seen> {
    let from = (around - 2 * DAY).div_euclid(DAY) * DAY;
    let mut instants: BTreeSet<i64> =
        (0..5 * DAY / HALF_HOUR).map(|n| from + n * HALF_HOUR).collect();
    instants.extend((-18..=18).map(|n| around + n * 5 * MINUTE));
    instants.extend((-3..=3).map(|n| around + n * MINUTE));
    instants.extend([around - 1, around + 1]);
    let mut day = i64::MIN;
    instants
        .into_iter()
        .map(|instant| {
            let reading = reading(rules, instant);
            day = day.max(reading.div_euclid(DAY));
            Seen { instant, reading, day }
        })
        .collect()
}

/// Calls `check` with a zone and the instants around each of its transitions.
fn around_every_transition(mut check: impl FnMut(&str, &TimeZone, &[Seen])) {
    let mut cases = 0;
    for (name, rules) in distinct_zones("2009-12-01T00:00:00Z", "2036-02-01T00:00:00Z") {
        for (at, _) in transitions(&rules, "2009-12-31T00:00:00Z", "2036-01-02T00:00:00Z") {
            check(&name, &rules, &walk(&rules, at));
            cases += 1;
        }
    }
    println!("{cases} transitions");
    assert!(cases > 2_500, "only {cases} transitions");
}

/// The same, leaving out what the clock showed alike, hour by hour, around an earlier transition:
/// for what depends on the time of day and not on the date.
fn around_every_shape(mut check: impl FnMut(&str, &[Seen])) {
    let mut shapes = BTreeSet::new();
    around_every_transition(|name, _, seen| {
        let zero = seen[0].instant;
        let relative = |seen: &Seen| (seen.instant - zero, seen.reading - zero);
        if shapes.insert(seen.iter().map(relative).collect::<Vec<_>>()) {
            check(name, seen);
        }
    });
    println!("{} shapes", shapes.len());
    assert!(shapes.len() > 140, "only {} shapes", shapes.len());
}

fn at(instant: i64) -> Timestamp {
    Timestamp::from_millis(instant)
}

/// Whatever holds of the buckets of two instants that follow each other, and of their places.
fn neighbours_hold(grid: &Grid, earlier: Seen, later: Seen, same: bool, page_len: u32) {
    let second = grid.bucket_at(at(later.instant)).unwrap();
    assert!(second.contains(at(later.instant)), "{grid}: {second:?} of {}", later.instant);
    let joined = second.contains(at(earlier.instant));
    assert_eq!(joined, same, "{grid}: {second:?} of {} and {}", earlier.instant, later.instant);
    if same {
        return;
    }
    let first = grid.bucket_at(at(earlier.instant)).unwrap();
    let case =
        || format!("{grid}: {first:?} of {}, {second:?} of {}", earlier.instant, later.instant);
    assert_eq!(first.end(), second.start(), "{}", case());
    assert!(first.number() < second.number(), "{}", case());
    assert_eq!(grid.next(first).unwrap(), Some(second), "{}", case());
    assert_eq!(grid.previous(second).unwrap(), Some(first), "{}", case());
    assert_eq!(grid.bucket(second.number()).unwrap(), second, "{}", case());
    let (before, place) =
        (grid.place(first, page_len).unwrap(), grid.place(second, page_len).unwrap());
    assert!(before < place, "{}", case());
    assert_eq!(grid.bucket_in(place.page, place.slot, page_len), Some(second), "{}", case());
    assert!(place.slot < grid.page_slots(place.page, page_len), "{}", case());
}

#[test]
fn a_day_begins_when_the_clock_first_shows_its_date() {
    around_every_transition(|name, rules, seen| {
        let grid = Grid::daily(name);
        for pair in seen.windows(2) {
            let same = pair[0].day == pair[1].day;
            neighbours_hold(&grid, pair[0], pair[1], same, 7);
            if !same {
                let day = grid.bucket_at(at(pair[1].instant)).unwrap();
                assert_eq!(day.number().0, pair[1].day);
                let start = day.start().as_millis();
                assert!(reading(rules, start).div_euclid(DAY) >= pair[1].day, "{name} {day}");
                assert!(reading(rules, start - 1).div_euclid(DAY) < pair[1].day, "{name} {day}");
            }
        }
    });
}

#[test]
fn an_hour_ends_at_each_full_hour_and_wherever_the_clock_is_set() {
    around_every_shape(|name, seen| {
        let grid = Grid::hourly(name);
        for pair in seen.windows(2) {
            let hour = |seen: Seen| (seen.reading.div_euclid(HOUR), seen.reading - seen.instant);
            neighbours_hold(&grid, pair[0], pair[1], hour(pair[0]) == hour(pair[1]), 64);
        }
        let (first, last) = (seen[0], seen[seen.len() - 1]);
        let range = TimeRange::new(at(first.instant), at(last.instant));
        let hours: Vec<_> = grid.buckets_touching(range).map(Result::unwrap).collect();
        assert!(hours[0].contains(at(first.instant)));
        assert!(hours.windows(2).all(|pair| pair[0].end() == pair[1].start()), "{name}");
        assert!(hours.iter().all(|hour| hour.end().since(hour.start()).as_millis() <= HOUR));
        for hour in hours {
            let page = grid.place(hour, 64).unwrap().page;
            let mut within = seen.iter().filter(|seen| hour.contains(at(seen.instant)));
            assert!(within.all(|seen| seen.day == page.0), "{name} {hour}");
        }
    });
}

#[test]
fn weeks_months_and_years_are_made_of_the_days_the_clock_showed() {
    around_every_transition(|name, _, seen| {
        let grids = [Grid::weekly(name), Grid::monthly(name), Grid::yearly(name)];
        for pair in
            seen.windows(2).step_by(9).chain(seen.windows(2).filter(|p| p[0].day != p[1].day))
        {
            let numbers = |day: i64| {
                let date = Date::constant(1970, 1, 1) + jiff::Span::new().days(day);
                let monday = day - i64::from(date.weekday().to_monday_zero_offset());
                let year = i64::from(date.year()) - 1970;
                [(monday + 3) / 7, year * 12 + i64::from(date.month()) - 1, year]
            };
            let (first, second) = (numbers(pair[0].day), numbers(pair[1].day));
            for (index, grid) in grids.iter().enumerate() {
                neighbours_hold(grid, pair[0], pair[1], first[index] == second[index], 5);
                let found = grid.bucket_at(at(pair[1].instant)).unwrap();
                assert_eq!(found.number().0, second[index], "{name} {found}");
            }
        }
    });
}

#[test]
fn a_page_by_day_holds_the_buckets_that_start_in_that_day_and_no_other() {
    around_every_transition(|name, _, seen| {
        let grid = Grid::minutes(30).pages_by_day(name);
        let page_len = grid.fixed_page_len().unwrap();
        let whole_days = seen[0].day + 1..seen[seen.len() - 1].day;
        let mut expected: BTreeMap<i64, u32> = BTreeMap::new();
        for seen in seen.iter().filter(|seen| seen.instant % HALF_HOUR == 0) {
            if !whole_days.contains(&seen.day) {
                continue;
            }
            let bucket = grid.bucket_at(at(seen.instant)).unwrap();
            let slot = expected.entry(seen.day).or_default();
            let place = Place { page: PageNumber(seen.day), slot: *slot };
            assert_eq!(grid.place(bucket, page_len).unwrap(), place, "{name} {bucket}");
            assert_eq!(grid.bucket_in(place.page, *slot, page_len), Some(bucket), "{name}");
            *slot += 1;
        }
        for day in whole_days {
            let slots = expected.get(&day).copied().unwrap_or(0);
            assert_eq!(grid.page_slots(PageNumber(day), page_len), slots, "{name} {day}");
            assert_eq!(grid.bucket_in(PageNumber(day), slots, page_len), None, "{name} {day}");
        }
    });
}

/// A bucket that starts at `seen[index]` is in the window of a day if the clock has shown the
/// window's start by then and will still, or again, show a time before its end.
fn in_some_window(seen: &[Seen], index: usize, start: i64, end: i64) -> bool {
    let highest = seen[..=index].iter().map(|seen| seen.reading).max().unwrap();
    let lowest = seen[index..].iter().map(|seen| seen.reading).min().unwrap();
    let today = seen[index].day;
    (today - 2..=today + 1).any(|day| {
        let exists = day < seen[0].day || seen.iter().any(|seen| seen.day == day);
        exists && highest >= day * DAY + start && lowest < day * DAY + end
    })
}

#[test]
fn a_daily_window_holds_what_starts_between_its_edges_by_the_clock() {
    let edges = [("08:00", "20:00"), ("01:30", "02:30"), ("23:30", "00:30"), ("00:00", "23:45")];
    around_every_shape(|name, seen| {
        let zero = seen[0].instant;
        for (start, end) in edges {
            let clock = |text: &str| {
                (text[..2].parse::<i64>().unwrap() * 60 + text[3..].parse::<i64>().unwrap())
                    * MINUTE
            };
            let (from, to) = (clock(start), clock(end));
            let to = if to < from { to + DAY } else { to };
            for (window, to) in [
                (DailyWindow::until(start, end, name).unwrap(), to),
                (DailyWindow::through(start, end, name).unwrap(), to + 1),
            ] {
                let expected: Vec<_> = (0..seen.len() - 1)
                    .filter(|&index| seen[index].instant % HALF_HOUR == 0)
                    .filter(|&index| in_some_window(seen, index, from, to))
                    .map(|index| at(seen[index].instant))
                    .collect();
                let range = TimeRange::new(at(zero), at(seen[seen.len() - 1].instant));
                let grid = Grid::minutes(30);
                let found: Vec<_> =
                    window.buckets(&grid, range).map(|bucket| bucket.unwrap().start()).collect();
                assert_eq!(found, expected, "{window}");
            }
        }
    });
}

#[test]
fn days_of_our_time_have_21_to_27_hours_and_all_these_lengths_occur() {
    let mut lengths = BTreeSet::new();
    around_every_transition(|name, _, seen| {
        let grid = Grid::daily(name);
        let range = TimeRange::new(at(seen[0].instant), at(seen[seen.len() - 1].instant));
        for day in grid.buckets(range).map(Result::unwrap) {
            lengths.insert(day.end().since(day.start()).as_millis() / (30 * MINUTE));
        }
    });
    let half_hours: Vec<i64> = lengths.into_iter().collect();
    assert_eq!(half_hours, [42, 44, 46, 47, 48, 49, 50, 52, 54]);
}

#[test]
fn until_2100_no_day_outgrows_its_numbers_and_every_hour_ends_where_it_must() {
    let (from, until) = ("1800-01-01T00:00:00Z", "2100-01-01T00:00:00Z");
    let (mut longest, mut most) = (0, 0);
    for (name, rules) in distinct_zones(from, until) {
        let (days, hours) = (Grid::daily(&name), Grid::hourly(&name));
        for (set, _) in transitions(&rules, from, until) {
            for instant in [set - DAY, set - 1, set, set + DAY] {
                let day = days.bucket_at(at(instant)).unwrap();
                assert!(day.contains(at(instant)), "{name} {day}");
                longest = longest.max(day.end().since(day.start()).as_millis());
                most = most.max(hours.page_slots(PageNumber(day.number().0), 64));
                let last = hours.bucket_at(at(day.end().as_millis() - 1)).unwrap();
                let slots = hours.page_slots(PageNumber(day.number().0), 64);
                assert_eq!(hours.place(last, 64).unwrap().slot + 1, slots, "{name} {day}");
                let hour = hours.bucket_at(at(instant)).unwrap();
                for edge in [hour.start().as_millis(), hour.end().as_millis()] {
                    let (before, shown) = (reading(&rules, edge - 1), reading(&rules, edge));
                    assert!(shown % HOUR == 0 || shown != before + 1, "{name} {hour}");
                }
            }
        }
    }
    assert!(longest > 47 * HOUR && longest <= 48 * HOUR, "{longest}");
    assert!(most > 32 && most < 60, "{most}");
}
