//! `Store::reconcile`: what changed while the application was away.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::common::still;
use tidetable::report::ReconcileReport;
use tidetable::{ErrorKind, Freshness, Store, View};

use crate::common::disk::Disk;

use super::world::{NOW, Outside, World, after_a_crash, colour, read_all, value};

/// Seen, differed, gone, and how many records turned stale.
fn counts(report: &ReconcileReport) -> (u64, u64, u64, u64) {
    (report.seen, report.differed, report.gone, report.invalidated.stale)
}

#[test]
fn what_is_new_differs_or_is_gone_is_announced_and_what_is_the_same_is_not() {
    let it = World::in_memory();
    let reconcile = |versions: &[(u32, u64)]| {
        let report = it.store.reconcile("outside", versions.iter().copied()).unwrap();
        counts(&report)
    };
    read_all(&it.above, 1..=4);
    assert_eq!(reconcile(&[(1, 1), (2, 1), (3, 1)]), (3, 3, 1, 4), "all are new, one is gone");
    assert_eq!(colour(&it.direct, 4), Freshness::Stale, "a record reads it and nobody names it");
    read_all(&it.above, 1..=4);
    assert_eq!(reconcile(&[(1, 1), (2, 1), (3, 1)]), (3, 0, 0, 0), "all are the same");
    assert_eq!(reconcile(&[(1, 1), (2, 2), (5, 1)]), (3, 2, 1, 2));
    assert_eq!(it.colours(1), (Freshness::Fresh, Freshness::Fresh));
    assert_eq!(it.colours(2), (Freshness::Stale, Freshness::Suspect), "another version");
    assert_eq!(it.colours(3), (Freshness::Stale, Freshness::Suspect), "gone");
    read_all(&it.above, 1..=3);
    assert_eq!(reconcile(&[(1, 1), (2, 2), (5, 1)]), (3, 0, 0, 0), "it is gone once");
    assert_eq!(reconcile(&[(1, 1), (2, 2), (3, 1), (5, 1)]), (4, 1, 0, 1), "it is back");
    assert_eq!(it.colours(3), (Freshness::Stale, Freshness::Suspect));
    assert_eq!(reconcile(&[]), (0, 0, 4, 2), "none is left; two of them have fresh readers");
}

#[test]
fn a_source_that_nothing_reads_is_gone_once_and_forgotten() {
    let store = still::in_memory().unwrap();
    let reconcile = |keys: &[u32]| {
        let report = store.reconcile("outside", keys.iter().map(|key| (*key, 1))).unwrap();
        (report.differed, report.gone)
    };
    assert_eq!(reconcile(&[1, 2]), (2, 0));
    assert_eq!((reconcile(&[1]), reconcile(&[1])), ((0, 1), (0, 0)));
    assert_eq!(reconcile(&[1, 2]), (1, 0), "it is back");
}

#[test]
fn nothing_is_gone_after_an_iterator_that_panics() {
    let it = World::in_memory();
    read_all(&it.above, 1..=3);
    it.store.reconcile("outside", (1..=3_u32).map(|key| (key, 1))).unwrap();
    read_all(&it.above, 1..=3);
    let half = (1..=3_u32).map(|key| if key == 2 { panic!("half way") } else { (key, 1) });
    let reconcile = || it.store.reconcile("outside", half);
    assert!(catch_unwind(AssertUnwindSafe(reconcile)).is_err());
    (1..=3).for_each(|entity| assert_eq!(colour(&it.direct, entity), Freshness::Fresh));
    let again = it.store.reconcile("outside", (1..=3_u32).map(|key| (key, 1))).unwrap();
    assert_eq!(counts(&again), (3, 0, 0, 0));
}

#[test]
fn nothing_is_gone_after_a_key_that_cannot_be() {
    let it = World::in_memory();
    let text = it.store.view::<str, u64>("text").build(|cx, key, _| {
        cx.depends_on(("text", key));
        Ok(0)
    });
    let text = text.unwrap();
    let reconcile = |keys: [&str; 2]| it.store.reconcile("text", keys.map(|key| (key, 1)));
    reconcile(["a", "b"]).unwrap();
    text.get("b", NOW).unwrap();
    let error = reconcile(["a", &"x".repeat(2000)]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input, "{error}");
    assert!(error.to_string().contains("\"text\""), "{error}");
    assert!(text.peek("b", NOW).unwrap().unwrap().is_fresh());
    assert_eq!(counts(&reconcile(["a", "b"]).unwrap()), (2, 0, 0, 0));
}

#[test]
fn a_kind_that_cannot_be_is_refused_before_the_iterator_runs() {
    let store = still::in_memory().unwrap();
    for kind in ["", "\u{1}engine", "a\0b"] {
        let never = std::iter::once_with(|| -> (u32, u64) { panic!("the iterator ran") });
        let error = store.reconcile(kind, never).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input, "{kind:?}: {error}");
    }
}

#[test]
fn a_kind_is_reconciled_without_those_whose_names_begin_with_it() {
    let store = still::in_memory().unwrap();
    let view = |kind: &'static str| {
        let view = store.view::<u32, u64>(kind).build(move |cx, id, _| {
            cx.depends_on((kind, *id));
            Ok(0)
        });
        view.unwrap()
    };
    let kinds = ["a", "aa", "a-b", "b"].map(|kind| (kind, view(kind)));
    for (kind, view) in &kinds {
        store.reconcile(kind, [(1_u32, 1), (2, 1)]).unwrap();
        value(view, 1);
    }
    assert_eq!(counts(&store.reconcile("a", [(2_u32, 1)]).unwrap()), (1, 0, 1, 1));
    for (kind, view) in &kinds {
        let expected = if *kind == "a" { Freshness::Stale } else { Freshness::Fresh };
        assert_eq!(colour(view, 1), expected, "{kind}");
    }
}

/// A view that says which version of its source it saw: the number outside.
fn versioned(store: &Store, outside: &Outside) -> View<u32, u64> {
    let seen = outside.clone();
    let view = store.view::<u32, u64>("versioned").build(move |cx, id, _| {
        let version = seen.get();
        cx.depends_on_at(("outside", *id), version);
        Ok(version)
    });
    view.unwrap()
}

#[test]
fn records_built_from_the_very_version_that_is_announced_stay_fresh() {
    let it = World::in_memory();
    it.outside.set(7);
    let view = versioned(&it.store, &it.outside);
    assert_eq!((value(&view, 1), value(&it.direct, 1)), (7, 7));
    let report = it.store.reconcile("outside", [(1_u32, 7)]).unwrap();
    assert_eq!(counts(&report), (1, 1, 0, 1), "only who does not know its version");
    assert_eq!(colour(&view, 1), Freshness::Fresh);
    assert_eq!(colour(&it.direct, 1), Freshness::Stale);
    let report = it.store.reconcile("outside", [(1_u32, 8)]).unwrap();
    assert_eq!(counts(&report), (1, 1, 0, 1));
    assert_eq!(colour(&view, 1), Freshness::Stale);
    it.outside.set(8);
    assert_eq!(value(&view, 1), 8);
    let report = it.store.reconcile("outside", Vec::<(u32, u64)>::new()).unwrap();
    assert_eq!(report.gone, 1);
    assert_eq!(colour(&view, 1), Freshness::Stale, "what is gone has no version");
}

#[test]
fn a_hundred_thousand_sources_are_compared_in_few_transactions() {
    const SOURCES: u32 = 100_000;
    let it = World::in_memory();
    let entities = [0, 16_383, 16_384, 50_000, SOURCES - 1];
    read_all(&it.direct, entities);
    let reconcile = |keys: std::ops::Range<u32>| {
        let commits = it.store.metrics().commits;
        let report = it.store.reconcile("outside", keys.map(|key| (key, 1))).unwrap();
        // A timer may sync in between, where the machine is slow.
        let commits = it.store.metrics().commits - commits;
        (counts(&report), if (15..20).contains(&commits) { 15 } else { commits })
    };
    let all = u64::from(SOURCES);
    // Seven steps to compare them, seven to look for what is gone, one to sync.
    assert_eq!(reconcile(0..SOURCES), ((all, all, 0, 5), 15));
    read_all(&it.direct, entities);
    assert_eq!(reconcile(0..SOURCES), ((all, 0, 0, 0), 15));
    let ((seen, differed, gone, stale), _) = reconcile(0..20_000);
    assert_eq!((seen, differed, gone, stale), (20_000, 0, all - 20_000, 2));
}

#[test]
fn what_a_later_reconciliation_saw_is_not_gone() {
    let it = World::in_memory();
    value(&it.direct, 1);
    it.store.reconcile("outside", [(1_u32, 1)]).unwrap();
    value(&it.direct, 1);
    // The first part of the outer one is compared before the inner one begins.
    let inner = std::iter::once_with(|| {
        let inner = it.store.reconcile("outside", [(1_u32, 1), (99_999, 1)]).unwrap();
        assert_eq!(inner.differed, 1);
        (99_998, 1)
    });
    let outer = (2..20_000_u32).map(|key| (key, 1)).chain(inner).chain([(1, 1)]);
    it.store.reconcile("outside", outer).unwrap();
    assert_eq!(colour(&it.direct, 1), Freshness::Fresh);
    let last = it.store.reconcile("outside", [(1_u32, 1), (99_999, 1)]).unwrap();
    assert_eq!(last.differed, 0, "the outer one has not forgotten what it did not know");
}

#[test]
fn a_reconciliation_that_returned_survives_a_crash() {
    let disk = Disk::default();
    let it = World::open(&disk, &Outside::default());
    value(&it.above, 1);
    it.store.sync().unwrap();
    it.store.reconcile("outside", [(1_u32, 1), (2, 1)]).unwrap();
    let next = World::open(&after_a_crash(&disk), &it.outside);
    assert_eq!(next.colours(1), (Freshness::Stale, Freshness::Suspect));
    let again = next.store.reconcile("outside", [(1_u32, 1), (2, 1)]).unwrap();
    assert_eq!(counts(&again), (2, 0, 0, 0));
}

#[test]
fn the_iterator_of_a_reconciliation_may_use_the_store_and_even_close_it() {
    let it = World::in_memory();
    value(&it.above, 1);
    let keys = (1..=2_u32).map(|key| {
        it.store.invalidate(("outside", key)).unwrap();
        (key, value(&it.direct, 1))
    });
    assert_eq!(it.store.reconcile("outside", keys).unwrap().differed, 2);
    let closing = std::iter::once_with(|| {
        it.store.close().unwrap();
        (1_u32, 1)
    });
    let error = it.store.reconcile("outside", closing).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Reopen, "{error}");
}

#[test]
fn what_a_record_reads_and_no_reconciliation_ever_named_is_gone_once() {
    let it = World::in_memory();
    read_all(&it.direct, [1, 2, 3]);
    let named = [(1_u32, 1_u64), (3, 1)];
    let report = it.store.reconcile("outside", named).unwrap();
    assert_eq!(report.gone, 1);
    assert_eq!(colour(&it.direct, 2), Freshness::Stale);
    read_all(&it.direct, [1, 2, 3]);
    let report = it.store.reconcile("outside", named).unwrap();
    assert_eq!((report.differed, report.gone), (0, 0));
    assert_eq!(colour(&it.direct, 2), Freshness::Fresh);
}

#[test]
fn what_was_announced_and_no_reconciliation_ever_named_is_gone_once_too() {
    let it = World::in_memory();
    read_all(&it.direct, [1, 2, 3]);
    it.store.invalidate(("outside", 2_u32)).unwrap();
    read_all(&it.direct, [1, 2, 3]);
    let named = [(1_u32, 1_u64), (3, 1)];
    // Outside it was deleted since, and nobody said so.
    let report = it.store.reconcile("outside", named).unwrap();
    assert_eq!(report.gone, 1);
    assert_eq!(colour(&it.direct, 2), Freshness::Stale);
    read_all(&it.direct, [1, 2, 3]);
    assert_eq!(it.store.reconcile("outside", named).unwrap().gone, 0);
    assert_eq!(colour(&it.direct, 2), Freshness::Fresh);
    // It came back, and went again.
    it.store.invalidate(("outside", 2_u32)).unwrap();
    read_all(&it.direct, [2]);
    assert_eq!(it.store.reconcile("outside", named).unwrap().gone, 1);
    assert_eq!(colour(&it.direct, 2), Freshness::Stale);
    read_all(&it.direct, [2]);
    let back = [(1_u32, 1_u64), (2, 1), (3, 1)];
    assert_eq!(it.store.reconcile("outside", back).unwrap().differed, 1);
    read_all(&it.direct, [2]);
    assert_eq!(it.store.reconcile("outside", named).unwrap().gone, 1);
    assert_eq!(colour(&it.direct, 2), Freshness::Stale);
}
