//! What part of real requests each cache answers at equal memory.
//!
//! OLTP and P3 are traces of N. Megiddo and D. S. Modha, "ARC: A Self-Tuning, Low Overhead
//! Replacement Cache", FAST 03. They are not part of this repository: whoever has them names their
//! folder.

mod lis;
mod peers;
mod ratio;
mod tide;

use std::error::Error;
use std::path::Path;

use crate::bench::Bench;
use crate::engine::TIDETABLE;
use crate::figure::Better;
use crate::spread::Spread;

use lis::Trace;
use peers::{Foyer, Moka, QuickCache};
use ratio::ratio;
use tide::Tide;

pub const WORKS: &[&str] =
    &["hit_ratio_OLTP_1000", "hit_ratio_OLTP_4000", "hit_ratio_P3_20000", "hit_ratio_P3_100000"];

/// Which trace is played, how many entries each cache may hold, and how often; in the order of the
/// works.
const PLAYED: [(&str, usize, u32); 4] =
    [("OLTP", 1_000, 5), ("OLTP", 4_000, 5), ("P3", 20_000, 5), ("P3", 100_000, 3)];
/// What of them the quick run plays: the others read some millions of records from a file.
const PLAYED_QUICK: usize = 2;

/// Plays every trace that the named folder has.
pub fn measure(bench: &mut Bench) {
    let Some(folder) = bench.args.traces.clone() else {
        bench.tell("no traces: see --traces");
        return;
    };
    let mut trace: Option<Trace> = None;
    let played = bench.either(PLAYED_QUICK, PLAYED.len());
    for (work, (name, capacity, rounds)) in WORKS.iter().zip(PLAYED).take(played) {
        if !bench.args.wants(work) {
            continue;
        }
        bench.tell(work);
        if trace.as_ref().is_none_or(|trace| trace.name() != name) {
            trace = find(&folder, name);
        }
        let Some(trace) = &trace else { continue };
        let ratios =
            ratios(bench, trace, capacity, rounds).expect("a store takes the trace's keys");
        bench.report(work, "%", Better::More, ratios);
    }
}

fn find(folder: &Path, name: &str) -> Option<Trace> {
    let found = Trace::find(folder, name).expect("a trace can be read");
    if found.is_none() {
        eprintln!("{name}: not in {}", folder.display());
    }
    found
}

/// Whatever is asked for the same by every engine. Nothing in it is timed, and yet it is played
/// several times: who is let in hangs on who was let in before, so that a cache which begins with one
/// page more, or hashes its keys otherwise, ends a few tenths of a percent above or below.
fn ratios(
    bench: &Bench,
    trace: &Trace,
    capacity: usize,
    rounds: u32,
) -> Result<Vec<(&'static str, Spread)>, Box<dyn Error>> {
    let mut ratios = Vec::new();
    for engine in [TIDETABLE, "quick_cache", "moka", "foyer"] {
        if !bench.args.runs(engine) {
            continue;
        }
        let mut tide = None;
        let mut samples = Vec::new();
        for round in 0..rounds {
            samples.push(match engine {
                "quick_cache" => ratio(&QuickCache::new(capacity), trace, round),
                "moka" => ratio(&Moka::new(capacity), trace, round),
                "foyer" => ratio(&Foyer::new(capacity), trace, round),
                _ => {
                    let next = match tide.take() {
                        None => Tide::new(trace, capacity)?,
                        Some(tide) => Tide::emptied(tide)?,
                    };
                    ratio(tide.insert(next), trace, round)
                }
            });
        }
        if let Some((pages, bytes)) = tide.as_ref().map(Tide::held) {
            eprintln!("    tidetable held {pages} pages, {bytes} bytes each");
        }
        ratios.push((engine, Spread::of(samples)));
    }
    Ok(ratios)
}
