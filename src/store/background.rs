//! What is done in the background, and runs.

use crate::disk::{BacklogCounts, backlog};
use crate::error::Result;
use crate::rebuild::{
    FailedBuild, Next, Run, Worked, prune_runs, refuse_inside_build, refuse_waiting,
};
use crate::view::{self, Refresh};

use super::handle::Store;

impl Store {
    /// Does the most urgent piece of background work now, in the calling thread: what a reader waits
    /// for first, then what was asked for, pages to be brought into memory, what readers were served
    /// although it was not fresh, what is marked, upstream first, the days of
    /// [horizons](crate::ViewDefinition::horizon), runs, and what will expire soon; in turns with it
    /// deletes what retention no longer keeps. `None` if there is nothing to do.
    ///
    /// For programs without threads of the store's
    /// ([`Options::builders`](crate::Options::builders) zero), and for tests: it says what was done and
    /// why.
    ///
    /// # Errors
    /// [The file's errors](crate#errors), and [`Input`](crate::ErrorKind::Input) inside a build. What a
    /// build function failed with is in the answer.
    pub fn build_next(&self) -> Result<Option<Worked>> {
        refuse_inside_build("building in the background")?;
        match self.0.workshop().work_one()? {
            Next::Worked(worked) => Ok(Some(worked)),
            Next::Nothing { .. } => Ok(None),
        }
    }

    /// Does all there is to do in the background now, in the calling thread beside the store's builders,
    /// and waits for what those have in hand. Where something is invalidated, read or asked for all the
    /// time, this goes on as long.
    ///
    /// Left are what was put off until later, since its builds fail or its view's breaker is open, and
    /// what is of views that nobody holds a handle on; what readers build is not waited for, nor a
    /// builder that hangs ([`build_deadline`](crate::ViewDefinition::build_deadline)).
    ///
    /// ```
    /// # use tidetable::{Store, Timestamp};
    /// # let store = Store::in_memory()?;
    /// # let noon = Timestamp::EPOCH;
    /// let view = store.view::<u32, u32>("prices").build(|cx, &id, _| {
    ///     cx.depends_on(("product", id));
    ///     Ok(id * 100)
    /// })?;
    /// view.get(&7, noon)?;
    /// store.invalidate(("product", 7))?;
    /// store.drain()?;
    /// assert!(view.peek(&7, noon)?.is_some_and(|price| price.is_fresh()));
    /// # Ok::<(), tidetable::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) inside a build, in an observer and in what else the builders
    /// call, and in a store opened to read only; [`Busy`](crate::ErrorKind::Busy) or
    /// [`Definition`](crate::ErrorKind::Definition) if a run can go no further just now; and
    /// [the file's errors](crate#errors). What build functions failed with is in
    /// [`failures`](Self::failures).
    pub fn drain(&self) -> Result<()> {
        refuse_waiting("draining the store")?;
        self.0.workshop().drain()
    }

    /// Has the store's builders begin nothing from here on but what a read with a deadline or a future
    /// waits for, until [`resume_builders`](Self::resume_builders); what they have in hand is finished
    /// behind the caller's back. What is marked or asked for meanwhile is kept.
    ///
    /// Reads build as ever, and so do [`build_next`](Self::build_next), [`drain`](Self::drain),
    /// [`Run::wait`](crate::Run::wait) and [`Pending::wait`](crate::Pending::wait); other ways to wait
    /// for a run or a request last as long as the pause. It is not kept in the file: a store opens with
    /// its builders at work.
    pub fn pause_builders(&self) {
        self.0.workshop().pause(true);
    }

    /// Ends a pause.
    pub fn resume_builders(&self) {
        self.0.workshop().pause(false);
    }

    /// Whether the builders pause.
    #[must_use]
    pub fn builders_pause(&self) -> bool {
        self.0.workshop().is_paused()
    }

    /// How much is left to build in the background. Looks at everything that is marked or was asked
    /// for.
    ///
    /// # Errors
    /// [The file's errors](crate#errors).
    pub fn backlog(&self) -> Result<BacklogCounts> {
        backlog(self.0.shared())
    }

    /// The records that could not be built in the background and still are not, the latest first, at
    /// most so many: whether they rest or will be tried again. Looks at all of them.
    ///
    /// # Errors
    /// [The file's errors](crate#errors).
    pub fn failures(&self, most: usize) -> Result<Vec<FailedBuild>> {
        view::failures(&self.0, most)
    }

    /// Begins a run that builds records anew that are there: all of them, or those that are not
    /// fresh. What others are built from goes first. Goes through the pages in this thread, to write
    /// down which they are; memory stays bounded.
    ///
    /// Views are left out that have no build function, or that nobody holds a handle on.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) inside a build and in a store opened to read only;
    /// [`Absent`](crate::ErrorKind::Absent) for a view that the file does not know, and
    /// [`Definition`](crate::ErrorKind::Definition) for one by name that is left out; and
    /// [the file's errors](crate#errors).
    pub fn refresh(&self, refresh: &Refresh) -> Result<Run> {
        view::refresh(&self.0, refresh)
    }

    /// The runs that the file knows, the newest first: those that go on, and the last hundred or so
    /// that have ended.
    ///
    /// # Errors
    /// [The file's errors](crate#errors).
    pub fn runs(&self) -> Result<Vec<Run>> {
        Run::list(&self.0)
    }

    /// A run by its number; `None` if there is none, or none any more.
    ///
    /// # Errors
    /// [The file's errors](crate#errors).
    pub fn run(&self, id: u64) -> Result<Option<Run>> {
        Run::find(&self.0, id)
    }

    /// Forgets runs that have ended, all but the newest `keep` of them. When a run ends, those beyond
    /// the newest hundred are forgotten without being told. Returns how many were forgotten.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) inside a build and in a store opened to read only; and
    /// [the file's errors](crate#errors).
    pub fn prune_runs(&self, keep: usize) -> Result<u64> {
        refuse_inside_build("forgetting runs")?;
        prune_runs(self.0.shared(), &self.0.writer()?, keep)
    }
}
