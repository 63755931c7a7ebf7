//! What an outermost build turned out to need first.
//!
//! Where builds nest too deep, the deepest does not run. What it would have made is *wanted*, all
//! builds above it are given up, and the outermost one works it off before it runs again. What is
//! wanted may want more in turn: a list says how deep that goes, never the stack of a thread.

use std::collections::HashMap;

use crate::error::{Error, ErrorKind, Result};
use crate::sync::{Arc, Mutex, unique_number};

use super::circle::Step;
use super::flights::FlightKey;
use super::rebuilders::Rebuilder;

/// Records that need each other one behind the other further than this are an error.
pub(crate) const RECORDS_DEEP_MAX: usize = 100_000;

/// Records that one unwinding brings down. A build that reads a whole range at the limit wants many
/// at once; what it still lacks afterwards it wants again.
const WANTED_MAX: usize = 256;

/// How often a record is made for one outermost build. It is wanted again where it was deleted
/// meanwhile.
const MADE_MAX: u32 = 3;

/// A record, by all that it takes to build it.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) rebuilder: Arc<dyn Rebuilder>,
    pub(crate) flight: FlightKey,
    pub(crate) slot: u32,
}

/// A record that nested too deep to be built where it was wanted.
pub(super) struct Wanted {
    pub(super) target: Target,
    /// The builds that led to it, from the one whose flight stays led.
    pub(super) path: Vec<Step>,
}

/// One outermost build and everything on any thread that works for it.
#[derive(Default)]
pub(crate) struct Errand {
    number: Number,
    state: Mutex<State>,
}

/// One that no other errand ever has.
struct Number(u64);

impl Default for Number {
    fn default() -> Self {
        Self(unique_number())
    }
}

#[derive(Default)]
struct State {
    /// The builds that wait for what is being worked off, outermost first.
    path: Vec<Step>,
    /// In the order of the reads.
    wanted: Vec<Wanted>,
    /// Record -> what came of it, so that the read that wanted it is told.
    made: HashMap<FlightKey, Made>,
}

#[derive(Default)]
struct Made {
    times: u32,
    failed: Option<Error>,
}

impl Errand {
    pub(super) fn number(&self) -> u64 {
        self.number.0
    }

    /// Notes a record to be built first. Fails if that was tried already, and failed.
    pub(super) fn want(&self, target: &Target, path: impl FnOnce() -> Vec<Step>) -> Result<()> {
        let mut state = self.state.lock();
        match state.made.get(&target.flight) {
            Some(Made { failed: Some(error), .. }) => return Err(error.clone()),
            Some(Made { times: MADE_MAX.., .. }) => return Err(gone_again()),
            _ => {}
        }
        let known = state.wanted.iter().any(|wanted| wanted.target.flight == target.flight);
        if !known && state.wanted.len() < WANTED_MAX {
            state.wanted.push(Wanted { target: target.clone(), path: path() });
        }
        Ok(())
    }

    /// Whether a record was made for this errand already.
    pub(super) fn has_made(&self, flight: impl FnOnce() -> FlightKey) -> bool {
        let is_first = self.state.lock().made.is_empty();
        // The key is put together outside the lock.
        !is_first && {
            let flight = flight();
            self.state.lock().made.get(&flight).is_some_and(|made| made.failed.is_none())
        }
    }

    /// Whether there is room for more.
    pub(super) fn wants_more(&self) -> bool {
        self.state.lock().wanted.len() < WANTED_MAX
    }

    pub(super) fn take_wanted(&self) -> Vec<Wanted> {
        std::mem::take(&mut self.state.lock().wanted)
    }

    /// The builds given up for what is being worked off now.
    pub(super) fn path(&self) -> Vec<Step> {
        self.state.lock().path.clone()
    }

    /// How many there are.
    pub(super) fn depth(&self) -> usize {
        self.state.lock().path.len()
    }

    /// Goes down: from here on `further` builds wait as well.
    pub(super) fn descend(&self, further: Vec<Step>) -> Result<()> {
        let mut state = self.state.lock();
        if state.path.len() + further.len() > RECORDS_DEEP_MAX {
            return Err(too_deep(state.path.first(), further.last()));
        }
        state.path.extend(further);
        Ok(())
    }

    /// Goes up again, with what came of the record.
    pub(super) fn ascend(&self, depth: usize, target: &Target, outcome: Result<()>) {
        let mut state = self.state.lock();
        state.path.truncate(depth);
        let made = state.made.entry(target.flight.clone()).or_default();
        made.times += 1;
        // Each build that needs it wraps it in an error of its own: without what it wraps itself,
        // no more of them hang together than one unwinding passes, however deep it goes.
        made.failed = outcome.err().map(|error| error.without_cause());
    }
}

fn too_deep(first: Option<&Step>, last: Option<&Step>) -> Error {
    let name = |step: Option<&Step>| step.map_or_else(String::new, |step| step.name.to_string());
    Error::new(
        ErrorKind::Build,
        format!(
            "the record needs others one behind the other, more than {RECORDS_DEEP_MAX} deep: from \
             {} down to {} and further; a chain that ends can be built from its end, in pieces",
            name(first),
            name(last)
        ),
    )
}

fn gone_again() -> Error {
    let message = format!(
        "the record was built {MADE_MAX} times and was deleted each time before it was read; read \
         it again"
    );
    Error::new(ErrorKind::Absent, message)
}

impl std::fmt::Debug for Errand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Errand({} deep)", self.depth())
    }
}
