//! Who is at work.

use crate::sync::{Condvar, Mutex};

/// Counts those who look for work or do it, so that one can tell when all there was is done.
#[derive(Debug, Default)]
pub(crate) struct Attendance {
    now: Mutex<Present>,
    all_gone: Condvar,
}

/// As it was at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Present {
    /// How many are at work.
    many: usize,
    /// How many have ever begun.
    begun: u64,
}

impl Present {
    /// Whether one who has begun since, and found nothing, was alone all the time: then there is
    /// nothing.
    pub(crate) fn was_alone_until(self, after: Self) -> bool {
        self.many == 0 && after.begun == self.begun + 1
    }
}

/// One who is at work, until dropped.
#[must_use = "whoever is dropped has left"]
pub(crate) struct AtWork<'a>(&'a Attendance);

impl Attendance {
    /// From here on the caller is at work.
    pub(crate) fn begin(&self) -> AtWork<'_> {
        let mut now = self.now.lock();
        now.many += 1;
        now.begun += 1;
        AtWork(self)
    }

    pub(crate) fn present(&self) -> Present {
        *self.now.lock()
    }

    /// Sleeps until nobody is at work.
    pub(crate) fn wait(&self) {
        let mut now = self.now.lock();
        while now.many > 0 {
            self.all_gone.wait(&mut now);
        }
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        let mut now = self.0.now.lock();
        now.many -= 1;
        if now.many == 0 {
            self.0.all_gone.notify_all();
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::sync::thread;

    #[test]
    fn one_was_alone_if_nobody_was_there_before_and_nobody_has_come() {
        let attendance = Attendance::default();
        let before = attendance.present();
        drop(attendance.begin());
        assert!(before.was_alone_until(attendance.present()));

        drop(attendance.begin());
        assert!(!before.was_alone_until(attendance.present()), "somebody came");

        let other = attendance.begin();
        let before = attendance.present();
        drop(attendance.begin());
        assert!(!before.was_alone_until(attendance.present()), "somebody was there");
        drop(other);
        attendance.wait();
    }

    #[test]
    fn who_waits_is_woken_by_the_last_who_leaves() {
        let attendance = Attendance::default();
        let (first, last) = (attendance.begin(), attendance.begin());
        thread::scope(|scope| {
            let waiting = scope.spawn(|| attendance.wait());
            drop(first);
            drop(last);
            waiting.join().unwrap();
        });
        assert_eq!(attendance.present().many, 0);
    }
}
