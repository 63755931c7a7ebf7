//! Reading from a future.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::error::{Error, Result};
use crate::key::EntityKey;
use crate::page::RecordType;
use crate::rebuild::is_building;
use crate::sync::Arc;

use super::core::Core;
use super::order::ReadOrder;
use super::policy::Policy;
use super::record::Record;
use super::spot::Spot;

/// A read for any executor: what [`View::get_async`](crate::View::get_async) returns.
///
/// Polling it never builds, loads or waits: what is not in memory is left to the builders. Dropped
/// before a builder took it, nothing is built.
#[must_use = "a future does nothing until it is polled"]
pub struct GetAsync<E: EntityKey + ?Sized, R: RecordType> {
    core: Arc<Core<E, R>>,
    policy: Policy,
    state: State<E>,
}

enum State<E: EntityKey + ?Sized> {
    /// Not polled yet.
    Asked(Result<(E::Owned, Spot)>),
    Ordered(Arc<ReadOrder>),
    Done,
}

// Nothing in it is pinned.
impl<E: EntityKey + ?Sized, R: RecordType> Unpin for GetAsync<E, R> {}

impl<E: EntityKey + ?Sized, R: RecordType> GetAsync<E, R> {
    pub(super) fn new(
        core: Arc<Core<E, R>>,
        asked: Result<(E::Owned, Spot)>,
        policy: Policy,
    ) -> Self {
        Self { core, policy, state: State::Asked(asked) }
    }

    fn begin(&mut self, entity: &E::Owned, spot: &Spot) -> Option<Result<Record<R>>> {
        use std::borrow::Borrow;
        let policy = Policy { within: None, ..self.policy };
        if is_building() {
            // Its reads are noted on this thread, and it has nothing else to do.
            let maker = self.core.maker(entity.borrow());
            return Some(self.core.get_spot(&maker, spot, policy).map(Record::of));
        }
        if let Some(record) = self.core.hit(spot, self.core.state.counters().hits.here()) {
            return Some(Ok(Record::of(record)));
        }
        match self.core.place_order(spot, policy) {
            Ok(order) => {
                self.state = State::Ordered(order);
                None
            }
            Err(error) => Some(Err(error)),
        }
    }
}

impl<E: EntityKey + ?Sized, R: RecordType> Future for GetAsync<E, R> {
    type Output = Result<Record<R>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let State::Asked(_) = &self.state {
            let State::Asked(asked) = std::mem::replace(&mut self.state, State::Done) else {
                unreachable!("it was looked at")
            };
            let (entity, spot) = match asked {
                Ok(asked) => asked,
                Err(error) => return Poll::Ready(Err(error)),
            };
            if let Some(answer) = self.begin(&entity, &spot) {
                return Poll::Ready(answer);
            }
        }
        let State::Ordered(order) = &self.state else {
            let message = "a future was polled after it had given its answer";
            return Poll::Ready(Err(Error::input(message)));
        };
        let answer = order.answer().poll(context).map_ok(Record::of);
        if answer.is_ready() {
            self.state = State::Done;
        }
        answer
    }
}

impl<E: EntityKey + ?Sized, R: RecordType> Drop for GetAsync<E, R> {
    fn drop(&mut self) {
        if let State::Ordered(order) = &self.state {
            order.answer().abandon();
        }
    }
}

impl<E: EntityKey + ?Sized, R: RecordType> std::fmt::Debug for GetAsync<E, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match &self.state {
            State::Asked(_) => "GetAsync(not polled)",
            State::Ordered(_) => "GetAsync(waits for a builder)",
            State::Done => "GetAsync(done)",
        })
    }
}
