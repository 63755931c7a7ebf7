//! All that a build read.

use super::dependencies::DependencySet;
use super::observation::Observation;
use crate::error::Result;
use crate::sync::Arc;
use crate::time::Timestamp;

/// What a build observed, and what will be kept of it beside its record.
///
/// The record is judged by the observations, which are exact; the dependencies may be coarser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) observations: Vec<Observation>,
    pub(crate) dependencies: DependencySet,
    /// From when on something in the views that were read whole is expired; `Timestamp::MAX` for never.
    pub(crate) fresh_until: Timestamp,
}

impl Reading {
    /// Whether nothing was read.
    pub(crate) fn is_empty(&self) -> bool {
        self.observations.is_empty() && self.dependencies.0.is_empty()
    }

    /// About what all of these take in memory, but for long names, which are shared.
    pub(crate) fn bytes(all: &[Arc<Self>]) -> usize {
        let bytes = |reading: &Arc<Self>| {
            size_of_val(&*reading.observations) + size_of_val(&*reading.dependencies.0)
        };
        all.iter().map(bytes).sum()
    }

    /// # Errors
    /// `Input` if the build read more kinds and views than a record can depend on.
    pub(crate) fn new(observations: Vec<Observation>) -> Result<Self> {
        let read = observations.iter().map(Observation::dependency);
        let dependencies = DependencySet::gather(read).coarsened()?;
        Ok(Self::of(observations, dependencies))
    }

    /// What was observed of dependencies that are known.
    pub(crate) fn of(observations: Vec<Observation>, dependencies: DependencySet) -> Self {
        let times = observations.iter().map(|observed| observed.fresh_until);
        let fresh_until = times.min().unwrap_or(Timestamp::MAX);
        Self { observations, dependencies, fresh_until }
    }

    /// Of a build that read nothing.
    pub(crate) fn nothing() -> Self {
        Self::of(Vec::new(), DependencySet::default())
    }
}
