//! Storing all records into a new file, in order, with one sync at the end.
//!
//! tidetable builds them in a run whose build function copies the record; the others store rows that
//! are there already. `bulk_deps` is the same with ten sources read by each entity in tidetable,
//! beside the same bare rows of the others, which know nothing of the kind.

use std::fs;

use crate::bench::Bench;
use crate::clock::nanos;
use crate::engine::{FilePeer, Sources, TIDETABLE, Tidetable, store_options};
use crate::figure::Better;
use crate::rounds::{Contender, alternate_cold};

pub const WORKS: &[&str] = &["bulk", "bulk_deps"];

const DEPENDENCIES: u32 = 10;

pub fn measure(bench: &mut Bench) {
    if !bench.args.wants_any(WORKS) {
        return;
    }
    bench.tell("bulk");
    bench.drop_shelf();
    let shared = &*bench;
    let mut contenders: Vec<Contender<'_>> = Vec::new();
    for peer in bench.file_peers() {
        contenders.push(Contender::new(peer.name, move || load(shared, peer)));
    }
    if bench.args.runs(TIDETABLE) {
        let own = Sources::Buildings(DEPENDENCIES);
        contenders.push(Contender::new("with", move || build(shared, own)));
    }
    let spreads = alternate_cold(bench.either(3, 15), contenders);
    let bare = spreads.iter().filter(|(name, _)| *name != "with").copied();
    let rows: Vec<_> = bare.collect();
    if bench.args.wants("bulk") {
        bench.report("bulk", "M records/s", Better::More, rows);
    }
    if bench.args.wants("bulk_deps") {
        let rows = spreads.into_iter().filter_map(|(name, spread)| match name {
            TIDETABLE => None,
            "with" => Some((TIDETABLE, spread)),
            name => Some((name, spread)),
        });
        let rows: Vec<_> = rows.collect();
        bench.report("bulk_deps", "M records/s", Better::More, rows);
    }
}

/// Millions of records a second.
fn load(bench: &Bench, peer: FilePeer) -> f64 {
    let folder = bench.fresh_folder(&format!("bulk-{}", peer.name));
    let engine = (peer.open)(&folder, bench.memory());
    let took = nanos(|| engine.load(&bench.data));
    engine.close();
    fs::remove_dir_all(folder).expect("the folder goes");
    f64::from(bench.data.len()) / took * 1e3
}

fn build(bench: &Bench, sources: Sources) -> f64 {
    let folder = bench.fresh_folder("bulk-sources");
    let tide = Tidetable::open(&folder, store_options(bench.memory()), sources);
    let took = nanos(|| tide.precompute(&bench.data));
    tide.store.close().expect("a clean close");
    fs::remove_dir_all(folder).expect("the folder goes");
    f64::from(bench.data.len()) / took * 1e3
}
