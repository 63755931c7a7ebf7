//! What the file keeps of what is over: nothing that nobody needs any more.

use tidetable::{Freshness, ManualClock, Options, Span, Store, View};

use crate::common::record::{at, buckets, grid, patient};
use crate::common::still;

use super::world::{NOW, World, colour, value};

/// How many rows a table has.
fn rows(store: &Store, table: &str) -> u64 {
    let inventory = store.inventory().unwrap();
    inventory.tables.iter().find(|found| found.name == table).unwrap().rows
}

/// Pages, records and what retention has left of records.
fn held(store: &Store, view: &str) -> (u64, u64, u64) {
    let inventory = store.inventory().unwrap();
    let found = inventory.views.iter().find(|found| found.name == view).unwrap();
    (found.pages, found.records, found.tombstones)
}

/// Two pages of four minutes that are kept for ten, and a view that may read their first three.
struct Kept {
    store: Store,
    clock: std::sync::Arc<ManualClock>,
    below: View<u32, u64>,
    above: View<u32, u64>,
}

impl Kept {
    fn read(minutes: std::ops::Range<i64>) -> Self {
        let clock = std::sync::Arc::new(ManualClock::new(at(0)));
        let options = Options { clock: clock.clone(), ..still::options() };
        let store = Store::in_memory_with(options).unwrap();
        let below = store.view::<u32, u64>("below").grid(grid()).page_len(4);
        let below = below.retain(Span::minutes(10)).build(|_, _, _| Ok(1)).unwrap();
        let read = below.clone();
        let above = store.view::<u32, u64>("above").grid(grid()).page_len(4);
        let above = above
            .build(move |cx, id, bucket| Ok(cx.get(&read, id, bucket.start())?.to_native()))
            .unwrap();
        below.fill(&1, buckets(0..8)).unwrap().complete().unwrap();
        above.fill(&1, buckets(minutes)).unwrap().complete().unwrap();
        Self { store, clock, below, above }
    }

    /// So many records are too old by then, and go.
    fn ages(&self, minute: i64, gone: u64) {
        self.clock.set(at(minute));
        assert_eq!(self.below.apply_retention().unwrap(), gone);
    }
}

#[test]
fn retention_leaves_something_only_of_records_that_something_has_read() {
    let it = Kept::read(0..3);
    it.ages(14, 4);
    assert_eq!(held(&it.store, "below"), (2, 4, 3));
    it.ages(18, 4);
    assert_eq!(held(&it.store, "below"), (1, 0, 3));
    let it = Kept::read(0..0);
    it.ages(14, 4);
    assert_eq!(held(&it.store, "below"), (1, 4, 0));
    it.ages(18, 4);
    assert_eq!(held(&it.store, "below"), (0, 0, 0));
}

#[test]
fn what_retention_left_goes_with_the_last_that_had_read_it() {
    let it = Kept::read(0..3);
    it.ages(14, 4);
    assert_eq!(it.above.delete_range(&1, buckets(1..3)).unwrap(), 2);
    it.ages(15, 1);
    assert_eq!(held(&it.store, "below"), (2, 3, 1));
    assert_eq!(it.above.delete(&1).unwrap(), 1);
    // No record is too old yet, and there is something to remove all the same.
    it.ages(15, 0);
    assert_eq!(held(&it.store, "below"), (1, 3, 0));
    assert_eq!((rows(&it.store, "deps"), rows(&it.store, "edges")), (0, 0));
}

#[test]
fn a_deletion_that_was_asked_for_leaves_nothing_whoever_has_read_it() {
    let it = Kept::read(0..3);
    assert_eq!(it.below.delete_range(&1, buckets(0..2)).unwrap(), 2);
    assert_eq!(held(&it.store, "below"), (2, 6, 0));
    it.ages(12, 0);
    it.ages(13, 1);
    assert_eq!(held(&it.store, "below"), (2, 5, 1));
    assert_eq!(it.below.delete(&1).unwrap(), 5);
    assert_eq!(held(&it.store, "below"), (0, 0, 0), "what retention had left as well");
    let above = (0..3).map(|minute| it.above.peek(&1, at(minute)).unwrap().unwrap().freshness());
    assert!(above.eq([Freshness::Stale; 3]));
}

#[test]
fn what_the_records_of_a_page_have_read_goes_with_each_of_them() {
    let store = still::in_memory().unwrap();
    let view = store.view::<u32, u64>("view").grid(grid()).page_len(4);
    let view = view
        .build(|cx, _, bucket| {
            cx.depends_on(("outside", bucket.start().as_millis()));
            Ok(1)
        })
        .unwrap();
    view.fill(&1, buckets(0..4)).unwrap().complete().unwrap();
    for left in (0..4).rev() {
        let gone = 3 - left;
        assert_eq!(rows(&store, "edges"), left as u64 + 1);
        for minute in gone..4 {
            let reads = view.explain(&1, at(minute)).unwrap().reads;
            assert_eq!(reads.len(), 1, "{minute} after {gone}");
            assert!(reads[0].what.contains(&at(minute).as_millis().to_string()), "{reads:?}");
        }
        assert!(store.verify().unwrap().is_clean());
        assert_eq!(view.delete_range(&1, buckets(gone..gone + 1)).unwrap(), 1);
    }
    assert_eq!((rows(&store, "deps"), rows(&store, "edges")), (0, 0));
}

#[test]
fn a_change_that_is_over_is_forgotten() {
    let it = World::in_memory();
    value(&it.above, 1);
    for source in 1..=3 {
        it.store.change(("outside", source), || assert_eq!(rows(&it.store, "intents"), 1)).unwrap();
        assert_eq!(rows(&it.store, "intents"), 0);
    }
    assert_eq!(colour(&it.direct, 1), Freshness::Stale);
}

#[test]
fn of_what_nobody_has_read_nothing_is_written_and_nothing_is_synced() {
    let it = World::in_memory();
    value(&it.above, 1);
    it.store.sync().unwrap();
    let (syncs, sources) = (it.store.metrics().syncs, rows(&it.store, "sources"));
    it.store.invalidate(("outside", 2)).unwrap();
    it.store.invalidate(("inside", 1)).unwrap();
    it.store.invalidate_kind("inside").unwrap();
    it.direct.invalidate(&7).unwrap();
    assert_eq!((it.store.metrics().syncs, rows(&it.store, "sources")), (syncs, sources));
    it.store.invalidate_kind("outside").unwrap();
    assert_eq!((it.store.metrics().syncs, rows(&it.store, "sources")), (syncs + 1, sources + 1));
}

#[test]
fn a_view_that_is_deleted_takes_all_of_its_rows_with_it() {
    let store = Store::in_memory_with(Options { builders: 0, ..patient() }).unwrap();
    let view = store.view::<u32, u64>("view").build(|cx, id, _| {
        cx.depends_on(("outside", *id));
        if *id == 7 { Err("no tide".into()) } else { Ok(1) }
    });
    let view = view.unwrap();
    (0..7).for_each(|entity| drop(view.get(&entity, NOW).unwrap()));
    view.request(&7, NOW).unwrap();
    view.request(&8, NOW).unwrap();
    while store.build_next().unwrap().is_some() {}
    view.request(&9, NOW).unwrap();
    store.invalidate(("outside", 1)).unwrap();
    view.invalidate_all().unwrap();
    let tables = ["pages", "deps", "edges", "marks", "wanted", "failures"];
    for table in tables {
        assert!(rows(&store, table) > 0, "{table}");
    }
    assert!(store.delete_view("view").unwrap());
    for table in tables.into_iter().chain(["begun", "sweeps", "horizons", "dropped"]) {
        assert_eq!(rows(&store, table), 0, "{table}");
    }
}
