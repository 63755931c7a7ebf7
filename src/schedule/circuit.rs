//! A breaker at work: closed, open, half-open.

use crate::error::Error;
use crate::time::{Span, Timestamp};

use super::breaker::{Breaker, BreakerState};

/// Whether a view's builds are let through, by what became of the last ones. A plain state machine;
/// time is told to it.
#[derive(Debug, Default)]
pub(crate) struct Circuit {
    phase: Phase,
    /// Raised with every change of the phase: what was let through in an earlier one says nothing of
    /// this one.
    generation: u64,
}

#[derive(Debug)]
enum Phase {
    Closed {
        failures: u32,
    },
    /// It rests until then.
    Open {
        until: Timestamp,
        rest: Span,
        last: Error,
    },
    HalfOpen {
        probe: Option<Probe>,
        rest: Span,
        last: Error,
    },
}

impl Default for Phase {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

/// The one that was let through to see how it fares.
#[derive(Debug)]
struct Probe {
    by: u64,
    /// From here on it counts as lost, and another is let through.
    until: Timestamp,
}

/// Leave to build; what becomes of it is reported with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass {
    by: u64,
    generation: u64,
    probe: bool,
}

impl Pass {
    /// Whether the breaker waits to hear of this one.
    pub(crate) fn is_probe(&self) -> bool {
        self.probe
    }
}

/// Why there is no leave.
#[derive(Debug)]
pub(super) struct Refused {
    /// When to ask again.
    pub(super) until: Timestamp,
    pub(super) last: Error,
}

impl Circuit {
    /// Whether a build may run. `by` is a number of all that works for one outermost build: what is
    /// built for a probe is part of it.
    pub(super) fn ask(&mut self, by: u64, now: Timestamp) -> Result<Pass, Refused> {
        if let Phase::Open { until, rest, last } = &self.phase {
            let (until, rest, last) = (*until, *rest, last.clone());
            if !is_over(until, rest, now) {
                return Err(Refused { until, last });
            }
            self.turn(Phase::HalfOpen { probe: None, rest, last });
        }
        let generation = self.generation;
        let Phase::HalfOpen { probe, rest, last } = &mut self.phase else {
            return Ok(Pass { by, generation, probe: false });
        };
        if let Some(probe) = probe.as_ref().filter(|probe| probe.by != by)
            && !is_over(probe.until, *rest, now)
        {
            return Err(Refused { until: probe.until, last: last.clone() });
        }
        *probe = Some(Probe { by, until: end(now, *rest) });
        Ok(Pass { by, generation, probe: true })
    }

    /// A build came to a record. Whether that closed the breaker.
    pub(super) fn succeeded(&mut self, pass: Pass) -> bool {
        if pass.generation != self.generation {
            return false;
        }
        match &mut self.phase {
            Phase::Closed { failures } => {
                *failures = 0;
                false
            }
            // Nothing is let through in this phase.
            Phase::Open { .. } => false,
            Phase::HalfOpen { .. } => {
                self.close();
                true
            }
        }
    }

    /// Lets everything through again, whatever it was.
    pub(super) fn close(&mut self) {
        self.turn(Phase::default());
    }

    /// A build failed. Whether that opened the breaker.
    pub(super) fn failed(
        &mut self,
        breaker: &Breaker,
        pass: Pass,
        now: Timestamp,
        error: &Error,
    ) -> bool {
        if pass.generation != self.generation {
            return false;
        }
        let rest = match &mut self.phase {
            Phase::Closed { failures } => {
                *failures = failures.saturating_add(1);
                if *failures < breaker.failures {
                    return false;
                }
                breaker.rest
            }
            Phase::Open { .. } => return false,
            Phase::HalfOpen { rest, .. } => breaker.longer(*rest),
        };
        self.turn(Phase::Open { until: end(now, rest), rest, last: error.clone() });
        true
    }

    /// A build came to nothing that speaks for or against its function: the next is let through in
    /// its place.
    pub(super) fn gave_up(&mut self, pass: Pass) {
        if let Phase::HalfOpen { probe, .. } = &mut self.phase
            && pass.generation == self.generation
            && probe.as_ref().is_some_and(|probe| probe.by == pass.by)
        {
            *probe = None;
        }
    }

    pub(super) fn state(&self, now: Timestamp) -> BreakerState {
        match &self.phase {
            Phase::Closed { failures } => BreakerState::Closed { failures: *failures },
            Phase::Open { until, rest, last } if !is_over(*until, *rest, now) => {
                BreakerState::Open { until: *until, last_failure: last.clone() }
            }
            Phase::Open { last, .. } | Phase::HalfOpen { last, .. } => {
                BreakerState::HalfOpen { last_failure: last.clone() }
            }
        }
    }

    fn turn(&mut self, phase: Phase) {
        self.phase = phase;
        self.generation += 1;
    }
}

fn end(now: Timestamp, rest: Span) -> Timestamp {
    now.checked_add(rest).unwrap_or(Timestamp::MAX)
}

/// Whether a rest is over that ends then. A clock that was set back must not make it longer.
fn is_over(until: Timestamp, rest: Span, now: Timestamp) -> bool {
    until <= now || until.since(now) > rest
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use crate::error::ErrorKind;

    use super::*;

    const BREAKER: Breaker =
        Breaker { failures: 3, rest: Span::millis(10), rest_most: Span::millis(35) };

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn failure(number: usize) -> Error {
        Error::new(ErrorKind::Build, format!("failure {number}"))
    }

    /// A breaker that opened at 0.
    fn opened() -> Circuit {
        let mut circuit = Circuit::default();
        for number in 1..=3 {
            let pass = circuit.ask(1, at(0)).unwrap();
            assert_eq!(circuit.failed(&BREAKER, pass, at(0), &failure(number)), number == 3);
        }
        circuit
    }

    #[test]
    fn it_opens_after_so_many_failures_in_a_row_and_not_before() {
        let mut circuit = Circuit::default();
        for number in 0..20 {
            let pass = circuit.ask(1, at(0)).unwrap();
            match number % 3 {
                2 => assert!(!circuit.succeeded(pass)),
                _ => assert!(!circuit.failed(&BREAKER, pass, at(0), &failure(number))),
            }
        }
        let refused = opened().ask(1, at(9)).unwrap_err();
        assert_eq!((refused.until, refused.last.to_string().as_str()), (at(10), "failure 3"));
    }

    #[test]
    fn after_the_rest_one_at_a_time_is_let_through() {
        let mut circuit = opened();
        let probe = circuit.ask(1, at(10)).unwrap();
        assert!(probe.is_probe());
        assert_eq!(circuit.ask(2, at(11)).unwrap_err().until, at(20));
        assert!(
            circuit.ask(1, at(11)).unwrap().is_probe(),
            "what is built for the probe is part of it"
        );
        assert!(circuit.succeeded(probe));
        assert!(!circuit.ask(2, at(11)).unwrap().is_probe());
        assert!(matches!(circuit.state(at(11)), BreakerState::Closed { failures: 0 }));
    }

    #[test]
    fn each_probe_that_fails_makes_the_rest_twice_as_long_up_to_the_longest() {
        let (mut circuit, mut now, mut rests) = (opened(), at(10), Vec::new());
        for number in 0..4 {
            let probe = circuit.ask(number, now).unwrap();
            assert!(circuit.failed(&BREAKER, probe, now, &failure(4)));
            let until = circuit.ask(number, now).unwrap_err().until;
            rests.push(until.since(now).as_millis());
            now = until;
        }
        assert_eq!(rests, [20, 35, 35, 35]);
        let probe = circuit.ask(1, now).unwrap();
        assert!(circuit.succeeded(probe));
        (0..3).for_each(|number| {
            let pass = circuit.ask(1, now).unwrap();
            circuit.failed(&BREAKER, pass, now, &failure(number));
        });
        assert_eq!(circuit.ask(1, now).unwrap_err().until.since(now), BREAKER.rest);
    }

    #[test]
    fn a_probe_of_which_nobody_hears_again_stands_in_the_way_for_one_rest() {
        let mut circuit = opened();
        let lost = circuit.ask(1, at(10)).unwrap();
        assert!(circuit.ask(2, at(19)).is_err());
        assert!(circuit.ask(2, at(20)).unwrap().is_probe());
        // It was only slow: what it has to say counts all the same.
        assert!(circuit.succeeded(lost));
    }

    #[test]
    fn a_probe_that_gives_up_makes_room_at_once() {
        let mut circuit = opened();
        let probe = circuit.ask(1, at(10)).unwrap();
        circuit.gave_up(probe);
        let next = circuit.ask(2, at(10)).unwrap();
        // Not a second time: the place is another's by now.
        circuit.gave_up(probe);
        assert!(next.is_probe() && circuit.ask(3, at(10)).is_err());
    }

    #[test]
    fn what_was_let_through_before_it_opened_says_nothing_any_more() {
        let mut circuit = Circuit::default();
        let passes = [1, 2, 3, 4, 5].map(|by| circuit.ask(by, at(0)).unwrap());
        for pass in &passes[..3] {
            circuit.failed(&BREAKER, *pass, at(0), &failure(0));
        }
        assert!(!circuit.failed(&BREAKER, passes[3], at(5), &failure(0)));
        assert!(!circuit.succeeded(passes[4]));
        assert_eq!(circuit.ask(6, at(9)).unwrap_err().until, at(10));
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_rest_longer() {
        let mut circuit = opened();
        assert!(circuit.ask(1, at(0)).is_err());
        assert!(circuit.ask(1, at(-1)).unwrap().is_probe());
        assert!(circuit.ask(2, at(-2)).unwrap().is_probe());
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
                        let (error, now) = (failure(0), at(naive.now));
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
}
