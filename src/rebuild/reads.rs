//! What a build has read so far.

use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::graph::{Observation, Reading};

/// So many are gone through faster than they are hashed and copied.
const FEW: usize = 16;

/// Room for what most builds read. Of up to a kilobyte each thread has some at hand, whose memory it is.
const ROOM_BYTES: usize = 1 << 10;

/// The observations of one build under way, in the order in which they were made.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    observations: Vec<Observation>,
    /// The same once they are many, to be found: a build that asks for a thing again and again reads
    /// it once.
    known: HashSet<Observation>,
    /// Something was declared that cannot be: the build fails with it.
    fault: Option<Error>,
}

impl Reads {
    pub(crate) fn observe(&mut self, observation: Observation) {
        if !self.knows(&observation) {
            if self.observations.is_empty() {
                // A list that grows asks for memory again and again, which threads wait for.
                self.observations.reserve(ROOM_BYTES / size_of::<Observation>());
            }
            self.observations.push(observation);
        }
    }

    /// Whether it was noted already; it is from now on.
    fn knows(&mut self, observation: &Observation) -> bool {
        if self.observations.len() < FEW {
            return self.observations.contains(observation);
        }
        if self.known.is_empty() {
            self.known.extend(self.observations.iter().cloned());
        }
        self.observations.last() == Some(observation) || !self.known.insert(observation.clone())
    }

    /// Keeps the first fault.
    pub(crate) fn fail(&mut self, error: Error) {
        self.fault.get_or_insert(error);
    }

    /// What was read, once the build is over.
    pub(crate) fn finish(self) -> Result<Reading> {
        match self.fault {
            Some(fault) => Err(fault),
            None => Reading::new(self.observations),
        }
    }
}
