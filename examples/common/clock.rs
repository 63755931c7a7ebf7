//! A clock that runs as the system's does and can be moved on, so that half a day passes in seconds.

#![allow(dead_code, reason = "each example uses its part")]

use std::sync::atomic::{AtomicI64, Ordering};

use tidetable::{Clock, Span, Timestamp};

#[derive(Debug, Default)]
pub struct MovableClock {
    /// By so many milliseconds it differs from the system's.
    ahead: AtomicI64,
}

impl MovableClock {
    /// Goes on from an instant.
    pub fn set(&self, now: Timestamp) {
        let ahead = now.as_millis() - Timestamp::now().as_millis();
        self.ahead.store(ahead, Ordering::SeqCst);
    }

    pub fn skip(&self, span: Span) {
        self.ahead.fetch_add(span.as_millis(), Ordering::SeqCst);
    }
}

impl Clock for MovableClock {
    fn now(&self) -> Timestamp {
        let ahead = Span::millis(self.ahead.load(Ordering::SeqCst));
        Timestamp::now() + ahead
    }
}
