//! The threads that build in the background.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::events::{Event, is_telling};
use crate::schedule::{Heard, Pace};
use crate::sync::{Arc, Mutex, channel, thread, thread_number};
use crate::time::Timestamp;

use super::crew::Crew;
use super::work::{Reason, Worked};
use super::workshop::{Next, Workshop};

/// The builders of one opening.
#[derive(Debug, Default)]
pub(super) struct Builders {
    crew: Arc<Crew>,
    supervisor: Mutex<Option<thread::JoinHandle<()>>>,
}

/// No builder sleeps longer than this for something that is due at a time: a wall clock may be set.
const NAP_MAX: Duration = Duration::from_secs(60);

impl Builders {
    /// Starts as many as the options say, and one thread that watches over them.
    pub(super) fn start(&self, workshop: &Arc<Workshop>) -> Result<()> {
        let options = &workshop.shared().options;
        let pace = Pace::new(options.background_share, options.background_ramp.into());
        let (workshop, crew) = (workshop.clone(), self.crew.clone());
        let recruit = Recruit { workshop, crew, pace, opened: Instant::now() };
        for _ in 0..options.builders {
            recruit.start()?;
        }
        if options.builders > 0 {
            let supervisor = spawn("tidetable-supervisor".into(), move || supervise(&recruit))?;
            *self.supervisor.lock() = Some(supervisor);
        }
        Ok(())
    }

    /// Waits until all have ended that do not hang; the workshop is closed. One of them may be the
    /// caller: a builder that held the last handle on the store.
    ///
    /// From within an observer nobody is waited for: the build that the event came from may be what
    /// they wait for, or the caller the one who watches over them. They end by themselves.
    pub(super) fn join(&self, workshop: &Workshop) {
        let supervisor = self.supervisor.lock().take();
        let (crew, shared) = (self.crew.clone(), workshop.shared().clone());
        let all_ended = move |caller| {
            crew.wait(caller);
            // Not before: it gives up those that hang.
            shared.overdue.close();
            if let Some(supervisor) = supervisor {
                let _ = supervisor.join();
            }
        };
        if is_telling() {
            // Without another thread they are left to themselves.
            let _ = spawn("tidetable-closing".into(), move || all_ended(thread_number()));
        } else {
            all_ended(thread_number());
        }
    }
}

/// Starts builders.
#[derive(Clone)]
struct Recruit {
    workshop: Arc<Workshop>,
    crew: Arc<Crew>,
    pace: Pace,
    opened: Instant,
}

impl Recruit {
    fn start(&self) -> Result<()> {
        let place = self.crew.place();
        let Self { workshop, crew, pace, opened } = self.clone();
        let builder = Builder { workshop, crew, place, pace, opened };
        let (begin, begun) = channel::bounded(1);
        let thread = spawn(format!("tidetable-builder-{place}"), move || {
            builder.crew.begin(thread_number(), place);
            // Whoever closes the store from here on waits for it.
            drop(begin);
            builder.run();
            builder.crew.end(thread_number());
        })?;
        self.crew.keep(place, thread);
        let _: Result<(), _> = begun.recv();
        Ok(())
    }
}

fn spawn(name: String, body: impl FnOnce() + Send + 'static) -> Result<thread::JoinHandle<()>> {
    thread::Builder::new().name(name).spawn(body).map_err(|cause| {
        Error::new(ErrorKind::System, format!("cannot start a builder's thread: {cause}"))
    })
}

/// Looks for builds that take too long, and has builders that hang in one replaced.
fn supervise(recruit: &Recruit) {
    let shared = recruit.workshop.shared();
    while let Some(watch) = shared.overdue.next() {
        let running_for = watch.begun.elapsed();
        let event = Event::SlowBuild { view: &watch.view, bucket: watch.bucket, running_for };
        shared.events.tell(&event);
        if recruit.crew.give_up(watch.thread) {
            recruit.workshop.give_up_waiting(watch.thread);
            if !recruit.workshop.is_closing() {
                // Without another thread the others go on.
                let _ = recruit.start();
            }
        }
    }
}

struct Builder {
    workshop: Arc<Workshop>,
    crew: Arc<Crew>,
    place: usize,
    pace: Pace,
    opened: Instant,
}

impl Builder {
    fn run(&self) {
        let bell = &self.workshop.shared().bell;
        let is_over = || self.workshop.is_closing() || self.crew.is_given_up(self.place);
        bell.attend(is_over, |heard| {
            let began = Instant::now();
            // Only a defect of the engine panics here; it must not end the thread.
            let next = catch_unwind(AssertUnwindSafe(|| self.workshop.take_a_turn()));
            match next {
                Ok(Ok(Next::Worked(worked))) => {
                    if worked.found_all_fresh() {
                        thread::yield_now();
                    }
                    self.rest_after(&worked, began, heard);
                }
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
        if worked.reason <= Reason::Requested || worked.is_awaited {
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
