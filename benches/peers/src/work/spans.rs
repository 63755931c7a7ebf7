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

pub const WORKS: &[&str] = &["timeline_73", "timeline_73_uniform", "get_many_100"];

/// From 08:00 to 20:00, both in it.
const DAYTIME: std::ops::Range<u32> = 48..121;
const TIMELINES: usize = 1 << 13;
const MANY: usize = 100;
const LISTS: usize = 1 << 9;
/// A turn lasts so long at least. In two milliseconds the quickest of them would be measured at
/// fetching what the one before it, of the slowest, drove out of the processor's caches.
const TURN_NANOS_MIN: f64 = 20e6;

pub fn measure(bench: &mut Bench) {
    let rounds = bench.rounds();
    // Whoever asks for a day asks for a place, and places are popular or not. The other work asks for
    // all of them alike, which is about how fast memory is.
    let (entities, any) = (bench.draws.entities.clone(), bench.draws.any_entities.clone());
    for (work, entities) in [("timeline_73", &entities), ("timeline_73_uniform", &any)] {
        if !bench.args.wants(work) {
            continue;
        }
        bench.tell(work);
        let entities = &entities[..TIMELINES];
        let contenders = bench.shelf().all().into_iter().map(|engine| {
            Contender::new(engine.name(), move || {
                timed(engine, TIMELINES, &mut |reader| {
                    reader.timelines(black_box(entities), DAYTIME)
                })
            })
        });
        let spreads = alternate(rounds, contenders.collect());
        bench.report(work, "ns", Better::Less, spreads);
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

/// Nanoseconds by operation, of so many, over and over until a turn has lasted.
fn timed(
    engine: &dyn Engine,
    operations: usize,
    work: &mut dyn FnMut(&mut dyn Reader) -> u64,
) -> f64 {
    let (mut took, mut times) = (0.0, 0);
    engine.read(&mut |reader| {
        while took < TURN_NANOS_MIN {
            took += nanos(|| work(reader));
            times += 1;
        }
    });
    took / (operations * times) as f64
}
