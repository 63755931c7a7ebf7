//! What a record costs that is not in memory, beside redb's own read of the same bytes:
//! `cargo bench --bench loads`, or `-- 144` for one length of page.
//!
//! A stride through all entities, with a budget that holds a part of the pages; only what came from
//! the file is counted. redb is asked for the very bytes that a page has in the file, and for as many
//! as it has inflated: with as large a cache as the store gives it, and with one that holds them all.
//! Rounds alternate. Nothing is asserted: machines differ and are noisy.

#![expect(clippy::print_stdout, reason = "a program that reports")]

use std::fs::{self, OpenOptions};
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use tidetable::{Grid, Layer, Options, Span, Store, TimeRange, Timestamp, View};

/// What is known of a patio for ten minutes: 96 bytes archived.
#[derive(rkyv::Archive, rkyv::Serialize)]
struct Exposure {
    azimuth: f32,
    elevation: f32,
    irradiance: f32,
    percent: f32,
    shadow_of: u32,
    distance: f32,
    seats: u64,
    zones: [f32; 16],
}

/// A page's key, and its bytes in the file.
type Row = (Box<[u8]>, Box<[u8]>);
type Rows = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// The table of pages in a file of ours, and that of the copies.
const PAGES: Rows = TableDefinition::new("pages");
const ROUNDS: usize = 7;
/// Ten in the morning.
const START: Timestamp = Timestamp::from_seconds(1_782_036_000);

fn main() {
    let only: Option<u32> = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    for (page_len, entities) in [(1, 40_000), (16, 5_000), (144, 2_000)] {
        if only.is_none_or(|only| only == page_len) {
            compare(page_len, entities);
        }
    }
}

fn compare(page_len: u32, entities: u32) {
    let folder = tempfile::tempdir().expect("a folder for the store");
    let path = folder.path().join("loads.tide");
    let rate = fill(&path, page_len, entities);
    let bytes = fs::metadata(&path).expect("the file").len();
    let pages = stored_pages(&path);
    let stored = pages.iter().map(|(_, page)| page.len()).sum::<usize>();
    let inflated = entities as usize * inflated_len(page_len);
    println!(
        "\n{entities} pages of {page_len}: {} B stored, {} B inflated, {:.1} B of the file a record, \
         filled at {rate:.0} pages/s",
        stored / pages.len(),
        inflated / pages.len(),
        bytes as f64 / f64::from(entities * page_len),
    );

    let options = Options { memory_bytes: inflated / 4, warm_up: false, ..Options::default() };
    let small = options.memory_bytes / 8;
    let (store, view) = open(&path, page_len, options);
    let grown = |page: &[u8]| page.iter().copied().cycle().take(inflated_len(page_len)).collect();
    let copies = [
        ("redb, as stored", copy(folder.path(), "a", &pages, small, <[u8]>::to_vec)),
        (
            "redb, as stored, all in its cache",
            copy(folder.path(), "b", &pages, 1 << 30, <[u8]>::to_vec),
        ),
        ("redb, inflated", copy(folder.path(), "c", &pages, small, grown)),
        ("redb, inflated, all in its cache", copy(folder.path(), "d", &pages, 1 << 30, grown)),
    ];
    let mut figures = [const { Vec::new() }; 5];
    for _ in 0..ROUNDS {
        figures[0].push(stride(entities, |entity| {
            let record = view.get(&entity, START).expect("a record");
            black_box(record.percent);
            record.layer() == Layer::File
        }));
        for (figure, (_, database)) in figures[1..].iter_mut().zip(&copies) {
            figure.push(stride(entities, |entity| {
                let txn = database.begin_read().expect("a transaction");
                let table = txn.open_table(PAGES).expect("the table");
                let value = table.get(&*pages[entity as usize].0).expect("a read").expect("a page");
                // What the read is for: a copy that outlives the transaction.
                black_box(value.value().to_vec());
                true
            }));
        }
    }
    report("tidetable", &mut figures[0]);
    for (figure, (name, _)) in figures[1..].iter_mut().zip(&copies) {
        report(name, figure);
    }
    drop(view);
    store.close().expect("a clean close");
}

/// Fills one page of each entity. Returns pages a second.
fn fill(path: &Path, page_len: u32, entities: u32) -> f64 {
    let (store, view) = open(path, page_len, Options::default());
    let width = Span::minutes(10 * i64::from(page_len));
    let page = TimeRange::new(START, START + width);
    let started = Instant::now();
    for entity in 0..entities {
        view.fill(&entity, page).and_then(|filled| filled.complete()).expect("a fill");
    }
    store.sync().expect("a sync");
    let rate = f64::from(entities) / started.elapsed().as_secs_f64();
    drop(view);
    store.close().expect("a clean close");
    rate
}

fn open(path: &Path, page_len: u32, options: Options) -> (Store, View<u32, Exposure>) {
    let store = Store::open_with(path, options).expect("a store");
    let view = store
        .view("exposure")
        .grid(Grid::minutes(10).origin(START))
        .page_len(page_len)
        .build(|_, &patio, bucket| Ok(exposure(patio, bucket.start())))
        .expect("a view");
    (store, view)
}

/// A plain sun over patios that differ.
fn exposure(patio: u32, at: Timestamp) -> Exposure {
    let hour = at.as_millis() as f64 / 3_600_000.0 % 24.0;
    let angle = (hour - 12.0) / 12.0 * std::f64::consts::PI;
    let elevation = 0.3 + 0.8 * angle.cos() + f64::from(patio % 97) * 1e-4;
    let noise = |n: u32| mixed(u64::from(patio) << 32 | u64::from(n)) as f64 / u64::MAX as f64;
    let lit = elevation > 0.0;
    // What stands around a patio throws its shadow for some time, then the next does.
    let wall = (hour * 2.0) as u32 / 3;
    let height = noise(wall);
    let open = if lit { (elevation - height * 0.5).clamp(0.0, 1.0) } else { 0.0 };
    let zones = std::array::from_fn(|zone| {
        let share = open * 2.0 - noise(100 + zone as u32);
        (share.clamp(0.0, 1.0) * 8.0).round() as f32 / 8.0
    });
    Exposure {
        azimuth: (angle + std::f64::consts::PI) as f32,
        elevation: elevation as f32,
        irradiance: (1000.0 * elevation.max(0.0) * open) as f32,
        percent: zones.iter().sum::<f32>() / 0.16,
        shadow_of: if lit { patio * 16 + wall } else { 0 },
        distance: (5.0 + 60.0 * height) as f32,
        seats: (0..64)
            .filter(|seat| open * 2.0 > noise(200 + seat))
            .fold(0, |all, seat| all | 1 << seat),
        zones,
    }
}

fn mixed(seed: u64) -> u64 {
    let seed = (seed ^ seed >> 31).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (seed ^ seed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) ^ seed >> 32
}

/// Header, facts that all records share, slot table, records.
fn inflated_len(page_len: u32) -> usize {
    40 + 48 + page_len as usize * (16 + 96)
}

/// The pages as they stand in a closed file, in the order of their keys.
fn stored_pages(path: &Path) -> Vec<Row> {
    // redb knows nothing of the seal behind its data; the seal's last 33 bytes say where that ends.
    let bare = path.with_extension("bare");
    fs::copy(path, &bare).expect("a copy");
    let bytes = fs::read(&bare).expect("the copy");
    let footer = &bytes[bytes.len() - 33..];
    let data_len = u64::from_le_bytes(footer[9..17].try_into().expect("eight bytes"));
    let file = OpenOptions::new().write(true).open(&bare).expect("the copy");
    file.set_len(data_len).expect("a cut");
    let database = Database::open(&bare).expect("redb's part");
    let txn = database.begin_read().expect("a transaction");
    let table = txn.open_table(PAGES).expect("the pages");
    let rows = table.iter().expect("the rows").map(|row| row.expect("a row"));
    rows.map(|(key, page)| (key.value().into(), page.value().into())).collect()
}

fn copy(
    folder: &Path,
    name: &str,
    pages: &[Row],
    cache_bytes: usize,
    value: impl Fn(&[u8]) -> Vec<u8>,
) -> Database {
    let path = folder.join(name);
    let open = || Database::builder().set_cache_size(cache_bytes).create(&path).expect("a copy");
    let database = open();
    let txn = database.begin_write().expect("a transaction");
    let mut table = txn.open_table(PAGES).expect("the table");
    for (key, page) in pages {
        table.insert(&**key, &*value(page)).expect("an insert");
    }
    drop(table);
    txn.commit().expect("a commit");
    drop(database);
    open()
}

/// Nanoseconds of a read that counts, in the middle of one round.
fn stride(entities: u32, read: impl Fn(u32) -> bool) -> f64 {
    let mut entity = 0;
    let mut nanos: Vec<u64> = (0..entities)
        .filter_map(|_| {
            entity = (entity + 617) % entities;
            let started = Instant::now();
            let counts = read(entity);
            counts.then(|| started.elapsed().as_nanos() as u64)
        })
        .collect();
    nanos.sort_unstable();
    nanos[nanos.len() / 2] as f64
}

fn report(work: &str, nanos: &mut [f64]) {
    nanos.sort_by(f64::total_cmp);
    let median = nanos[nanos.len() / 2];
    println!("{work:<44} {median:>8.0} ns   ({:.0} to {:.0})", nanos[0], nanos[nanos.len() - 1]);
}
