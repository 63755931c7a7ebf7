//! A checker's locks with parking_lot's face: no poisoning, so that the callers read alike.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{LockResult, PoisonError};
use std::time::Instant;

#[cfg(loom)]
use loom::sync as checker;
#[cfg(shuttle)]
use shuttle::sync as checker;

pub(crate) struct Mutex<T>(checker::Mutex<T>);

pub(crate) struct MutexGuard<'a, T> {
    #[cfg(shuttle)]
    of: &'a Mutex<T>,
    /// Empty only while its thread waits.
    held: Option<checker::MutexGuard<'a, T>>,
}

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(checker::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard {
            #[cfg(shuttle)]
            of: self,
            held: Some(unpoisoned(self.0.lock())),
        }
    }

    #[cfg(shuttle)]
    pub(crate) fn get_mut(&mut self) -> &mut T {
        unpoisoned(self.0.get_mut())
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

/// Looking at what is in it would be a step of the schedule.
impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mutex")
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.held.as_ref().expect(HELD)
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.held.as_mut().expect(HELD)
    }
}

#[derive(Debug)]
pub(crate) struct Condvar(checker::Condvar);

/// What came of a wait with an end.
pub(crate) struct Waited {
    timed_out: bool,
}

impl Waited {
    pub(crate) fn timed_out(&self) -> bool {
        self.timed_out
    }
}

impl Default for Condvar {
    fn default() -> Self {
        Self::new()
    }
}

impl Condvar {
    pub(crate) fn new() -> Self {
        Self(checker::Condvar::new())
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        let held = guard.held.take().expect(HELD);
        guard.held = Some(unpoisoned(self.0.wait(held)));
    }

    /// In a model of loom's no time passes: this waits until it is told.
    #[cfg(loom)]
    pub(crate) fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, _: Instant) -> Waited {
        self.wait(guard);
        Waited { timed_out: false }
    }

    /// Who waits with an end looks again and again until he is told or the time has come. When that
    /// is the schedule draws: the clock would have it late in most, and elsewhere each time.
    #[cfg(shuttle)]
    pub(crate) fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, _: Instant) -> Waited {
        drop(guard.held.take());
        let timed_out = time_comes();
        guard.held = Some(unpoisoned(guard.of.0.lock()));
        Waited { timed_out }
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}

/// Who waits with an end finds in one of so many looks that it has come.
#[cfg(shuttle)]
const ENDS_EVERY: u32 = 8;

/// Lets others go on. Whether the end of a wait has come after that: it may at any time, and does at
/// last.
#[cfg(shuttle)]
pub(super) fn time_comes() -> bool {
    use shuttle::rand::Rng;
    shuttle::thread::yield_now();
    shuttle::rand::thread_rng().gen_ratio(1, ENDS_EVERY)
}

fn unpoisoned<T>(locked: LockResult<T>) -> T {
    locked.unwrap_or_else(PoisonError::into_inner)
}

const HELD: &str = "a guard is empty only while its thread waits, and then nobody has it";
