//! The store's logical clock.

use std::fmt;

/// A point on the store's logical clock: one step for each operation (not for each
/// commit), two for [`Writes`](crate::Writes).
///
/// Zero is before the first operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Revision(u64);

impl Revision {
    /// Before any operation.
    pub const ZERO: Self = Self(0);

    pub(crate) const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    /// The number itself, for logs and comparison with an application's own records.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The revision of the next operation.
    ///
    /// At a thousand million operations a second the clock lasts 584 years; it is not checked.
    pub(crate) const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Revision {
    /// Beyond whatever can have been given out since this one was last synced.
    pub(crate) const fn far_ahead(self) -> Self {
        Self(self.0 + (1 << 32))
    }

    /// Beyond whatever will be given out where a copy was taken from, after a crash there too: a copy
    /// that goes on by itself gives no number a second meaning.
    pub(crate) const fn elsewhere(self) -> Self {
        Self(self.0 + (1 << 44))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

/// A number that no other opening of a store in this process ever had.
///
/// Whatever outlives an opening by accident (a thread's shortcut, a fill under way) carries the
/// life it belongs to, and is worthless in any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Life(u64);

impl Life {
    /// A life that has never been.
    pub(crate) fn begin() -> Self {
        // Not `sync`'s atomic: it is a process-wide static, which loom's atomics cannot be, and no
        // ordering hangs on it.
        use std::sync::atomic::{AtomicU64, Ordering};
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}
