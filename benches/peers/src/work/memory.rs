//! Memory: the most that a process had which read a file of a million records at random with room for
//! a tenth of them, less what one had that opened an empty file. LMDB's map of the file counts as
//! far as it was touched, though the operating system may take it back.

use crate::bench::Bench;
use crate::child;
use crate::data::Data;
use crate::figure::Better;
use crate::record::RECORD_BYTES;
use crate::spread::Spread;

pub const WORKS: &[&str] = &["memory_bytes"];

const RECORDS: usize = 1_000_000;
const MEMORY: usize = RECORDS * RECORD_BYTES / 10;

pub fn measure(bench: &mut Bench) {
    bench.tell("memory_bytes");
    bench.drop_shelf();
    let data = Data::new(RECORDS);
    let reads = bench.either(50_000, 500_000);
    let rows = bench.file_peers().into_iter().map(|peer| {
        let folder = bench.fresh_folder(&format!("memory-{}", peer.name));
        let engine = (peer.open)(&folder, 256 << 20);
        engine.load(&data);
        engine.close();
        let empty = bench.fresh_folder("memory-empty");
        let least = child::weigh(peer, &empty, MEMORY, 0, 0);
        let most = child::weigh(peer, &folder, MEMORY, data.len(), reads);
        (peer.name, Spread::of(vec![most.saturating_sub(least) as f64]))
    });
    let rows: Vec<_> = rows.collect();
    bench.report("memory_bytes", "bytes", Better::Less, rows);
}
