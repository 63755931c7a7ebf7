//! Memory: the most that a process had which read a file of a million records at random with room for
//! a tenth of them, less what one had that opened an empty file. LMDB's map of the file counts as
//! far as it was touched, though the operating system may take it back.

use crate::bench::Bench;
use crate::child;
use crate::figure::Better;
use crate::record::RECORD_BYTES;
use crate::spread::Spread;

pub const WORKS: &[&str] = &["memory_bytes"];

pub fn measure(bench: &mut Bench) {
    bench.tell("memory_bytes");
    let reads = bench.either(50_000, 500_000);
    let million = bench.million();
    let (records, folders) = (million.data.len(), million.folders.clone());
    let memory = records as usize * RECORD_BYTES / 10;
    let rows = folders.into_iter().map(|(peer, folder)| {
        let empty = bench.fresh_folder("memory-empty");
        let least = child::weigh(peer, &empty, memory, 0, 0);
        let most = child::weigh(peer, &folder, memory, records, reads);
        (peer.name, Spread::of(vec![most.saturating_sub(least) as f64]))
    });
    let rows: Vec<_> = rows.collect();
    bench.report("memory_bytes", "bytes", Better::Less, rows);
}
