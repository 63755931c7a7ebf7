//! What a build function is told.

use crate::disk::Shared;
use crate::rebuild::{Frame, Progress, Running, adopt};
use crate::revision::Revision;
use crate::sync::Arc;
use crate::time::Timestamp;

/// Given to a build function with its entity and bucket.
///
/// A build is a function of its entity, its bucket and what it reads: it takes its time from its
/// bucket, never from a clock.
///
/// What it reads through handles in the thread that it was called in is known to be read for it.
/// Threads of its own that read are given the context and read through it: [`get`](Self::get),
/// [`peek`](Self::peek), [`range`](Self::range).
#[derive(Debug)]
pub struct BuildContext {
    view: Arc<str>,
    version: u32,
    begun: Begun,
    frame: Arc<Frame>,
    progress: Arc<Progress>,
}

/// When a build began: loaded before any user code runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    pub(super) revision: Revision,
    pub(super) at: Timestamp,
}

impl Begun {
    /// The present.
    pub(super) fn now(shared: &Shared) -> Self {
        let published = shared.published();
        let revision =
            if mutant!("builds_begin_at_published") { published.next() } else { published };
        Self { revision, at: shared.options.clock.now() }
    }

    /// As if it had begun when this was published, if that is longer ago.
    pub(super) fn as_of(self, published: Option<Revision>) -> Self {
        let revision = published.map_or(self.revision, |at| at.min(self.revision));
        Self { revision, ..self }
    }
}

impl BuildContext {
    pub(super) fn new(
        view: Arc<str>,
        version: u32,
        begun: Begun,
        frame: Arc<Frame>,
        progress: Arc<Progress>,
    ) -> Self {
        Self { view, version, begun, frame, progress }
    }

    /// Says how far this build is, from 0 to 1, to those who wait for it with a
    /// [`Pending`](crate::Pending).
    pub fn progress(&self, share: f32) {
        self.progress.report(share);
    }

    /// Makes the present thread read for this build until the guard is dropped.
    pub(super) fn adopt(&self) -> Option<Running> {
        adopt(&self.frame)
    }

    pub(super) fn frame(&self) -> &Frame {
        &self.frame
    }

    /// What was announced up to here is in all that the build reads from now on.
    pub(super) fn begun(&self) -> Revision {
        self.begun.revision
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
        self.begun.at
    }
}
