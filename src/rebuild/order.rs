//! A read that a builder answers.

use crate::error::Error;
use crate::sync::Arc;

/// Placed by a reader that cannot build in its own thread: it has a deadline, or is a future.
///
/// An order outlives nobody's interest: it holds no handle on the store.
pub(crate) trait Order: Send + Sync {
    /// Answers it, on the calling thread.
    fn fulfil(self: Arc<Self>);

    /// Answers that it will not be answered.
    fn refuse(&self, error: Error);
}
