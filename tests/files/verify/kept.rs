//! What mending keeps: what was put, what was asked for, what a later release wrote.

use std::fs;

use super::*;

fn puts(path: &Path) -> (Store, View<u32, u64>) {
    let store = still::open(path).expect("a file that redb reads");
    let puts = store.view::<u32, u64>("puts").grid(Grid::minutes(10)).page_len(4).without_build();
    (store, puts.expect("a file that redb reads"))
}

/// A file with three puts in one page, and one that read them; `edit` is given the page.
fn with_puts(
    edit: impl FnOnce(&WriteTransaction, &[u8]),
) -> (tempfile::TempDir, Store, View<u32, u64>) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("city.tide");
    let (store, view) = puts(&path);
    (0..3).for_each(|of| view.put(&1, at(of), &(of as u64 + 5)).expect("a put"));
    store.close().expect("a file that redb reads");
    unsealed::edit(&path, |txn| edit(txn, &height(1)));
    let (store, view) = puts(&path);
    (folder, store, view)
}

#[test]
fn what_was_put_at_a_revision_that_cannot_be_is_kept_and_stale() {
    let (folder, store, view) = with_puts(set_facts);
    let report = store.verify_and_repair(|_| ()).unwrap();
    assert_eq!((report.found, report.repaired, report.lost), (1, 1, 0), "{report}");
    assert!(report.to_string().contains("put at revision"), "{report}");
    let read = |view: &View<u32, u64>, of: i64| {
        let record = view.peek(&1, at(of)).unwrap().expect("it was put");
        (record.to_native(), record.freshness())
    };
    let colours: Vec<_> = (0..3).map(|of| read(&view, of)).collect();
    assert_eq!(colours.iter().map(|(value, _)| *value).collect::<Vec<_>>(), [5, 6, 7]);
    let stale = colours.iter().filter(|(_, freshness)| *freshness == Freshness::Stale).count();
    assert_eq!(stale, 1, "one operation's facts were damaged: {colours:?}");
    assert!(store.verify().unwrap().is_clean());
    // And so it is found again, until it is put anew.
    store.close().unwrap();
    let (store, view) = puts(&folder.path().join("city.tide"));
    (0..3).for_each(|of| view.put(&1, at(of), &9).unwrap());
    assert_eq!((0..3).map(|of| read(&view, of)).collect::<Vec<_>>(), [(9, Freshness::Fresh); 3]);
    assert!(store.verify().unwrap().is_clean());
}

#[test]
fn a_page_that_nobody_can_read_is_named_as_lost() {
    let (_folder, store, view) = with_puts(|txn, page| {
        let (key, mut row) = row_of(txn, "pages", page);
        row[20] ^= 1;
        put(txn, "pages", &key, &row);
    });
    let report = store.verify_and_repair(|_| ()).unwrap();
    assert_eq!((report.found, report.repaired, report.lost), (1, 1, 1), "{report}");
    let lost = report.findings.iter().find(|found| found.lost).unwrap();
    assert_eq!(lost.view.as_deref(), Some("puts"));
    assert_eq!((lost.entity.as_deref(), lost.page), (Some(&1_u32.to_be_bytes()[..]), Some(0)));
    assert!(report.to_string().contains("what was put into it is lost"), "{report}");
    assert!(view.peek(&1, at(0)).unwrap().is_none());
}

#[test]
fn what_was_asked_for_of_a_page_that_goes_stays_asked_for() {
    let ask = |world: &World| {
        world.heights.request(&1, at(2)).unwrap();
        world.heights.request(&1, at(3)).unwrap();
    };
    for damage in [0, 1] {
        let (_folder, world) = damaged(ask, |txn| match damage {
            0 => {
                let (key, mut row) = row_of(txn, "pages", &height(1));
                row[20] ^= 1;
                put(txn, "pages", &key, &row);
            }
            _ => set_facts(txn, &height(1)),
        });
        assert_eq!(world.store.backlog().unwrap().wanted, 2);
        let mended = world.store.verify_and_repair(|_| ()).unwrap();
        assert!(mended.found > 0 && mended.found == mended.repaired, "{mended}");
        assert_eq!(world.store.backlog().unwrap().wanted, 2);
        world.heights.get(&1, at(3)).unwrap();
        assert_eq!(world.store.backlog().unwrap().wanted, 1, "it was answered");
    }
}

#[test]
fn a_page_of_a_later_format_is_named_and_left_as_it_is() {
    // Of another format, and in another form of the body.
    for at_byte in [4, 6] {
        let kept = std::cell::RefCell::new(Vec::new());
        let (folder, store, view) = with_puts(|txn, page| {
            let (key, mut row) = row_of(txn, "pages", page);
            row[at_byte] = 9;
            unsealed::seal_as_later(&key, &mut row);
            put(txn, "pages", &key, &row);
            kept.replace(row);
        });
        let report = store.verify_and_repair(|_| ()).unwrap();
        assert_eq!((report.found, report.repaired, report.lost), (1, 0, 0), "{report}");
        assert_eq!(report.findings[0].kind, FindingKind::LaterFormat);
        assert!(report.to_string().contains("use the release that wrote it"), "{report}");
        view.put(&2, at(3), &1).unwrap();
        store.close().unwrap();
        let path = folder.path().join("city.tide");
        unsealed::edit(&path, |txn| assert_eq!(row_of(txn, "pages", &height(1)).1, *kept.borrow()));
        // A repair names what it leaves behind.
        let to = folder.path().join("repaired.tide");
        let repaired = Store::repair(&path, &to).unwrap();
        assert!(repaired.to_string().contains("use the release that wrote it"), "{repaired}");
        fs::remove_file(to).unwrap();
    }
}

#[test]
fn a_page_whose_format_alone_is_damaged_is_told_and_mended() {
    for (at_byte, bit) in [(4, 2), (5, 128), (6, 8), (7, 1)] {
        // One that can be built again, and one that was put.
        let (_folder, world) = damaged(|_| (), |txn| flip(txn, &height(1), at_byte, bit));
        let report = world.store.verify_and_repair(|_| ()).unwrap();
        assert!(report.found > 0 && report.found == report.repaired, "{report}");
        assert!(report.findings.iter().any(|found| found.kind == FindingKind::Page), "{report}");
        assert!(world.store.verify().unwrap().is_clean());
        assert!(world.heights.get(&1, at(3)).unwrap().is_fresh());
        let (_folder, store, view) = with_puts(|txn, page| flip(txn, page, at_byte, bit));
        let report = store.verify_and_repair(|_| ()).unwrap();
        assert_eq!((report.found, report.repaired, report.lost), (1, 1, 1), "{report}");
        assert_eq!(report.findings[0].kind, FindingKind::Page);
        assert!(view.peek(&1, at(0)).unwrap().is_none());
    }
}

fn flip(txn: &WriteTransaction, page: &[u8], at_byte: usize, bit: u8) {
    let (key, mut row) = row_of(txn, "pages", page);
    row[at_byte] ^= bit;
    put(txn, "pages", &key, &row);
}

#[test]
fn a_mark_that_nothing_explains_stays_while_another_record_of_its_page_is_mended() {
    let stale = |world: &World, bucket: i64| {
        let record = world.heights.peek(&1, at(bucket)).expect("a file that redb reads");
        record.expect("it was built").freshness() == Freshness::Stale
    };
    let first = TimeRange::new(at(0), at(1));
    let invalidate = |world: &World| {
        announce(world);
        world.heights.get(&1, at(0)).expect("a build");
        assert_eq!([0, 1].map(|bucket| stale(world, bucket)), [false, true]);
        for of in [1, 2] {
            world.heights.invalidate_range(&of, first).expect("an invalidation");
        }
    };
    // The second record's mark is lost; what its source tells brings it back.
    let (_folder, world, _) = found(FindingKind::LostMark, "marks", invalidate, |txn| {
        let (_, of_the_first_alone) = row_of(txn, "marks", &height(2));
        put(txn, "marks", &height(1), &of_the_first_alone);
    });
    assert_eq!([0, 1].map(|bucket| stale(&world, bucket)), [true, true]);
}

#[test]
fn what_an_unreadable_row_of_marks_said_is_not_lost_when_another_mending_meets_it_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("city.tide");
    let sums = |world: &World| {
        let heights = world.heights.clone();
        let sums = world.store.view::<u32, u64>("sums").grid(Grid::minutes(10)).page_len(4);
        let sums = sums.build(move |cx, of, bucket| {
            // The second reads nothing.
            if bucket.start() == at(0) {
                Ok(cx.get(&heights, of, at(0))?.to_native())
            } else {
                Ok(7)
            }
        });
        sums.expect("a file that redb reads")
    };
    let freshness = |sums: &View<u32, u64>, bucket: i64| {
        let record = sums.peek(&1, at(bucket)).expect("a file that redb reads");
        record.expect("it was built").freshness()
    };
    let world = World::open(&path);
    let read = sums(&world);
    [0, 1].iter().for_each(|bucket| drop(read.get(&1, at(*bucket)).expect("a build")));
    read.invalidate_range(&1, TimeRange::new(at(1), at(2))).expect("an invalidation");
    assert_eq!([0, 1].map(|of| freshness(&read, of)), [Freshness::Fresh, Freshness::Stale]);
    drop(read);
    world.close();
    unsealed::edit(&path, |txn| {
        let sum = [&3_u32.to_be_bytes()[..], &height(1)[4..]].concat();
        assert_eq!(row_of(txn, "marks", &sum).0, sum);
        put(txn, "marks", &sum, &[9, 9, 9]);
        put(txn, "deps", &height(1), &[9, 9, 9]);
    });
    let world = World::open(&path);
    let read = sums(&world);
    let mended = world.store.verify_and_repair(|_| ()).expect("a file that redb reads");
    assert!(mended.found > 0 && mended.repaired == mended.found, "{mended}");
    assert!([0, 1].map(|of| freshness(&read, of)).iter().all(|it| *it != Freshness::Fresh));
}
