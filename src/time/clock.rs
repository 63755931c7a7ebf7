//! Where "now" comes from.

use std::fmt;

use crate::sync::{AtomicI64, Ordering};

use super::span::Span;
use super::timestamp::Timestamp;

/// Where "now" comes from: the system, or a test's hand.
///
/// The store asks it for ages, build times and retention. Buckets come from the caller's times,
/// never from here.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands still until it is set: for tests.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.as_millis()))
    }

    /// Sets it, forwards or back.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_millis(), Ordering::SeqCst);
    }

    /// Moves it on; saturates at the end of time.
    pub fn advance(&self, span: Span) {
        let moved = |now: i64| Some((Timestamp::from_millis(now) + span).as_millis());
        let set = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, moved);
        set.expect("it is always moved");
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}
