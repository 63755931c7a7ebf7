//! The handle on a run.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::disk::{FailureRow, RunStage, closed, run_failures};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::PageNumber;
use crate::rebuild::chain::{refuse_inside_build, refuse_waiting};
use crate::rebuild::engine::Engine;
use crate::rebuild::failed_build::FailedBuild;
use crate::rebuild::runs::{Awaited, Live, RunStatus, Waiting};
use crate::sync::Arc;

use super::spool::Spool;

/// A run: large work that goes on by itself, over crashes and restarts.
///
/// Its progress is in the file. See [`View::precompute`](crate::View::precompute) and
/// [`Store::refresh`](crate::Store::refresh).
///
/// A handle is cheap to clone and may be used from many threads. It keeps the store open; dropping
/// it does not stop the run.
///
/// In a store without builders ([`Options::builders`](crate::Options)) nothing happens in the
/// background: a run is worked off by those who wait for it, in their threads.
#[derive(Clone)]
pub struct Run {
    engine: Arc<Engine>,
    live: Arc<Live>,
}

impl Run {
    pub(crate) fn new(engine: Arc<Engine>, live: Arc<Live>) -> Self {
        Self { engine, live }
    }

    /// Starts a run whose work is spooled, durably. With `anew` everything is built that began before
    /// this.
    pub(crate) fn start(engine: &Arc<Engine>, spool: Spool<'_>, anew: bool) -> Result<Self> {
        Ok(Self::new(engine.clone(), spool.start(anew)?))
    }

    /// A run that the file knows.
    pub(crate) fn find(engine: &Arc<Engine>, id: u64) -> Result<Option<Self>> {
        let live = engine.runs().find(engine.shared(), id)?;
        Ok(live.map(|live| Self::new(engine.clone(), live)))
    }

    /// All of them, the newest first.
    pub(crate) fn list(engine: &Arc<Engine>) -> Result<Vec<Self>> {
        let runs = engine.runs().list(engine.shared())?;
        Ok(runs.into_iter().map(|live| Self::new(engine.clone(), live)).collect())
    }

    /// Its number, for [`Store::run`](crate::Store::run).
    #[must_use]
    pub fn id(&self) -> u64 {
        self.live.id
    }

    /// Where it stands now. Costs a lock, and no look into the file.
    #[must_use]
    pub fn status(&self) -> RunStatus {
        self.live.status(self.engine.shared().options.clock.now())
    }

    /// The buckets that failed so far, as far as the file has them: a thousand at most, while
    /// [`RunStatus::failed`] counts them all. None of a run that was pruned.
    ///
    /// # Errors
    /// [The file's errors](crate#errors).
    pub fn failures(&self) -> Result<Vec<FailedBuild>> {
        let names = self.engine.view_names()?;
        let shared = self.engine.shared();
        let failure = |row: FailureRow| {
            let at = (row.view, &*row.entity, PageNumber(row.page), row.slot);
            FailedBuild::new(shared, &names, at, (row.kind, row.message))
        };
        Ok(run_failures(shared, self.live.id)?.into_iter().map(failure).collect())
    }

    /// Waits until it has ended, however; its last progress is synced then. While it is paused this
    /// waits for somebody to resume it.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) inside a build;
    /// [`Reopen`](crate::ErrorKind::Reopen) if the store is closed first: the run goes on at the
    /// next opening. In a store without builders also
    /// [`Definition`](crate::ErrorKind::Definition) if a view that it needs is not defined,
    /// [`Busy`](crate::ErrorKind::Busy) while builds of it are turned away, and
    /// [the file's errors](crate#errors). That records failed, or the run, is in the status.
    pub fn wait(&self) -> Result<RunStatus> {
        loop {
            if let Some(status) = self.wait_until(None)? {
                return Ok(status);
            }
        }
    }

    /// The same for at most so long, by real time; `None` if it has not ended then. In a store
    /// without builders a chunk that was begun is worked off to its end, which may take longer.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub fn wait_for(&self, longest: Duration) -> Result<Option<RunStatus>> {
        // Beyond the end of the clock's time is for ever.
        match Instant::now().checked_add(longest) {
            Some(until) => self.wait_until(Some(until)),
            None => self.wait().map(Some),
        }
    }

    fn wait_until(&self, until: Option<Instant>) -> Result<Option<RunStatus>> {
        refuse_waiting("waiting for a run")?;
        let _waiting = self.begin_waiting();
        loop {
            let news = match self.live.awaited() {
                Awaited::Ended => return Ok(Some(self.status())),
                Awaited::Closed => return Err(closed()),
                Awaited::Going(news) => news,
            };
            if until.is_some_and(|until| Instant::now() >= until) {
                return Ok(None);
            }
            // Who has all the time helps the builders; who has not leaves it to them.
            let helps = until.is_none() || self.engine.shared().options.builders == 0;
            if !(helps && self.step()?) {
                self.live.sleep(news, until);
            }
        }
    }

    /// The same as a future, for any executor: it resolves as [`wait`](Self::wait) returns. In a
    /// store without builders each poll works off a chunk.
    pub fn wait_async(&self) -> impl Future<Output = Result<RunStatus>> + Send + 'static + use<> {
        Ending { run: self.clone(), waiting: None }
    }

    /// From here on builders do not rest between two pieces of it, and one that rests is woken.
    fn begin_waiting(&self) -> Waiting {
        let waiting = self.live.wait();
        self.engine.shared().bell.call();
        waiting
    }

    /// Works off a chunk. `false` if there is none to be had now, and something will change that.
    fn step(&self) -> Result<bool> {
        // What keeps this thread from it the builders meet too: they try again.
        let others = self.engine.shared().options.builders > 0;
        let (runs, workshop) = (self.engine.runs(), self.engine.workshop());
        let worked = workshop.attend(|| {
            let piece = runs.piece_of(workshop, &self.live)?;
            Ok(piece.map(|piece| runs.work(workshop, piece)))
        });
        match worked? {
            Some(Err(error)) if others && is_passing(&error) => Ok(false),
            Some(worked) => worked.map(|_| true),
            // Another thread has what is left, or it is paused.
            None if others || self.live.is_in_hand() || !self.live.goes_on() => Ok(false),
            None if self.live.rests_until(self.engine.shared().options.clock.now()).is_some() => {
                let message = "builds of the view are turned away: it failed too often, or too much \
                               is built at once; wait again later, the run goes on where it was";
                Err(Error::new(ErrorKind::Busy, message))
            }
            None => {
                let message = "the run waits for a view that is not defined in this opening, or of \
                               which nobody holds a handle; define it first";
                Err(Error::new(ErrorKind::Definition, message))
            }
        }
    }

    /// Ends it where it stands, for good ([`pause`](Self::pause) is for a while). What is in hand stops
    /// at the next entity; what was built stays, and another run passes it over. A run that has ended
    /// stays as it is.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) inside a build and in a store opened to read only;
    /// [`Absent`](crate::ErrorKind::Absent) if it was pruned; and
    /// [the file's errors](crate#errors).
    pub fn cancel(&self) -> Result<()> {
        refuse_inside_build("cancelling a run")?;
        self.turn(RunStage::Cancelled)
    }

    /// Stops it at the next entity until it is [resumed](Self::resume), also at later openings. A
    /// run that has ended stays as it is.
    ///
    /// # Errors
    /// As [`cancel`](Self::cancel).
    pub fn pause(&self) -> Result<()> {
        refuse_inside_build("pausing a run")?;
        self.turn(RunStage::Paused)
    }

    /// Lets it go on where it stopped.
    ///
    /// # Errors
    /// As [`cancel`](Self::cancel).
    pub fn resume(&self) -> Result<()> {
        refuse_inside_build("resuming a run")?;
        self.turn(RunStage::Going)
    }

    fn turn(&self, stage: RunStage) -> Result<()> {
        if self.live.has_ended() {
            return Ok(());
        }
        self.engine.runs().turn(self.engine.workshop(), &self.live, stage, String::new())?;
        self.engine.shared().bell.ring();
        Ok(())
    }

    /// Has `told` called after each chunk that is worked off from now on, and at the end; in the
    /// thread that worked it off, which waits for it: it must not wait for a run itself. If it panics
    /// that is the end of the call, and of nothing else. Handles on the store that it holds are
    /// dropped when the run ends or the store is closed.
    pub fn on_progress(&self, told: impl Fn(&RunStatus) + Send + Sync + 'static) {
        self.live.on_progress(Arc::new(told));
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.live.fmt(f)
    }
}

/// What ends by itself.
fn is_passing(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Busy | ErrorKind::Definition)
}

/// The end of a run, some time.
struct Ending {
    run: Run,
    /// Since it was polled first.
    waiting: Option<Waiting>,
}

impl Future for Ending {
    type Output = Result<RunStatus>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { run, waiting } = self.get_mut();
        if let Err(refused) = refuse_waiting("waiting for a run") {
            return Poll::Ready(Err(refused));
        }
        waiting.get_or_insert_with(|| run.begin_waiting());
        loop {
            let news = match run.live.awaited() {
                Awaited::Ended => return Poll::Ready(Ok(run.status())),
                Awaited::Closed => return Poll::Ready(Err(closed())),
                Awaited::Going(news) => news,
            };
            // A poll never works where others do.
            let others = run.engine.shared().options.builders > 0;
            let stepped = if others { Ok(false) } else { run.step() };
            match stepped {
                Err(error) => return Poll::Ready(Err(error)),
                Ok(true) => {
                    // Others have their turn between two chunks.
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Ok(false) if run.live.wake(news, context.waker()) => return Poll::Pending,
                Ok(false) => {}
            }
        }
    }
}
