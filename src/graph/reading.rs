//! All that a build read.

use super::dependencies::DependencySet;
use super::observation::Observation;
use crate::error::Result;

/// What a build observed, and what will be kept of it beside its record.
///
/// The record is judged by the observations, which are exact; the dependencies may be coarser.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) observations: Vec<Observation>,
    pub(crate) dependencies: DependencySet,
}

impl Reading {
    /// Whether nothing was read.
    pub(crate) fn is_empty(&self) -> bool {
        self.observations.is_empty() && self.dependencies.0.is_empty()
    }

    /// # Errors
    /// `Input` if the build read more kinds and views than a record can depend on.
    pub(crate) fn new(observations: Vec<Observation>) -> Result<Self> {
        let read = observations.iter().map(Observation::dependency);
        let dependencies = DependencySet::gather(read).coarsened()?;
        Ok(Self { observations, dependencies })
    }
}
