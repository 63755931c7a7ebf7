//! What a build function is told.

use crate::sync::Arc;
use crate::time::Timestamp;

/// Given to a build function with its entity and bucket.
///
/// A build is a function of its entity, its bucket and what it reads: it takes its time from its
/// bucket, never from a clock.
#[derive(Debug)]
pub struct BuildContext {
    view: Arc<str>,
    version: u32,
    started_at: Timestamp,
}

impl BuildContext {
    pub(super) fn new(view: Arc<str>, version: u32, started_at: Timestamp) -> Self {
        Self { view, version, started_at }
    }

    /// The name of the view.
    #[must_use]
    pub fn view(&self) -> &str {
        &self.view
    }

    /// The version that the view is defined with.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// When this build began, by the store's clock: for logs and deadlines, not for the record.
    #[must_use]
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }
}
