//! A view that the file, this opening or the calendar knows otherwise.

use std::mem::size_of;

use tidetable::key::EntityKey;
use tidetable::{DailyWindow, ErrorKind, Grid, Horizon, RecordType, Store, View, local_day};

use crate::common::still;
use crate::{AT, says};

#[derive(rkyv::Archive, rkyv::Serialize)]
struct Sun {
    percent: u32,
    elevation: f32,
}

/// What the program may have become when it is next run.
mod later {
    /// As large, and its fields have changed places.
    #[derive(rkyv::Archive, rkyv::Serialize)]
    pub(super) struct Sun {
        pub(super) elevation: f32,
        pub(super) percent: u32,
    }

    #[derive(rkyv::Archive, rkyv::Serialize)]
    pub(super) struct Wider {
        pub(super) percent: u64,
    }
}

/// A field more.
mod larger {
    #[derive(rkyv::Archive, rkyv::Serialize)]
    pub(super) struct Sun {
        pub(super) percent: u32,
        pub(super) elevation: f32,
        pub(super) lit: u64,
    }
}

/// A store that was opened again after `sun` was written with version 2.
fn written() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    let store = still::open(&path).unwrap();
    let view = store.view::<u32, Sun>("sun").version(2).grid(Grid::hours(1)).page_len(24);
    let sun = |percent| Sun { percent, elevation: 51.5 };
    view.without_build().unwrap().put(&1, AT, &sun(80)).unwrap();
    store.close().unwrap();
    (folder, still::open(path).unwrap())
}

#[test]
fn another_type_under_the_same_version_is_told_which_and_to_raise_it() {
    fn refused<E: EntityKey + ?Sized, R: RecordType>(store: &Store, told: &str) {
        let view = store.view::<E, R>("sun").version(2).grid(Grid::hours(1)).page_len(24);
        let words =
            ["view 'sun'", told, "the same version 2", "define it as it was", "version to 3"];
        says(view.without_build(), ErrorKind::Definition, &words);
    }
    let (_folder, store) = written();
    refused::<u32, later::Wider>(&store, "the record type in the file is another than `Wider`");
    let larger = "the record type `Sun` has 8 bytes (archived) in the file, and 16 in the program";
    refused::<u32, larger::Sun>(&store, larger);
    refused::<u64, Sun>(&store, "the entity type in the file is `u32`, and the program's `u64`");
    refused::<str, Sun>(&store, "the entity type in the file is `u32`, and the program's `String`");
    refused::<u64, f64>(&store, "another than `f64`; the entity type in the file is `u32`");
}

#[test]
fn a_view_without_a_record_is_told_as_far_as_the_file_knows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    let store = still::open(&path).unwrap();
    drop(store.view::<u32, Sun>("sun").without_build().unwrap());
    // As long as the file stays open the program knows.
    let words = ["the record type in the file is `Sun`, and the program's `u64`", "version to 2"];
    says(store.view::<u32, u64>("sun").without_build(), ErrorKind::Definition, &words);
    store.close().unwrap();
    let store = still::open(&path).unwrap();
    let words = [
        "the record type or the entity type is not the one of the file",
        "records of `u64` (8 bytes archived) about `u32`",
        "version to 2",
    ];
    says(store.view::<u32, u64>("sun").without_build(), ErrorKind::Definition, &words);
    let entity = store.view::<str, Sun>("sun").without_build();
    says(
        entity,
        ErrorKind::Definition,
        &["the entity type in the file is `u32`, and the program's `String`"],
    );
}

#[test]
fn a_type_of_the_same_name_and_size_is_not_told_from_the_one_before() {
    assert_eq!(size_of::<Sun>(), size_of::<later::Sun>());
    let (_folder, store) = written();
    let view = store.view::<u32, later::Sun>("sun").version(2).grid(Grid::hours(1)).page_len(24);
    let view: View<u32, later::Sun> = view.without_build().unwrap();
    // This is why the documentation asks for a higher version with every change of the type.
    let read = view.get(&1, AT).unwrap();
    assert_eq!(read.elevation.to_native().to_bits(), 80);
    assert_eq!(read.percent.to_native(), 51.5_f32.to_bits());
}

#[test]
fn another_grid_page_length_or_a_lower_version_is_told_what_the_file_has() {
    let (_folder, store) = written();
    let sun = |version| store.view::<u32, Sun>("sun").version(version).page_len(24);
    let words =
        ["view 'sun'", "'buckets of 1 h', not 'buckets of 10 min'", "define it as it was", "to 3"];
    says(sun(2).grid(Grid::minutes(10)).without_build(), ErrorKind::Definition, &words);
    let words = ["pages of 24 buckets, not 12", "`page_len(24)`", "raise the version to 3"];
    let pages = sun(2).grid(Grid::hours(1)).page_len(12);
    says(pages.without_build(), ErrorKind::Definition, &words);
    let words = ["holds version 2, the program defines version 1", "run that one", "above 2"];
    says(sun(1).grid(Grid::hours(1)).without_build(), ErrorKind::Definition, &words);
}

#[test]
fn one_name_with_two_types_in_one_program_is_told_to_use_one() {
    let store = still::in_memory().unwrap();
    let _sun = store.view::<u32, Sun>("sun").without_build().unwrap();
    let alike = store.view::<u32, later::Sun>("sun").without_build();
    says(alike, ErrorKind::Definition, &["another record type that looks alike", "use one type"]);
    let entity = store.view::<u64, Sun>("sun").without_build();
    says(entity, ErrorKind::Definition, &["view 'sun'", "another entity type; use the same one"]);
    let record = store.view::<u32, u64>("sun").without_build();
    says(
        record,
        ErrorKind::Definition,
        &["the record type in the file is `Sun`, and the program's `u64`"],
    );
}

#[test]
fn a_handle_whose_view_was_defined_anew_is_told_of_the_new_one() {
    let store = still::in_memory().unwrap();
    let old = store.view::<u32, u64>("sun").build(|_, _, _| Ok(1)).unwrap();
    let _new = store.view::<u32, u64>("sun").version(2).build(|_, _, _| Ok(2)).unwrap();
    let words = ["view 'sun'", "this handle's definition has ended", "use the new handle"];
    says(old.get(&1, AT), ErrorKind::Definition, &words);
}

#[test]
fn an_input_under_the_name_of_a_view_is_not_told_to_raise_a_version() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    let store = still::open(&path).unwrap();
    drop(store.view::<u32, u64>("daily").version(2).without_build().unwrap());
    let words = ["take another", "`Store::delete_view`"];
    says(store.input::<str, u64>("daily"), ErrorKind::Definition, &words);
    store.close().unwrap();
    let store = still::open(&path).unwrap();
    let words = ["version 2 of a view", "take a name that no view has", "`Store::delete_view`"];
    let taken = says(store.input::<str, u64>("daily"), ErrorKind::Definition, &words);
    assert!(!taken.to_string().contains("raise"), "{taken}");
}

#[test]
fn an_input_of_another_type_is_told_to_copy_its_values_to_another_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    let store = still::open(&path).unwrap();
    store.input::<str, u64>("rates").unwrap().set("SEK", &11).unwrap();
    store.close().unwrap();
    let store = still::open(&path).unwrap();
    let words = [
        "view 'rates'",
        "the record type in the file is `u64`, and the program's `f64`",
        "define the new one under another name, copy the values over",
        "delete the old one with `Store::delete_view`",
    ];
    let told = says(store.input::<str, f64>("rates"), ErrorKind::Definition, &words).to_string();
    assert!(!told.contains("raise the version"), "{told}");

    // As it is told.
    let old = store.input::<str, u64>("rates").unwrap();
    let new = store.input::<str, f64>("exact_rates").unwrap();
    let rate = old.get("SEK").unwrap().expect("it was set").to_native();
    new.set("SEK", &(rate as f64)).unwrap();
    drop(old);
    store.delete_view("rates").unwrap();
    assert_eq!(new.get("SEK").unwrap().expect("it was copied").to_native(), 11.0);
}

#[test]
fn a_misspelt_zone_is_told_the_one_that_was_meant() {
    let store = still::in_memory().unwrap();
    let meant = "did you mean Europe/Stockholm?";
    for name in ["Europe/Stokholm", "Stockholm"] {
        let view = store.view::<u32, u64>("days").grid(Grid::daily(name)).without_build();
        says(view, ErrorKind::Input, &["view 'days'", name, meant]);
        says(local_day(name, AT), ErrorKind::Input, &[name, meant]);
        says(DailyWindow::through("08:00", "20:00", name), ErrorKind::Input, &[name, meant]);
    }
    let words = ["\"Mars/Olympus\"", "use an IANA name such as \"Europe/Stockholm\""];
    says(local_day("Mars/Olympus", AT), ErrorKind::Input, &words);
}

#[test]
fn a_definition_out_of_range_is_told_the_range() {
    let store = still::in_memory().unwrap();
    let view = |name: &str| store.view::<u32, u64>(name);
    let hours = || view("hours").grid(Grid::hours(1));
    let refused = |defined: tidetable::Result<View<u32, u64>>, words: &[&str]| {
        says(defined, ErrorKind::Input, words);
    };
    refused(view("").without_build(), &["the name of a view is empty", "1 to 255 bytes"]);
    refused(view(&"x".repeat(300)).without_build(), &["300 bytes", "1 to 255 bytes"]);
    refused(hours().page_len(0).without_build(), &["0 buckets", "1 to 1024"]);
    refused(view("one").page_len(5).without_build(), &["'timeless'", "leave page_len out"]);
    refused(hours().grid(Grid::minutes(0)).without_build(), &["0 minutes wide", "between 1 and"]);
    let by_day = hours().grid(Grid::daily("UTC").pages_by_day("UTC"));
    refused(by_day.without_build(), &["'days of UTC'", "only grids of one width"]);
    refused(hours().zstd_level(0).without_build(), &["zstd_level is 0", "-7 to -1 or 1 to 19"]);
    refused(hours().expire_past().without_build(), &["fresh_for; give that too"]);
    refused(hours().builds_max(0).without_build(), &["builds_max is 0", "`Missing::Miss`"]);
    let all_day = DailyWindow::until("00:00", "24:00", "UTC").unwrap();
    let ahead = view("one").horizon(Horizon::days(all_day, 0..=2), || [1]);
    refused(ahead.build(|_, _, _| Ok(1)), &["without time", "leave the horizon out"]);
    says(DailyWindow::until("8", "20:00", "UTC"), ErrorKind::Input, &["\"8\"", "\"08:00\""]);
}

#[test]
fn a_name_is_a_views_or_an_inputs() {
    let store = still::in_memory().unwrap();
    let view = store.view::<u32, u64>("sun").build(|_, &id, _| Ok(u64::from(id))).unwrap();
    let input = store.input::<u32, u64>("sun");
    says(input, ErrorKind::Definition, &["'sun'", "a view's in this opening, and not an input's"]);
    assert_eq!(view.get(&1, AT).unwrap().to_native(), 1);
    let _rates = store.input::<u32, u64>("rates").unwrap();
    let rates = store.view::<u32, u64>("rates").build(|_, _, _| Ok(1));
    says(rates, ErrorKind::Definition, &["an input's in this opening", "take another"]);
}
