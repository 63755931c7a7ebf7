//! Entities that have much in common at a time share what a page of that time says.

use std::ops::Range;
use std::path::Path;

use crate::common::still;
use crate::common::unsealed::edit;
use redb::{ReadableTable, TableDefinition};
use tidetable::{Grid, Missing, Store, TimeRange, Timestamp, View};

type Bytes = TableDefinition<'static, &'static [u8], &'static [u8]>;
const PAGES: Bytes = TableDefinition::new("pages");
const DICTIONARIES: Bytes = TableDefinition::new("dictionaries");
/// Ids from here on are of patterns.
const FIRST_PATTERN: u32 = 1 << 31;
/// In a page's header.
const FORM_AT: usize = 6;
const BESIDE: u8 = 4;
const HOUR_MS: i64 = 3_600_000;
const SLOTS: i64 = 96;

type Light = [u32; 8];

/// What the sun does is the same for all; what a place makes of it is not.
fn light(place: u32, slot: i64) -> Light {
    let sun = (slot as u32).wrapping_mul(0x9E37_79B9).rotate_left(slot as u32 % 31);
    let lit = if (slot as u32 + place) % 40 < 20 { sun } else { 0 };
    [sun, place, lit, sun ^ (place % 4), !sun, sun >> 7, place + slot as u32, 0]
}

fn times(page: i64) -> TimeRange {
    let at = |slot| Timestamp::from_millis(slot * HOUR_MS);
    TimeRange::new(at(page * SLOTS), at((page + 1) * SLOTS))
}

fn define(store: &Store) -> View<u32, Light> {
    let view = store.view::<u32, Light>("light").grid(Grid::hours(1)).page_len(SLOTS as u32);
    view.build_page(|_, place, buckets| {
        let slot = |start: Timestamp| start.as_millis() / HOUR_MS;
        Ok(buckets.iter().map(|bucket| light(*place, slot(bucket.start()))).collect())
    })
    .unwrap()
}

fn build(path: &Path, places: Range<u32>, page: i64) {
    let store = still::open(path).unwrap();
    let view = define(&store);
    let run = view.precompute(places, times(page)).unwrap();
    assert_eq!(run.wait().unwrap().failed, 0);
    store.close().unwrap();
}

/// Reads all of them from the file; nothing is built.
fn read(path: &Path, places: Range<u32>, page: i64) {
    let store = still::open(path).unwrap();
    let view = define(&store).when_missing(Missing::Miss);
    for place in places {
        let timeline = view.range(&place, times(page)).unwrap();
        assert_eq!(timeline.len(), SLOTS as usize, "place {place}");
        for (bucket, record) in timeline {
            let expected = light(place, bucket.start().as_millis() / HOUR_MS);
            assert_eq!(record.map(|number| number.to_native()), expected, "{place}, {bucket:?}");
        }
    }
    assert_eq!(store.metrics().builds, 0);
    store.close().unwrap();
}

/// How many pages there are, and how many of them are packed beside a pattern.
fn pages(path: &Path) -> (usize, usize) {
    edit(path, |txn| {
        let table = txn.open_table(PAGES).unwrap();
        let forms = table.iter().unwrap().map(|row| row.unwrap().1.value()[FORM_AT]);
        let forms: Vec<u8> = forms.collect();
        (forms.len(), forms.iter().filter(|form| **form == BESIDE).count())
    })
}

/// The rows of patterns, in the order of their times.
fn patterns(path: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    edit(path, |txn| {
        let table = txn.open_table(DICTIONARIES).unwrap();
        let rows = table.iter().unwrap().map(|row| {
            let (key, value) = row.unwrap();
            (key.value().to_vec(), value.value().to_vec())
        });
        let id = |key: &[u8]| u32::from_be_bytes(key[4..].try_into().unwrap());
        rows.filter(|(key, _)| id(key) >= FIRST_PATTERN).collect()
    })
}

#[test]
fn the_pages_of_each_time_are_packed_beside_one_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("light.tide");
    build(&path, 0..40, 7);
    build(&path, 0..40, -8);
    read(&path, 0..40, 7);
    read(&path, 0..40, -8);
    assert_eq!(patterns(&path).len(), 2);
    read(&path, 0..40, 7);
    // Three of each time came before its pattern.
    assert_eq!(pages(&path), (80, 74));
    read(&path, 0..40, -8);
}

#[test]
fn few_pages_of_a_time_need_no_pattern() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("light.tide");
    build(&path, 0..3, 7);
    assert!(patterns(&path).is_empty());
    read(&path, 0..3, 7);
}

#[test]
fn a_later_opening_packs_beside_the_pattern_that_the_file_has() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("light.tide");
    build(&path, 0..20, 7);
    let before = patterns(&path);
    // Of these another page is the first that would do.
    build(&path, 100..140, 7);
    assert_eq!(patterns(&path), before, "a pattern never changes: pages of before need it");
    read(&path, 0..20, 7);
    assert_eq!(pages(&path), (60, 54));
    read(&path, 0..20, 7);
    read(&path, 100..140, 7);
}

#[test]
fn a_pattern_that_is_damaged_costs_its_pages_and_no_wrong_record() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("light.tide");
    build(&path, 0..20, 7);
    edit(&path, |txn| {
        let mut table = txn.open_table(DICTIONARIES).unwrap();
        let row = table.iter().unwrap().next().unwrap().unwrap();
        let (key, mut value) = (row.0.value().to_vec(), row.1.value().to_vec());
        drop(row);
        let last = value.len() - 1;
        value[last] ^= 1;
        table.insert(&*key, &*value).unwrap();
    });
    let store = still::open(&path).unwrap();
    let view = define(&store);
    let stored = view.when_missing(Missing::Miss);
    let at = times(7).start();
    let whole = (0..20).filter(|place| stored.peek(place, at).is_ok_and(|found| found.is_some()));
    // Those that were stored before there was a pattern.
    assert_eq!(whole.count(), 3);
    // What is built anew is packed without it, and stands.
    let run = view.precompute(0..20, times(7)).unwrap();
    assert_eq!(run.wait().unwrap().failed, 0);
    store.close().unwrap();
    read(&path, 0..20, 7);
}

#[test]
fn of_two_times_whose_patterns_have_one_place_the_first_serves_both() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("light.tide");
    let times = [7, 7 + (1 << 31)];
    times.into_iter().for_each(|page| build(&path, 0..9, page));
    times.into_iter().for_each(|page| read(&path, 0..9, page));
    assert_eq!(patterns(&path).len(), 1);
}

#[test]
fn places_that_are_filled_one_after_the_other_share_patterns_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("light.tide");
    // More than the times that are kept in mind.
    let last = 259;
    let store = still::open(&path).unwrap();
    let view = define(&store);
    let range = TimeRange::new(times(0).start(), times(last).end());
    assert_eq!(view.precompute(0..6, range).unwrap().wait().unwrap().failed, 0);
    store.close().unwrap();
    [0, 4, last].into_iter().for_each(|page| read(&path, 0..6, page));
    assert_eq!(patterns(&path).len(), 256);
    read(&path, 0..6, 1);
    assert_eq!(pages(&path), (6 * 260, 3 * 256));
}

#[test]
fn what_was_put_hangs_on_no_pattern() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("light.tide");
    let store = still::open(&path).unwrap();
    let view = define(&store);
    let at = |slot| Timestamp::from_millis(slot * HOUR_MS);
    let of = |place| (0..SLOTS).map(move |slot| (place, at(slot), light(place, slot)));
    view.put_many((0..9).flat_map(of)).unwrap();
    drop(view);
    store.close().unwrap();
    assert!(patterns(&path).is_empty());
    read(&path, 0..9, 0);
    assert_eq!(pages(&path), (9, 0));
}
