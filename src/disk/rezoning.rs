//! Files that were written by other rules of a time zone: tests that need to reach into one.

use std::fs;
use std::path::{Path, PathBuf};

use super::batch::Batch;
use super::committed::Committed;
use super::operation::{Operation, Speed};
use crate::error::Result;
use crate::freshness::Freshness::{self, Fresh, Sealed, Stale, Suspect};
use crate::grid::{Grid, ZoneYears};
use crate::options::Options;
use crate::rebuild::Engine;
use crate::sync::Arc;
use crate::time::{ManualClock, Span, TimeRange, Timestamp};
use crate::view::{View, ViewDefinition};

/// Puts years into the days' row, and changes nothing else: it is as if a program with other rules
/// had written it.
struct PutYears(ZoneYears);

impl Operation for PutYears {
    type Applied = ();
    type Answer = ();

    fn speed(&self) -> Speed {
        Speed::Synced
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<()> {
        let id = batch.views().row("days").unwrap().id;
        batch.views().change(id, |row| row.zone_years = Some(self.0.clone()));
        Ok(())
    }

    fn answer(self, (): (), _: &Committed) {}
}

const ZONE: &str = "Europe/Stockholm";

fn at(text: &str) -> Timestamp {
    Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

/// Noon of that date, in UTC.
fn noon(date: &str) -> Timestamp {
    at(&format!("{date}T12:00:00Z"))
}

fn open(path: &Path, read_only: bool) -> Arc<Engine> {
    let clock = Arc::new(ManualClock::new(noon("2030-01-01")));
    Arc::new(Engine::open(path, Options { clock, read_only, ..Options::default() }).unwrap())
}

/// Days of the zone, and a view that reads the day at the instant that is its entity.
struct Views {
    store: Arc<Engine>,
    days: View<u32, i64>,
    readers: View<i64, i64>,
}

fn days(store: &Arc<Engine>, grid: Grid) -> View<u32, i64> {
    let days = ViewDefinition::new(store.clone(), "days").grid(grid);
    days.build(|_, _, bucket| Ok(bucket.start().as_millis())).unwrap()
}

fn newly_stale(store: &Engine) -> u64 {
    store.shared().metrics().records_made_stale
}

fn views(store: Arc<Engine>) -> Views {
    let days = days(&store, Grid::daily(ZONE));
    let read = days.clone();
    let readers =
        ViewDefinition::new(store.clone(), "readers").build(move |cx, instant: &i64, _| {
            Ok(cx.get(&read, &1, Timestamp::from_millis(*instant))?.to_native())
        });
    Views { store, days, readers: readers.unwrap() }
}

impl Views {
    fn reader(&self, date: &str) -> Freshness {
        let record = self.readers.peek(&noon(date).as_millis(), Timestamp::EPOCH);
        record.unwrap().unwrap().freshness()
    }

    fn build(&self, date: &str) {
        let record = self.readers.get(&noon(date).as_millis(), Timestamp::EPOCH).unwrap();
        assert!(record.is_fresh());
    }

    fn colours(&self, dates: &[&str]) -> Vec<Freshness> {
        dates.iter().map(|date| colour(&self.days, noon(date))).collect()
    }
}

fn colour(view: &View<u32, i64>, instant: Timestamp) -> Freshness {
    view.peek(&1, instant).unwrap().unwrap().freshness()
}

/// Makes the file say that its days were stored by rules that set the clock otherwise in that year.
fn rules_change(store: &Engine, grid: &Grid, year: usize) {
    let years = grid.zone_years().unwrap().otherwise_in(year);
    store.writer().unwrap().run(PutYears(years)).unwrap();
    store.sync().unwrap();
}

const DATES: [&str; 8] = [
    "2024-06-15",
    "2024-12-29",
    "2024-12-30",
    "2025-01-01",
    "2025-07-01",
    "2026-01-03",
    "2026-01-04",
    "2027-01-01",
];

/// A file with records of these dates, closed; its days' rules have changed in 2025 if asked for.
fn written(changed: bool) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let views = views(open(&path, false));
    DATES.iter().for_each(|date| views.build(date));
    if changed {
        rules_change(&views.store, &Grid::daily(ZONE), 2025);
    }
    views.store.close().unwrap();
    (folder, path)
}

#[test]
fn only_buckets_of_the_year_whose_rules_changed_are_stale_and_their_readers() {
    let (_folder, path) = written(true);
    let views = views(open(&path, false));
    let expected = [Fresh, Fresh, Stale, Stale, Stale, Stale, Fresh, Fresh];
    assert_eq!(views.colours(&DATES), expected);
    for (date, day) in DATES.iter().zip(expected) {
        assert_eq!(views.reader(date), day, "{date}");
    }
    let explained = views.days.explain(&1, noon("2025-07-01")).unwrap();
    assert_eq!(explained.causes[0].what, "the rules of the time zone changed");
    views.build("2025-07-01");
    views.store.close().unwrap();

    // By now the file has the new rules.
    let views = self::views(open(&path, false));
    assert_eq!(views.colours(&["2025-01-01", "2025-07-01"]), [Stale, Fresh]);
    assert_eq!(views.reader("2025-07-01"), Fresh);
    assert_eq!(newly_stale(&views.store), 0);
}

#[test]
fn nothing_is_marked_where_no_rule_has_changed() {
    let (_folder, path) = written(false);
    let views = views(open(&path, false));
    assert_eq!(views.colours(&DATES), [Fresh; 8]);
    assert!(DATES.iter().all(|date| views.reader(date) == Fresh));
    assert_eq!(newly_stale(&views.store), 0);
}

#[test]
fn a_crash_leaves_the_old_rules_without_marks_or_the_new_ones_with_them() {
    let (folder, path) = written(true);
    let (before, after) = (folder.path().join("before"), folder.path().join("after"));
    let store = open(&path, false);
    fs::copy(&path, &before).unwrap();
    let views = views(store);
    fs::copy(&path, &after).unwrap();
    let expected = [Fresh, Fresh, Stale, Stale, Stale, Stale, Fresh, Fresh];
    for (crashed, marked) in [(before, 8), (after, 0)] {
        let views = self::views(open(&crashed, false));
        assert_eq!(views.colours(&DATES), expected);
        assert_eq!(views.reader("2025-07-01"), Stale);
        assert_eq!(newly_stale(&views.store), marked);
    }
    drop(views);
}

#[test]
fn whoever_only_reads_calls_nothing_fresh_that_other_rules_may_have_made() {
    let (_folder, path) = written(true);
    let before = fs::read(&path).unwrap();
    let views = views(open(&path, true));
    assert_eq!(views.colours(&DATES), [Suspect; 8]);
    views.store.close().unwrap();
    assert!(before == fs::read(&path).unwrap());

    let (_folder, path) = written(false);
    assert_eq!(self::views(open(&path, true)).colours(&DATES), [Fresh; 8]);
}

#[test]
fn sealed_buckets_stay_as_they_are_and_their_readers_are_suspect() {
    let (_folder, path) = written(true);
    let store = open(&path, false);
    let sealing = ViewDefinition::<u32, i64>::new(store.clone(), "days").grid(Grid::daily(ZONE));
    let sealing = sealing.seal_after(Span::days(365)).build(|_, _, _| Ok(0)).unwrap();
    assert_eq!(colour(&sealing, noon("2025-07-01")), Sealed);
    store.close().unwrap();

    let views = views(open(&path, false));
    assert_eq!(views.colours(&DATES), [Fresh; 8]);
    assert_eq!(views.reader("2025-07-01"), Suspect);
    assert_eq!(views.reader("2024-06-15"), Fresh);
}

#[test]
fn a_higher_version_makes_all_records_old_whichever_rules_changed() {
    let (_folder, path) = written(true);
    let store = open(&path, false);
    let days =
        ViewDefinition::<u32, i64>::new(store.clone(), "days").grid(Grid::daily(ZONE)).version(2);
    let days = days.build(|_, _, _| Ok(0)).unwrap();
    assert!(DATES.iter().all(|date| colour(&days, noon(date)) == Freshness::OldVersion));
    assert_eq!(newly_stale(&store), 0);
    days.get(&1, noon("2025-07-01")).unwrap();
    store.close().unwrap();

    let store = open(&path, false);
    let days =
        ViewDefinition::<u32, i64>::new(store.clone(), "days").grid(Grid::daily(ZONE)).version(2);
    let days = days.build(|_, _, _| Ok(0)).unwrap();
    assert_eq!(colour(&days, noon("2025-07-01")), Fresh);
}

#[test]
fn of_every_grid_with_a_zone_the_buckets_that_meet_the_year_are_stale() {
    // Friday is the first day of 2027: its week begins days before that.
    let concerned = TimeRange::new(at("2026-12-30T00:00:00Z"), at("2028-01-03T00:00:00Z"));
    let grids = [
        Grid::minutes(10).pages_by_day(ZONE),
        Grid::hourly(ZONE),
        Grid::daily(ZONE),
        Grid::weekly(ZONE),
        Grid::monthly(ZONE),
        Grid::yearly(ZONE),
    ];
    for grid in grids {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let store = open(&path, false);
        let view = days(&store, grid.clone());
        // From the start of 2025 to the end of 2028, closely where the years meet.
        let starts = ["2025-01-01", "2026-12-20", "2027-03-20", "2027-12-20", "2028-12-01"];
        let steps = (0..120).map(|nth| Span::hours(3 * nth));
        let instants: Vec<_> = starts
            .iter()
            .flat_map(|start| steps.clone().map(|step| noon(start).checked_add(step).unwrap()))
            .collect();
        for instant in &instants {
            view.get(&1, *instant).unwrap();
        }
        rules_change(&store, &grid, 2027);
        store.close().unwrap();

        let store = open(&path, false);
        let view = days(&store, grid.clone());
        let mut seen = [false; 2];
        for instant in instants {
            let record = view.peek(&1, instant).unwrap().unwrap();
            let range = record.bucket().range();
            let meets = range.start() < concerned.end() && concerned.start() < range.end();
            assert_eq!(record.freshness(), if meets { Stale } else { Fresh }, "{grid} {range}");
            seen[usize::from(meets)] = true;
        }
        assert_eq!(seen, [true; 2], "{grid}");
    }
}
