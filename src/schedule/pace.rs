//! How much of the time background work takes.

use std::time::Duration;

/// The share of its time that a builder works, and how it grows after an opening.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Above zero; one is always.
    share: f64,
    /// For so long after the opening the share is less: what is to be done at every start of a
    /// program does not fall on it all at once.
    ramp: Duration,
}

/// The share right after an opening, of the full one.
const RAMP_FROM: f64 = 0.05;
/// However slow a piece of work was, the next begins no later than this.
const PAUSE_MAX: Duration = Duration::from_secs(10);

impl Pace {
    pub(crate) fn new(share: f64, ramp: Duration) -> Self {
        Self { share, ramp }
    }

    /// How long a builder rests after work of this length, so long after the opening.
    pub(crate) fn rest_after(&self, worked: Duration, since_opening: Duration) -> Duration {
        let share = self.share * self.ramped(since_opening);
        let rest = worked.as_secs_f64() * (1.0 - share) / share;
        Duration::try_from_secs_f64(rest).unwrap_or(PAUSE_MAX).min(PAUSE_MAX)
    }

    fn ramped(&self, since_opening: Duration) -> f64 {
        if since_opening >= self.ramp {
            return 1.0;
        }
        let part = since_opening.as_secs_f64() / self.ramp.as_secs_f64();
        RAMP_FROM + (1.0 - RAMP_FROM) * part
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_builder_rests_for_the_share_of_time_that_is_not_its_own() {
        let half = Pace::new(0.5, Duration::ZERO);
        assert_eq!(half.rest_after(SECOND, Duration::ZERO), SECOND);
        let all = Pace::new(1.0, Duration::ZERO);
        assert_eq!(all.rest_after(SECOND, Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn after_an_opening_the_share_grows_from_a_twentieth_to_the_whole() {
        let pace = Pace::new(1.0, 10 * SECOND);
        let rests = [0, 5, 9, 10, 11].map(|after| pace.rest_after(SECOND / 100, after * SECOND));
        assert_eq!(rests[0], Duration::from_millis(190));
        assert!(rests.is_sorted_by(|a, b| a >= b) && rests[1] > rests[2], "{rests:?}");
        assert_eq!(rests[3..], [Duration::ZERO; 2]);
    }

    #[test]
    fn no_rest_is_longer_than_ten_seconds() {
        assert_eq!(Pace::new(0.001, Duration::ZERO).rest_after(SECOND, SECOND), PAUSE_MAX);
        assert_eq!(
            Pace::new(f64::MIN_POSITIVE, SECOND).rest_after(Duration::MAX, SECOND),
            PAUSE_MAX
        );
    }
}
