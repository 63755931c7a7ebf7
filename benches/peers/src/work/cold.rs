//! One record from the file, whose pages the operating system has in memory and the engine has not:
//! the engines get memory for a twentieth of the records, and are asked for one record of each entity
//! in turn, so that none is asked for again before all others were.
//!
//! `cold_read` compares with redb's own `get` of as many bytes as a page of tidetable's has
//! (`redb`: a row for each entity with its 144 records, not compressed), and with rows by record of
//! the others. `cold_read_compressed` is against redb's `get` of the same page compressed as
//! tidetable does it (zstd, level 1), not inflated: what a file alone costs. `cold_read_inflated` is
//! with inflating, the same work as tidetable's without its checks; `cold_read_row` has redb with a
//! row a record.

use std::hint::black_box;

use crate::bench::Bench;
use crate::clock::nanos;
use crate::engine::{Engine, RedbPages, TIDETABLE};
use crate::figure::Better;
use crate::key::SLOTS;
use crate::record::touch_bytes;
use crate::rounds::{Contender, alternate};
use crate::zipf::scattered;

pub const WORKS: &[&str] =
    &["cold_read", "cold_read_compressed", "cold_read_inflated", "cold_read_row"];

const ZSTD_LEVEL: i32 = 1;

pub fn measure(bench: &mut Bench) {
    if !bench.args.wants_any(WORKS) {
        return;
    }
    bench.tell("cold_read");
    bench.drop_shelf();
    let (data, rounds) = (bench.data.clone(), bench.rounds());
    let memory = data.len() as usize * 96 / 20;
    // Every entity once, in an order that is none of the file.
    let entities: Vec<u32> =
        (0..data.entities()).map(|rank| scattered(rank, data.entities())).collect();
    let keys: Vec<u32> = entities.iter().map(|entity| entity * SLOTS + entity % SLOTS).collect();

    let engines: Vec<_> = (bench.file_peers().into_iter())
        .map(|peer| {
            let folder = bench.fresh_folder(&format!("cold-{}", peer.name));
            bench.loaded(peer, &folder).close();
            (peer.open)(&folder, memory)
        })
        .collect();
    let with_redb = bench.args.runs("redb");
    let page = |entity| -> Vec<u8> {
        (0..SLOTS).flat_map(|slot| data.bytes(entity * SLOTS + slot)).collect()
    };
    let compressed = |entity| zstd::bulk::compress(&page(entity), ZSTD_LEVEL).expect("zstd compresses");
    let pages = (0..data.entities()).map(page);
    let plain = RedbPages::new(&bench.fresh_folder("cold-pages"), memory, pages);
    let pages = (0..data.entities()).map(compressed);
    let packed = RedbPages::new(&bench.fresh_folder("cold-packed"), memory, pages);

    let of = |engine: &dyn Engine| {
        let mut took = 0.0;
        engine.read(&mut |reader| took = nanos(|| reader.gets(black_box(&keys))));
        took / keys.len() as f64
    };
    let slots: Vec<usize> = entities.iter().map(|entity| (entity % SLOTS) as usize * 96).collect();
    let of_plain = || {
        let mut slots = slots.iter().cycle();
        let mut look = |page: &[u8]| {
            let record = slots.next().and_then(|at| page.get(*at..));
            _ = black_box(record.map(touch_bytes));
        };
        nanos(|| plain.gets(&entities, &mut look)) / entities.len() as f64
    };
    let of_packed = || {
        let mut look = |page: &[u8]| _ = black_box(page.last());
        nanos(|| packed.gets(&entities, &mut look)) / entities.len() as f64
    };
    let inflater = zstd::bulk::Decompressor::new().expect("zstd begins");
    let inflater = std::cell::RefCell::new((inflater, Vec::with_capacity(96 * SLOTS as usize)));
    let of_inflated = || {
        let mut slots = slots.iter().cycle();
        let mut look = |page: &[u8]| {
            let (inflater, inflated) = &mut *inflater.borrow_mut();
            inflater.decompress_to_buffer(page, inflated).expect("what was compressed");
            let record = slots.next().and_then(|at| inflated.get(*at..));
            _ = black_box(record.map(touch_bytes));
        };
        nanos(|| packed.gets(&entities, &mut look)) / entities.len() as f64
    };

    let contender = |engine: &'_ (dyn Engine + '_)| -> f64 { of(engine) };
    let mut contenders: Vec<Contender<'_>> = Vec::new();
    for engine in &engines {
        // Redb's rows are another work: in this one it has pages.
        let name = if engine.name() == "redb" { "rows" } else { engine.name() };
        contenders.push(Contender::new(name, move || contender(engine.as_ref())));
    }
    if with_redb {
        contenders.push(Contender::new("plain", of_plain));
        contenders.push(Contender::new("packed", of_packed));
        contenders.push(Contender::new("inflated", of_inflated));
    }
    let spreads = alternate(rounds, contenders);
    let redb = |name: &str| match name {
        "rows" | "plain" | "packed" | "inflated" => "redb",
        _ => "",
    };
    for (work, row) in WORKS.iter().zip(["plain", "packed", "inflated", "rows"]) {
        let own = *work == "cold_read";
        let rows = spreads.iter().filter_map(|(name, spread)| match *name {
            name if name == row => Some((redb(name), *spread)),
            TIDETABLE => Some((TIDETABLE, *spread)),
            name if own && redb(name).is_empty() => Some((name, *spread)),
            _ => None,
        });
        let rows: Vec<_> = rows.collect();
        if bench.args.wants(work) && !rows.is_empty() {
            bench.report(work, "ns", Better::Less, rows);
        }
    }
}
