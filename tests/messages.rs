//! What somebody reads who does it wrong for the first time: the thing, the cause, the remedy.

mod common;

use std::time::Duration;

use common::still;
use tidetable::{ErrorKind, Options, Result, Store, Timestamp};

const AT: Timestamp = Timestamp::EPOCH;

fn says<T>(result: Result<T>, kind: ErrorKind, words: &[&str]) {
    let error = result.map(drop).expect_err("this must be refused");
    assert_eq!(error.kind(), kind, "{error}");
    for word in words {
        assert!(error.to_string().contains(word), "'{word}' is not in: {error}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_named_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join("city.tide");
    says(still::open(&path), ErrorKind::System, &["its folder is not there", "city.tide"]);
}

#[test]
fn a_file_that_may_not_be_created_says_which_option_forbids_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    let options = Options { create: false, ..still::options() };
    let opened = Store::open_with(&path, options);
    says(opened, ErrorKind::System, &["nothing is created", "`Options::create`"]);
    assert!(!path.exists());
}

#[test]
fn an_input_under_the_name_of_a_view_is_not_told_to_raise_a_version() {
    let store = still::in_memory().unwrap();
    drop(store.view::<u32, u64>("daily").version(2).without_build().unwrap());
    let taken = store.input::<str, u64>("daily");
    says(taken, ErrorKind::Definition, &["take a name that no view has", "`Store::delete_view`"]);
}

#[test]
fn a_read_with_a_deadline_in_a_store_without_builders_says_that_nobody_builds() {
    let store = still::in_memory().unwrap();
    let view = store.view::<u32, u64>("sun").build(|_, _, _| Ok(1)).unwrap();
    let late = view.within(Duration::from_millis(1)).get(&1, AT);
    says(late, ErrorKind::Busy, &["not built within 1ms", "no builders", "`Store::build_next`"]);
    store.build_next().unwrap().expect("the read left a record to build");
    assert_eq!(view.get(&1, AT).unwrap().to_native(), 1);
}
