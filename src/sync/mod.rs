//! The one door to locks, atomics, channels and threads.
//!
//! Everything concurrent in the crate goes through here, so that the same source runs on the real
//! primitives; with `--cfg loom` its kernels run under a model checker that tries every schedule of a
//! few threads, and with `--cfg shuttle` the whole engine under one that draws schedules at random.

#[cfg(any(loom, shuttle))]
mod modelled;
#[cfg(shuttle)]
mod shuttled;

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

    std::thread_local! {
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
        if cfg!(any(loom, shuttle)) || GIVEN_BACK_AT_THE_END.try_with(|_| ()).is_err() {
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

#[cfg(not(any(loom, shuttle)))]
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
mod checked {
    pub(crate) use super::modelled::{Condvar, Mutex};
    pub(crate) use loom::sync::Arc;
    pub(crate) use loom::sync::atomic::{
        AtomicBool, AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering,
    };
    pub(crate) use loom::thread;
}

#[cfg(shuttle)]
mod checked {
    pub(crate) use super::modelled::{Condvar, Mutex, MutexGuard};
    pub(crate) use super::shuttled::{LocalKey, RwLock, channel, thread};
    pub(crate) use shuttle::sync::atomic::{
        AtomicBool, AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering,
    };
    // A count of references orders nothing that the engine relies on.
    pub(crate) use std::sync::{Arc, Weak};
}

// By name: the standard one is everywhere already.
#[cfg(shuttle)]
pub(crate) use shuttled::thread_local;
#[cfg(not(shuttle))]
pub(crate) use std::thread_local;

#[cfg(any(loom, shuttle))]
pub(crate) use checked::*;
#[cfg(not(any(loom, shuttle)))]
pub(crate) use real::*;
