//! A breaker that remembers everything and works out from it how things stand: what the real one is
//! held against.

use proptest::prelude::*;

use crate::error::{Error, ErrorKind};
use crate::time::{Span, Timestamp};

use super::breaker::{Breaker, BreakerState};
use super::circuit::{Circuit, Pass};

const BREAKER: Breaker =
    Breaker { failures: 3, rest: Span::millis(10), rest_most: Span::millis(35) };

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

#[derive(Clone, Debug)]
enum Step {
    Ask(u64),
    /// Of the pass so many back.
    Succeed(usize),
    Fail(usize),
    GiveUp(usize),
    Wait(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..4_u64).prop_map(Step::Ask),
        1 => (0..4_usize).prop_map(Step::Succeed),
        4 => (0..4_usize).prop_map(Step::Fail),
        1 => (0..4_usize).prop_map(Step::GiveUp),
        2 => (0..25_i64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..60)
}

/// Keeps all that was ever said, and works out from it how things stand.
#[derive(Default)]
struct Naive {
    now: i64,
    /// What counted, in order.
    heard: Vec<Heard>,
    /// Of each pass: by whom, when, and after how much had been heard.
    passes: Vec<(u64, i64, usize)>,
    gave_up: Vec<usize>,
}

#[derive(Clone, Copy)]
struct Heard {
    success: bool,
    at: i64,
}

impl Naive {
    /// The failures that count now, after how much had been heard each.
    fn failures(&self) -> Vec<usize> {
        let after = self.heard.iter().rposition(|heard| heard.success).map_or(0, |at| at + 1);
        (after..self.heard.len()).collect()
    }

    /// When it was opened last and for how long.
    fn open(&self) -> Option<(i64, i64)> {
        let failures = self.failures();
        let probes = failures.len().checked_sub(3)?;
        Some((self.heard[*failures.last()?].at, [10, 20, 35, 35][probes.min(3)]))
    }

    /// Since when a report counts, as the number of what had been heard.
    fn phase_begun(&self) -> usize {
        if self.open().is_some() {
            return self.heard.len();
        }
        // A success of a probe began this phase, one that came while it was closed did not.
        let mut begun = 0;
        for at in 0..self.heard.len() {
            let before = Naive { heard: self.heard[..at].to_vec(), ..Naive::default() };
            if self.heard[at].success && before.open().is_some() {
                begun = at + 1;
            }
        }
        begun
    }

    /// Whether a build is let through, and as a probe.
    fn ask(&self, by: u64) -> Option<bool> {
        let Some((at, rest)) = self.open() else { return Some(false) };
        let probe = (0..self.passes.len()).rev().find(|pass| {
            let (_, _, heard) = self.passes[*pass];
            heard == self.heard.len()
        });
        let taken = probe.is_some_and(|pass| {
            let (holder, since, _) = self.passes[pass];
            holder != by && self.now < since + rest && !self.given_up(pass)
        });
        (self.now >= at + rest && !taken).then_some(true)
    }

    /// Whoever gives up does so for all that is built for the same.
    fn given_up(&self, pass: usize) -> bool {
        self.gave_up.contains(&pass)
    }
}

proptest! {
    #[test]
    fn it_does_what_a_naive_one_does_that_remembers_everything(steps in steps()) {
        let (mut circuit, mut naive) = (Circuit::default(), Naive::default());
        let mut passes: Vec<Pass> = Vec::new();
        for step in steps {
            let nth = |back: usize| passes.len().checked_sub(back + 1);
            match step {
                Step::Wait(millis) => naive.now += millis,
                Step::Ask(by) => {
                    let asked = circuit.ask(by, at(naive.now));
                    let probe = asked.as_ref().ok().map(Pass::is_probe);
                    prop_assert_eq!(probe, naive.ask(by));
                    if let Ok(pass) = asked {
                        naive.passes.push((by, naive.now, naive.heard.len()));
                        passes.push(pass);
                    }
                }
                Step::Succeed(back) | Step::Fail(back) => {
                    let Some(nth) = nth(back) else { continue };
                    let success = matches!(step, Step::Succeed(_));
                    let error = Error::new(ErrorKind::Build, "no");
                    let now = at(naive.now);
                    let was_open = naive.open().is_some();
                    let counts = naive.passes[nth].2 >= naive.phase_begun();
                    let turned = if success {
                        circuit.succeeded(passes[nth])
                    } else {
                        circuit.failed(&BREAKER, passes[nth], now, &error)
                    };
                    if counts {
                        naive.heard.push(Heard { success, at: naive.now });
                    }
                    let expected = counts && if success { was_open } else { naive.open().is_some() };
                    prop_assert_eq!(turned, expected);
                }
                Step::GiveUp(back) => {
                    let Some(nth) = nth(back) else { continue };
                    circuit.gave_up(passes[nth]);
                    // The place may be another's by now.
                    let last = naive.passes.len() - 1;
                    let current = naive.passes[last].0 == naive.passes[nth].0;
                    if naive.passes[nth].2 == naive.passes[last].2 && current {
                        naive.gave_up.push(last);
                    }
                }
            }
            let state = circuit.state(at(naive.now));
            let expected = match naive.open() {
                None => matches!(state, BreakerState::Closed { failures }
                    if failures as usize == naive.failures().len()),
                Some((since, rest)) if naive.now < since + rest => {
                    matches!(state, BreakerState::Open { until, .. } if until == at(since + rest))
                }
                Some(_) => matches!(state, BreakerState::HalfOpen { .. }),
            };
            prop_assert!(expected, "{state:?}");
        }
    }
}
