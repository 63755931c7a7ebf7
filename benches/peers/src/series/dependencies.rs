//! What more dependencies cost: tidetable alone, for no peer has them.

use std::hint::black_box;

use tidetable::Timestamp;

use crate::bench::Bench;
use crate::clock::nanos;
use crate::data::Data;
use crate::engine::{Engine, FileEngine, Sources, TIDETABLE, Tidetable, building};
use crate::key::{SLOTS, start_of};
use crate::plot::{Axis, Chart, Curve, Panel};
use crate::spread::Spread;

use super::unhurried;

const COUNTS: [u32; 5] = [1, 10, 100, 1_000, 4_096];
/// So many edges in the file, about, however many an entity has.
const EDGES: u32 = 40_960;
const MEMORY: usize = 64 << 20;
const READS: usize = 1 << 17;
const CHANGES: u32 = 21;
const ROUNDS: usize = 5;

const PANELS: [(&str, &str); 5] = [
    ("A record in memory", "nanoseconds, logarithmic"),
    ("A record that only the file has", "nanoseconds, logarithmic"),
    ("Filling, one sync at the end", "microseconds an entity's day, logarithmic"),
    ("Announcing that a source changed", "microseconds, logarithmic"),
    ("Reading what it had made stale", "microseconds, logarithmic"),
];

/// Each entity has sources of its own, the same for all records of its page.
pub(super) fn measure(bench: &mut Bench) -> Chart {
    bench.drop_shelf();
    let curve = || Curve { name: TIDETABLE.into(), points: Vec::new() };
    let mut panels: Vec<Panel> = PANELS
        .into_iter()
        .map(|(title, label)| Panel {
            title,
            y: Axis { label, logarithmic: true },
            curves: vec![curve()],
        })
        .collect();
    for count in COUNTS {
        bench.tell(&format!("{count} dependencies"));
        for (panel, cost) in panels.iter_mut().zip(costs(bench, count)) {
            panel.curves[0].points.push((f64::from(count), cost));
        }
    }
    bench.fresh_folder("dependencies");
    Chart {
        name: "cost_by_dependencies",
        title: "Cost by the number of dependencies of a record",
        x: Axis { label: "dependencies of each record, logarithmic", logarithmic: true },
        panels,
    }
}

fn costs(bench: &Bench, count: u32) -> [f64; PANELS.len()] {
    let folder = bench.fresh_folder("dependencies");
    let data = Data::new(((EDGES / count).clamp(10, 1_000) * SLOTS) as usize);
    let open = |memory| Tidetable::open(&folder, unhurried(memory), Sources::Buildings(count));
    let tidetable = open(MEMORY);
    let fill = nanos(|| tidetable.load(&data)) / f64::from(data.entities()) / 1e3;
    let nths: Vec<u32> = data.all().step_by(7).cycle().take(READS).collect();
    let hit = reads(&tidetable, &nths);

    let (mut announced, mut read) = (Vec::new(), Vec::new());
    for change in 0..CHANGES {
        let entity = change % data.entities();
        let source = building(entity, change % count, count);
        announced.push(nanos(|| tidetable.store.invalidate(source).expect("it is announced")));
        let at = Timestamp::from_millis(start_of(change));
        read.push(nanos(|| tidetable.view.get(&entity, at).expect("it is built again")));
    }
    Box::new(tidetable).close();

    // No memory for pages: every read goes to the file.
    let tidetable = open(0);
    let nths: Vec<u32> = (0..data.entities()).map(|entity| entity * SLOTS + 60).collect();
    let cold = reads(&tidetable, &nths);
    Box::new(tidetable).close();
    let [announced, read] = [announced, read].map(|samples| Spread::of(samples).median / 1e3);
    [hit, cold, fill, announced, read]
}

/// Nanoseconds for each, in the median round.
fn reads(tidetable: &Tidetable, nths: &[u32]) -> f64 {
    let mut samples = Vec::new();
    tidetable.read(&mut |reader| {
        let mut round = || nanos(|| reader.gets(black_box(nths))) / nths.len() as f64;
        round();
        samples.extend((0..ROUNDS).map(|_| round()));
    });
    Spread::of(samples).median
}
