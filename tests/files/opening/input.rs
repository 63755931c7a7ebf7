//! Input out of range: named with its range, and nothing is written.

use crate::common::still;
use tidetable::{
    DailyWindow, Error, ErrorKind, Grid, Marked, Options, Result, Span, Store, Timestamp, View,
    ViewDefinition,
};

use crate::common::record::{Cell, at, buckets, cell, grid};

fn refused<T>(result: Result<T>, words: &[&str]) -> Error {
    let error = result.map(drop).expect_err("this must be refused");
    assert_eq!(error.kind(), ErrorKind::Input, "{error}");
    for word in words {
        assert!(error.to_string().contains(word), "'{word}' is not in: {error}");
    }
    error
}

#[test]
fn an_option_out_of_range_is_named_with_its_value_and_its_range_and_no_file_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    let default = Options::default;
    let beyond_signed = isize::MAX as usize + 1;
    let cases: [(Options, &[&str]); 9] = [
        (Options { record_bytes_max: 0, ..default() }, &["record_bytes_max is 0", "1 to 32505856"]),
        (
            Options { record_bytes_max: (31 << 20) + 1, ..default() },
            &["record_bytes_max is 32505857", "1 to 32505856"],
        ),
        (Options { queue_len: 0, ..default() }, &["queue_len is 0", "1 to 1048576"]),
        (
            Options { queue_len: (1 << 20) + 1, ..default() },
            &["queue_len is 1048577", "1 to 1048576"],
        ),
        (
            Options { memory_bytes: beyond_signed, ..default() },
            &["memory_bytes is 9223372036854775808", "0 to 9223372036854775807"],
        ),
        (
            Options { unsynced_age_max: Span::ZERO, ..default() },
            &["unsynced_age_max is", "longer than zero"],
        ),
        (
            Options { unsynced_age_max: Span::millis(-1), ..default() },
            &["unsynced_age_max is", "longer than zero"],
        ),
        (
            Options { unsynced_age_max: Span::millis(i64::MIN), ..default() },
            &["unsynced_age_max is", "longer than zero"],
        ),
        (Options { queue_len: 0, read_only: true, ..default() }, &["queue_len is 0"]),
    ];
    for (options, words) in cases {
        refused(Store::open_with(&path, options.clone()), words);
        refused(Store::in_memory_with(options), words);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn options_at_the_ends_of_their_ranges_are_accepted() {
    let default = Options::default;
    for options in [
        Options { memory_bytes: 0, queue_len: 1, unsynced_bytes_max: 0, ..default() },
        Options { record_bytes_max: 31 << 20, queue_len: 1 << 20, ..default() },
        Options { memory_bytes: isize::MAX as usize, ..default() },
        Options { unsynced_age_max: Span::millis(1), ..default() },
        Options { unsynced_age_max: Span::millis(i64::MAX), unsynced_bytes_max: 0, ..default() },
        Options { unsynced_bytes_max: usize::MAX, ..default() },
    ] {
        let store = Store::in_memory_with(options).unwrap();
        let view: View<u32, Cell> = store.view("v").grid(grid()).without_build().unwrap();
        view.put(&1, at(0), &cell(1, 0, 1)).unwrap();
        assert_eq!(view.get(&1, at(0)).unwrap().value, 1);
        store.close().unwrap();
    }
}

#[test]
fn a_definition_out_of_range_is_refused_and_the_file_knows_no_view() {
    let store = still::in_memory().unwrap();
    let view = |name: &str| store.view::<u32, Cell>(name).grid(grid());
    let long = "n".repeat(256);
    let cases: Vec<(ViewDefinition<u32, Cell>, &[&str])> = vec![
        (view(""), &["name", "is empty", "1 to 255"]),
        (view("a\0b"), &["name", "NUL"]),
        (view(&long), &["256 bytes", "1 to 255"]),
        (view("v").grid(Grid::minutes(0)), &["0 minutes", "between 1 and"]),
        (view("v").grid(Grid::fixed(Span::ZERO)), &["0 ms", "between 1 ms"]),
        (view("v").grid(Grid::seconds(-5)), &["-5 seconds"]),
        (view("v").grid(Grid::hours(i64::MAX)), &["9223372036854775807 hours"]),
        (view("v").grid(Grid::daily("Europe/Stokholm")), &["Europe/Stokholm", "Europe/Stockholm"]),
        (view("v").grid(Grid::daily("")), &["time zone"]),
        (view("v").page_len(0), &["0 buckets", "1 to 1024"]),
        (view("v").page_len(1025), &["1025 buckets", "1 to 1024"]),
        (view("v").page_len(u32::MAX), &["4294967295 buckets", "1 to 1024"]),
        (view("v").zstd_level(0), &["zstd_level is 0", "-7 to -1"]),
        (view("v").zstd_level(20), &["zstd_level is 20", "1 to 19"]),
        (view("v").zstd_level(i32::MIN), &["zstd_level is -2147483648", "1 to 19"]),
        (view("v").retain(Span::millis(-1)), &["retain is", "negative"]),
        (view("v").when_marked(Marked::ServeFor(Span::seconds(-1))), &["ServeFor is", "negative"]),
    ];
    for (definition, words) in cases {
        refused(definition.without_build(), words);
    }
    assert!(store.views().unwrap().is_empty());
    for name in ["n", &"n".repeat(255), "å / ö"] {
        view(name).page_len(1024).zstd_level(19).retain(Span::ZERO).without_build().unwrap();
    }
    assert_eq!(store.views().unwrap().len(), 3);
}

#[test]
fn a_page_length_that_the_grid_contradicts_is_refused() {
    let store = still::in_memory().unwrap();
    let by_day = Grid::minutes(10).pages_by_day("Europe/Stockholm");
    let definition = store.view::<u32, Cell>("v").grid(by_day).page_len(7);
    refused(definition.without_build(), &["page_len is 7", "leave page_len out"]);
    assert!(store.views().unwrap().is_empty());
}

#[test]
fn an_entity_over_the_limit_is_refused_by_every_call_and_one_at_the_limit_is_not() {
    let store = still::in_memory().unwrap();
    let view: View<str, Cell> = store.view("v").grid(grid()).page_len(4).without_build().unwrap();
    let built: View<str, Cell> =
        store.view("built").grid(grid()).page_len(4).build(|_, _, _| Ok(cell(0, 0, 0))).unwrap();
    let long = "e".repeat(2000);
    let words = &["entity", "1024"];
    refused(view.put(&long, at(0), &cell(0, 0, 0)), words);
    refused(view.get(&long, at(0)), words);
    refused(view.peek(&long, at(0)), words);
    refused(view.range(&long, buckets(0..2)), words);
    refused(view.delete(&long), words);
    refused(view.delete_range(&long, buckets(0..2)), words);
    refused(view.nearest(&long, at(0), Span::minutes(5)), words);
    refused(view.prefetch([&*long], buckets(0..2)), words);
    refused(built.get(&long, at(0)), words);
    refused(built.fill(&long, buckets(0..2)), words);
    refused(view.get_many([&*long], at(0)).remove(0), words);
    let mixed = [("short", at(0), cell(0, 0, 0)), (&*long, at(0), cell(0, 0, 0))];
    refused(view.put_many(mixed), words);
    assert!(view.peek("short", at(0)).unwrap().is_none(), "half of a put_many was written");
    let error = refused(view.get(&long, at(0)), &[]);
    assert!(!error.to_string().contains("eeee"), "an entity may be a person: {error}");
    assert_eq!(store.metrics().records_changed, 0);

    let fits: View<[u8; 1024], Cell> = store.view("fits").grid(grid()).without_build().unwrap();
    fits.put(&[7; 1024], at(0), &cell(0, 0, 5)).unwrap();
    assert_eq!(fits.get(&[7; 1024], at(0)).unwrap().value, 5);
    let beyond: View<[u8; 1025], Cell> = store.view("beyond").grid(grid()).without_build().unwrap();
    refused(beyond.put(&[7; 1025], at(0), &cell(0, 0, 5)), &["1025", "1024"]);
}

#[test]
fn entities_that_are_empty_or_hold_nul_bytes_are_entities_like_others() {
    let store = still::in_memory().unwrap();
    let text: View<str, Cell> = store.view("text").grid(grid()).without_build().unwrap();
    let bytes: View<[u8], Cell> = store.view("bytes").grid(grid()).without_build().unwrap();
    let names = ["", "\0", "\0\0", "a", "a\0", "a\0b", "\u{1}", "ab"];
    for (value, name) in (0..).zip(names) {
        text.put(name, at(0), &cell(0, 0, value)).unwrap();
        bytes.put(name.as_bytes(), at(0), &cell(0, 0, value)).unwrap();
    }
    text.delete("a").unwrap();
    for (value, name) in (0..).zip(names) {
        let found = text.peek(name, at(0)).unwrap().map(|record| record.value.to_native());
        assert_eq!(found, (name != "a").then_some(value), "{name:?}");
        assert_eq!(bytes.get(name.as_bytes(), at(0)).unwrap().value, value, "{name:?}");
    }
}

#[test]
fn an_instant_out_of_range_is_refused_by_every_call() {
    let store = still::in_memory().unwrap();
    let day = Grid::daily("Europe/Stockholm");
    let view: View<u32, Cell> = store.view("day").grid(day.clone()).without_build().unwrap();
    let fixed: View<u32, Cell> =
        store.view("fixed").grid(Grid::minutes(7)).without_build().unwrap();
    for instant in [Timestamp::MIN, Timestamp::MAX] {
        for view in [&view, &fixed] {
            refused(view.put(&1, instant, &cell(1, 0, 0)), &["view '"]);
            refused(view.get(&1, instant), &["view '"]);
            refused(view.peek(&1, instant), &["view '"]);
            refused(view.nearest(&1, instant, Span::ZERO), &["view '"]);
            refused(view.get_many([1], instant).remove(0), &["view '"]);
        }
        refused(day.bucket_at(instant), &[]);
    }
    refused(view.nearest(&1, at(0), Span::millis(-1)), &["tolerance is", "negative"]);
    assert_eq!(store.metrics().records_changed, 0);
}

#[test]
fn a_range_of_too_many_buckets_is_refused_before_it_fills_memory() {
    let store = still::in_memory().unwrap();
    let view: View<u32, Cell> =
        store.view("ms").grid(Grid::fixed(Span::millis(1))).without_build().unwrap();
    refused(view.range(&1, at(0)..at(1 << 20)), &[]);
}

#[test]
fn a_record_over_the_limit_is_refused_before_anything_is_written_and_one_at_it_is_not() {
    #[derive(rkyv::Archive, rkyv::Serialize)]
    struct Blob {
        bytes: Vec<u8>,
    }
    let blob = |len: usize| Blob { bytes: vec![7; len] };
    let archived = |len: usize| rkyv::to_bytes::<rkyv::rancor::Error>(&blob(len)).unwrap().len();
    let limit = archived(1000);
    let options = Options { record_bytes_max: limit, ..still::options() };
    let store = Store::in_memory_with(options).unwrap();
    let view: View<u32, Blob> = store.view("put").grid(grid()).without_build().unwrap();
    let over = (1001..).find(|len| archived(*len) > limit).expect("records grow");
    let (has, may) = (format!("{} bytes", archived(over)), format!("limit is {limit}"));
    refused(view.put(&1, at(0), &blob(over)), &[&has, &may, "record_bytes_max"]);
    refused(view.put_many([(1, at(0), blob(5)), (1, at(1), blob(over))]), &[&has, &may]);
    assert!(view.peek(&1, at(0)).unwrap().is_none());
    let built: View<u32, Blob> =
        store.view("built").grid(grid()).build(move |_, _, _| Ok(blob(over))).unwrap();
    refused(built.get(&1, at(0)), &[&has, &may]);
    assert!(built.peek(&1, at(0)).unwrap().is_none());
    assert_eq!(store.metrics().records_changed, 0);
    view.put(&1, at(0), &blob(1000)).unwrap();
    assert_eq!(view.get(&1, at(0)).unwrap().bytes.len(), 1000);
}

#[test]
fn a_daily_window_of_hours_or_zones_that_do_not_exist_is_refused() {
    refused(DailyWindow::until("08:00", "20:00", "Europe/Stokholm"), &["Europe/Stockholm"]);
    refused(DailyWindow::until("25:00", "20:00", "Europe/Stockholm"), &["25:00"]);
}
