//! Random programs of views over views on the real engine, against one that stores nothing.
//!
//! `PROGRAMS` says how many, `SEED` replays one, `FIRST` says where to begin.

mod checks;
mod engine;
mod naive;
mod plan;
mod program;
mod reads;
mod step;
mod values;
mod work;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};

use program::Program;

/// So many take some seconds where nothing is optimized.
const PROGRAMS_DEFAULT: u64 = 300;

fn number(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is a number, not {value:?}")))
}

#[test]
fn what_says_that_it_is_fresh_is_what_a_naive_engine_works_out() {
    let (first, count) = match number("SEED") {
        Some(seed) => (seed, 1),
        None => (number("FIRST").unwrap_or(1), number("PROGRAMS").unwrap_or(PROGRAMS_DEFAULT)),
    };
    assert!(count > 0, "no program would run");
    let (next, ran) = (AtomicU64::new(first), AtomicU64::new(0));
    let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(8));
    let run = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed - first >= count {
                break;
            }
            let program = Program::random(seed);
            if let Err(fault) = program.run() {
                // The others end too, so that this is reported at once.
                next.store(first + count, Ordering::Relaxed);
                let (least, fault) = program.shrink(fault);
                panic!("{}", least.report(seed, &fault));
            }
            ran.fetch_add(1, Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| {
        (0..threads).for_each(|_| drop(scope.spawn(run)));
    });
    assert_eq!(ran.into_inner(), count);
}
