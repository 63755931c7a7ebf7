//! Several records at once, in memory: a timeline of an entity's day from eight to eight, and a
//! hundred entities at one time. Engines that keep records one by one in memory get them one by one;
//! those with a file, warm, by a range of rows where the records stand together.

use std::hint::black_box;

use crate::bench::Bench;
use crate::clock::nanos;
use crate::engine::{Engine, Reader};
use crate::figure::Better;
use crate::key::SLOTS;
use crate::rounds::{Contender, alternate};

pub const WORKS: &[&str] = &["timeline_73", "get_many_100"];

/// From 08:00 to 20:00, both in it.
const DAYTIME: std::ops::Range<u32> = 48..121;
const TIMELINES: usize = 1 << 13;
const MANY: usize = 100;
const LISTS: usize = 1 << 9;

pub fn measure(bench: &mut Bench) {
    let rounds = bench.rounds();
    // The entities of popular records, popular ones more often.
    let entities: Vec<u32> = bench.draws.zipf.iter().map(|nth| nth / SLOTS).collect();
    if bench.args.wants("timeline_73") {
        bench.tell("timeline_73");
        let entities = &entities[..TIMELINES];
        let contenders = bench.shelf().all().into_iter().map(|engine| {
            Contender::new(engine.name(), move || {
                timed(engine, TIMELINES, &mut |reader| {
                    reader.timelines(black_box(entities), DAYTIME)
                })
            })
        });
        let spreads = alternate(rounds, contenders.collect());
        bench.report("timeline_73", "ns", Better::Less, spreads);
    }
    if bench.args.wants("get_many_100") {
        bench.tell("get_many_100");
        let lists = &entities[..LISTS * MANY];
        let contenders = bench.shelf().all().into_iter().map(|engine| {
            Contender::new(engine.name(), move || {
                timed(engine, LISTS, &mut |reader| {
                    let lists = black_box(lists).chunks(MANY).zip((0..SLOTS).cycle());
                    lists.fold(0, |sum, (list, slot)| sum.wrapping_add(reader.many(list, slot)))
                })
            })
        });
        let spreads = alternate(rounds, contenders.collect());
        bench.report("get_many_100", "ns", Better::Less, spreads);
    }
}

/// Nanoseconds by operation, of so many.
fn timed(
    engine: &dyn Engine,
    operations: usize,
    work: &mut dyn FnMut(&mut dyn Reader) -> u64,
) -> f64 {
    let mut took = 0.0;
    engine.read(&mut |reader| took = nanos(|| work(reader)));
    took / operations as f64
}
