//! Whether what a file holds fits together: what is damaged is found and named, and mended.

mod bounds;
mod kept;
mod near;
mod told;

use std::path::Path;

use crate::common::{still, unsealed};
use redb::{ReadableTable, TableDefinition, WriteTransaction};
use tidetable::report::{FindingKind, VerifyReport};
use tidetable::{Freshness, Grid, Store, TimeRange, Timestamp, View};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

const ENTITIES: u32 = 3;

/// Heights read a source each, totals two heights.
struct World {
    store: Store,
    heights: View<u32, u64>,
    totals: View<u32, u64>,
}

impl World {
    fn open(path: &Path) -> Self {
        let store = still::open(path).expect("a file that redb reads");
        let heights = store
            .view::<u32, u64>("heights")
            .grid(Grid::minutes(10))
            .page_len(4)
            .build(|cx, of, _| {
                cx.depends_on(("building", *of));
                Ok(u64::from(*of))
            })
            .expect("a file that redb reads");
        let lower = heights.clone();
        let totals = store
            .view::<u32, u64>("totals")
            .build(move |cx, of, _| {
                let first = *cx.get(&lower, of, at(0))?;
                Ok(first + *cx.get(&lower, of, at(1))?)
            })
            .expect("a file that redb reads");
        Self { store, heights, totals }
    }

    fn fill(&self) {
        (0..ENTITIES)
            .for_each(|of| drop(self.totals.get(&of, at(0)).expect("a file that redb reads")));
    }

    fn freshness(&self, of: u32) -> Option<Freshness> {
        self.totals
            .peek(&of, at(0))
            .expect("a file that redb reads")
            .map(|record| record.freshness())
    }

    fn close(self) {
        self.store.close().expect("a file that redb reads");
    }
}

fn at(bucket: i64) -> Timestamp {
    Timestamp::from_millis(bucket * 600_000)
}

/// A file that `before` has changed and `edit` has damaged, with what it holds.
fn damaged(
    before: impl FnOnce(&World),
    edit: impl FnOnce(&WriteTransaction),
) -> (tempfile::TempDir, World) {
    let folder = tempfile::tempdir().expect("a file that redb reads");
    let path = folder.path().join("city.tide");
    let world = World::open(&path);
    world.fill();
    before(&world);
    world.close();
    unsealed::edit(&path, edit);
    (folder, World::open(&path))
}

/// Damages a file, and holds that this is found, under these names, and mended.
fn found(
    kind: FindingKind,
    table: &str,
    before: impl FnOnce(&World),
    edit: impl FnOnce(&WriteTransaction),
) -> (tempfile::TempDir, World, VerifyReport) {
    let (folder, world) = damaged(before, edit);
    let report = world.store.verify().expect("a file that redb reads");
    let named = |found: &&tidetable::report::Finding| found.kind == kind && found.table == table;
    assert!(report.findings.iter().any(|found| named(&found)), "no {kind:?} in {report}");
    assert_eq!(
        world.store.verify().expect("a file that redb reads"),
        report,
        "looking changes nothing"
    );
    let mended = world.store.verify_and_repair(|_| ()).expect("a file that redb reads");
    assert!(mended.found > 0 && mended.repaired == mended.found, "{mended}");
    let after = world.store.verify().expect("a file that redb reads");
    assert!(after.is_clean(), "{after}");
    (folder, world, report)
}

type Bytes = TableDefinition<'static, &'static [u8], &'static [u8]>;

fn rows(txn: &WriteTransaction, table: &'static str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let table = txn.open_table(Bytes::new(table)).expect("a file that redb reads");
    let rows = table.iter().expect("a file that redb reads").map(|row| row.expect("a row"));
    rows.map(|(key, row)| (key.value().to_vec(), row.value().to_vec())).collect()
}

fn put(txn: &WriteTransaction, table: &'static str, key: &[u8], row: &[u8]) {
    txn.open_table(Bytes::new(table))
        .expect("a file that redb reads")
        .insert(key, row)
        .expect("a file that redb reads");
}

fn remove(txn: &WriteTransaction, table: &'static str, key: &[u8]) {
    assert!(
        txn.open_table(Bytes::new(table))
            .expect("a file that redb reads")
            .remove(key)
            .expect("a file that redb reads")
            .is_some()
    );
}

/// The key of the page that the height of an entity stands in, and of its total.
fn height(of: u32) -> Vec<u8> {
    [&1_u32.to_be_bytes()[..], &of.to_be_bytes(), &(1_u64 << 63).to_be_bytes()].concat()
}

fn total(of: u32) -> Vec<u8> {
    [&2_u32.to_be_bytes()[..], &of.to_be_bytes(), &(1_u64 << 63).to_be_bytes()].concat()
}

/// The row of a table that belongs to a page.
fn row_of(txn: &WriteTransaction, table: &'static str, page: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let found = rows(txn, table).into_iter().find(|(key, _)| key.ends_with(page) || key == page);
    let of_edge = || {
        let mut end = page.to_vec();
        end.extend((page.len() as u16).to_be_bytes());
        rows(txn, table).into_iter().find(|(key, _)| key.ends_with(&end))
    };
    found.or_else(of_edge).expect("the page has a row")
}

/// Gives the first facts of a page a revision to come.
fn set_facts(txn: &WriteTransaction, page: &[u8]) {
    let (key, mut row) = row_of(txn, "pages", page);
    // V, behind the header and S.
    row[48..56].copy_from_slice(&(u64::MAX / 2).to_le_bytes());
    let sum = xxh3_64_with_seed(&row[16..], xxh3_64(&key));
    row[8..16].copy_from_slice(&sum.to_le_bytes());
    put(txn, "pages", &key, &row);
}

fn nothing(_: &World) {}

#[test]
fn a_store_in_order_is_found_so() {
    let (_folder, world) = damaged(nothing, |_| ());
    let mut told = Vec::new();
    let report = world.store.verify_telling(|share| told.push(share)).unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.looked_at.records, report.looked_at.pages), (9, 6));
    assert!(told.is_sorted() && told.last() == Some(&1.0), "{told:?}");
    assert!(report.to_string().contains("all in order"), "{report}");
    // Of whom nothing is known but the file, all can be looked at but the types.
    world.close();
    let path = _folder.path().join("city.tide");
    let options = tidetable::Options { read_only: true, ..still::options() };
    let store = Store::open_with(&path, options).unwrap();
    let report = store.verify().unwrap();
    assert!(report.is_clean() && report.looked_at.pages_of_undefined_views == 6, "{report}");
    assert!(store.verify_and_repair(|_| ()).is_err(), "it may not be written");
}

#[test]
fn a_page_that_fails_its_checksum_goes_and_is_built_again() {
    let (_folder, world, report) = found(FindingKind::Page, "pages", nothing, |txn| {
        let (key, mut row) = row_of(txn, "pages", &height(1));
        let last = row.len() - 1;
        row[last] ^= 1;
        put(txn, "pages", &key, &row);
    });
    let page = report.findings.iter().find(|found| found.kind == FindingKind::Page).unwrap();
    assert_eq!(page.view.as_deref(), Some("heights"));
    assert_eq!((page.entity.as_deref(), page.page), (Some(&1_u32.to_be_bytes()[..]), Some(0)));
    assert_eq!(world.freshness(1), Some(Freshness::Stale), "it was built from what is gone");
    assert_eq!(world.freshness(2), Some(Freshness::Fresh));
    assert_eq!(*world.totals.get(&1, at(0)).unwrap(), 2);
}

#[test]
fn a_page_that_was_put_goes_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    let open = || {
        let store = still::open(&path).unwrap();
        let puts = store.view::<u32, u64>("puts").without_build().unwrap();
        (store, puts)
    };
    let (store, puts) = open();
    puts.put(&1, Timestamp::EPOCH, &7).unwrap();
    puts.put(&2, Timestamp::EPOCH, &8).unwrap();
    store.close().unwrap();
    unsealed::edit(&path, |txn| {
        let (key, mut row) = row_of(txn, "pages", &height(2));
        row[20] ^= 1;
        put(txn, "pages", &key, &row);
    });
    let (store, puts) = open();
    let report = store.verify_and_repair(|_| ()).unwrap();
    assert_eq!((report.found, report.repaired), (1, 1), "{report}");
    assert!(store.verify().unwrap().is_clean());
    assert!(puts.peek(&2, Timestamp::EPOCH).unwrap().is_none());
    assert_eq!(puts.peek(&1, Timestamp::EPOCH).unwrap().map(|record| *record), Some(7.into()));
}

#[test]
fn records_of_revisions_to_come_go() {
    let (_folder, world, _) = found(FindingKind::Facts, "pages", nothing, |txn| {
        set_facts(txn, &total(1));
    });
    assert_eq!(world.freshness(1), None);
    assert_eq!(*world.totals.get(&1, at(0)).unwrap(), 2);
    assert!(world.store.verify().unwrap().is_clean());
}

#[test]
fn records_that_do_not_know_any_more_what_they_read_are_stale() {
    let (_folder, world, report) = found(FindingKind::Dependencies, "deps", nothing, |txn| {
        remove(txn, "deps", &total(1));
    });
    assert!(report.findings.iter().any(|found| found.kind == FindingKind::EdgeExtra), "{report}");
    assert_eq!(world.freshness(1), Some(Freshness::Stale));
    // Built again it has edges, and a change comes to it.
    world.totals.get(&1, at(0)).unwrap();
    assert!(world.store.verify().unwrap().is_clean());
    world.store.invalidate(("building", 1_u32)).unwrap();
    assert_ne!(world.freshness(1), Some(Freshness::Fresh));
}

#[test]
fn a_row_of_dependencies_that_is_unreadable_makes_its_records_stale() {
    let (_folder, world, _) = found(FindingKind::Row, "deps", nothing, |txn| {
        put(txn, "deps", &total(1), &[9, 9, 9]);
    });
    assert_eq!(world.freshness(1), Some(Freshness::Stale));
}

#[test]
fn an_edge_that_is_missing_is_written() {
    let (_folder, world, _) = found(FindingKind::EdgeMissing, "edges", nothing, |txn| {
        let (key, _) = row_of(txn, "edges", &height(1));
        remove(txn, "edges", &key);
    });
    world.store.invalidate(("building", 1_u32)).unwrap();
    assert_eq!(world.freshness(1), Some(Freshness::Suspect), "a change comes to it again");
}

#[test]
fn what_was_announced_while_an_edge_was_missing_is_not_fresh_after_the_mending() {
    let (_folder, world) = damaged(nothing, |txn| {
        let (key, _) = row_of(txn, "edges", &height(1));
        remove(txn, "edges", &key);
    });
    announce(&world);
    assert_eq!(world.freshness(1), Some(Freshness::Fresh), "nobody knew that it reads this");
    let mended = world.store.verify_and_repair(|_| ()).unwrap();
    assert_eq!((mended.found, mended.repaired), (1, 1), "{mended}");
    assert_eq!(world.freshness(1), Some(Freshness::Suspect));
    assert_eq!(world.heights.peek(&1, at(0)).unwrap().unwrap().freshness(), Freshness::Stale);
}

#[test]
fn an_edge_that_tells_of_too_few_records_is_written_anew() {
    found(FindingKind::EdgeMissing, "edges", nothing, |txn| {
        let (key, mut row) = row_of(txn, "edges", &height(1));
        assert_eq!(row, [0, 0, 0, 1, 0], "slots 0 to 1 read all of the source");
        row[3] = 0;
        put(txn, "edges", &key, &row);
    });
}

#[test]
fn an_edge_of_what_is_not_read_goes() {
    let (_folder, world, _) = found(FindingKind::EdgeExtra, "edges", nothing, |txn| {
        let (key, row) = row_of(txn, "edges", &height(1));
        let node = &key[..key.len() - height(1).len() - 2];
        let other = height(2);
        let extra = [node, &other, &(other.len() as u16).to_be_bytes()].concat();
        put(txn, "edges", &extra, &row);
    });
    assert_eq!(
        world.store.invalidate(("building", 1_u32)).unwrap().stale,
        2,
        "two slots of one page"
    );
}

#[test]
fn an_edge_that_is_unreadable_is_written_anew() {
    found(FindingKind::Row, "edges", nothing, |txn| {
        let (key, _) = row_of(txn, "edges", &height(1));
        put(txn, "edges", &key, &[255]);
    });
}

fn announce(world: &World) {
    world.store.invalidate(("building", 1_u32)).expect("a file that redb reads");
}

#[test]
fn a_lost_mark_is_found_by_the_revision_of_what_was_read() {
    let (_folder, world, report) = found(FindingKind::LostMark, "marks", announce, |txn| {
        rows(txn, "marks").iter().for_each(|(key, _)| remove(txn, "marks", key));
    });
    let told = report.to_string();
    assert!(told.contains("kind 'building' has changed at revision"), "{told}");
    assert!(told.contains("view 'heights', page 0, bucket 1970-01-01"), "{told}");
    assert_eq!(world.freshness(1), Some(Freshness::Suspect));
    assert_eq!(world.freshness(2), Some(Freshness::Fresh));
}

#[test]
fn a_record_that_reads_a_marked_one_is_found_to_be_unmarked() {
    let (_folder, world, report) = found(FindingKind::LostMark, "marks", announce, |txn| {
        remove(txn, "marks", &total(1));
    });
    assert!(report.to_string().contains("is marked, and what read it is not"), "{report}");
    assert_eq!(world.freshness(1), Some(Freshness::Stale));
}

#[test]
fn a_record_that_reads_a_changed_one_is_found_to_be_unmarked() {
    let change = |world: &World| {
        world.heights.delete(&1).unwrap();
        world.heights.get(&1, at(0)).unwrap();
        world.heights.get(&1, at(1)).unwrap();
    };
    let (_folder, world, report) = found(FindingKind::LostMark, "marks", change, |txn| {
        rows(txn, "marks").iter().for_each(|(key, _)| remove(txn, "marks", key));
    });
    assert!(report.to_string().contains("has changed at revision"), "{report}");
    assert_eq!(world.freshness(1), Some(Freshness::Stale));
}

#[test]
fn marks_that_are_unreadable_make_all_of_their_page_stale() {
    let (_folder, world, _) = found(FindingKind::LostMark, "marks", announce, |txn| {
        put(txn, "marks", &height(1), &[7]);
    });
    for bucket in [0, 1] {
        let height = world.heights.peek(&1, at(bucket)).unwrap().unwrap();
        assert_eq!(height.freshness(), Freshness::Stale);
    }
}

#[test]
fn a_mark_of_what_is_not_there_goes() {
    let change = |world: &World| {
        announce(world);
        world.heights.delete_range(&2, TimeRange::new(at(0), at(1))).unwrap();
    };
    found(FindingKind::MarkOfNothing, "marks", change, |txn| {
        let (_, row) = row_of(txn, "marks", &height(1));
        put(txn, "marks", &height(2), &row);
    });
}

#[test]
fn rows_that_are_unreadable_go() {
    for table in ["wanted", "failures", "horizons"] {
        let key = match table {
            "failures" => [&height(1)[..], &[0, 0]].concat(),
            "horizons" => 1_u32.to_be_bytes().to_vec(),
            _ => height(1),
        };
        found(FindingKind::Row, table, nothing, |txn| put(txn, table, &key, &[1, 2, 3]));
    }
}

#[test]
fn a_source_whose_row_is_unreadable_counts_as_changed() {
    let (_folder, world, _) = found(FindingKind::Row, "sources", announce, |txn| {
        let (key, _) = rows(txn, "sources").remove(0);
        put(txn, "sources", &key, &[1]);
    });
    assert_ne!(world.freshness(1), Some(Freshness::Fresh));
}

#[test]
fn rows_of_views_and_pages_that_are_no_more_go() {
    let of_none = |table: &'static str| {
        found(FindingKind::Orphan, table, announce, move |txn| {
            let (key, row) = row_of(txn, table, &height(1));
            let mut lost = key.clone();
            lost[3] = 77;
            put(txn, table, &lost, &row);
            if table != "pages" {
                let mut lost = key;
                lost[7] = 99;
                put(txn, table, &lost, &row);
            }
        })
    };
    for table in ["pages", "deps", "marks"] {
        let (_, _, report) = of_none(table);
        assert!(report.to_string().contains("view 'number 77'"), "{report}");
    }
}

#[test]
fn a_view_that_does_not_know_its_readers_is_told() {
    let (_folder, world, _) = found(FindingKind::UnknownReader, "views", nothing, |txn| {
        let (key, row) = rows(txn, "views").remove(0);
        assert_eq!(key, b"heights");
        let kept = &row[..row.len() - 8];
        put(txn, "views", &key, &[kept, &[0, 0, 0, 0]].concat());
    });
    world.fill();
    world.heights.invalidate_all().unwrap();
    assert_ne!(world.freshness(1), Some(Freshness::Fresh));
}

#[test]
fn no_display_of_a_report_shows_an_entity() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.tide");
    let store = still::open(&path).unwrap();
    let people = store.view::<str, u64>("people").without_build().unwrap();
    people.put("Ada", at(0), &1).unwrap();
    store.close().unwrap();
    unsealed::edit(&path, |txn| {
        let (key, mut row) = rows(txn, "pages").remove(0);
        row[20] ^= 1;
        put(txn, "pages", &key, &row);
    });
    let report = still::open(&path).unwrap().verify().unwrap();
    let told = format!("{report} {report:?}");
    assert!(report.found == 1 && !told.contains("Ada") && !told.contains("41, 64, 61"), "{told}");
    let data = serde_json::to_value(&report).unwrap();
    assert_eq!(data["findings"][0]["entity"].as_str().map(|key| &key[..6]), Some("416461"));
}
