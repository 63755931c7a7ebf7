//! Who is at work.

use std::cell::Cell;

use crate::sync::{Condvar, Mutex, thread_number};

/// Knows who looks for work or does it, so that one can tell when all there was is done.
#[derive(Debug, Default)]
pub(crate) struct Attendance {
    state: Mutex<State>,
    fewer: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The threads that are at work.
    present: Vec<u64>,
    /// How often one has found something to do.
    found: u64,
    /// Nobody waits for anybody any more.
    is_over: bool,
}

/// One who is at work, until dropped.
#[must_use = "whoever is dropped has left"]
pub(crate) struct AtWork<'a> {
    attendance: &'a Attendance,
    thread: u64,
    has_found: Cell<bool>,
}

impl Attendance {
    /// From here on the caller is at work.
    pub(crate) fn begin(&self) -> AtWork<'_> {
        let thread = thread_number();
        self.state.lock().present.push(thread);
        AtWork { attendance: self, thread, has_found: Cell::new(false) }
    }

    /// Whether the caller is, further up his stack.
    pub(crate) fn is_here(&self) -> bool {
        self.state.lock().present.contains(&thread_number())
    }

    /// How often somebody who has left since had found something to do.
    pub(crate) fn found(&self) -> u64 {
        self.state.lock().found
    }

    /// Sleeps until nobody is at work. Whoever had looked for work before, in vain, and finds that
    /// nobody has found any since then, knows that there is none: those who could have had the last of
    /// it in hand have left, and what they did has led to no more.
    pub(crate) fn wait(&self) {
        let mut state = self.state.lock();
        while !state.present.is_empty() && !state.is_over {
            self.fewer.wait(&mut state);
        }
    }

    /// Counts a thread no more: it hangs.
    pub(crate) fn give_up(&self, thread: u64) {
        self.state.lock().present.retain(|present| *present != thread);
        self.fewer.notify_all();
    }

    /// Has nobody wait from here on.
    pub(crate) fn close(&self) {
        self.state.lock().is_over = true;
        self.fewer.notify_all();
    }
}

impl AtWork<'_> {
    /// There was something to do.
    pub(crate) fn has_found(&self) {
        self.has_found.set(true);
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        let mut state = self.attendance.state.lock();
        state.found += u64::from(self.has_found.get());
        // One that was given up is not there any more.
        if let Some(at) = state.present.iter().position(|thread| *thread == self.thread) {
            state.present.swap_remove(at);
        }
        if state.present.is_empty() {
            self.attendance.fewer.notify_all();
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::sync::{Arc, thread};

    #[test]
    fn what_one_has_found_counts_when_he_has_left() {
        let attendance = Attendance::default();
        let (idle, busy) = (attendance.begin(), attendance.begin());
        busy.has_found();
        drop(idle);
        assert_eq!(attendance.found(), 0);
        drop(busy);
        assert_eq!(attendance.found(), 1);
        attendance.wait();
    }

    #[test]
    fn who_waits_is_woken_by_the_last_who_leaves_or_is_given_up() {
        let attendance = Arc::new(Attendance::default());
        let (hangs, hung) = thread_of(&attendance);
        let own = attendance.begin();
        assert!(attendance.is_here());
        thread::scope(|scope| {
            let waiting = scope.spawn(|| attendance.wait());
            drop(own);
            attendance.give_up(hung);
            waiting.join().unwrap();
        });
        assert!(!attendance.is_here());
        hangs.join().unwrap();
        assert!(attendance.state.lock().present.is_empty());
    }

    #[test]
    fn nobody_waits_when_all_is_over() {
        let attendance = Attendance::default();
        let _at_work = attendance.begin();
        attendance.close();
        attendance.wait();
    }

    /// A thread that stays at work until it is given up.
    fn thread_of(attendance: &Arc<Attendance>) -> (thread::JoinHandle<()>, u64) {
        let (say, said) = std::sync::mpsc::channel();
        let attendance = attendance.clone();
        let hangs = thread::spawn(move || {
            let _at_work = attendance.begin();
            say.send(thread_number()).unwrap();
            while attendance.is_here() {
                thread::yield_now();
            }
        });
        (hangs, said.recv().unwrap())
    }
}
