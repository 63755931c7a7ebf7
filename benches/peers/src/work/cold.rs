//! One record from the file, whose pages the operating system has in memory and the engine has not:
//! the engines get memory for a twentieth of the records. All entities are asked for in turn, of each
//! another bucket each time, so that no record is asked for twice and no page again before all others
//! were.
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
use crate::engine::{RedbPages, TIDETABLE};
use crate::figure::Better;
use crate::key::SLOTS;
use crate::record::{RECORD_BYTES, touch_bytes};
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
    let memory = data.len() as usize * RECORD_BYTES / 20;
    // The entities in an order that is none of the file; a turn for each bucket.
    let order: Vec<u32> =
        (0..data.entities()).map(|rank| scattered(rank, data.entities())).collect();
    let turn = |slot| order.iter().map(move |entity| entity * SLOTS + (entity + slot * 37) % SLOTS);
    let keys: Vec<u32> = (0..SLOTS).flat_map(turn).collect();
    let reads = bench.either(2_000, 10_000).min(keys.len() / (rounds + 1));
    // The keys of one engine's next round.
    let next = |round: &mut usize| {
        *round += 1;
        let from = (*round - 1) * reads;
        &keys[from..from + reads]
    };

    let engines: Vec<_> = (bench.file_peers().into_iter())
        .map(|peer| {
            let folder = bench.fresh_folder(&format!("cold-{}", peer.name));
            bench.loaded(peer, &folder).close();
            (peer.open)(&folder, memory)
        })
        .collect();
    let with_redb = bench.args.runs("redb");
    let page = |entity| -> Vec<u8> {
        (0..SLOTS).flat_map(|slot| *data.bytes(entity * SLOTS + slot)).collect()
    };
    let compressed =
        |entity| zstd::bulk::compress(&page(entity), ZSTD_LEVEL).expect("zstd compresses");
    let pages = (0..data.entities()).map(page);
    let plain = RedbPages::new(&bench.fresh_folder("cold-pages"), memory, pages);
    let pages = (0..data.entities()).map(compressed);
    let packed = RedbPages::new(&bench.fresh_folder("cold-packed"), memory, pages);

    let each = |took: f64| took / reads as f64;
    let mut contenders: Vec<Contender<'_>> = Vec::new();
    for engine in &engines {
        // Redb's rows are a work of their own: in the first it has pages.
        let name = if engine.name() == "redb" { "rows" } else { engine.name() };
        let mut round = 0;
        contenders.push(Contender::new(name, move || {
            let mut took = 0.0;
            let keys = next(&mut round);
            engine.read(&mut |reader| took = nanos(|| reader.gets(black_box(keys))));
            each(took)
        }));
    }
    if with_redb {
        let mut round = 0;
        let plain = &plain;
        contenders.push(Contender::new("plain", move || {
            each(nanos(|| plain.gets(next(&mut round), &mut look_at_record)))
        }));
        let mut round = 0;
        let packed = &packed;
        contenders.push(Contender::new("packed", move || {
            let mut look = |page: &[u8], _| _ = black_box(page.last());
            each(nanos(|| packed.gets(next(&mut round), &mut look)))
        }));
        let mut round = 0;
        let mut inflater = zstd::bulk::Decompressor::new().expect("zstd begins");
        let mut inflated = Vec::with_capacity(RECORD_BYTES * SLOTS as usize);
        contenders.push(Contender::new("inflated", move || {
            let mut look = |page: &[u8], nth| {
                inflater.decompress_to_buffer(page, &mut inflated).expect("what was compressed");
                look_at_record(&inflated, nth);
            };
            each(nanos(|| packed.gets(next(&mut round), &mut look)))
        }));
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

/// Finds a record in a page that holds nothing but records.
fn look_at_record(page: &[u8], nth: u32) {
    let record = page.get((nth % SLOTS) as usize * RECORD_BYTES..);
    _ = black_box(record.map(touch_bytes));
}
