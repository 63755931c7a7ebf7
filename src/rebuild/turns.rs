//! Who takes a turn at the work, and how one tells that all of it is done.

use crate::error::{Error, Result};
use crate::schedule::AtWork;
use crate::sync::{Ordering, thread};

use super::workshop::{Next, Workshop};

impl Workshop {
    /// Does all there is to do now on the calling thread, and waits for the rest that others have in
    /// hand.
    pub(crate) fn drain(&self) -> Result<()> {
        if self.attendance.is_here() {
            return Err(Error::input(
                "draining the store is refused in what it calls while it works (a run's progress, the \
                 entities of a horizon), since it would wait for itself; hand it on to another thread \
                 and do not wait for that",
            ));
        }
        loop {
            // Where nothing can be written nothing can be done.
            self.writer()?;
            let found = self.attendance.found();
            match self.work_one()? {
                Next::Worked(worked) if worked.found_all_fresh() => thread::yield_now(),
                Next::Worked(_) => {}
                Next::Nothing { .. } => {
                    self.attendance.wait();
                    if self.attendance.found() == found && !self.is_closing() {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Does what a builder does at its turn.
    pub(super) fn take_a_turn(&self) -> Result<Next> {
        let at_work = self.attendance.begin();
        let next = if self.is_paused() {
            Ok(self.fulfil_one().unwrap_or(Next::Nothing { until: None }))
        } else {
            self.find_and_work()
        };
        self.note(&at_work, next)
    }

    /// Does one piece of work, the most urgent, on the calling thread.
    pub(crate) fn work_one(&self) -> Result<Next> {
        let at_work = self.attendance.begin();
        self.note(&at_work, self.find_and_work())
    }

    /// Whoever works on a run without being sent to it is at work too.
    pub(super) fn attend<T>(&self, work: impl FnOnce() -> T) -> T {
        let at_work = self.attendance.begin();
        let worked = work();
        at_work.has_found();
        worked
    }

    fn note(&self, at_work: &AtWork<'_>, next: Result<Next>) -> Result<Next> {
        if !matches!(next, Ok(Next::Nothing { .. })) {
            at_work.has_found();
        }
        next
    }

    pub(crate) fn pause(&self, paused: bool) {
        self.paused.store(paused, Ordering::Release);
        self.shared().bell.call();
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Acquire)
    }
}
