//! Views defined again: in the same run of a program, and after the file was opened again.

use std::ops::Range;
use std::sync::Arc;

use crate::common::still;
use tempfile::TempDir;
use tidetable::{
    Error, ErrorKind, Freshness, Grid, ManualClock, Marked, Missing, Options, Record, Span, Store,
    TimeRange, Timestamp, View, ViewDefinition,
};

#[derive(rkyv::Archive, rkyv::Serialize)]
struct Level {
    metres: i64,
}

#[derive(rkyv::Archive, rkyv::Serialize)]
struct Depth {
    metres: i32,
}

mod elsewhere {
    /// Looks like the other one.
    #[derive(rkyv::Archive, rkyv::Serialize)]
    pub(crate) struct Level {
        pub metres: i64,
    }
}

/// A store that may be closed and opened again between two definitions.
struct Home {
    folder: TempDir,
    store: Store,
    clock: Arc<ManualClock>,
    reopens: bool,
}

impl Home {
    fn open(folder: &TempDir, clock: &Arc<ManualClock>) -> Store {
        let options = Options { clock: clock.clone(), ..still::options() };
        Store::open_with(folder.path().join("views.tide"), options).unwrap()
    }

    /// From here on the view is defined anew.
    fn turn(&mut self) {
        if self.reopens {
            self.store.close().unwrap();
            self.store = Self::open(&self.folder, &self.clock);
        }
    }

    fn levels(&self) -> ViewDefinition<u32, Level> {
        self.store.view("levels").grid(Grid::minutes(10)).page_len(8)
    }
}

/// Runs a test within one opening, and over two.
fn in_one_opening_and_in_two(test: impl Fn(&mut Home)) {
    for reopens in [false, true] {
        let (folder, clock) = (TempDir::new().unwrap(), Arc::new(ManualClock::new(minute(0))));
        let store = Home::open(&folder, &clock);
        test(&mut Home { folder, store, clock, reopens });
    }
}

fn minute(minute: i64) -> Timestamp {
    Timestamp::from_seconds(minute * 60)
}

fn minutes(range: Range<i64>) -> TimeRange {
    TimeRange::new(minute(range.start), minute(range.end))
}

/// Ends a definition with a build that says which version it is of.
fn building(definition: ViewDefinition<u32, Level>, metres: i64) -> View<u32, Level> {
    definition.build(move |_, _, _| Ok(Level { metres })).unwrap()
}

fn metres(view: &View<u32, Level>, at: i64) -> i64 {
    view.get(&1, minute(at)).unwrap().metres.to_native()
}

#[track_caller]
fn refused(error: &Error, parts: &[&str]) {
    assert_eq!(error.kind(), ErrorKind::Definition, "{error}");
    assert_eq!(error.view(), Some("levels"));
    for part in parts {
        assert!(error.to_string().contains(part), "'{error}' does not say '{part}'");
    }
}

#[test]
fn a_view_defined_the_same_again_is_the_same_view() {
    in_one_opening_and_in_two(|home| {
        let first = building(home.levels(), 1);
        assert_eq!(metres(&first, 0), 1);
        home.turn();
        let second = building(home.levels(), 2);
        assert_eq!(metres(&second, 0), 1, "what was built stays");
        assert_eq!(metres(&second, 10), 2);
        if !home.reopens {
            assert_eq!(metres(&first, 10), 2, "both handles are alive");
            assert_eq!(metres(&first, 20), 1);
        }
        assert_eq!(home.store.views().unwrap().len(), 1);
    });
}

#[test]
fn records_of_an_older_version_say_so_and_are_built_anew() {
    in_one_opening_and_in_two(|home| {
        let first = building(home.levels().version(1), 1);
        first.fill(&1, minutes(0..100)).unwrap().complete().unwrap();
        home.turn();
        let second = building(home.levels().version(5), 5);
        let old = second.when_marked(Marked::Serve).get(&1, minute(0)).unwrap();
        assert_eq!((old.freshness(), old.version()), (Freshness::OldVersion, 1));
        assert_eq!(old.metres, 1);
        let timeline = second.when_marked(Marked::Serve).range(&1, minutes(0..100)).unwrap();
        assert!(timeline.len() == 10 && !timeline.is_fresh());
        let new = second.get(&1, minute(0)).unwrap();
        assert_eq!((new.freshness(), new.version()), (Freshness::Fresh, 5));
        assert_eq!(new.metres, 5);
        assert_eq!(second.when_marked(Marked::Serve).get(&1, minute(10)).unwrap().metres, 1);
        let filled = second.fill(&1, minutes(0..100)).unwrap();
        assert_eq!((filled.built, filled.already_fresh), (9, 1));
        assert!(second.range(&1, minutes(0..100)).unwrap().is_fresh());
    });
}

#[test]
fn handles_of_a_definition_that_has_ended_say_so() {
    let redefine: [fn(&Home); 4] = [
        |home| drop(building(home.levels().version(2), 2)),
        |home| drop(building(home.levels().version(2).page_len(4), 2)),
        |home| drop(building(home.levels().version(2).grid(Grid::minutes(5)), 2)),
        |home| assert!(home.store.delete_view("levels").unwrap()),
    ];
    for redefine in redefine {
        in_one_opening_and_in_two(|home| {
            let old = building(home.levels(), 1);
            old.fill(&1, minutes(0..20)).unwrap().complete().unwrap();
            assert_eq!(metres(&old, 0), 1);
            let in_hand = old.get(&1, minute(0)).unwrap();
            home.turn();
            redefine(home);
            let kind = if home.reopens { ErrorKind::Reopen } else { ErrorKind::Definition };
            let outcomes = [
                old.get(&1, minute(0)).err(),
                old.peek(&1, minute(0)).err(),
                old.range(&1, minutes(0..20)).err(),
                old.nearest(&1, minute(0), Span::ZERO).err(),
                old.fill(&1, minutes(0..20)).err(),
                old.put(&1, minute(0), &Level { metres: 9 }).err(),
                old.delete(&1).err(),
                old.clear().err(),
            ];
            for (at, outcome) in outcomes.into_iter().enumerate() {
                assert_eq!(outcome.map(|error| error.kind()), Some(kind), "call {at}");
            }
            assert_eq!(in_hand.metres, 1, "a record in hand stays readable");
        });
    }
}

#[test]
fn old_records_are_served_for_so_long_after_the_version_was_raised() {
    in_one_opening_and_in_two(|home| {
        assert_eq!(metres(&building(home.levels().version(1), 1), 0), 1);
        home.turn();
        home.clock.set(minute(60));
        let served = home.levels().version(2).when_marked(Marked::ServeFor(Span::minutes(5)));
        let view = building(served, 2);
        home.clock.set(minute(65));
        assert_eq!(view.get(&1, minute(0)).unwrap().freshness(), Freshness::OldVersion);
        home.clock.advance(Span::millis(1));
        assert_eq!(metres(&view, 0), 2);
    });
}

#[test]
fn a_lower_version_is_refused() {
    in_one_opening_and_in_two(|home| {
        let view = building(home.levels().version(3), 3);
        assert_eq!(metres(&view, 0), 3);
        home.turn();
        let error = home.levels().version(2).without_build().unwrap_err();
        refused(&error, &["version 3", "version 2", "raise the version above 3"]);
        assert_eq!(metres(&building(home.levels().version(3), 4), 0), 3);
    });
}

#[test]
fn the_same_version_with_another_shape_is_refused_with_the_remedy() {
    in_one_opening_and_in_two(|home| {
        assert_eq!(metres(&building(home.levels(), 1), 0), 1);
        home.turn();
        let grid = home.levels().grid(Grid::minutes(5)).without_build().unwrap_err();
        refused(&grid, &["'buckets of 10 min'", "'buckets of 5 min'", "raise the version to 2"]);
        let by_day = home.levels().grid(Grid::minutes(10).origin(minute(1)));
        refused(&by_day.without_build().unwrap_err(), &["counted from", "raise the version to 2"]);
        let length = home.levels().page_len(9).without_build().unwrap_err();
        refused(&length, &["8 buckets, not 9", "raise the version to 2"]);
        let other = home.store.view::<u32, Depth>("levels").grid(Grid::minutes(10)).page_len(8);
        let other = other.build(|_, _, _| Ok(Depth { metres: 1 })).unwrap_err();
        refused(&other, &["record type", "raise the version to 2"]);
        let view = building(home.levels(), 2);
        assert_eq!(metres(&view, 0), 1, "a refusal changes nothing");
        assert_eq!(home.store.views().unwrap()[0].page_len, 8);
    });
}

#[test]
fn a_higher_version_with_another_record_type_or_grid_starts_anew() {
    in_one_opening_and_in_two(|home| {
        building(home.levels(), 1).fill(&1, minutes(0..500)).unwrap().complete().unwrap();
        home.turn();
        let depths = home.store.view::<u32, Depth>("levels").grid(Grid::minutes(10));
        let depths = depths.page_len(8).version(2);
        let depths = depths.build(|_, _, _| Ok(Depth { metres: -2 })).unwrap();
        assert!(depths.peek(&1, minute(0)).unwrap().is_none());
        assert_eq!(depths.get(&1, minute(0)).unwrap().metres, -2);
        home.turn();
        let levels = building(home.levels().version(3).grid(Grid::minutes(5)), 3);
        assert!(levels.peek(&1, minute(0)).unwrap().is_none());
        assert_eq!(metres(&levels, 5), 3);
        home.turn();
        let back = building(home.levels().version(4), 4);
        let all = back.when_missing(Missing::Miss).range(&1, minutes(0..500)).unwrap();
        assert!(all.is_empty(), "records of version 1 are gone for good");
    });
}

/// What a record's facts say, apart from its freshness.
type Facts = (tidetable::Bucket, Vec<u8>, Timestamp, std::time::Duration, [u64; 2], u32, bool);

fn facts(record: &Record<Level>) -> Facts {
    let revisions = [record.revision().get(), record.changed_at().get()];
    let (at, took) = (record.built_at(), record.build_time());
    let bytes = record.archived_bytes().to_vec();
    (record.bucket(), bytes, at, took, revisions, record.version(), record.was_put())
}

fn all_facts(view: &View<u32, Level>, entity: u32, range: TimeRange) -> Vec<Facts> {
    let view = view.when_missing(Missing::Miss).when_marked(Marked::Serve);
    view.range(&entity, range).unwrap().into_iter().map(|(_, record)| facts(&record)).collect()
}

#[test]
fn another_page_length_alone_keeps_every_record_with_its_facts() {
    let day = 1440;
    let (first, last) = (29_575_000, 29_575_000 + 40 * day);
    let grids = [
        (Grid::minutes(10), 7, 200, 3 * day),
        (Grid::daily("Europe/Stockholm"), 9, 4, 40 * day),
        (Grid::hourly("Europe/Stockholm"), 24, 5, 10 * day),
        (Grid::hourly("Europe/Stockholm"), 30, 48, 10 * day),
        (Grid::monthly("Pacific/Apia"), 1, 1024, 40 * day),
    ];
    for (grid, before, after, stretch) in grids {
        in_one_opening_and_in_two(|home| {
            let levels = || home.store.view("levels").grid(grid.clone());
            let view = building(levels().page_len(before), 1);
            let range = minutes(first..(first + stretch).min(last));
            view.fill(&1, range).unwrap().complete().unwrap();
            home.clock.advance(Span::minutes(1));
            view.fill(&2, range).unwrap().complete().unwrap();
            for record in view.range(&1, range).unwrap().iter().take(9) {
                view.put(&1, record.0.start(), &Level { metres: 70 }).unwrap();
            }
            let stood = [1, 2].map(|entity| all_facts(&view, entity, range));
            assert!(!stood[0].is_empty());
            home.turn();
            let levels = || home.store.view("levels").grid(grid.clone());
            let view = building(levels().version(2).page_len(after), 2);
            assert_eq!(home.store.metrics().pages_resident, 0, "nobody can ask for those before");
            assert_eq!([1, 2].map(|entity| all_facts(&view, entity, range)), stood, "{grid}");
            let record = view.when_marked(Marked::Serve).get(&1, stood[0][0].0.start()).unwrap();
            assert_eq!(record.freshness(), Freshness::OldVersion);
            home.turn();
            let levels = || home.store.view("levels").grid(grid.clone());
            let view = building(levels().version(2).page_len(after), 2);
            assert_eq!([1, 2].map(|entity| all_facts(&view, entity, range)), stood, "{grid}");
            let refilled = view.fill(&1, range).unwrap();
            assert_eq!(refilled.built as usize, stood[0].len());
        });
    }
}

#[test]
fn pages_by_day_have_their_own_length() {
    in_one_opening_and_in_two(|home| {
        let by_day = || Grid::minutes(10).pages_by_day("Europe/Stockholm");
        let error = home.levels().grid(by_day()).without_build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.to_string().contains("leave page_len out"), "{error}");
        let levels = |home: &Home| home.store.view("levels").grid(by_day());
        let range = minutes(29_575_000..29_578_000);
        let view = building(levels(home), 1);
        view.fill(&1, range).unwrap().complete().unwrap();
        let stood = all_facts(&view, 1, range);
        home.turn();
        let view = building(levels(home).version(2), 2);
        assert_eq!(all_facts(&view, 1, range), stood);
        assert_eq!(stood.len(), 300);
        assert_eq!(view.fill(&1, range).unwrap().built, 300);
    });
}

#[test]
fn two_record_types_of_one_look_do_not_meet_in_one_opening() {
    in_one_opening_and_in_two(|home| {
        assert_eq!(metres(&building(home.levels(), 1), 0), 1);
        home.turn();
        let alike = |version| {
            let alike = home.store.view::<u32, elsewhere::Level>("levels").version(version);
            let alike = alike.grid(Grid::minutes(10)).page_len(8);
            alike.build(|_, _, _| Ok(elsewhere::Level { metres: 2 }))
        };
        if home.reopens {
            // Nothing in memory was checked as the other type, and the bytes are the same.
            assert_eq!(alike(1).unwrap().get(&1, minute(0)).unwrap().metres, 1);
        } else {
            refused(&alike(1).unwrap_err(), &["another record type that looks alike"]);
            refused(&alike(2).unwrap_err(), &["another record type that looks alike"]);
            assert_eq!(metres(&building(home.levels(), 1), 0), 1);
        }
    });
}

#[test]
fn one_view_has_one_entity_type() {
    in_one_opening_and_in_two(|home| {
        assert_eq!(metres(&building(home.levels(), 1), 0), 1);
        let other = home.store.view::<u64, Level>("levels").grid(Grid::minutes(10)).page_len(8);
        refused(&other.without_build().unwrap_err(), &["entity type"]);
    });
}

#[test]
fn a_deleted_view_is_gone_and_its_name_is_free() {
    in_one_opening_and_in_two(|home| {
        building(home.levels(), 1).fill(&1, minutes(0..5000)).unwrap().complete().unwrap();
        building(home.store.view("other"), 7).fill(&1, minutes(0..1)).unwrap().complete().unwrap();
        home.turn();
        assert!(home.store.delete_view("levels").unwrap());
        assert!(!home.store.delete_view("levels").unwrap());
        let names: Vec<_> = home.store.views().unwrap().into_iter().map(|v| v.name).collect();
        assert_eq!(names, ["other"]);
        home.turn();
        // Another shape under the same version: nothing is left to contradict it.
        let depths = home.store.view::<i64, Depth>("levels").grid(Grid::hours(1));
        let depths = depths.build(|_, _, _| Ok(Depth { metres: 3 })).unwrap();
        assert!(depths.peek(&1, minute(0)).unwrap().is_none());
        assert_eq!(depths.get(&1, minute(0)).unwrap().metres, 3);
        let other = building(home.store.view("other"), 8);
        assert_eq!(metres(&other, 0), 7, "other views are left alone");
    });
}

#[test]
fn a_view_cleared_defined_and_reopened_keeps_its_count() {
    in_one_opening_and_in_two(|home| {
        let view = building(home.levels(), 1);
        view.fill(&1, minutes(0..100)).unwrap().complete().unwrap();
        assert_eq!(view.clear().unwrap(), 10);
        home.turn();
        let view = building(home.levels(), 2);
        assert!(view.peek(&1, minute(0)).unwrap().is_none());
        assert_eq!(view.fill(&1, minutes(0..100)).unwrap().built, 10);
    });
}
