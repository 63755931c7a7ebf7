//! The answer to a question that somebody else works at.

use std::task::{Context, Poll, Waker};
use std::time::Instant;

use crate::sync::{Condvar, Mutex};

/// Given once; threads and futures wait for it.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    state: Mutex<State<T>>,
    given: Condvar,
}

#[derive(Debug)]
struct State<T> {
    value: Option<T>,
    /// Futures that were polled before.
    wakers: Vec<Waker>,
    /// Whoever asked has gone.
    abandoned: bool,
}

impl<T> Default for Answer<T> {
    fn default() -> Self {
        let state = State { value: None, wakers: Vec::new(), abandoned: false };
        Self { state: Mutex::new(state), given: Condvar::new() }
    }
}

impl<T: Clone> Answer<T> {
    /// Gives the answer. Of several the first stays.
    pub(crate) fn give(&self, value: T) {
        let (late, wakers) = {
            let mut state = self.state.lock();
            let is_first = state.value.is_none() || mutant!("first_answers_stay");
            let late = if is_first { state.value.replace(value) } else { Some(value) };
            (late, std::mem::take(&mut state.wakers))
        };
        self.given.notify_all();
        // Code of the executor's and of the value's: under no lock.
        wakers.into_iter().for_each(Waker::wake);
        drop(late);
    }

    /// The answer, if it was given.
    pub(crate) fn get(&self) -> Option<T> {
        self.state.lock().value.clone()
    }

    /// Waits for the answer until an instant; without one as long as it takes.
    pub(crate) fn wait(&self, until: Option<Instant>) -> Option<T> {
        let mut state = self.state.lock();
        while state.value.is_none() {
            match until {
                None => self.given.wait(&mut state),
                Some(until) => {
                    if self.given.wait_until(&mut state, until).timed_out() {
                        break;
                    }
                }
            }
        }
        state.value.clone()
    }

    /// The answer, or word left whom to wake.
    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<T> {
        // Code of the executor's: under no lock.
        let waker = context.waker().clone();
        let mut state = self.state.lock();
        if let Some(value) = &state.value {
            return Poll::Ready(value.clone());
        }
        if !state.wakers.iter().any(|known| known.will_wake(&waker)) {
            state.wakers.push(waker);
        }
        Poll::Pending
    }

    /// Says that nobody waits for the answer any more.
    pub(crate) fn abandon(&self) {
        let wakers = {
            let mut state = self.state.lock();
            state.abandoned = true;
            std::mem::take(&mut state.wakers)
        };
        drop(wakers);
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.state.lock().abandoned
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::sync::{Arc, AtomicUsize, Ordering, thread};

    #[test]
    fn the_first_answer_stays() {
        let answer = Answer::default();
        assert_eq!((answer.wait(Some(Instant::now())), answer.get()), (None, None));
        answer.give(1);
        answer.give(2);
        assert_eq!((answer.wait(None), answer.get()), (Some(1), Some(1)));
    }

    #[test]
    fn all_threads_that_wait_get_the_answer() {
        let answer = Answer::default();
        thread::scope(|scope| {
            let waiting: Vec<_> = (0..3).map(|_| scope.spawn(|| answer.wait(None))).collect();
            answer.give(7);
            for waiting in waiting {
                assert_eq!(waiting.join().unwrap(), Some(7));
            }
        });
    }

    #[test]
    fn every_future_is_woken_once_however_often_it_was_polled() {
        struct Woken(AtomicUsize);
        impl std::task::Wake for Woken {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        let woken = [0, 0].map(|_| Arc::new(Woken(AtomicUsize::new(0))));
        let answer = Answer::default();
        for waker in woken.iter().map(|woken| Waker::from(woken.clone())) {
            let context = Context::from_waker(&waker);
            assert_eq!(answer.poll(&context), Poll::Pending);
            assert_eq!(answer.poll(&context), Poll::Pending);
        }
        answer.give(3);
        assert_eq!(woken.map(|woken| woken.0.load(Ordering::SeqCst)), [1, 1]);
        assert_eq!(answer.poll(&Context::from_waker(Waker::noop())), Poll::Ready(3));
    }
}
