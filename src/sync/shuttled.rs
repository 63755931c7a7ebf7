//! What shuttle has in another shape, or not at all: a lock for readers and a writer, channels that can
//! be waited for together, values of a thread.
//!
//! Only what steps of the engine hang on is a step of the schedule. redb keeps locks of its own, which
//! shuttle does not know: none of them is held while a step is taken, as long as the file lies in
//! memory and nothing of the engine's stands between it and redb.

use std::fmt;

use shuttle::sync as checker;

pub(crate) mod thread {
    pub(crate) use shuttle::thread::{Builder, JoinHandle, yield_now};
    /// Tasks of a schedule unwind on the thread that they all run on.
    pub(crate) use std::thread::panicking;
}

/// A value of each task.
pub(crate) struct LocalKey<T: 'static>(pub(crate) shuttle::thread::LocalKey<T>);

impl<T: 'static> LocalKey<T> {
    pub(crate) fn with<R>(&'static self, look: impl FnOnce(&T) -> R) -> R {
        self.0.with(look)
    }

    pub(crate) fn try_with<R>(
        &'static self,
        look: impl FnOnce(&T) -> R,
    ) -> Result<R, shuttle::thread::AccessError> {
        self.0.try_with(look)
    }
}

impl<T: 'static> LocalKey<std::cell::Cell<T>> {
    pub(crate) fn get(&'static self) -> T
    where
        T: Copy,
    {
        self.with(std::cell::Cell::get)
    }

    pub(crate) fn set(&'static self, value: T) {
        self.with(|cell| cell.set(value));
    }

    pub(crate) fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: 'static> LocalKey<std::cell::RefCell<T>> {
    pub(crate) fn with_borrow<R>(&'static self, look: impl FnOnce(&T) -> R) -> R {
        self.with(|cell| look(&cell.borrow()))
    }

    pub(crate) fn with_borrow_mut<R>(&'static self, change: impl FnOnce(&mut T) -> R) -> R {
        self.with(|cell| change(&mut cell.borrow_mut()))
    }
}

/// The standard macro, for values of a task.
macro_rules! of_a_task {
    ($($(#[$attribute:meta])* static $name:ident: $type:ty = $init:expr;)*) => {
        $(
            $(#[$attribute])*
            static $name: $crate::sync::LocalKey<$type> = $crate::sync::LocalKey(
                shuttle::thread::LocalKey { init: || $init, _p: std::marker::PhantomData },
            );
        )*
    };
}
pub(crate) use of_a_task as thread_local;

#[derive(Default)]
pub(crate) struct RwLock<T>(checker::RwLock<T>);

impl<T> RwLock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(checker::RwLock::new(value))
    }

    pub(crate) fn read(&self) -> checker::RwLockReadGuard<'_, T> {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> checker::RwLockWriteGuard<'_, T> {
        self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl<T> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RwLock")
    }
}

/// crossbeam's channels, as far as the engine uses them.
pub(crate) mod channel {
    use std::collections::VecDeque;
    use std::fmt;
    use std::time::{Duration, Instant};

    use super::super::modelled::{Condvar, Mutex, time_comes};
    use super::super::{Arc, Weak};

    pub(crate) struct Sender<T>(Arc<Ended<T>>);

    pub(crate) struct Receiver<T>(Arc<Queue<T>>);

    /// Dropped when the last sender is.
    struct Ended<T>(Arc<Queue<T>>);

    struct Queue<T> {
        state: Mutex<State<T>>,
        room: Condvar,
        most: usize,
    }

    struct State<T> {
        values: VecDeque<T>,
        ended: bool,
        /// Nobody will receive.
        deaf: bool,
        /// Those who wait for something to receive, on this channel or another.
        waiting: Vec<Weak<Signal>>,
    }

    #[derive(Default)]
    struct Signal {
        given: Mutex<bool>,
        changed: Condvar,
    }

    #[derive(Debug, PartialEq, Eq)]
    pub(crate) enum TryRecvError {
        Empty,
        Disconnected,
    }

    /// A wait that came to nothing.
    #[derive(Debug)]
    pub(crate) struct Nothing;

    pub(crate) fn bounded<T>(most: usize) -> (Sender<T>, Receiver<T>) {
        let (values, waiting) = (VecDeque::new(), Vec::new());
        let state = Mutex::new(State { values, ended: false, deaf: false, waiting });
        let queue = Arc::new(Queue { state, room: Condvar::new(), most: most.max(1) });
        (Sender(Arc::new(Ended(queue.clone()))), Receiver(queue))
    }

    impl<T> Sender<T> {
        pub(crate) fn send(&self, value: T) -> Result<(), Nothing> {
            let Ended(queue) = &*self.0;
            let mut state = queue.state.lock();
            while state.values.len() >= queue.most && !state.deaf {
                queue.room.wait(&mut state);
            }
            if state.deaf {
                return Err(Nothing);
            }
            state.values.push_back(value);
            let waiting = std::mem::take(&mut state.waiting);
            drop(state);
            waiting.iter().for_each(Signal::give);
            Ok(())
        }

        pub(crate) fn len(&self) -> usize {
            let Ended(queue) = &*self.0;
            queue.state.lock().values.len()
        }
    }

    impl<T> Clone for Sender<T> {
        fn clone(&self) -> Self {
            Self(self.0.clone())
        }
    }

    impl<T> fmt::Debug for Sender<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Sender")
        }
    }

    impl<T> Drop for Ended<T> {
        fn drop(&mut self) {
            let waiting = {
                let mut state = self.0.state.lock();
                state.ended = true;
                std::mem::take(&mut state.waiting)
            };
            waiting.iter().for_each(Signal::give);
        }
    }

    impl<T> Receiver<T> {
        pub(crate) fn try_recv(&self) -> Result<T, TryRecvError> {
            let mut state = self.0.state.lock();
            let Some(value) = state.values.pop_front() else {
                return Err(match state.ended {
                    true => TryRecvError::Disconnected,
                    false => TryRecvError::Empty,
                });
            };
            drop(state);
            self.0.room.notify_all();
            Ok(value)
        }

        pub(crate) fn recv(&self) -> Result<T, Nothing> {
            loop {
                match self.try_recv() {
                    Ok(value) => return Ok(value),
                    Err(TryRecvError::Disconnected) => return Err(Nothing),
                    Err(TryRecvError::Empty) => {
                        let mut select = Select::new();
                        select.recv(self);
                        select.ready();
                    }
                }
            }
        }

        pub(crate) fn recv_timeout(&self, _: Duration) -> Result<T, Nothing> {
            loop {
                match self.try_recv() {
                    Ok(value) => return Ok(value),
                    Err(TryRecvError::Empty) if !time_comes() => {}
                    Err(_) => return Err(Nothing),
                }
            }
        }

        pub(crate) fn len(&self) -> usize {
            self.0.state.lock().values.len()
        }
    }

    impl<T> Drop for Receiver<T> {
        fn drop(&mut self) {
            let left = {
                let mut state = self.0.state.lock();
                state.deaf = true;
                std::mem::take(&mut state.values)
            };
            drop(left);
            self.0.room.notify_all();
        }
    }

    /// A wait for whichever channel is ready first.
    pub(crate) struct Select {
        signal: Arc<Signal>,
        is_ready: bool,
    }

    impl Select {
        pub(crate) fn new() -> Self {
            Self { signal: Arc::default(), is_ready: false }
        }

        pub(crate) fn recv<T>(&mut self, of: &Receiver<T>) {
            let mut state = of.0.state.lock();
            self.is_ready |= !state.values.is_empty() || state.ended;
            state.waiting.retain(|waiting| waiting.strong_count() > 0);
            state.waiting.push(Arc::downgrade(&self.signal));
        }

        pub(crate) fn ready(&self) {
            if self.is_ready {
                // A channel that has ended is ready for ever: who asks again and again lets others go on.
                return shuttle::thread::yield_now();
            }
            let mut given = self.signal.given.lock();
            while !*given {
                self.signal.changed.wait(&mut given);
            }
        }

        pub(crate) fn ready_deadline(&self, _: Instant) -> Result<(), Nothing> {
            if self.is_ready {
                shuttle::thread::yield_now();
                return Ok(());
            }
            loop {
                if *self.signal.given.lock() {
                    return Ok(());
                }
                if time_comes() {
                    return Err(Nothing);
                }
            }
        }
    }

    impl Signal {
        fn give(waiting: &Weak<Self>) {
            if let Some(signal) = waiting.upgrade() {
                *signal.given.lock() = true;
                signal.changed.notify_all();
            }
        }
    }
}
