//! More than is marked one by one: whole views are stamped.

use tidetable::{Changes, Freshness, Marked, View};

use crate::common::record::{at, buckets, grid};
use crate::common::still;

/// As many pages as are marked one by one. Of these views a page has one record.
const PAGES_MAX: i64 = 100_000;

#[test]
fn more_records_than_a_walk_marks_one_by_one_are_stamped_by_view() {
    let store = still::in_memory().unwrap();
    let below = store.view::<u64, u64>("below").grid(grid()).page_len(1).uncompressed();
    let below = below.build(|cx, _, _| {
        cx.depends_on(("outside", 1));
        Ok(0)
    });
    let below = below.unwrap();
    let beside = store.view::<u64, u64>("beside").grid(grid()).page_len(1).uncompressed();
    let beside = beside.build(|cx, _, _| {
        cx.depends_on(("outside", 1));
        Ok(0)
    });
    let beside = beside.unwrap();
    let read = below.clone();
    let above = store.view::<u64, u64>("above").grid(grid()).page_len(1).uncompressed();
    let above =
        above.build(move |cx, id, bucket| Ok(cx.get(&read, id, bucket.start())?.to_native()));
    let above = above.unwrap();
    below.fill(&1, buckets(0..PAGES_MAX + 10)).unwrap().complete().unwrap();
    above.fill(&1, buckets(0..10)).unwrap().complete().unwrap();
    beside.fill(&1, buckets(0..10)).unwrap().complete().unwrap();
    let changes = Changes::new().source(("outside", 1));
    let would = store.preview(&changes).unwrap();
    let report = store.invalidate_all(&changes).unwrap();
    assert_eq!((would.stale, would.suspect), (report.stale, report.suspect));
    assert_eq!(would.stamped, report.stamped);
    println!("{report}");
    let fresh = |view: &View<u64, u64>, minutes| {
        let line = view.when_marked(Marked::Serve).range(&1, buckets(minutes)).unwrap();
        line.into_iter().filter(|(_, record)| record.is_fresh()).count()
    };
    assert_eq!((fresh(&below, 0..PAGES_MAX + 10), fresh(&above, 0..10)), (0, 0));
    assert_eq!(fresh(&beside, 0..10), 0, "it reads the same, and is not reached one by one");
    assert!(!report.stamped.is_empty());
    assert_eq!(above.get(&1, at(3)).unwrap().freshness(), Freshness::Fresh);
}

#[test]
fn more_records_of_a_scope_than_are_marked_one_by_one_are_stamped_with_their_view() {
    let store = still::in_memory().unwrap();
    let put = store.view::<u64, u64>("put").grid(grid()).page_len(1).uncompressed();
    let put = put.without_build().unwrap();
    let there = |minutes: std::ops::Range<i64>| minutes.map(|minute| (1, at(minute), 1));
    put.put_many(there(0..PAGES_MAX)).unwrap();
    let report = put.invalidate_range(&1, buckets(0..PAGES_MAX)).unwrap();
    assert_eq!((report.stale, report.stamped.len()), (PAGES_MAX as u64, 0));
    put.put_many(there(0..PAGES_MAX + 1)).unwrap();
    let report = put.invalidate_range(&1, buckets(0..PAGES_MAX + 1)).unwrap();
    assert_eq!((report.stale, report.stamped), (0, vec!["put".to_owned()]));
    let line = put.when_marked(Marked::Serve).range(&1, buckets(0..PAGES_MAX + 1)).unwrap();
    assert_eq!(line.len() as i64, PAGES_MAX + 1);
    assert!(line.into_iter().all(|(_, record)| !record.is_fresh()));
}

#[test]
fn records_put_beside_an_announcement_that_stamps_their_views_are_not_fresh() {
    let store = still::in_memory().unwrap();
    let many = store.view::<u64, u64>("many").without_build().unwrap();
    let notes = store.view::<u64, u64>("notes").without_build().unwrap();
    let (all, rate) = (0..PAGES_MAX as u64 + 10, [("rate", 1)]);
    let mut writes = store.writes();
    for id in all.clone() {
        writes.put_depending(&many, &id, at(0), &7, rate).unwrap();
    }
    let report = writes.invalidate(("rate", 1)).unwrap().commit().unwrap();
    assert_eq!(report.invalidated.stamped, ["many"]);
    let is_fresh = |id: &u64| many.peek(id, at(0)).unwrap().unwrap().is_fresh();
    assert_eq!(all.filter(is_fresh).count(), 0);

    // Of another view, whose records the walk comes to last.
    writes.put_depending(&notes, &1, at(0), &7, rate).unwrap();
    writes.invalidate(("rate", 1)).unwrap().commit().unwrap();
    assert!(!notes.peek(&1, at(0)).unwrap().unwrap().is_fresh());
    assert!(store.verify().unwrap().is_clean());
}
