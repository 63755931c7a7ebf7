//! The schedules of a round.

use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};

use crate::disk::Random;
use crate::world::Program;

/// Schedules of a round: so many that a process for them costs little beside them.
const SCHEDULES: u64 = 200;
/// Many times what a schedule takes: only what goes on for ever gets there. By PCT that is also who
/// looks again and again for what others have to do, and does not yield.
const STEPS_MAX: usize = 200_000;
/// redb and the build functions need more than shuttle gives.
const STACK_BYTES: usize = 512 << 10;
/// Changes of priority in a schedule of PCT's: a defect that needs so many orders between steps is found
/// with a probability that can be stated.
const DEPTHS: [usize; 4] = [2, 3, 4, 6];

/// Draws the round of a seed, prints what came of it.
pub fn round(words: &[String]) -> ExitCode {
    let Some(Ok(seed)) = words.first().map(|word| word.parse::<u64>()) else {
        eprintln!("{words:?}: a seed is missing");
        return ExitCode::from(2);
    };
    panic::set_hook(Box::new(|_| ()));
    let program = Arc::new(Program::draw(&mut Random(seed | 1)));
    let (half, each) = (SCHEDULES / 2, SCHEDULES / 2 / DEPTHS.len() as u64);
    draw(&program, "random", half, RandomScheduler::new_from_seed(seed, half as usize));
    for depth in DEPTHS {
        let seed = seed ^ depth as u64;
        let how = format!("PCT with {depth} priorities");
        draw(&program, &how, each, PctScheduler::new_from_seed(seed, depth, each as usize));
    }
    ExitCode::SUCCESS
}

fn draw(program: &Arc<Program>, how: &str, schedules: u64, scheduler: impl Scheduler + 'static) {
    let [begun, tried] = [(); 2].map(|()| Arc::new(AtomicU64::new(0)));
    let run = {
        let (program, begun, tried) = (program.clone(), begun.clone(), tried.clone());
        move || {
            begun.fetch_add(1, Relaxed);
            program.run();
            tried.fetch_add(1, Relaxed);
        }
    };
    let runner = Runner::new(scheduler, config());
    let ended = catch_unwind(AssertUnwindSafe(|| runner.run(run)));
    let (begun, tried) = (begun.load(Relaxed), tried.load(Relaxed));
    println!("tried {tried}");
    if let Err(payload) = ended {
        let what = payload.downcast_ref::<String>().map(String::as_str);
        let what = what.or(payload.downcast_ref::<&str>().copied()).unwrap_or("a panic");
        let what = what.replace('\n', " ");
        println!("broken schedule {begun} of {schedules} by {how}: {what}; {program:?}");
    }
}

fn config() -> Config {
    let mut config = Config::new();
    config.stack_size = STACK_BYTES;
    config.max_steps = MaxSteps::FailAfter(STEPS_MAX);
    config.failure_persistence = FailurePersistence::None;
    config.silence_warnings = true;
    config
}
