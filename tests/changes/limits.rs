//! Limits: what is too long, too many, or not allowed to be.

use std::thread;

use crate::common::still;
use tidetable::key::Source;
use tidetable::{Changes, ErrorKind, Freshness, Store, View};

use crate::common::disk::Disk;
use crate::common::record::patient;

use super::world::{NOW, Outside, World, colour, value};

#[test]
fn a_source_that_cannot_be_fails_the_build_and_is_named() {
    let store = still::in_memory().unwrap();
    let view = store.view::<u32, u64>("declares").build(|cx, case, _| {
        match case {
            0 => cx.depends_on(("text", &*"k".repeat(2000))),
            1 => cx.depends_on(("", 1)),
            2 => cx.depends_on_at(("\u{1}own", 1), 1),
            3 => cx.depends_on_kind("\u{1}own"),
            4 => cx.depends_on_kind("a\0b"),
            5 => cx.depends_on_kind(&"k".repeat(256)),
            _ => {
                cx.depends_on(("text", &*"k".repeat(900)));
                cx.depends_on_kind(&"k".repeat(255));
            }
        }
        Ok(0)
    });
    let view = view.unwrap();
    let says = ["\"text\"", "kind", "01", "01", "NUL", "256"];
    for (case, says) in (0..).zip(says) {
        let error = view.get(&case, NOW).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input, "{case}: {error}");
        let message = error.to_string();
        assert!(message.contains(says) && message.contains("declares"), "{case}: {message}");
        assert!(view.peek(&case, NOW).unwrap().is_none());
    }
    assert_eq!(store.metrics().build_failures, 6);
    value(&view, 6);
}

/// A view that reads so many sources of one kind, and a few of another.
fn reads_many(store: &Store, many: u32) -> View<u32, u64> {
    let view = store.view::<u32, u64>("many").build(move |cx, _, _| {
        (0..many).for_each(|key| cx.depends_on(("many", key)));
        Ok(0)
    });
    view.unwrap()
}

#[test]
fn so_many_dependencies_as_a_set_may_have_are_kept_one_by_one() {
    let store = still::in_memory().unwrap();
    let view = reads_many(&store, 4096);
    value(&view, 1);
    for key in [0, 1, 2047, 4095] {
        assert_eq!(store.invalidate(("many", key)).unwrap().stale, 1, "{key}");
        value(&view, 1);
    }
    assert_eq!(store.invalidate(("many", 4096)).unwrap().stale, 0, "it did not read that one");
    assert_eq!(store.invalidate_kind("many").unwrap().stale, 1);
}

#[test]
fn more_dependencies_than_a_set_may_have_still_learn_of_each_change() {
    let store = still::in_memory().unwrap();
    let view = reads_many(&store, 5000);
    value(&view, 1);
    for key in [0, 1, 4095, 4096, 4999] {
        assert_eq!(store.invalidate(("many", key)).unwrap().stale, 1, "{key}");
        value(&view, 1);
    }
    assert_eq!(store.invalidate(("many", 70_000)).unwrap().stale, 1, "coarse before wrong");
    assert_eq!(store.invalidate(("few", 1)).unwrap().stale, 0);
}

#[test]
fn a_record_that_reads_thousands_of_records_learns_of_a_change_of_each() {
    let store = still::in_memory().unwrap();
    let put = store.view::<u32, u64>("put").without_build().unwrap();
    put.put_many((0..5000).map(|entity| (entity, NOW, 1))).unwrap();
    let read = put.clone();
    let sum = store.view::<u32, u64>("sum").build(move |cx, _, _| {
        (0..5000).map(|entity| Ok(cx.get(&read, &entity, NOW)?.to_native())).sum()
    });
    let sum = sum.unwrap();
    assert_eq!(value(&sum, 1), 5000);
    for (number, entity) in (1..).zip([0, 2500, 4999]) {
        put.put(&entity, NOW, &2).unwrap();
        assert_eq!(colour(&sum, 1), Freshness::Stale);
        assert_eq!(value(&sum, 1), 5000 + number);
    }
    put.put(&9999, NOW, &2).unwrap();
    put.delete(&17).unwrap();
    assert_eq!(colour(&sum, 1), Freshness::Stale);
}

/// A view whose first build says something to its store, in a thread of its own, when it has read.
fn told_while_building(
    store: &Store,
    declare: impl Fn(&tidetable::BuildContext) + Send + Sync + 'static,
    tell: impl Fn(&Store) + Clone + Send + Sync + 'static,
) -> View<u32, u64> {
    let (inside, runs) = (store.clone(), Outside::default());
    let view = store.view::<u32, u64>("told").build(move |cx, _, _| {
        declare(cx);
        if runs.count() == 0 {
            let (store, tell) = (inside.clone(), tell.clone());
            thread::spawn(move || tell(&store)).join().unwrap();
        }
        Ok(0)
    });
    view.unwrap()
}

#[test]
fn what_is_announced_of_a_source_that_nobody_had_read_reaches_the_build_under_way() {
    type Tell = fn(&Store);
    let tell: [(Tell, Freshness); 9] = [
        (|store| drop(store.invalidate(("outside", 1)).unwrap()), Freshness::Overtaken),
        (|store| drop(store.invalidate(("outside", 2)).unwrap()), Freshness::Fresh),
        (|store| drop(store.invalidate_kind("outside").unwrap()), Freshness::Overtaken),
        (|store| drop(store.invalidate_kind("outsid").unwrap()), Freshness::Fresh),
        (|store| store.change(("outside", 1), || ()).unwrap(), Freshness::Overtaken),
        (
            |store| {
                let changes = Changes::new().source_at(("outside", 1), 7);
                store.invalidate_all(&changes).unwrap();
            },
            Freshness::Overtaken,
        ),
        (|store| drop(store.reconcile("outside", [(1_u32, 7)]).unwrap()), Freshness::Overtaken),
        (|store| drop(store.reconcile("outside", [(2_u32, 7)]).unwrap()), Freshness::Fresh),
        (
            |store| drop(store.invalidate(Source::new("outside", 1_i8).unwrap()).unwrap()),
            Freshness::Overtaken,
        ),
    ];
    for (number, (tell, expected)) in tell.into_iter().enumerate() {
        let store = still::in_memory().unwrap();
        let view = told_while_building(&store, |cx| cx.depends_on(("outside", 1)), tell);
        assert_eq!(view.get(&1, NOW).unwrap().freshness(), expected, "{number}");
        let after = if expected == Freshness::Fresh { expected } else { Freshness::Stale };
        assert_eq!(colour(&view, 1), after, "{number}");
        value(&view, 1);
    }
}

#[test]
fn a_build_that_saw_the_very_version_announced_meanwhile_is_fresh() {
    for (version, expected) in [(7, Freshness::Fresh), (8, Freshness::Overtaken)] {
        let store = still::in_memory().unwrap();
        let view = told_while_building(
            &store,
            |cx| cx.depends_on_at(("outside", 1), 7),
            move |store| {
                let changes = Changes::new().source_at(("outside", 1), version);
                store.invalidate_all(&changes).unwrap();
            },
        );
        assert_eq!(view.get(&1, NOW).unwrap().freshness(), expected, "{version}");
    }
}

#[test]
fn more_announcements_than_are_remembered_make_the_build_under_way_stale() {
    let store = still::in_memory().unwrap();
    let view = told_while_building(
        &store,
        |cx| cx.depends_on(("outside", 1)),
        |store| {
            // The first of them is the one that matters, and is forgotten by the end.
            store.invalidate(("outside", 1)).unwrap();
            let all = (0..70_000).map(|key| ("other", key));
            let changes = all.fold(Changes::new(), Changes::source);
            store.invalidate_all(&changes).unwrap();
        },
    );
    assert_eq!(view.get(&1, NOW).unwrap().freshness(), Freshness::Overtaken);
    assert_eq!(colour(&view, 1), Freshness::Stale);
    value(&view, 1);
}

#[test]
fn a_put_whose_sources_were_announced_since_it_was_worked_out_is_stale() {
    let it = World::in_memory();
    let put = it.store.view::<u32, u64>("put").without_build().unwrap();
    let as_of = it.store.revision();
    put.put_depending(&1, NOW, &1, [("outside", 1)], as_of).unwrap();
    assert_eq!(colour(&put, 1), Freshness::Fresh);
    it.store.invalidate(("outside", 1)).unwrap();
    assert_eq!(colour(&put, 1), Freshness::Stale);
    put.put_depending(&1, NOW, &2, [("outside", 1)], as_of).unwrap();
    assert_eq!(colour(&put, 1), Freshness::Stale, "it was worked out before that");
    put.put_depending(&1, NOW, &2, [("outside", 1)], it.store.revision()).unwrap();
    assert_eq!(colour(&put, 1), Freshness::Fresh);
    let error = put.put_depending(&1, NOW, &3, [("", 1)], as_of).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert_eq!(put.get(&1, NOW).unwrap().to_native(), 2);
}

#[test]
fn a_put_that_was_worked_out_before_its_entity_was_invalidated_is_stale_after_a_reopening_too() {
    let disk = Disk::default();
    let store = Store::open_backend(disk.backend(), patient()).unwrap();
    let as_of = store.revision();
    let put = store.view::<u32, u64>("put").without_build().unwrap();
    put.invalidate(&1).unwrap();
    store.close().unwrap();
    let store = Store::open_backend(disk.backend(), patient()).unwrap();
    let put = store.view::<u32, u64>("put").without_build().unwrap();
    let nothing: [(&str, u32); 0] = [];
    put.put_depending(&1, NOW, &1, nothing, as_of).unwrap();
    assert_eq!(colour(&put, 1), Freshness::Stale);
    put.put_depending(&1, NOW, &1, nothing, store.revision()).unwrap();
    assert_eq!(colour(&put, 1), Freshness::Fresh);
}
