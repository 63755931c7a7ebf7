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
        *probe = Some(Probe { by, until: now + *rest });
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
        self.turn(Phase::Open { until: now + rest, rest, last: error.clone() });
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

/// Whether a rest is over that ends then. A clock that was set back must not make it longer.
fn is_over(until: Timestamp, rest: Span, now: Timestamp) -> bool {
    until <= now || until.since(now) > rest
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
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
}
