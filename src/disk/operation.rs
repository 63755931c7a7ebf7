//! What callers ask of the writer.

use crate::error::{Error, Result};
use crate::schedule::{self, Reply, Round};

use super::batch::Batch;
use super::committed::Committed;

/// Whether an operation's caller waits for a sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speed {
    /// It can be built again: the caller is answered when it is committed, a later sync takes it
    /// along.
    Derived,
    /// It cannot: acknowledged means synced.
    Synced,
    /// Applying it finds out ([`Batch::must_sync`]); it overtakes what was built all the same.
    AsFound,
}

/// One step of the logical clock: applied whole or not at all, in the writer's thread.
///
/// No code of the application runs in here.
pub(crate) trait Operation: Send + 'static {
    /// What `apply` finds out.
    type Applied: Send;
    /// What the caller gets once it is published.
    type Answer: Send + 'static;

    fn speed(&self) -> Speed;

    /// About how many bytes it will write; bounds a batch.
    fn weight(&self) -> usize {
        0
    }

    /// Whether it stages anything. If not, there is nothing to commit where all before it is synced.
    fn stages(&self) -> bool {
        true
    }

    /// Whether nobody waits for it before he says so ([`WriterHandle::hurry`]): it is committed
    /// together with what else comes soon.
    ///
    /// [`WriterHandle::hurry`]: super::writer::WriterHandle::hurry
    fn is_patient(&self) -> bool {
        false
    }

    /// Stages the operation. An error refuses this operation alone: it must have staged nothing.
    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<Self::Applied>;

    /// Makes the answer, after the commit has been published.
    fn answer(self, applied: Self::Applied, committed: &Committed) -> Self::Answer;
}

/// Where a caller waits for its acknowledgement.
pub(crate) struct Receipt<A>(schedule::Receipt<Result<A>>);

impl<A> Receipt<A> {
    /// Waits until the operation is acknowledged or refused.
    pub(crate) fn wait(self) -> Result<A> {
        self.0.wait().unwrap_or_else(|| Err(super::open_file::closed()))
    }

    /// Whether there is an answer.
    pub(crate) fn is_answered(&self) -> bool {
        self.0.is_answered()
    }
}

/// An operation on its way, its types erased.
pub(crate) trait Submission: Send {
    fn speed(&self) -> Speed;
    fn weight(&self) -> usize;
    fn stages(&self) -> bool;
    fn is_patient(&self) -> bool;
    /// Applies it at a revision; whether it was refused is kept inside.
    fn apply(&mut self, batch: &mut Batch<'_>);
    /// Answers the caller after publishing; he is woken with the others of the round.
    fn acknowledge(self: Box<Self>, committed: &Committed, round: &Round);
    /// Answers the caller when the transaction failed as a whole.
    fn fail(self: Box<Self>, error: Error, round: &Round);
}

struct Envelope<O: Operation> {
    operation: O,
    outcome: Option<Result<O::Applied>>,
    reply: Reply<Result<O::Answer>>,
}

/// Puts an operation in an envelope.
pub(crate) fn envelope<O: Operation>(operation: O) -> (Box<dyn Submission>, Receipt<O::Answer>) {
    let (reply, receipt) = schedule::receipt();
    (Box::new(Envelope { operation, outcome: None, reply }), Receipt(receipt))
}

impl<O: Operation> Submission for Envelope<O> {
    fn speed(&self) -> Speed {
        self.operation.speed()
    }

    fn weight(&self) -> usize {
        self.operation.weight()
    }

    fn stages(&self) -> bool {
        self.operation.stages()
    }

    fn is_patient(&self) -> bool {
        self.operation.is_patient()
    }

    fn apply(&mut self, batch: &mut Batch<'_>) {
        self.outcome = Some(self.operation.apply(batch));
    }

    fn acknowledge(self: Box<Self>, committed: &Committed, round: &Round) {
        let Self { operation, outcome, reply } = *self;
        let applied = outcome.expect("the writer applied it before the commit");
        reply.give(applied.map(|applied| operation.answer(applied, committed)), round);
    }

    fn fail(self: Box<Self>, error: Error, round: &Round) {
        self.reply.give(Err(error), round);
    }
}
