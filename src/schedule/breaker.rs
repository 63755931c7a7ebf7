//! What is done when the builds of a view fail one after the other.

use crate::error::{Error, Result};
use crate::time::{Span, Timestamp};

/// When a view stops building for a while because its builds fail.
///
/// So many failures in a row open the breaker: nothing is built for `rest`. Then one build is let
/// through; if it fails, the rest is twice as long as before, at most `rest_most`; if it succeeds,
/// the breaker is closed and all is as ever. It counts what one read, one bucket of a fill or one
/// task of the background comes to, whatever was built on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// How many failures in a row open it. Default: 8; at least 1.
    pub failures: u32,
    /// How long it is open first. Default: 1 s; longer than zero.
    pub rest: Span,
    /// The longest that it is open before the next build is let through. Default: 1 min; not shorter
    /// than `rest`.
    pub rest_most: Span,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { failures: 8, rest: Span::seconds(1), rest_most: Span::minutes(1) }
    }
}

impl Breaker {
    /// Holds every value against its range.
    pub(crate) fn validate(&self) -> Result<()> {
        let Self { failures, rest, rest_most } = self;
        let fault = if *failures == 0 {
            "failures is 0; it must be at least 1, or leave the breaker out".to_owned()
        } else if *rest <= Span::ZERO {
            format!("rest is {rest}; it must be longer than zero")
        } else if rest_most < rest {
            format!("rest_most is {rest_most}; it cannot be shorter than rest, which is {rest}")
        } else {
            return Ok(());
        };
        Err(Error::input(format!("breaker: {fault}")))
    }

    /// How long it rests after one more failure; `rest` is how long it did before.
    pub(super) fn longer(&self, rest: Span) -> Span {
        let twice = Span::millis(rest.as_millis().saturating_mul(2));
        twice.clamp(self.rest, self.rest_most)
    }
}

/// How a view's breaker stands, for people: see [`View::breaker_state`](crate::View::breaker_state).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum BreakerState {
    /// Everything is built. So it always is with a view that has no breaker.
    #[non_exhaustive]
    Closed {
        /// How many builds have failed since the last that did not.
        failures: u32,
    },
    /// Nothing is built.
    #[non_exhaustive]
    Open {
        /// When a build is let through again.
        until: Timestamp,
        /// Why.
        last_failure: Error,
    },
    /// One build at a time is let through, to see how it fares.
    #[non_exhaustive]
    HalfOpen {
        /// What had opened it.
        last_failure: Error,
    },
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn rests_double_up_to_the_longest() {
        let breaker = Breaker::default();
        let mut rest = breaker.rest;
        let mut rests = Vec::new();
        for _ in 0..8 {
            rest = breaker.longer(rest);
            rests.push(rest.as_millis() / 1000);
        }
        assert_eq!(rests, [2, 4, 8, 16, 32, 60, 60, 60]);
        let endless = Breaker { rest_most: Span::MAX, ..breaker };
        assert_eq!(endless.longer(Span::MAX), Span::MAX);
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        let good = Breaker::default();
        assert!(good.validate().is_ok());
        let bad = [
            (Breaker { failures: 0, ..good }, "failures is 0"),
            (Breaker { rest: Span::ZERO, ..good }, "rest is 0 ms"),
            (Breaker { rest_most: Span::millis(999), ..good }, "rest_most is 999 ms"),
        ];
        for (breaker, expected) in bad {
            let message = breaker.validate().unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
