//! One random program: run, and made as short as it can be where it fails.

use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::engine::{Engine, Held};
use super::plan::Plan;
use super::step::Step;
use crate::common::disk::Random;

/// Views and steps.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    plan: Plan,
    steps: Vec<Step>,
    /// Whether everything is looked at after each step, which brings it into memory.
    watched: bool,
}

/// What did not hold, and after how many steps.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    step: usize,
    what: String,
}

impl Program {
    pub(crate) fn random(seed: u64) -> Self {
        // Near seeds shall be far apart.
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        for _ in 0..8 {
            random.next();
        }
        let plan = Plan::random(&mut random);
        let count = 5 + random.below(40);
        let steps = (0..count).map(|_| Step::random(&mut random, &plan)).collect();
        Self { plan, steps, watched: random.below(2) == 0 }
    }

    /// Runs it to its end, or to where something does not hold.
    pub(crate) fn run(&self) -> Result<(), Fault> {
        let mut reached = 0;
        let ran = catch_unwind(AssertUnwindSafe(|| self.run_steps(&mut reached)));
        let fault = |what| Fault { step: reached, what };
        match ran {
            Ok(held) => held.map_err(fault),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(|it| (*it).to_owned()));
                Err(fault(format!("a panic: {}", text.unwrap_or_default())))
            }
        }
    }

    fn run_steps(&self, reached: &mut usize) -> Held {
        let mut engine = Engine::new(&self.plan)?;
        for step in &self.steps {
            *reached += 1;
            engine.step(*step)?;
            if self.watched {
                engine.check(false)?;
            }
        }
        *reached += 1;
        engine.drain()
    }

    /// The same without the steps that its failing does not need, as far as leaving out one after
    /// the other goes.
    pub(crate) fn shrink(&self, fault: Fault) -> (Self, Fault) {
        let mut least = (self.clone(), fault);
        least.0.steps.truncate(least.1.step);
        loop {
            let before = least.0.steps.len();
            for left_out in (0..before).rev() {
                let mut shorter = least.0.clone();
                shorter.steps.remove(left_out);
                if let Err(fault) = shorter.run() {
                    least = (shorter, fault);
                }
            }
            if least.0.steps.len() == before {
                return least;
            }
        }
    }

    pub(crate) fn report(&self, seed: u64, fault: &Fault) -> String {
        let mut text = format!("program {seed}: {}\n", fault.what);
        let mut line = |it: std::fmt::Arguments<'_>| writeln!(text, "{it}").expect("it is memory");
        for (place, view) in self.plan.views.iter().enumerate() {
            line(format_args!("  view {place}: {view:?}"));
        }
        line(format_args!("  memory {}, watched {}", self.plan.memory_bytes, self.watched));
        for (number, step) in self.steps.iter().enumerate() {
            line(format_args!("  {}. {step:?}", number + 1));
        }
        line(format_args!("it fails at step {}; to replay it:", fault.step));
        line(format_args!("  SEED={seed} cargo test --test long programs::"));
        text
    }
}
