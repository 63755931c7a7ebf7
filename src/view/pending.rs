//! Records that were asked for and will be built.

use std::borrow::Borrow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::grid::Bucket;
use crate::key::EntityKey;
use crate::page::RecordType;
use crate::rebuild::{FlightKey, Watcher, refuse_inside_build, refuse_waiting};
use crate::revision::Revision;
use crate::schedule::Answer;
use crate::sync::{Arc, Weak};
use crate::time::Timestamp;

use super::any_view::{AnyView, Typed};
use super::core::Core;
use super::get_async::GetAsync;
use super::make::Wish;
use super::policy::{Marked, Missing, Policy};
use super::record::Record;
use super::spot::Spot;

/// A record that was asked for with [`View::request`](crate::View::request), and what has become of
/// it.
///
/// The request itself is in the file: it outlives this handle, and the process. Asking again for the
/// same record gives another handle on the same request.
pub struct Pending<E: EntityKey + ?Sized, R: RecordType> {
    core: Arc<Core<E, R>>,
    watch: Arc<Watch>,
}

/// How far a request is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PendingState {
    /// No builder has come to it yet, or it is to be tried again.
    Waiting {
        /// How often it was tried.
        attempts: u16,
        /// Before this, by the store's clock, it is not tried again; none if it may be at once.
        next_attempt: Option<Timestamp>,
        /// How the last try failed, as the file keeps it: kind and message, without
        /// [`build_cause`](Error::build_cause). None before the first, and after one that ended the process.
        last_error: Option<Error>,
    },
    /// It is being built.
    Building {
        /// From 0 to 1, as the build function says it with
        /// [`BuildContext::progress`](crate::BuildContext::progress).
        progress: f32,
    },
    /// The record is there: it was built after it was asked for, or stood already. What has changed
    /// since is told by [`Record::freshness`](crate::Record::freshness); for what is new ask again.
    Completed,
    /// It was tried as often as the view's [`Retry`](crate::Retry) says, and failed so the last time. It
    /// rests until it is asked for again or something that it needs changes.
    Failed(Error),
    /// It was cancelled, or deleted.
    Cancelled,
}

impl PendingState {
    /// What waiting comes to; `None` while it goes on.
    fn outcome(self) -> Option<Result<()>> {
        match self {
            Self::Waiting { .. } | Self::Building { .. } => None,
            Self::Completed => Some(Ok(())),
            Self::Failed(error) => Some(Err(error)),
            Self::Cancelled => {
                let message =
                    "the request was cancelled, or what was asked for was deleted; ask again";
                Some(Err(Error::new(ErrorKind::Absent, message)))
            }
        }
    }
}

/// Told whenever a build of the record has landed, until that ends the request.
struct Watch {
    view: Weak<dyn Typed>,
    itself: Weak<Self>,
    spot: Spot,
    /// What was published when it was asked for.
    since: Revision,
    flight: FlightKey,
    outcome: Answer<Result<()>>,
}

impl Watch {
    fn new(view: &AnyView, spot: Spot, since: Revision) -> Arc<Self> {
        let flight = view.flight_key(&spot);
        Arc::new_cyclic(|itself| Self {
            view: view.itself.clone(),
            itself: itself.clone(),
            spot,
            since,
            flight,
            outcome: Answer::default(),
        })
    }

    /// Ends the wait if there is nothing more to wait for.
    fn look(self: &Arc<Self>, view: &AnyView) {
        let watcher: Arc<dyn Watcher> = self.clone();
        let flights = view.engine.flights();
        // Before the look: what lands meanwhile is told, and looked at once more.
        flights.watch(&self.flight, &watcher);
        let outcome = match view.request_state(&self.spot, self.since) {
            Ok(state) => state.outcome(),
            Err(error) => Some(Err(error)),
        };
        if let Some(outcome) = outcome {
            flights.unwatch(&self.flight, &watcher);
            self.outcome.give(outcome.map_err(|error| view.at(&self.spot, error)));
        }
    }
}

impl Watcher for Watch {
    fn landed(&self) {
        let (Some(view), Some(watch)) = (self.view.upgrade(), self.itself.upgrade()) else {
            return;
        };
        watch.look(view.any());
    }
}

impl<E: EntityKey + ?Sized, R: RecordType> Pending<E, R> {
    pub(super) fn new(core: &Arc<Core<E, R>>, spot: Spot, since: Revision) -> Self {
        Self { core: core.clone(), watch: Watch::new(core, spot, since) }
    }

    pub(super) fn spot(&self) -> &Spot {
        &self.watch.spot
    }

    /// Begins to watch, now that the request stands.
    pub(super) fn begin(&self) {
        self.watch.look(&self.core);
    }

    /// The bucket that was asked for.
    #[must_use]
    pub fn bucket(&self) -> Bucket {
        self.watch.spot.bucket
    }

    /// How far it is. Costs a look at the page, in memory or in the file.
    ///
    /// # Errors
    /// [The file's errors](crate#errors).
    pub fn state(&self) -> Result<PendingState> {
        self.core.request_state(self.spot(), self.watch.since)
    }

    /// Waits until it is there, or was tried for the last time. In a store without builders, or whose
    /// builders pause, it is built here.
    ///
    /// The request is answered once: what has changed since is not built for it again. Then the record
    /// says by its [freshness](crate::Record::freshness) that it is old; who wants what is new asks again.
    ///
    /// # Errors
    /// What it failed with at last; [`Absent`](crate::ErrorKind::Absent) if it was cancelled or deleted;
    /// [`Reopen`](crate::ErrorKind::Reopen) if the store was closed (the request goes on when it is
    /// open again); [`Input`](crate::ErrorKind::Input) inside a build.
    pub fn wait(&self) -> Result<Record<R>> {
        refuse_waiting("waiting for a request")?;
        let alone =
            self.core.shared().options.builders == 0 || self.core.engine.workshop().is_paused();
        if alone && self.watch.outcome.get().is_none() {
            // What stands there and is not fresh is no answer.
            let (entity, seen) = (self.core.owned(self.spot())?, self.core.ticket(self.spot()));
            let maker = self.core.maker(entity.borrow());
            self.core.build_one(&Wish::new(&maker, self.spot(), seen, Revision::ZERO))?;
            self.watch.look(&self.core);
        }
        self.watch.outcome.wait(None).unwrap_or(Ok(()))?;
        self.record()
    }

    /// Waits no longer than this until it is there, or was tried for the last time; `None` if it takes
    /// longer. In a store without builders, or whose builders pause, somebody else has to build it meanwhile.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub fn wait_for(&self, longest: Duration) -> Result<Option<Record<R>>> {
        refuse_waiting("waiting for a request")?;
        // Beyond the end of the clock's time is as long as it takes.
        match self.watch.outcome.wait(Instant::now().checked_add(longest)) {
            None => Ok(None),
            Some(outcome) => outcome.and_then(|()| self.record()).map(Some),
        }
    }

    /// Waits, on any executor, until it is there, or was tried for the last time. In a store without
    /// builders, or whose builders pause, somebody else has to build it.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub async fn wait_async(&self) -> Result<Record<R>> {
        refuse_waiting("waiting for a request")?;
        Outcome(&self.watch.outcome).await?;
        let asked = self.core.owned(self.spot()).map(|entity| (entity, self.spot().clone()));
        self.found(GetAsync::new(self.core.clone(), asked, AS_IT_IS).await)
    }

    /// The record as it is there now.
    fn record(&self) -> Result<Record<R>> {
        let entity = self.core.owned(self.spot())?;
        let maker = self.core.maker(entity.borrow());
        self.found(self.core.get_spot(&maker, self.spot(), AS_IT_IS).map(Record::of))
    }

    /// What was read of a record that was there: if it is not, it was deleted.
    fn found(&self, read: Result<Record<R>>) -> Result<Record<R>> {
        read.map_err(|error| match error.kind() {
            ErrorKind::Absent => {
                let message = "what was asked for was deleted since; ask again";
                self.core.at(self.spot(), Error::new(ErrorKind::Absent, message))
            }
            _ => error,
        })
    }

    /// Takes the request back, durably. A build that has begun goes on. Returns whether there was
    /// anything to take back.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) inside a build; and [the file's errors](crate#errors).
    pub fn cancel(&self) -> Result<bool> {
        refuse_inside_build("cancelling a request")?;
        let taken_back = self.core.unwant(self.spot())?;
        self.core.engine.flights().tell(&self.watch.flight);
        Ok(taken_back)
    }
}

const AS_IT_IS: Policy =
    Policy { missing: Missing::Miss, marked: Marked::Serve, within: None, ordered: false };

impl<E: EntityKey + ?Sized, R: RecordType> Drop for Pending<E, R> {
    fn drop(&mut self) {
        let watcher: Arc<dyn Watcher> = self.watch.clone();
        self.core.engine.flights().unwatch(&self.watch.flight, &watcher);
    }
}

impl<E: EntityKey + ?Sized, R: RecordType> fmt::Debug for Pending<E, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pending({} {})", self.core.state.name(), self.bucket())
    }
}

/// The end of a wait as a future.
struct Outcome<'a>(&'a Answer<Result<()>>);

impl Future for Outcome<'_> {
    type Output = Result<()>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.0.poll(context)
    }
}
