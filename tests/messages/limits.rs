//! What is too small, too large or too long.

use tidetable::{Changes, ErrorKind, Grid, Options, Span, Store, TimeRange, Timestamp};

use crate::common::still;
use crate::{AT, says};

#[test]
fn an_option_out_of_range_is_told_the_range() {
    let refused = |options, words: &[&str]| {
        says(Store::in_memory_with(options), ErrorKind::Input, words);
    };
    let still = still::options;
    refused(Options { builders: 100, ..still() }, &["option builders is 100", "0 to 64"]);
    refused(Options { queue_len: 0, ..still() }, &["option queue_len is 0", "1 to 1048576"]);
    refused(Options { builds_max: 0, ..still() }, &["option builds_max is 0", "1 to 1048576"]);
    let most = "1 to 32505856";
    refused(Options { record_bytes_max: 1 << 30, ..still() }, &["record_bytes_max", most]);
    refused(Options { background_share: 0.0, ..still() }, &["background_share is 0", "above 0"]);
    refused(Options { unsynced_age_max: Span::ZERO, ..still() }, &["longer than zero"]);
}

#[test]
fn a_budget_too_small_for_a_page_serves_all_the_same_and_the_metrics_tell() {
    // Somebody meant megabytes.
    let options = Options { memory_bytes: 256, ..still::options() };
    let store = Store::in_memory_with(options).unwrap();
    let view = store.view::<u32, Vec<u8>>("sun").build(|_, _, _| Ok(vec![7; 1000])).unwrap();
    for _ in 0..10 {
        assert_eq!(view.get(&1, AT).unwrap().len(), 1000);
    }
    let metrics = store.metrics();
    assert_eq!((metrics.hits, metrics.pages_resident, metrics.builds), (0, 0, 1));
    assert!(metrics.loads >= 9, "{} reads went to the file", metrics.loads);
}

#[test]
fn a_key_that_is_too_long_is_told_to_be_a_hash() {
    let store = still::in_memory().unwrap();
    let view = store.view::<str, u64>("pages").build(|_, _, _| Ok(1)).unwrap();
    let long = "x".repeat(2000);
    let words = ["view 'pages'", "2001 bytes", "at most 1024 fit", "such as a hash"];
    let error = says(view.get(&long, AT), ErrorKind::Input, &words);
    assert!(!error.to_string().contains("xxx"), "{error}");
    let words = ["kind \"page\"", "2002 bytes", "at most 1024 fit", "such as a hash"];
    says(store.invalidate(("page", &long)), ErrorKind::Input, &words);
}

#[test]
fn a_record_or_a_page_that_is_too_large_is_told_what_to_make_smaller() {
    let store = still::in_memory().unwrap();
    let view = store.view::<u32, Vec<u8>>("scans").grid(Grid::hours(1)).uncompressed();
    let view = view.build(|_, &mib, _| Ok(vec![7; (mib as usize) << 20])).unwrap();
    let words =
        ["view 'scans'", "the limit is 16777216", "`Options::record_bytes_max`", "split it"];
    says(view.get(&17, AT), ErrorKind::Input, &words);
    let hour = |hours| AT.checked_add(Span::hours(hours)).unwrap();
    view.get(&15, hour(0)).unwrap();
    view.get(&15, hour(1)).unwrap();
    let words = ["view 'scans'", "the limit is 33554432", "a shorter page (`page_len`)"];
    says(view.get(&15, hour(2)), ErrorKind::Input, &words);
}

#[test]
fn a_range_that_is_too_long_is_told_to_come_in_pieces() {
    let store = still::in_memory().unwrap();
    let view = store.view::<u32, u64>("minutes").grid(Grid::minutes(1));
    let view = view.build(|_, _, _| Ok(1)).unwrap();
    let years = TimeRange::new(AT, Timestamp::from_seconds(1_000_000_000));
    let words = ["view 'minutes'", "holds 16666667 buckets", "take it in pieces"];
    says(view.range(&1, years), ErrorKind::Input, &words);
}

#[test]
fn a_range_without_an_end_is_told_to_say_from_when_until_when() {
    let store = still::in_memory().unwrap();
    let view =
        |name: &str, grid| store.view::<u32, u64>(name).grid(grid).build(|_, _, _| Ok(1)).unwrap();
    for (name, grid) in [("minutes", Grid::minutes(10)), ("days", Grid::daily("Europe/Stockholm"))]
    {
        let view = view(name, grid);
        let since = TimeRange::new(AT, Timestamp::MAX);
        for range in [TimeRange::ALWAYS, since] {
            let place = format!("view '{name}'");
            let words = [
                place.as_str(),
                "no beginning or no end",
                "say from when until when",
                "`TimeRange::new(from, until)`",
                "`local_day`",
                "needs no range: `View::invalidate`",
            ];
            says(view.range(&1, range), ErrorKind::Input, &words);
            says(view.fill(&1, range), ErrorKind::Input, &words);
            says(view.precompute([1], range), ErrorKind::Input, &words);
        }
    }
    let one = view("one", Grid::timeless());
    assert_eq!(one.range(&1, TimeRange::ALWAYS).unwrap().len(), 1);
}

#[test]
fn a_build_that_reads_too_many_kinds_is_told_to_use_keys() {
    let store = still::in_memory().unwrap();
    let view = store.view::<u32, u64>("sun").build(|cx, _, _| {
        (0..5000).for_each(|number| cx.depends_on((&*format!("building {number}"), ())));
        Ok(1)
    });
    let words = ["view 'sun'", "5000 views and kinds", "tell them apart by their keys"];
    says(view.unwrap().get(&1, AT), ErrorKind::Input, &words);
    let nameless = store.invalidate_all(&Changes::new().kind(""));
    says(nameless, ErrorKind::Input, &["the kind of a source is \"\"", "1 to 255 bytes"]);
}
