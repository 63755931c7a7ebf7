//! What a record costs in a small store and in a large one.
//!
//! Each engine is loaded with 10,000 records and with ten times as many over and over, read while it
//! has memory for all of them, opened again with memory for a twentieth, and read once more. Each
//! size is a file of its own, gone when the next one begins. tidetable's records depend on a building
//! for each entity, so that there is something to announce; the others overwrite a record.

use std::hint::black_box;
use std::path::Path;

use crate::bench::{Bench, memory_for};
use crate::clock::nanos;
use crate::data::Data;
use crate::engine::{FileEngine, FilePeer, Sources, TIDETABLE, Tidetable, building, file_peers};
use crate::key::SLOTS;
use crate::plot::{Axis, Chart, Curve, Panel};
use crate::record::RECORD_BYTES;
use crate::spread::Spread;
use crate::zipf::{Draws, scattered};

use super::unhurried;

const SIZES: [usize; 4] = [10_000, 100_000, 1_000_000, 10_000_000];
/// The largest takes minutes.
const SIZES_QUICK: usize = 2;
const ENGINES: [&str; 4] = [TIDETABLE, "redb", "lmdb", "sqlite"];
const DRAWS: usize = 1 << 18;
const TIMELINES: usize = 1 << 13;
/// So many reads of pages that are not in memory, at most.
const COLD_READS: u32 = 1 << 14;
const CHANGES: u32 = 51;
const ROUNDS: usize = 5;
/// Less is no memory at all: a file's own cache has to hold the way to its leaves.
const MEMORY_MIN: usize = 256 << 10;

/// What is measured, in the order of the panels.
const PANELS: [(&str, &str); 7] = [
    ("A record in memory", "nanoseconds, logarithmic"),
    ("A timeline of 73 buckets", "nanoseconds, logarithmic"),
    ("A record that only the file has", "nanoseconds, logarithmic"),
    ("A durable change of one thing", "microseconds, logarithmic"),
    ("Filling, one sync at the end", "nanoseconds a record, logarithmic"),
    ("Opening after a clean close", "milliseconds, logarithmic"),
    ("On disk", "bytes a record, logarithmic"),
];

pub(super) fn measure(bench: &mut Bench) -> Chart {
    bench.drop_shelf();
    let panel = |(title, label)| {
        let curves = ENGINES.iter().filter(|name| bench.args.runs(name));
        let curves = curves.map(|name| Curve { name: (*name).into(), points: Vec::new() });
        Panel { title, y: Axis { label, logarithmic: true }, curves: curves.collect() }
    };
    let mut panels: Vec<Panel> = PANELS.into_iter().map(panel).collect();
    let sizes = bench.either(SIZES_QUICK, SIZES.len());
    for size in &SIZES[..sizes] {
        let data = Data::new(*size);
        let draws = Draws::new(DRAWS, data.len());
        for peer in file_peers() {
            if !ENGINES.contains(&peer.name) || !bench.args.runs(peer.name) {
                continue;
            }
            bench.tell(&format!("{} with {size} records", peer.name));
            let folder = bench.fresh_folder("size");
            let costs = costs(peer, &folder, &data, &draws);
            for (panel, cost) in panels.iter_mut().zip(costs) {
                let curve = panel.curves.iter_mut().find(|curve| curve.name == peer.name);
                let point = (f64::from(data.len()), cost);
                curve.expect("only these were asked").points.push(point);
            }
        }
    }
    bench.fresh_folder("size");
    Chart {
        name: "cost_by_store_size",
        title: "Cost by the size of the store",
        x: Axis { label: "records in the store, logarithmic", logarithmic: true },
        panels,
    }
}

fn costs(peer: FilePeer, folder: &Path, data: &Data, draws: &Draws) -> [f64; PANELS.len()] {
    let records = f64::from(data.len());
    let engine = open(peer, folder, memory_for(data));
    let fill = nanos(|| engine.load(data)) / records;
    let entities: Vec<u32> = draws.zipf[..TIMELINES].iter().map(|nth| nth / SLOTS).collect();
    let (mut hit, mut timeline) = (0.0, 0.0);
    engine.read(&mut |reader| {
        hit = median(|| nanos(|| reader.gets(black_box(&draws.zipf))) / DRAWS as f64);
        let mut timelines = || nanos(|| reader.timelines(black_box(&entities), 36..109));
        timeline = median(|| timelines() / TIMELINES as f64);
    });
    let change = changes(peer, engine, folder, data);
    let bytes = bytes_in(folder) as f64 / records;

    let mut opened = None;
    let memory = (data.len() as usize * RECORD_BYTES / 20).max(MEMORY_MIN);
    let open_millis = nanos(|| opened = Some(open(peer, folder, memory))) / 1e6;
    let engine = opened.expect("it was opened");
    // Other entities every time, in an order that is none of the file.
    let ranks = 0..data.entities().min(COLD_READS);
    let entities = ranks.map(|rank| scattered(rank, data.entities()));
    let keys: Vec<u32> = entities.map(|entity| entity * SLOTS + entity % SLOTS).collect();
    let mut cold = 0.0;
    engine.read(&mut |reader| {
        cold = median(|| nanos(|| reader.gets(black_box(&keys))) / keys.len() as f64);
    });
    engine.close();
    [hit, timeline, cold, change, fill, open_millis, bytes]
}

/// Every engine as the other works have it, but tidetable with one source an entity.
fn open(peer: FilePeer, folder: &Path, memory: usize) -> Box<dyn FileEngine> {
    if peer.name == TIDETABLE {
        Box::new(Tidetable::open(folder, unhurried(memory), Sources::Buildings(1)))
    } else {
        (peer.open)(folder, memory)
    }
}

/// Changes one thing after the other, each synced when its call returns, and closes the engine.
fn changes(peer: FilePeer, engine: Box<dyn FileEngine>, folder: &Path, data: &Data) -> f64 {
    let nths = (0..CHANGES).map(|rank| scattered(rank, data.len()));
    let mut samples = Vec::new();
    if peer.name == TIDETABLE {
        // The trait does not know of sources: the same store once more, by its own name.
        engine.close();
        let options = unhurried(memory_for(data));
        let tidetable = Tidetable::open(folder, options, Sources::Buildings(1));
        for nth in nths {
            let source = building(nth / SLOTS, 0, 1);
            samples.push(nanos(|| tidetable.store.invalidate(source).expect("it is announced")));
        }
        Box::new(tidetable).close();
    } else {
        // Other records than are there: SQLite does not write, and so does not sync, what is the same.
        let changed = data.changed();
        engine.write(&mut |writer| {
            samples.extend(nths.clone().map(|nth| nanos(|| writer.put(&changed, &[nth]))));
        });
        engine.close();
    }
    Spread::of(samples).median / 1e3
}

/// The median of some rounds, after one that does not count.
fn median(mut round: impl FnMut() -> f64) -> f64 {
    round();
    Spread::of((0..ROUNDS).map(|_| round()).collect()).median
}

fn bytes_in(folder: &Path) -> u64 {
    let entries = folder.read_dir().expect("the folder is there");
    let files = entries.map(|entry| entry.and_then(|entry| entry.metadata()));
    files.map(|file| file.expect("a file of the engine").len()).sum()
}
