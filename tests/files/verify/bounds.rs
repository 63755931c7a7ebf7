//! How much is mended at once, and who waits for it.

use super::*;
use tidetable::ErrorKind;

#[test]
fn one_operation_mends_a_part_and_others_the_rest() {
    const SOURCES: u32 = 1200;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    let open = || {
        let store = still::open(&path).unwrap();
        let view = store.view::<u32, u64>("heights").build(|cx, of, _| {
            (0..SOURCES).for_each(|number| cx.depends_on(("building", number)));
            Ok(u64::from(*of))
        });
        let puts = store.view::<u32, u64>("puts").without_build().unwrap();
        (store, view.unwrap(), puts)
    };
    let (store, view, _) = open();
    view.get(&1, at(0)).unwrap();
    store.close().unwrap();
    unsealed::edit(&path, |txn| {
        rows(txn, "edges").iter().for_each(|(key, _)| remove(txn, "edges", key));
    });
    let (store, view, puts) = open();
    // Each operation has a revision of its own.
    let now = |value: u64| {
        puts.put(&1, at(0), &value).unwrap();
        puts.peek(&1, at(0)).unwrap().unwrap().changed_at().get()
    };
    let before = now(1);
    let report = store.verify_and_repair(|_| ()).unwrap();
    assert_eq!((report.found, report.repaired), (SOURCES.into(), SOURCES.into()));
    let operations = now(2) - before - 1;
    assert_eq!(operations, 3, "512 remedies each");
    assert!(store.verify().unwrap().is_clean());
    view.get(&1, at(0)).unwrap();
    for source in [0, SOURCES / 2, SOURCES - 1] {
        assert_eq!(store.invalidate(("building", source)).unwrap().stale, u64::from(source == 0));
    }
}

/// Whoever waits for the writer meanwhile waits for one page, and however many marks of a page were lost,
/// it is gone through to find them and to see that none is left, and not for each.
#[test]
fn the_lost_marks_of_a_large_page_are_one_operation_and_other_pages_are_others() {
    const RECORDS: i64 = 5;
    const PAGES: u32 = 3;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    let open = || {
        let store = still::open(&path).unwrap();
        let texts = store.view::<u32, String>("texts").grid(Grid::minutes(10)).page_len(8);
        let texts = texts.build(|cx, of, bucket| {
            cx.depends_on(("text", bucket.start().as_millis()));
            Ok(format!("{of} of {bucket}; ").repeat(40_000))
        });
        (store, texts.unwrap())
    };
    let (store, texts) = open();
    // One by one: each says something else of itself.
    for (of, bucket) in (0..PAGES).flat_map(|of| (0..RECORDS).map(move |bucket| (of, bucket))) {
        texts.get(&of, at(bucket)).unwrap();
    }
    (0..RECORDS).for_each(|bucket| {
        let announced = store.invalidate(("text", at(bucket).as_millis())).unwrap();
        assert_eq!(announced.stale, u64::from(PAGES));
    });
    store.close().unwrap();
    unsealed::edit(&path, |txn| {
        rows(txn, "marks").iter().for_each(|(key, _)| remove(txn, "marks", key));
    });
    let (store, texts) = open();
    let puts = store.view::<u32, u64>("puts").without_build().unwrap();
    let now = |value: u64| {
        puts.put(&1, at(0), &value).unwrap();
        puts.peek(&1, at(0)).unwrap().unwrap().changed_at().get()
    };
    let before = now(1);
    let report = store.verify_and_repair(|_| ()).unwrap();
    let lost = u64::from(PAGES) * RECORDS as u64;
    assert_eq!((report.found, report.repaired), (lost, lost), "{report}");
    assert_eq!(now(2) - before - 1, u64::from(PAGES), "operations");
    assert!(store.verify().unwrap().is_clean());
    for (of, bucket) in (0..PAGES).flat_map(|of| (0..RECORDS).map(move |bucket| (of, bucket))) {
        let record = texts.peek(&of, at(bucket)).unwrap().unwrap();
        assert_eq!(record.freshness(), Freshness::Stale);
    }
}

#[test]
fn what_is_told_of_an_audit_may_use_the_store_and_close_it() {
    let (_folder, world) = damaged(nothing, |txn| {
        let (key, _) = row_of(txn, "edges", &height(1));
        remove(txn, "edges", &key);
    });
    let mut told = 0;
    let ended = world.store.verify_and_repair(|share| {
        told += 1;
        if share > 0.5 {
            world.store.close().unwrap();
        } else {
            world.store.invalidate(("building", 2_u32)).unwrap();
        }
    });
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Reopen);
    assert!(told > 1);
}
