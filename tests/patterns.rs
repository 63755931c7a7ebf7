//! Entities that have much in common at a time share what a page of that time says.

#![expect(clippy::unwrap_used, reason = "what fails in a test fails the test")]

mod common;

use std::fs;
use std::ops::Range;
use std::path::Path;

use crate::common::still;
use redb::{ReadableTable, TableDefinition};
use tidetable::{Grid, Missing, Store, TimeRange, Timestamp, View};

type Bytes = TableDefinition<'static, &'static [u8], &'static [u8]>;
const DICTIONARIES: Bytes = TableDefinition::new("dictionaries");
/// Ids from here on are of patterns.
const FIRST_PATTERN: u32 = 1 << 31;
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

/// Opens the file by itself, without its seal: it then counts as not closed cleanly.
fn edit<T>(path: &Path, edit: impl FnOnce(&redb::WriteTransaction) -> T) -> T {
    let bytes = fs::read(path).unwrap();
    let footer = &bytes[bytes.len() - 33..];
    assert_eq!(&footer[..8], b"tideseal");
    let data_len = u64::from_le_bytes(footer[9..17].try_into().unwrap());
    fs::write(path, &bytes[..data_len as usize]).unwrap();
    let database = redb::Database::open(path).unwrap();
    let mut txn = database.begin_write().unwrap();
    txn.set_two_phase_commit(true);
    let answer = edit(&txn);
    txn.commit().unwrap();
    answer
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
