//! Asking for what was never stored, with everything else in memory: entities beyond the last.

use std::hint::black_box;

use crate::bench::Bench;
use crate::clock::nanos;
use crate::figure::Better;
use crate::key::Key;
use crate::rounds::{Contender, alternate};

pub const WORKS: &[&str] = &["miss"];

const MISSES: usize = 1 << 15;

pub fn measure(bench: &mut Bench) {
    if !bench.args.wants("miss") {
        return;
    }
    bench.tell("miss");
    let rounds = bench.rounds();
    let absent = |nth: &u32| Key::nth(nth + bench.data.len());
    let keys: Vec<Key> = bench.draws.uniform[..MISSES].iter().map(absent).collect();
    let keys = keys.as_slice();
    let contenders = bench.shelf().all().into_iter().map(|engine| {
        Contender::new(engine.name(), move || {
            let mut took = 0.0;
            engine.read(&mut |reader| {
                took = nanos(|| {
                    assert_eq!(reader.misses(black_box(keys)), MISSES, "nothing is there")
                });
            });
            took / MISSES as f64
        })
    });
    let spreads = alternate(rounds, contenders.collect());
    bench.report("miss", "ns", Better::Less, spreads);
}
