//! Hits of several threads at once.

use crate::bench::Bench;
use crate::engine::TIDETABLE;
use crate::plot::{Axis, Chart, Curve, Panel};
use crate::rounds::{Contender, alternate};
use crate::work::hits::nanos_each;

const THREADS: [usize; 3] = [1, 2, 4];
const IN_MEMORY: [&str; 4] = [TIDETABLE, "quick_cache", "moka", "foyer"];

/// Hits a second of all threads together: by Zipf's law over all records, and on the sixteen hottest
/// alone, where what threads share is shared most.
pub(super) fn measure(bench: &mut Bench) -> Chart {
    bench.shelf();
    let rounds = bench.rounds().min(5);
    let panels = [("Zipf 0.99 over all records", false), ("The sixteen hottest records", true)];
    let panels = panels.into_iter().map(|(title, hottest)| {
        let mut curves = IN_MEMORY.map(|name| Curve { name: name.into(), points: Vec::new() });
        for threads in THREADS {
            let draws = if hottest { &bench.draws.hottest } else { &bench.draws.zipf };
            let draws = draws[..1 << 18].to_vec();
            let engines = bench.shelf().some(|name| IN_MEMORY.contains(&name));
            let contenders = engines.into_iter().map(|engine| {
                let draws = &draws;
                Contender::new(engine.name(), move || nanos_each(engine, draws, threads))
            });
            for (engine, nanos) in alternate(rounds, contenders.collect()) {
                let curve = curves.iter_mut().find(|curve| curve.name == engine);
                // Millions a second.
                let point = (threads as f64, 1e3 / nanos.median);
                curve.expect("only these were asked").points.push(point);
            }
        }
        let curves = curves.into_iter().filter(|curve| !curve.points.is_empty()).collect();
        let y = Axis { label: "million hits a second, of all threads", logarithmic: false };
        Panel { title, y, curves }
    });
    Chart {
        name: "throughput_by_threads",
        title: "Hits in memory, by threads",
        x: Axis { label: "threads", logarithmic: false },
        panels: panels.collect(),
    }
}
