//! Ninety-five reads to five writes by one caller, one after the other: popular records by Zipf's law,
//! each write one changed record, durable when it returns (tidetable: `put`). Reads see what was
//! written before. With one write in twenty, the 99th percentile of all operations lies among the
//! writes: it is what a sync costs; `mixed_read_p99` is of the reads alone.

use std::time::Instant;

use crate::bench::Bench;
use crate::clock::histogram;
use crate::data::Data;
use crate::engine::FileEngine;
use crate::figure::Better;
use crate::key::Key;
use crate::rounds::{Contender, alternate_cold};
use crate::spread::Spread;

pub const WORKS: &[&str] = &["mixed_p50", "mixed_p99", "mixed_p999", "mixed_read_p99"];

const WRITE_EVERY: usize = 20;
/// Percentiles of all operations, and one of the reads alone.
const QUANTILES: [f64; 3] = [0.5, 0.99, 0.999];

pub fn measure(bench: &mut Bench) {
    bench.tell("mixed");
    bench.drop_shelf();
    let operations = bench.either(10_000, 60_000);
    let versions = [bench.data.clone(), bench.data.changed()];
    let engines: Vec<_> = (bench.file_peers().into_iter())
        .map(|peer| {
            let folder = bench.fresh_folder(&format!("mixed-{}", peer.name));
            bench.warmed(peer, &folder)
        })
        .collect();
    let mut samples: Vec<Vec<[f64; 4]>> = vec![Vec::new(); engines.len()];
    let draws = &bench.draws.zipf[..operations];
    let records = bench.data.len() as usize;
    let contenders = engines.iter().zip(&mut samples).map(|(engine, samples)| {
        // Which version each record has: a write brings the other.
        let mut held = vec![false; records];
        let versions = &versions;
        Contender::new(engine.name(), move || {
            let latencies = mixed(engine.as_ref(), draws, versions, &mut held);
            samples.push(latencies);
            latencies[0]
        })
    });
    alternate_cold(bench.either(3, 5), contenders.collect());
    for (nth, work) in WORKS.iter().enumerate() {
        if bench.args.wants(work) {
            let spreads = engines.iter().zip(&samples).map(|(engine, samples)| {
                let of = samples.iter().map(|latencies| latencies[nth]).collect();
                (engine.name(), Spread::of(of))
            });
            let spreads: Vec<_> = spreads.collect();
            bench.report(work, "ns", Better::Less, spreads);
        }
    }
}

fn mixed(
    engine: &dyn FileEngine,
    draws: &[u32],
    versions: &[Data; 2],
    held: &mut [bool],
) -> [f64; 4] {
    let (mut all, mut reads) = (histogram(), histogram());
    engine.write(&mut |writer| {
        for (nth, draw) in draws.iter().enumerate() {
            let began = Instant::now();
            let writes = nth % WRITE_EVERY == WRITE_EVERY - 1;
            if writes {
                let held = &mut held[*draw as usize];
                *held = !*held;
                writer.put(&versions[usize::from(*held)], &[*draw]);
            } else {
                std::hint::black_box(writer.get(Key::nth(*draw)).expect("a record"));
            }
            let took = began.elapsed().as_nanos() as u64;
            all.saturating_record(took);
            if !writes {
                reads.saturating_record(took);
            }
        }
    });
    let [p50, p99, p999] = QUANTILES.map(|quantile| all.value_at_quantile(quantile) as f64);
    [p50, p99, p999, reads.value_at_quantile(0.99) as f64]
}
