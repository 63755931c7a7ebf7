//! Holds the builds of one view to its conduct.

use crate::error::{Error, ErrorKind, Result};
use crate::sync::Mutex;
use crate::time::Timestamp;

use super::admission::Admission;
use super::breaker::BreakerState;
use super::circuit::{Circuit, Pass, Refused};
use super::conduct::Conduct;

/// What all handles of a view share of how it builds.
#[derive(Debug)]
pub(crate) struct Governor {
    state: Mutex<State>,
    /// The readers that build.
    pub(crate) readers: Admission,
}

#[derive(Debug)]
struct State {
    conduct: Conduct,
    circuit: Circuit,
}

impl Governor {
    pub(crate) fn new(conduct: Conduct) -> Self {
        let state = State { conduct, circuit: Circuit::default() };
        Self { state: Mutex::new(state), readers: Admission::default() }
    }

    pub(crate) fn conduct(&self) -> Conduct {
        self.state.lock().conduct
    }

    /// Goes by this from here on. What a breaker has counted stays, unless there is none any more.
    pub(crate) fn replace(&self, conduct: Conduct) {
        let mut state = self.state.lock();
        if conduct.breaker.is_none() {
            state.circuit.close();
        }
        state.conduct = conduct;
    }

    /// Whether a build may run, for the outermost build of that number.
    pub(crate) fn ask(&self, by: u64, now: Timestamp) -> Result<Pass> {
        let asked = self.state.lock().circuit.ask(by, now);
        asked.map_err(refusal)
    }

    /// A build came to a record. Whether the view builds again since.
    pub(crate) fn succeeded(&self, pass: Pass) -> bool {
        self.state.lock().circuit.succeeded(pass)
    }

    /// A build failed. Whether the view builds no more since.
    pub(crate) fn failed(&self, pass: Pass, now: Timestamp, error: &Error) -> bool {
        let mut state = self.state.lock();
        let State { conduct, circuit } = &mut *state;
        conduct.breaker.is_some_and(|breaker| circuit.failed(&breaker, pass, now, error))
    }

    /// A build came to nothing for which its function cannot be blamed.
    pub(crate) fn gave_up(&self, pass: Pass) {
        self.state.lock().circuit.gave_up(pass);
    }

    pub(crate) fn breaker_state(&self, now: Timestamp) -> BreakerState {
        self.state.lock().circuit.state(now)
    }
}

fn refusal(refused: Refused) -> Error {
    let Refused { until, last } = refused;
    let message = format!(
        "the view's breaker is open, since its builds failed one after the other: nothing is built \
         before {until}; read again then, or define the view with another `breaker` or `without_breaker`. \
         The last failure: {last}"
    );
    Error::new(ErrorKind::Busy, message).caused_by(last)
}
