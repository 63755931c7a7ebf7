//! What a build has read so far.

use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::graph::{Observation, Reading};

/// The observations of one build under way, in the order in which they were made.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    observations: Vec<Observation>,
    /// The same, to be found: a build that asks for a thing again and again reads it once.
    known: HashSet<Observation>,
    /// Something was declared that cannot be: the build fails with it.
    fault: Option<Error>,
}

impl Reads {
    pub(crate) fn observe(&mut self, observation: Observation) {
        if self.observations.last() != Some(&observation) && self.known.insert(observation.clone())
        {
            self.observations.push(observation);
        }
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
