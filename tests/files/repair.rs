//! Bringing over what is readable of a damaged file.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::cases::each;
use crate::common::disk::Random;
use crate::common::still;
use redb::ReadableTable;
use tidetable::report::RepairReport;
use tidetable::{ErrorKind, Freshness, Options, Store, Timestamp, View};

const AT: Timestamp = Timestamp::EPOCH;
const ENTITIES: u32 = 150;

struct World {
    store: Store,
    puts: View<u32, u64>,
    built: View<u32, u64>,
    over: View<u32, u64>,
}

impl World {
    fn open(path: &Path) -> tidetable::Result<Self> {
        let options = Options { memory_bytes: 0, ..still::options() };
        let store = Store::open_with(path, options)?;
        let puts = store.view::<u32, u64>("puts").without_build()?;
        let built = store.view::<u32, u64>("built").build(|cx, of, _| {
            cx.depends_on(("building", *of));
            Ok(u64::from(*of) * 10)
        })?;
        let lower = built.clone();
        let over = store
            .view::<u32, u64>("over")
            .build(move |cx, of, _| Ok(cx.get(&lower, of, AT)?.to_native() + 1))?;
        Ok(Self { store, puts, built, over })
    }
}

/// A file with something in each of its larger tables.
fn filled(folder: &Path) -> PathBuf {
    let path = folder.join("city.tide");
    let world = World::open(&path).expect("a store in order");
    world.puts.put_many((0..ENTITIES).map(|of| (of, AT, u64::from(of)))).expect("a store in order");
    (0..ENTITIES).for_each(|of| drop(world.over.get(&of, AT).expect("a store in order")));
    (0..50_u32)
        .for_each(|of| drop(world.store.invalidate(("building", of)).expect("a store in order")));
    let sources = (0..ENTITIES).map(|of| (of, u64::from(of)));
    world.store.reconcile("version", sources).expect("a store in order");
    world.store.close().expect("a store in order");
    path
}

/// What has to hold of every file that was repaired: nothing is fresh before it is built again, and
/// nothing is there that was not. How many puts are there.
fn holds(path: &Path, what: &str) -> u32 {
    let world = World::open(path).expect("a store in order");
    let report = world.store.verify().expect("a store in order");
    assert!(report.is_clean(), "{what}: {report}");
    let mut there = 0;
    for of in 0..ENTITIES {
        let record = |view: &View<u32, u64>| view.peek(&of, AT).expect("a store in order");
        let [put, built, over] = [record(&world.puts), record(&world.built), record(&world.over)];
        let value = u64::from(of);
        for (record, expected) in [(&put, value), (&built, value * 10), (&over, value * 10 + 1)] {
            let Some(record) = record else { continue };
            assert_eq!(record.to_native(), expected, "{what}");
            assert_eq!(record.freshness(), Freshness::Stale, "{what}");
        }
        there += u32::from(put.is_some());
    }
    assert_eq!(world.over.get(&7, AT).expect("a store in order").to_native(), 71, "{what}");
    assert!(world.over.peek(&7, AT).expect("a look").expect("it was built").is_fresh(), "{what}");
    world.store.invalidate(("building", 7_u32)).expect("a store in order");
    assert!(!world.over.peek(&7, AT).expect("a look").expect("it was built").is_fresh(), "{what}");
    assert!(world.store.verify().expect("a store in order").is_clean(), "{what}");
    world.store.close().expect("a store in order");
    there
}

/// Repairs these bytes; the file they are in stays as it is.
fn repaired(folder: &Path, bytes: &[u8]) -> tidetable::Result<(PathBuf, RepairReport)> {
    let (from, to) = (folder.join("damaged.tide"), folder.join("repaired.tide"));
    let _ = fs::remove_file(&to);
    fs::write(&from, bytes).expect("a store in order");
    let report = Store::repair(&from, &to);
    assert_eq!(fs::read(&from).expect("a store in order"), bytes, "the damaged file is only read");
    assert_eq!(report.is_ok(), to.exists());
    Ok((to, report?))
}

#[test]
fn of_a_file_in_order_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path());
    let (to, report) = repaired(folder.path(), &fs::read(&path).unwrap()).unwrap();
    assert_eq!((report.lost, report.views), (0, 3), "{report}");
    assert_eq!(report.pages, u64::from(ENTITIES) * 3);
    assert_eq!(holds(&to, "in order"), ENTITIES);
    // The versions of sources came along: none of them differs.
    let world = World::open(&to).unwrap();
    let sources = (0..ENTITIES).map(|of| (of, u64::from(of)));
    assert_eq!(world.store.reconcile("version", sources).unwrap().differed, 0);
}

#[test]
fn one_flipped_bit_costs_nothing_wherever_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(filled(folder.path())).unwrap();
    let mut random = Random(0x5EED_CAFE);
    // Where the header names its trees, and anywhere.
    let header = (64..320).step_by(37);
    let anywhere: BTreeSet<usize> =
        (0..40).map(|_| random.below(whole.len() as u64) as usize).collect();
    let mut flipped_back = 0;
    for at in header.chain(anywhere) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        let (to, report) = repaired(folder.path(), &bytes).unwrap();
        assert_eq!(report.lost, 0, "byte {at}: {report}");
        assert_eq!(holds(&to, &format!("byte {at}")), ENTITIES);
        flipped_back += report.bits_flipped_back;
    }
    assert!(flipped_back > 0, "no bit of any tree was hit");
}

#[test]
fn whatever_page_of_the_file_is_gone_all_others_come_over() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(filled(folder.path())).unwrap();
    let pages = whole.len() / 4096;
    let (mut tables, mut lost_puts, mut branches) = (BTreeSet::new(), 0, 0);
    for page in (1..pages).step_by(each()) {
        let mut bytes = whole.clone();
        bytes[page * 4096..][..4096].fill(0xA5);
        let what = format!("page {page} of {pages}");
        let (to, report) = match repaired(folder.path(), &bytes) {
            Ok(repaired) => repaired,
            Err(error) => {
                // The one page that names all tables.
                assert_eq!(error.kind(), ErrorKind::Damaged, "{what}: {error}");
                tables.insert("");
                continue;
            }
        };
        tables.extend(report.losses.iter().map(|loss| loss.table));
        let there = match report.losses.iter().any(|loss| loss.table == "views") {
            // Its views are not known any more; what was put in them is named.
            true => {
                assert!(report.lost > u64::from(ENTITIES), "{what}: {report}");
                continue;
            }
            false => holds(&to, &what),
        };
        if there < ENTITIES {
            assert!(report.lost > 0, "{what}: {report}");
            // What hung beneath a branch is not found without it.
            branches += u32::from(there == 0);
            lost_puts += 1;
        }
        if report.lost == 0 {
            assert_eq!(there, ENTITIES, "{what}: {report}");
        }
    }
    assert!(branches <= 1, "{branches} pages took everything along");
    println!("{pages} pages; damage in {tables:?}; puts were lost {lost_puts} times");
    // A table may lie in one page, which a part of all pages passes over.
    let all = ["pages", "sources", "meta", "views"];
    assert!(each() > 1 || all.iter().all(|name| tables.contains(name)), "{tables:?}");
    assert!(tables.contains("pages"), "{tables:?}");
}

#[test]
fn a_file_that_was_cut_off_ends_in_an_error_or_gives_what_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(filled(folder.path())).unwrap();
    let mut brought_over = 0;
    for len in (0..whole.len()).step_by(10_007) {
        match repaired(folder.path(), &whole[..len]) {
            Ok((to, report)) if report.views == 3 => {
                holds(&to, &format!("cut to {len}"));
                brought_over += 1;
            }
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::Damaged, "{error}"),
        }
    }
    println!("{brought_over} of {}", whole.len().div_ceil(10_007));
}

#[test]
fn hostile_bytes_end_in_an_error_or_a_file_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(filled(folder.path())).unwrap();
    let mut random = Random(0xBAD_5EED);
    for case in 0..12 {
        let mut bytes = whole.clone();
        for _ in 0..=random.below(200) {
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] = random.next() as u8;
        }
        match repaired(folder.path(), &bytes) {
            Ok((to, report)) if report.views == 3 => drop(holds(&to, &format!("case {case}"))),
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::Damaged, "{error}"),
        }
    }
}

#[test]
fn a_damaged_file_says_how_it_is_repaired() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path());
    let mut bytes = fs::read(&path).unwrap();
    // All but the header, which says that the file was closed cleanly.
    let data = bytes.len() / 4096 * 4096;
    bytes[4096..data].fill(9);
    fs::write(&path, &bytes).unwrap();
    let told = match World::open(&path) {
        Err(error) => error,
        Ok(world) => world.store.verify().unwrap_err(),
    };
    assert_eq!(told.kind(), ErrorKind::Damaged);
    assert!(told.to_string().contains("`Store::repair`"), "{told}");
}

#[test]
fn nothing_is_repaired_that_is_open_or_over_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path());
    let to = folder.path().join("repaired.tide");
    let world = World::open(&path).unwrap();
    assert_eq!(Store::repair(&path, &to).unwrap_err().kind(), ErrorKind::Busy);
    world.store.close().unwrap();
    fs::write(&to, b"theirs").unwrap();
    assert_eq!(Store::repair(&path, &to).unwrap_err().kind(), ErrorKind::Input);
    assert_eq!(fs::read(&to).unwrap(), b"theirs");
    let none = folder.path().join("none.tide");
    assert_eq!(Store::repair(&none, &to).unwrap_err().kind(), ErrorKind::System);
    fs::write(&none, b"something else entirely, and shorter than a header").unwrap();
    let other = folder.path().join("other.tide");
    assert_eq!(Store::repair(&none, other).unwrap_err().kind(), ErrorKind::Damaged);
}

/// Large enough that each stands in a page of the file by itself, and none can be made smaller.
type Large = Vec<u8>;

fn large(seed: u64) -> Large {
    let mut random = Random(seed);
    (0..2600).map(|_| random.next() as u8).collect()
}

fn large_puts(path: &Path) -> (Store, View<u32, Large>) {
    let store = still::open(path).expect("a store in order");
    let puts = store.view::<u32, Large>("large").without_build().expect("a store in order");
    (store, puts)
}

/// The key and the row of an entity's page, as the file has them.
fn row(path: &Path, of: u32) -> (Vec<u8>, Vec<u8>) {
    let bytes = fs::read(path).expect("a file");
    let copy = path.with_extension("copy");
    fs::write(&copy, bytes).expect("a file");
    let found = crate::common::unsealed::edit(&copy, |txn| {
        let pages = redb::TableDefinition::<&[u8], &[u8]>::new("pages");
        let pages = txn.open_table(pages).expect("a table");
        let rows = pages.iter().expect("rows");
        let rows = rows.map(|entry| entry.expect("a row"));
        let mut rows = rows.map(|(key, row)| (key.value().to_vec(), row.value().to_vec()));
        rows.find(|(key, _)| key[4..8] == of.to_be_bytes()).expect("it was put")
    });
    fs::remove_file(copy).expect("it is there");
    found
}

/// Writes something else wherever these bytes stand. How often that is.
fn replace(bytes: &mut [u8], what: &[u8], by: &[u8]) -> usize {
    assert_eq!(what.len(), by.len());
    let mut found = 0;
    for at in 0..=bytes.len() - what.len() {
        if bytes[at..].starts_with(what) {
            bytes[at..][..by.len()].copy_from_slice(by);
            found += 1;
        }
    }
    found
}

#[test]
fn a_row_of_a_damaged_place_gives_way_to_a_proven_one_and_is_named_where_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    let (store, puts) = large_puts(&path);
    (1..5).for_each(|of| puts.put(&of, AT, &large(of.into())).unwrap());
    store.close().unwrap();
    let older = row(&path, 2);
    let (store, puts) = large_puts(&path);
    puts.put(&2, AT, &large(22)).unwrap();
    store.close().unwrap();
    let whole = fs::read(&path).unwrap();
    let (key, newer) = row(&path, 2);
    assert_eq!(key, older.0);
    // In a place behind it stands what stood under its key before.
    let (other_key, other) = row(&path, 3);
    let as_one = |(key, row): (&[u8], &[u8])| [key, row].concat();
    let mut bytes = whole;
    let older = as_one((&older.0, &older.1));
    assert!(replace(&mut bytes, &as_one((&other_key, &other)), &older) > 0);
    let read = |to: &Path| {
        let (store, puts) = large_puts(to);
        let record = puts.peek(&2, AT).unwrap().map(|record| record.to_vec());
        store.close().unwrap();
        record
    };
    let (to, report) = repaired(folder.path(), &bytes).unwrap();
    assert_eq!(read(&to), Some(large(22)), "{report}");
    assert!(report.lost > 0 && !report.to_string().contains("may be older"), "{report}");
    // Without the proven one it is better than nothing, and said.
    assert!(replace(&mut bytes, &newer, &vec![0xA5; newer.len()]) > 0);
    let (to, report) = repaired(folder.path(), &bytes).unwrap();
    assert_eq!(read(&to), Some(large(2)), "{report}");
    assert!(report.to_string().contains("it may be older than the last"), "{report}");
}

#[test]
fn tables_that_a_damaged_page_names_are_brought_over_and_said_to_be_doubtful() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = fs::read(filled(folder.path())).unwrap();
    // A name in the page that names the tables, of one that is not brought over.
    assert!(replace(&mut bytes, b"begundeps", b"be!!!deps") > 0);
    let (to, report) = repaired(folder.path(), &bytes).unwrap();
    let told = report.to_string();
    for table in ["meta", "views", "pages", "sources"] {
        let doubtful = format!("{table}: a damaged page of the file names it");
        assert!(told.contains(&doubtful), "{told}");
    }
    assert_eq!(holds(&to, "the page that names the tables"), ENTITIES);
}

#[test]
fn stamps_that_nothing_proves_do_not_lead_the_clock_astray() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path());
    let mut bytes = fs::read(&path).unwrap();
    let row = crate::common::unsealed::edit(&path, |txn| {
        let views = redb::TableDefinition::<&[u8], &[u8]>::new("views");
        let views = txn.open_table(views).expect("a table");
        views.get(b"puts".as_slice()).expect("a row").expect("it is there").value().to_vec()
    });
    // Behind them: when it was stamped, a dictionary, and no readers.
    let mut astray = row.clone();
    let stamps = row.len() - 32..row.len() - 16;
    astray[stamps].fill(0x3F);
    assert!(replace(&mut bytes, &row, &astray) > 0);
    let (to, report) = repaired(folder.path(), &bytes).unwrap();
    assert!(report.losses.iter().any(|loss| loss.table == "views"), "{report}");
    assert_eq!(holds(&to, "stamps"), ENTITIES);
    let world = World::open(&to).unwrap();
    world.puts.put(&0, AT, &1).unwrap();
    let now = world.puts.peek(&0, AT).unwrap().unwrap().changed_at().get();
    assert!(now < 1 << 60, "{now}");
}
