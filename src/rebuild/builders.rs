//! The threads that build in the background.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::schedule::{Heard, Pace};
use crate::sync::{Arc, Mutex, thread};
use crate::time::Timestamp;

use super::work::{Reason, Worked};
use super::workshop::{Next, Workshop};

/// The builders of one opening.
#[derive(Debug, Default)]
pub(super) struct Builders {
    threads: Mutex<Vec<thread::JoinHandle<()>>>,
}

/// No builder sleeps longer than this for something that is due at a time: a wall clock may be set.
const NAP_MAX: Duration = Duration::from_secs(60);

impl Builders {
    /// Starts as many as the options say.
    pub(super) fn start(&self, workshop: &Arc<Workshop>) -> Result<()> {
        let options = &workshop.shared().options;
        let pace = Pace::new(options.background_share, options.background_ramp.into());
        for number in 0..options.builders {
            let builder = Builder { workshop: workshop.clone(), pace, opened: Instant::now() };
            let thread = thread::Builder::new()
                .name(format!("tidetable-builder-{number}"))
                .spawn(move || builder.run())
                .map_err(|cause| {
                    let message = format!("cannot start a builder's thread: {cause}");
                    Error::new(ErrorKind::System, message)
                })?;
            self.threads.lock().push(thread);
        }
        Ok(())
    }

    /// Waits until all have ended; the workshop is closed. One of them may be the caller: a builder
    /// that held the last handle on the store.
    pub(super) fn join(&self) {
        let threads = std::mem::take(&mut *self.threads.lock());
        for thread in threads {
            if thread.thread().id() != thread::current().id() {
                // It catches the panics of what it calls.
                let _ = thread.join();
            }
        }
    }
}

struct Builder {
    workshop: Arc<Workshop>,
    pace: Pace,
    opened: Instant,
}

impl Builder {
    fn run(self) {
        let bell = &self.workshop.shared().bell;
        let is_over = || self.workshop.is_closing();
        bell.attend(is_over, |heard| {
            let began = Instant::now();
            // Only a defect of the engine panics here; it must not end the thread.
            let next = catch_unwind(AssertUnwindSafe(|| self.workshop.work_one()));
            match next {
                Ok(Ok(Next::Worked(worked))) => self.rest_after(&worked, began, heard),
                Ok(Ok(Next::Nothing { until })) => {
                    bell.wait(heard, until.map(|until| self.instant(until)));
                }
                // Of the file: what stopped writing is latched, and reading fails on and on.
                Ok(Err(_)) | Err(_) => bell.wait(heard, Instant::now().checked_add(NAP_MAX)),
            }
        });
    }

    /// Leaves time to others, unless somebody waits.
    fn rest_after(&self, worked: &Worked, began: Instant, heard: Heard) {
        if worked.reason <= Reason::Requested {
            return;
        }
        let rest = self.pace.rest_after(began.elapsed(), self.opened.elapsed());
        if !rest.is_zero() {
            self.workshop.shared().bell.rest(heard, Instant::now() + rest);
        }
    }

    /// When the store's clock will show an instant, if it goes on as clocks do.
    fn instant(&self, until: Timestamp) -> Instant {
        let now = self.workshop.shared().options.clock.now();
        Instant::now() + Duration::from(until.since(now)).min(NAP_MAX)
    }
}
