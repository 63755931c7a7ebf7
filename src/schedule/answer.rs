//! The answer to a question that somebody else works at.

use std::task::{Context, Poll, Waker};
use std::time::Instant;

use crate::sync::{Condvar, Mutex};

/// Given once, taken once: by a thread that waits, or by a future.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    state: Mutex<State<T>>,
    given: Condvar,
}

#[derive(Debug)]
struct State<T> {
    value: Option<T>,
    waker: Option<Waker>,
    /// Whoever asked has gone.
    abandoned: bool,
}

impl<T> Default for Answer<T> {
    fn default() -> Self {
        let state = State { value: None, waker: None, abandoned: false };
        Self { state: Mutex::new(state), given: Condvar::new() }
    }
}

impl<T> Answer<T> {
    /// Gives the answer. Of several the first stays.
    pub(crate) fn give(&self, value: T) {
        let (late, waker) = {
            let mut state = self.state.lock();
            let late = if state.value.is_none() { state.value.replace(value) } else { Some(value) };
            (late, state.waker.take())
        };
        self.given.notify_all();
        // Code of the executor's and of the value's: under no lock.
        waker.into_iter().for_each(Waker::wake);
        drop(late);
    }

    /// Takes the answer, waiting for it until an instant.
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
        state.value.take()
    }

    /// Takes the answer, or leaves word whom to wake.
    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<T> {
        let mut state = self.state.lock();
        if let Some(value) = state.value.take() {
            return Poll::Ready(value);
        }
        let before = match &state.waker {
            Some(waker) if waker.will_wake(context.waker()) => None,
            _ => state.waker.replace(context.waker().clone()),
        };
        drop(state);
        drop(before);
        Poll::Pending
    }

    /// Says that nobody will take the answer.
    pub(crate) fn abandon(&self) {
        let waker = {
            let mut state = self.state.lock();
            state.abandoned = true;
            state.waker.take()
        };
        drop(waker);
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
    fn the_first_answer_stays_and_is_taken_once() {
        let answer = Answer::default();
        assert_eq!(answer.wait(Some(Instant::now())), None);
        answer.give(1);
        answer.give(2);
        assert_eq!(answer.wait(None), Some(1));
        assert_eq!(answer.wait(Some(Instant::now())), None);
    }

    #[test]
    fn a_thread_that_waits_gets_the_answer() {
        let answer = Answer::default();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| answer.wait(None));
            answer.give(7);
            assert_eq!(waiting.join().unwrap(), Some(7));
        });
    }

    #[test]
    fn a_future_is_woken_once_it_was_polled() {
        struct Woken(AtomicUsize);
        impl std::task::Wake for Woken {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        let woken = Arc::new(Woken(AtomicUsize::new(0)));
        let waker = Waker::from(woken.clone());
        let context = Context::from_waker(&waker);
        let answer = Answer::default();
        assert_eq!(answer.poll(&context), Poll::Pending);
        assert_eq!(answer.poll(&context), Poll::Pending);
        answer.give(3);
        assert_eq!(woken.0.load(Ordering::SeqCst), 1);
        assert_eq!(answer.poll(&context), Poll::Ready(3));
    }
}
