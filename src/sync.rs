//! The one door to locks, atomics, channels and threads.
//!
//! Everything concurrent in the crate goes through here, so that the same source runs on the real
//! primitives and, with `--cfg loom`, under the model checker.

/// A number for the present thread that no other thread of the process ever has.
#[inline]
pub(crate) fn thread_number() -> u64 {
    // Not the primitives below: a process-wide static, which loom's atomics cannot be, and no
    // ordering hangs on it.
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    thread_local! {
        static MINE: u64 = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    MINE.with(|mine| *mine)
}

/// How many threads at a time have a place of their own.
pub(crate) const THREAD_PLACES: usize = 64;

/// A number below [`THREAD_PLACES`] that the present thread has to itself while it lives; what it wrote
/// under it is seen by the next that gets it. `None` where they are all taken.
#[inline]
pub(crate) fn thread_place() -> Option<usize> {
    match place::MINE.get() {
        place::UNKNOWN => place::take(),
        place::NONE => None,
        mine => Some(mine.into()),
    }
}

mod place {
    // Not the primitives below: of the whole process, which loom's cannot be.
    use std::cell::Cell;
    use std::sync::atomic::{AtomicU64, Ordering};

    pub(super) const NONE: u8 = u8::MAX;
    pub(super) const UNKNOWN: u8 = u8::MAX - 1;

    /// Bit `n`: whether a thread has place `n`.
    static TAKEN: AtomicU64 = AtomicU64::new(0);

    thread_local! {
        /// Apart from what gives it back, so that looking at it asks for no destructor.
        pub(super) static MINE: Cell<u8> = const { Cell::new(UNKNOWN) };
        static GIVEN_BACK_AT_THE_END: GiveBack = const { GiveBack };
    }

    struct GiveBack;

    impl Drop for GiveBack {
        fn drop(&mut self) {
            let mine = MINE.replace(NONE);
            if mine < UNKNOWN {
                // What was written here comes before what the next thread writes.
                TAKEN.fetch_and(!(1 << mine), Ordering::Release);
            }
        }
    }

    #[cold]
    pub(super) fn take() -> Option<usize> {
        MINE.set(NONE);
        // Threads of a model are none of the process, and share one; a thread that is ending gets
        // no place that it could not give back.
        if cfg!(loom) || GIVEN_BACK_AT_THE_END.try_with(|_| ()).is_err() {
            return None;
        }
        let free = |taken: u64| (taken != u64::MAX).then(|| taken | (taken + 1));
        let taken = TAKEN.fetch_update(Ordering::Acquire, Ordering::Relaxed, free).ok()?;
        let mine = taken.trailing_ones();
        MINE.set(mine as u8);
        Some(mine as usize)
    }
}

/// A number above zero that no other call in the process ever gets.
pub(crate) fn unique_number() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[cfg(not(loom))]
mod real {
    pub(crate) use crossbeam::channel;
    pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard, RwLock};
    pub(crate) use std::sync::atomic::{
        AtomicBool, AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering,
    };
    pub(crate) use std::sync::{Arc, Weak};
    pub(crate) use std::thread;
}

#[cfg(loom)]
mod modelled {
    pub(crate) use loom::sync::Arc;
    pub(crate) use loom::sync::atomic::{
        AtomicBool, AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering,
    };
    pub(crate) use loom::thread;
    use std::ops::{Deref, DerefMut};

    /// loom's mutex with parking_lot's face: no poisoning, so that the callers read alike.
    #[derive(Debug)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    /// Empty only while its thread waits.
    #[derive(Debug)]
    pub(crate) struct MutexGuard<'a, T>(Option<loom::sync::MutexGuard<'a, T>>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            MutexGuard(Some(self.0.lock().expect(UNPOISONED)))
        }
    }

    impl<T: Default> Default for Mutex<T> {
        fn default() -> Self {
            Self::new(T::default())
        }
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.0.as_ref().expect(HELD)
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.0.as_mut().expect(HELD)
        }
    }

    /// loom's condition variable with parking_lot's face.
    #[derive(Debug)]
    pub(crate) struct Condvar(loom::sync::Condvar);

    /// What came of a wait with an end.
    pub(crate) struct Waited;

    impl Waited {
        pub(crate) fn timed_out(&self) -> bool {
            false
        }
    }

    impl Default for Condvar {
        fn default() -> Self {
            Self::new()
        }
    }

    impl Condvar {
        pub(crate) fn new() -> Self {
            Self(loom::sync::Condvar::new())
        }

        pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
            let held = guard.0.take().expect(HELD);
            guard.0 = Some(self.0.wait(held).expect(UNPOISONED));
        }

        /// In a model no time passes: this waits until it is told.
        pub(crate) fn wait_until<T>(
            &self,
            guard: &mut MutexGuard<'_, T>,
            _: std::time::Instant,
        ) -> Waited {
            self.wait(guard);
            Waited
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }
    }

    const UNPOISONED: &str = "a modelled thread panicked while it held the lock";
    const HELD: &str = "a guard is empty only while its thread waits, and then nobody has it";
}

#[cfg(loom)]
pub(crate) use modelled::*;
#[cfg(not(loom))]
pub(crate) use real::*;
