//! A store that has ended, or that may only be read; and records that nobody builds.

use tidetable::{ErrorKind, Grid, Missing, Options, Store, TimeRange};

use crate::common::block_on::block_on;
use crate::common::still;
use crate::{AT, says};

#[test]
fn a_closed_store_is_told_to_be_opened_again() {
    let store = still::in_memory().unwrap();
    let view = store.view::<u32, u64>("sun").build(|_, _, _| Ok(1)).unwrap();
    view.get(&1, AT).unwrap();
    store.close().unwrap();
    let words = ["the store is closed; open it again"];
    says(view.get(&1, AT), ErrorKind::Reopen, &words);
    says(view.get(&2, AT), ErrorKind::Reopen, &words);
    says(store.invalidate(("building", 1)), ErrorKind::Reopen, &words);
    says(store.view::<u32, u64>("new").without_build(), ErrorKind::Reopen, &words);
    says(store.sync(), ErrorKind::Reopen, &words);
}

#[test]
fn a_store_to_be_read_only_says_how_to_open_it_to_write() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    let store = still::open(&path).unwrap();
    let sun = |store: &Store| {
        store.view::<u32, u64>("sun").grid(Grid::hours(1)).build(|_, _, _| Ok(1)).unwrap()
    };
    sun(&store);
    store.close().unwrap();
    let options = Options { read_only: true, ..still::options() };
    let store = Store::open_with(&path, options).unwrap();
    let view = sun(&store);
    let words = ["opened to read only", "open it without `read_only` to write", "city.tide"];
    says(store.invalidate(("building", 1)), ErrorKind::Input, &words);
    says(view.put(&1, AT, &7), ErrorKind::Input, &words);
    says(view.precompute([1], TimeRange::new(AT, AT)), ErrorKind::Input, &words);
    let words = ["view 'sun'", "there is no record", "open it to write to build one"];
    says(view.get(&1, AT), ErrorKind::Absent, &words);
    let new = store.view::<u32, u64>("moon").without_build();
    let words = ["view 'moon'", "no such view", "define it once where the file is open to write"];
    says(new, ErrorKind::Definition, &words);
    let days = store.view::<u32, u64>("sun").grid(Grid::daily("UTC")).without_build();
    let words = [
        "'buckets of 1 h', not 'days of UTC'",
        "open to read only",
        "define it as the program does",
    ];
    says(days, ErrorKind::Definition, &words);
    let scores = store.view::<u32, f64>("sun").without_build();
    let words = [
        "the record type in the file is `u64`, and the program's `f64`",
        "define it as the program does",
    ];
    says(scores, ErrorKind::Definition, &words);
}

#[test]
fn a_record_that_nobody_builds_says_what_would() {
    let store = still::in_memory().unwrap();
    let put = store.view::<u32, u64>("put").without_build().unwrap();
    says(put.get(&1, AT), ErrorKind::Absent, &["view 'put'", "no build function, so put one"]);
    let words = ["view 'put'", "no build function to fill with; put its records"];
    says(put.precompute([1], TimeRange::new(AT, AT)), ErrorKind::Input, &words);
    let built = store.view::<u32, u64>("built").when_missing(Missing::Miss);
    let built = built.build(|_, _, _| Ok(1)).unwrap();
    let words = ["view 'built'", "this read does not build", "`Missing::Build`, or `fill` first"];
    says(built.get(&1, AT), ErrorKind::Absent, &words);
}

#[test]
fn what_was_asked_for_and_is_deleted_is_to_be_asked_for_again() {
    // With a builder: a future leaves it to one to find nothing.
    let store = Store::in_memory().unwrap();
    let view = store.view::<u32, u64>("sun").build(|_, _, _| Ok(1)).unwrap();
    let pending = view.request(&1, AT).unwrap();
    assert_eq!(pending.wait().unwrap().to_native(), 1);
    assert_eq!(view.delete(&1).unwrap(), 1);
    let words = ["view 'sun'", "what was asked for was deleted since; ask again"];
    for gone in [pending.wait(), block_on(pending.wait_async())] {
        let told = says(gone, ErrorKind::Absent, &words).to_string();
        assert!(!told.contains("Missing::Build"), "{told}");
    }
    assert_eq!(view.request(&1, AT).unwrap().wait().unwrap().to_native(), 1);
}
