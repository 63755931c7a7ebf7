//! How a view's builds are run.

use crate::error::{Error, Result};
use crate::time::Span;

use super::breaker::Breaker;
use super::retry::Retry;

/// What a view says of failing, slow and too many builds. It may change while the view is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Conduct {
    pub(crate) retry: Retry,
    /// `None`: it builds however often that fails.
    pub(crate) breaker: Option<Breaker>,
    /// What takes longer is slow.
    pub(crate) build_deadline: Option<Span>,
    /// How many readers build at once.
    pub(crate) builds_max: Option<usize>,
}

impl Default for Conduct {
    fn default() -> Self {
        Self {
            retry: Retry::default(),
            breaker: Some(Breaker::default()),
            build_deadline: None,
            builds_max: None,
        }
    }
}

impl Conduct {
    /// Holds every value against its range.
    pub(crate) fn validate(&self) -> Result<()> {
        self.retry.validate()?;
        if let Some(breaker) = &self.breaker {
            breaker.validate()?;
        }
        if let Some(deadline) = self.build_deadline.filter(|deadline| *deadline <= Span::ZERO) {
            let message = format!("build_deadline is {deadline}; it must be longer than zero");
            return Err(Error::input(message));
        }
        if self.builds_max == Some(0) {
            let message = "builds_max is 0; it must be at least 1. For a view that never builds for \
                           readers there are `Missing::Miss` and `Marked::Serve`";
            return Err(Error::input(message));
        }
        Ok(())
    }
}
