//! Which threads build in the background.

use std::collections::{BTreeMap, BTreeSet};

use crate::sync::{Condvar, Mutex, thread};

/// The builders' threads, each by the place it was given when it was started.
#[derive(Debug, Default)]
pub(super) struct Crew {
    state: Mutex<State>,
    /// Told when one has ended, or was given up.
    fewer: Condvar,
}

#[derive(Debug, Default)]
struct State {
    started: usize,
    /// Place -> handle of a thread that is waited for at the end.
    handles: BTreeMap<usize, thread::JoinHandle<()>>,
    /// Number of a thread -> its place, while it builds.
    at_work: BTreeMap<u64, usize>,
    /// Those that wait for the others to end, because they close the store: no two of them wait for
    /// each other.
    waiting: BTreeSet<u64>,
    /// Threads that hang in a build function, and were replaced.
    given_up: BTreeSet<usize>,
}

/// Threads that hang before no more of them are replaced: each keeps a stack, and what makes one
/// build hang may make all of them.
const GIVEN_UP_MAX: usize = 8;

impl Crew {
    /// The place of the next thread.
    pub(super) fn place(&self) -> usize {
        let mut state = self.state.lock();
        state.started += 1;
        state.started - 1
    }

    /// Keeps the handle of a thread that was started.
    pub(super) fn keep(&self, place: usize, handle: thread::JoinHandle<()>) {
        self.state.lock().handles.insert(place, handle);
    }

    /// The thread of this number begins to build.
    pub(super) fn begin(&self, thread: u64, place: usize) {
        self.state.lock().at_work.insert(thread, place);
    }

    /// Whether a thread was replaced: it ends when its build does.
    pub(super) fn is_given_up(&self, place: usize) -> bool {
        self.state.lock().given_up.contains(&place)
    }

    /// The thread of this number builds no more.
    pub(super) fn end(&self, thread: u64) {
        self.state.lock().at_work.remove(&thread);
        self.fewer.notify_all();
    }

    /// Waits no more for a thread that hangs. Whether another is to be started in its place.
    pub(super) fn give_up(&self, thread: u64) -> bool {
        let (handle, replace) = {
            let mut state = self.state.lock();
            let Some(place) = state.at_work.remove(&thread) else { return false };
            state.given_up.insert(place);
            (state.handles.remove(&place), state.given_up.len() <= GIVEN_UP_MAX)
        };
        self.fewer.notify_all();
        // A thread cannot be ended from outside. Without its handle it runs on by itself.
        drop(handle);
        replace
    }

    /// Waits until all have ended but those that were given up, and the caller if it is one of them.
    pub(super) fn wait(&self, caller: u64) {
        let mut state = self.state.lock();
        state.waiting.insert(caller);
        self.fewer.notify_all();
        while state.at_work.keys().any(|thread| !state.waiting.contains(thread)) {
            self.fewer.wait(&mut state);
        }
        let own = state.at_work.get(&caller).copied();
        let mut handles = std::mem::take(&mut state.handles);
        drop(state);
        let own = own.and_then(|own| handles.remove(&own));
        for handle in handles.into_values() {
            // It has said that it ends, and catches the panics of what it calls.
            let _ = handle.join();
        }
        drop(own);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::{channel, thread_number};

    #[test]
    fn a_thread_that_hangs_is_replaced_and_not_waited_for() {
        let crew = Crew::default();
        let (tell, told) = channel::bounded(1);
        let (release, released) = channel::bounded::<()>(1);
        let place = crew.place();
        let handle = thread::spawn(move || {
            tell.send(thread_number()).unwrap();
            released.recv().unwrap();
        });
        crew.keep(place, handle);
        let hanging = told.recv().unwrap();
        crew.begin(hanging, place);
        assert!(crew.give_up(hanging) && crew.is_given_up(place));
        assert!(!crew.give_up(hanging), "it is given up once");
        crew.wait(thread_number());
        release.send(()).unwrap();
    }

    #[test]
    fn only_so_many_are_replaced() {
        let crew = Crew::default();
        let replaced = (0..20).filter(|thread| {
            crew.begin(*thread, crew.place());
            crew.give_up(*thread)
        });
        assert_eq!(replaced.count(), GIVEN_UP_MAX);
    }

    #[test]
    fn who_waits_does_not_wait_for_itself() {
        let crew = Crew::default();
        crew.begin(thread_number(), crew.place());
        crew.wait(thread_number());
    }

    #[test]
    fn two_that_wait_do_not_wait_for_each_other() {
        let crew = Crew::default();
        let (first, second) = (thread_number() + 1_000_000, thread_number() + 2_000_000);
        crew.begin(first, crew.place());
        crew.begin(second, crew.place());
        thread::scope(|scope| {
            scope.spawn(|| crew.wait(first));
            scope.spawn(|| crew.wait(second));
        });
    }
}
