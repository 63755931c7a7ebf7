//! How cost grows: with threads, with the size of the store, with the number of dependencies.
//!
//! Each is a chart with a curve for each engine. The full run has them all; the quick one only those
//! that are asked for by name.

mod dependencies;
mod store_size;
mod threads;

use tidetable::{Options, Span};

use crate::bench::Bench;
use crate::engine::store_options;
use crate::plot::Chart;

type Series = fn(&mut Bench) -> Chart;

const SERIES: [(&str, Series); 3] = [
    ("throughput_by_threads", threads::measure),
    ("cost_by_store_size", store_size::measure),
    ("cost_by_dependencies", dependencies::measure),
];

/// Measures what is asked for, and prints it.
pub fn measure(bench: &mut Bench) -> Vec<Chart> {
    let named = |name: &str| bench.args.only.iter().any(|asked| asked == name);
    let asked = SERIES
        .iter()
        .filter(|(name, _)| if bench.args.quick { named(name) } else { bench.args.wants(name) });
    let asked: Vec<_> = asked.collect();
    let mut charts = Vec::new();
    for (name, series) in asked {
        bench.tell(name);
        let chart = series(bench);
        print(&chart);
        charts.push(chart);
    }
    charts
}

/// As in the other works, but without the slow beginning after an opening: it is the same ten seconds
/// for a small store and a large one, and would stand for what a small one costs.
fn unhurried(memory_bytes: usize) -> Options {
    Options { background_ramp: Span::ZERO, ..store_options(memory_bytes) }
}

#[expect(clippy::print_stdout, reason = "a program that reports")]
fn print(chart: &Chart) {
    println!("{}, by {}", chart.name, chart.x.label);
    for panel in &chart.panels {
        println!("    {}, {}", panel.title, panel.y.label);
        for curve in &panel.curves {
            let points = curve.points.iter().map(|(x, y)| format!("{x:>9.0}: {y:<10.4}"));
            println!("        {:<18}{}", curve.name, points.collect::<String>());
        }
    }
    println!();
}
