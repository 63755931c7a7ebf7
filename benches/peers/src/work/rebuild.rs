//! Replacing records here and there by changed ones.
//!
//! tidetable builds all of them again in one run, which names each of them and ends with a sync; the
//! others overwrite a hundred rows a transaction, each synced, as a writer does that must not lose
//! much.

use crate::bench::Bench;
use crate::clock::nanos;
use crate::engine::{FilePeer, Sources, TIDETABLE, Tidetable, store_options};
use crate::figure::Better;
use crate::rounds::{Contender, alternate_cold};
use crate::zipf::scattered;

pub const WORKS: &[&str] = &["random_rebuild"];

const BATCH: usize = 100;

pub fn measure(bench: &mut Bench) {
    bench.tell("random_rebuild");
    bench.drop_shelf();
    let records = bench.data.len();
    let count = bench.either(2_000, 10_000).min(records as usize);
    let nths: Vec<u32> = (0..count as u32).map(|rank| scattered(rank, records)).collect();
    let changed = [bench.data.changed(), bench.data.clone()];
    let shared = &*bench;
    let contenders = bench.file_peers().into_iter().map(|peer| {
        let (nths, changed) = (&nths, &changed);
        let mut round = 0;
        let mut replace: Box<dyn FnMut(usize)> = if peer.name == TIDETABLE {
            let tide = store(shared);
            Box::new(move |round| {
                tide.change(&changed[round % 2]);
                tide.rebuild_some(nths);
            })
        } else {
            let engine = shared.loaded(peer, &folder(shared, peer));
            Box::new(move |round| {
                engine.write(&mut |writer| {
                    nths.chunks(BATCH).for_each(|batch| writer.put(&changed[round % 2], batch));
                });
            })
        };
        Contender::new(peer.name, move || {
            let took = nanos(|| replace(round));
            round += 1;
            took / nths.len() as f64 / 1e3
        })
    });
    let spreads = alternate_cold(bench.either(3, 7), contenders.collect());
    bench.report("random_rebuild", "us", Better::Less, spreads);
}

fn folder(bench: &Bench, peer: FilePeer) -> std::path::PathBuf {
    bench.fresh_folder(&format!("rebuild-{}", peer.name))
}

fn store(bench: &Bench) -> Tidetable {
    let folder = bench.fresh_folder("rebuild-tidetable");
    let tide = Tidetable::open(&folder, store_options(bench.memory()), Sources::None);
    tide.precompute(&bench.data);
    tide
}
