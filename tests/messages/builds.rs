//! Builds that fail, and what they may not do.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tidetable::{BuildError, ErrorKind, Grid, Result, Span, Store, TimeRange, View};

use crate::common::still;
use crate::{AT, says};

fn failing(store: &Store) -> View<u32, u64> {
    store.view("tide").build(|_, _, _| Err(BuildError::new("no tide today"))).unwrap()
}

#[test]
fn a_build_that_always_fails_says_why_and_then_how_to_do_without_the_breaker() {
    let store = still::in_memory().unwrap();
    let view = failing(&store);
    for patio in 0..8 {
        let words = ["view 'tide'", "the build function failed: no tide today"];
        says(view.get(&patio, AT), ErrorKind::Build, &words);
    }
    let words = [
        "view 'tide'",
        "breaker is open",
        "nothing is built before",
        "read again then",
        "`without_breaker`",
        "The last failure: view 'tide'",
        "no tide today",
    ];
    says(view.get(&9, AT), ErrorKind::Busy, &words);
}

#[test]
fn a_build_that_panics_says_with_what() {
    let store = still::in_memory().unwrap();
    let view = store.view::<u32, u64>("tide");
    let view = view.build(|_, _, _| panic!("the moon is gone")).unwrap();
    let words = ["view 'tide'", "the build function panicked: the moon is gone"];
    says(view.get(&1, AT), ErrorKind::Build, &words);
}

#[test]
fn a_build_that_returns_too_few_records_says_how_many_are_wanted() {
    let store = still::in_memory().unwrap();
    let view = store.view::<u32, u64>("tide").grid(Grid::hours(1)).page_len(24);
    let view = view.build_page(|_, _, _| Ok(vec![1])).unwrap();
    let day = TimeRange::new(AT, AT.checked_add(Span::days(1)).unwrap());
    let words = ["view 'tide'", "returned 1 of 24 records", "one for each bucket"];
    says(view.range(&1, day), ErrorKind::Build, &words);
}

/// A build that does what only the outside may.
fn inside(name: &str, does: impl Fn(&Store) -> Result<()> + Send + Sync + 'static) {
    let store = still::in_memory().unwrap();
    let inner = store.clone();
    let view = store.view::<u32, u64>(name).build(move |_, _, _| Ok(does(&inner).map(|()| 1)?));
    let view = view.unwrap();
    let place = format!("inside a build ({name} timeless) is refused");
    let words = ["a build reads, and returns its record; do it outside", place.as_str()];
    says(view.get(&1, AT), ErrorKind::Build, &words);
    drop(view);
    store.close().unwrap();
}

#[test]
fn what_a_build_may_not_do_it_is_told_to_do_outside() {
    inside("announces", |store| store.invalidate(("building", 1)).map(drop));
    inside("closes", Store::close);
    inside("syncs", Store::sync);
    inside("defines", |store| store.view::<u32, u64>("other").without_build().map(drop));
    inside("deletes", |store| store.delete_view("other").map(drop));
    inside("refreshes", |store| store.refresh(&tidetable::Refresh::all()).map(drop));
}

#[test]
fn records_that_need_each_other_are_named_once_however_deep_the_reader_stands() {
    let store = still::in_memory().unwrap();
    let hen = Arc::new(OnceLock::<View<u32, u64>>::new());
    let later = hen.clone();
    let egg = store.view::<u32, u64>("egg").build(move |cx, number, _| {
        let hen = later.get().expect("it is defined before anybody reads");
        Ok(cx.get(hen, number, AT)?.to_native())
    });
    let egg = egg.unwrap();
    let read_by = |name: &str, read: &View<u32, u64>| {
        let read = read.clone();
        let view = store.view::<u32, u64>(name);
        view.build(move |cx, number, _| Ok(cx.get(&read, number, AT)?.to_native())).unwrap()
    };
    hen.set(read_by("hen", &egg)).expect("only here");
    let breakfast = read_by("breakfast", &egg);
    let circles = [
        ("egg", &egg, "egg timeless -> hen timeless -> egg timeless"),
        ("breakfast", &breakfast, "egg timeless -> hen timeless -> egg timeless"),
    ];
    for (name, view, circle) in circles {
        let error = says(view.get(&1, AT), ErrorKind::Build, &[circle, "reads something else"]);
        let told = error.to_string();
        let begins = format!("view '{name}', bucket timeless: records need each other in a circle");
        assert!(told.starts_with(&begins), "{told}");
        assert_eq!(told.matches("circle").count(), 1, "{told}");
    }
    store.close().unwrap();
}

#[test]
fn a_failure_further_up_names_each_view_on_the_way() {
    let store = still::in_memory().unwrap();
    let tide = failing(&store);
    let view = store.view::<u32, u64>("moorings");
    let view = view.build(move |cx, port, _| Ok(cx.get(&tide, port, AT)?.to_native())).unwrap();
    let words = ["view 'moorings'", "the build function failed: view 'tide'", "no tide today"];
    says(view.get(&1, AT), ErrorKind::Build, &words);
}

#[test]
fn a_read_with_a_deadline_in_a_store_without_builders_says_that_nobody_builds() {
    let store = still::in_memory().unwrap();
    let view = store.view::<u32, u64>("sun").build(|_, _, _| Ok(1)).unwrap();
    let late = view.within(Duration::from_millis(1)).get(&1, AT);
    let words = ["not built within 1ms", "no builders", "`Store::build_next`"];
    says(late, ErrorKind::Busy, &words);
    store.build_next().unwrap().expect("the read left a record to build");
    assert_eq!(view.get(&1, AT).unwrap().to_native(), 1);
}

#[test]
fn a_change_is_explained_once_with_the_way_that_it_took() {
    let store = still::in_memory().unwrap();
    let tide = store.view::<u32, u64>("tide").build(|cx, _, _| {
        cx.depends_on(("moon", ()));
        Ok(1)
    });
    let mut above = tide.unwrap();
    for name in ["harbour", "moorings"] {
        let read = above.clone();
        let view = store.view::<u32, u64>(name);
        above = view.build(move |cx, port, _| Ok(cx.get(&read, port, AT)?.to_native())).unwrap();
    }
    above.get(&1, AT).unwrap();
    store.invalidate(("moon", ())).unwrap();
    let told = above.explain(&1, AT).unwrap().to_string();
    assert_eq!(told.matches("because").count(), 1, "{told}");
    let way = ", which tide[00000001] timeless read, and harbour[00000001] timeless that\n";
    assert!(told.contains(way), "{told}");
}

/// A store with a record that a build made.
fn in_use(path: &Path, define: impl FnOnce(&Store) -> View<u32, u64>) -> Store {
    let store = still::open(path).unwrap();
    assert_eq!(define(&store).get(&3, AT).unwrap().to_native(), 3);
    store
}

#[test]
fn a_build_that_captures_the_store_does_not_keep_it_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    drop(in_use(&path, |store| {
        let inner = store.clone();
        let view = store.view::<u32, u64>("builds");
        view.build(move |_, _, _| Ok(inner.metrics().builds + 3)).unwrap()
    }));
    still::open(&path).unwrap().close().unwrap();
}

#[test]
fn a_build_that_captures_its_own_view_keeps_the_file_open_until_a_close_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let running = |path: &Path| {
        in_use(path, |store| {
            let later = Arc::new(OnceLock::<View<u32, u64>>::new());
            let itself = later.clone();
            let total = store.view::<u32, u64>("total").build(move |cx, &number, _| match number {
                0 => Ok(0),
                _ => {
                    Ok(cx.get(itself.get().expect("it is set"), &(number - 1), AT)?.to_native() + 1)
                }
            });
            let total = total.unwrap();
            later.set(total.clone()).expect("only here");
            total
        })
    };
    let path = folder.path().join("closed.tide");
    running(&path).close().unwrap();
    still::open(&path).unwrap().close().unwrap();

    let path = folder.path().join("dropped.tide");
    drop(running(&path));
    let words = ["another Store in this one", "a view that reads itself", "until `Store::close`"];
    says(still::open(&path), ErrorKind::Busy, &words);
}
