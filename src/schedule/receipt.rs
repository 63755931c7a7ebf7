//! Answers that are given to many at once, each to one who waits for it.

use std::collections::VecDeque;

use crate::sync::{Arc, Condvar, Mutex};

/// Where one waits for his answer.
pub(crate) struct Receipt<A>(Arc<Place<A>>);

/// Whoever owes the answer. Dropped without having given one, it says so.
pub(crate) struct Reply<A>(Arc<Place<A>>);

/// Those who were answered together and are still to be woken.
///
/// Waking one costs a call of the system, so that whoever wakes many is busy with it for as long as a
/// sync takes. So each who was woken wakes two others before he goes. Nobody has to rely on that:
/// whoever gave the answers wakes those who are left before he waits for anything himself.
#[derive(Clone, Default)]
pub(crate) struct Round(Arc<Mutex<VecDeque<Box<dyn Asleep>>>>);

trait Asleep: Send + Sync {
    fn wake(&self);
}

struct Place<A> {
    state: Mutex<State<A>>,
    given: Condvar,
}

struct State<A> {
    /// Somebody sleeps until there is an answer.
    sleeps: bool,
    /// Whether the answer was given, or never will be.
    answered: bool,
    answer: Option<(A, Round)>,
}

/// How many others one wakes who was woken.
const PASSED_ON: usize = 2;

/// A reply that is owed, and where it is waited for.
pub(crate) fn receipt<A>() -> (Reply<A>, Receipt<A>) {
    let state = Mutex::new(State { sleeps: false, answered: false, answer: None });
    let place = Arc::new(Place { state, given: Condvar::new() });
    (Reply(place.clone()), Receipt(place))
}

impl<A> Receipt<A> {
    /// Waits for the answer; `None` if nobody will give one.
    pub(crate) fn wait(self) -> Option<A> {
        let mut state = self.0.state.lock();
        while !state.answered {
            state.sleeps = !mutant!("sleepers_are_known");
            self.0.given.wait(&mut state);
        }
        let (answer, round) = state.answer.take()?;
        drop(state);
        let _ = (0..PASSED_ON).all(|_| round.wake_one());
        Some(answer)
    }

    /// Whether there is an answer, or never will be.
    pub(crate) fn is_answered(&self) -> bool {
        self.0.state.lock().answered
    }
}

impl<A: Send + 'static> Reply<A> {
    /// Answers, and leaves waking to the round.
    pub(crate) fn give(self, answer: A, round: &Round) {
        let sleeps = {
            let mut state = self.0.state.lock();
            (state.answer, state.answered) = (Some((answer, round.clone())), true);
            state.sleeps
        };
        if sleeps {
            round.0.lock().push_back(Box::new(self.0.clone()));
        }
    }
}

#[cfg(test)]
impl<A> Reply<A> {
    /// Whether somebody sleeps until it is given.
    pub(crate) fn is_awaited(&self) -> bool {
        self.0.state.lock().sleeps
    }
}

impl<A> Drop for Reply<A> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        if !state.answered {
            state.answered = true;
            drop(state);
            self.0.given.notify_all();
        }
    }
}

impl Round {
    /// Wakes one; `false` if there is none left.
    pub(crate) fn wake_one(&self) -> bool {
        let next = self.0.lock().pop_front();
        next.inspect(|asleep| asleep.wake()).is_some()
    }

    /// Wakes all who are left.
    pub(crate) fn wake_all(&self) {
        while self.wake_one() {}
    }
}

impl<A: Send> Asleep for Arc<Place<A>> {
    fn wake(&self) {
        self.given.notify_all();
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::sync::thread;

    #[test]
    fn an_answer_is_there_from_the_moment_it_is_given() {
        let (reply, receipt) = receipt();
        assert!(!receipt.is_answered());
        reply.give(3, &Round::default());
        assert!(receipt.is_answered());
        assert_eq!(receipt.wait(), Some(3));
    }

    #[test]
    fn a_reply_that_is_dropped_is_an_answer_too() {
        let (reply, receipt) = receipt::<u8>();
        drop(reply);
        assert!(receipt.is_answered());
        assert_eq!(receipt.wait(), None);
    }

    #[test]
    fn all_of_a_round_are_woken() {
        let (replies, receipts): (Vec<_>, Vec<_>) = (0..40).map(|_| receipt()).unzip();
        thread::scope(|scope| {
            let waiting: Vec<_> =
                receipts.into_iter().map(|receipt| scope.spawn(|| receipt.wait())).collect();
            let round = Round::default();
            replies.into_iter().zip(0..).for_each(|(reply, answer)| reply.give(answer, &round));
            round.wake_all();
            for (waits, answer) in waiting.into_iter().zip(0..) {
                assert_eq!(waits.join().unwrap(), Some(answer));
            }
        });
    }
}
