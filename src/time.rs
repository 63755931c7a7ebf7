//! Instants, lengths of time, and where "now" comes from.

use std::fmt;
use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::{Error, Result};
use crate::sync::{AtomicI64, Ordering};

/// An instant: milliseconds since 1970-01-01T00:00:00Z, before it negative.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);
    /// The earliest instant.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest instant.
    pub const MAX: Self = Self(i64::MAX);

    /// The instant so many milliseconds after the epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// The instant so many seconds after the epoch; saturates at the ends of time.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// What the system's clock says. Inside a build, take the bucket's time instead: a record must
    /// be a function of its entity, its bucket and what its build reads.
    #[must_use]
    pub fn now() -> Self {
        SystemTime::now().into()
    }

    /// This instant moved by a span; `None` beyond the ends of time.
    #[must_use]
    pub const fn checked_add(self, span: Span) -> Option<Self> {
        match self.0.checked_add(span.0) {
            Some(millis) => Some(Self(millis)),
            None => None,
        }
    }

    /// This instant moved back by a span; `None` beyond the ends of time.
    #[must_use]
    pub const fn checked_sub(self, span: Span) -> Option<Self> {
        match self.0.checked_sub(span.0) {
            Some(millis) => Some(Self(millis)),
            None => None,
        }
    }

    /// How long after `earlier` this is; zero if it is not (a wall clock may step back), and at
    /// most [`Span::MAX`].
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        let millis = self.0.saturating_sub(earlier.0);
        Span(if millis < 0 { 0 } else { millis })
    }
}

/// Shown in UTC as ISO 8601; an instant beyond the year 9999 as its milliseconds.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(instant) => write!(f, "{instant}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self(millis(after)),
            // Rounded down, like the instants after the epoch.
            Err(before) => {
                let before = before.duration();
                let part = i64::from(before.subsec_nanos() % 1_000_000 != 0);
                Self(millis(before).saturating_neg().saturating_sub(part))
            }
        }
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(instant: jiff::Timestamp) -> Self {
        let nanos = instant.as_nanosecond().div_euclid(1_000_000);
        Self(i64::try_from(nanos).expect("jiff's instants lie between the years -9999 and 9999"))
    }
}

impl From<&jiff::Zoned> for Timestamp {
    fn from(zoned: &jiff::Zoned) -> Self {
        zoned.timestamp().into()
    }
}

impl TryFrom<Timestamp> for jiff::Timestamp {
    type Error = Error;

    fn try_from(instant: Timestamp) -> Result<Self> {
        Self::from_millisecond(instant.0).map_err(|_| {
            Error::input(format!("{instant} lies outside the calendar (years -9999 to 9999)"))
        })
    }
}

impl TryFrom<Timestamp> for SystemTime {
    type Error = Error;

    fn try_from(instant: Timestamp) -> Result<Self> {
        let length = Duration::from_millis(instant.0.unsigned_abs());
        let moved = if instant.0 < 0 {
            UNIX_EPOCH.checked_sub(length)
        } else {
            UNIX_EPOCH.checked_add(length)
        };
        moved.ok_or_else(|| Error::input(format!("{instant} lies outside the system's time")))
    }
}

/// A length of time in whole milliseconds.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Span(i64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest span.
    pub const MAX: Self = Self(i64::MAX);

    /// So many milliseconds.
    #[must_use]
    pub const fn millis(millis: i64) -> Self {
        Self(millis)
    }

    /// So many seconds; saturates.
    #[must_use]
    pub const fn seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// So many minutes; saturates.
    #[must_use]
    pub const fn minutes(minutes: i64) -> Self {
        Self(minutes.saturating_mul(60_000))
    }

    /// So many hours; saturates.
    #[must_use]
    pub const fn hours(hours: i64) -> Self {
        Self(hours.saturating_mul(3_600_000))
    }

    /// So many times 24 hours; saturates. (A local day may be longer or shorter.)
    #[must_use]
    pub const fn days(days: i64) -> Self {
        Self(days.saturating_mul(86_400_000))
    }

    /// The span in milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }
}

impl From<Span> for Duration {
    /// A negative span becomes zero.
    fn from(span: Span) -> Self {
        Self::from_millis(u64::try_from(span.0).unwrap_or(0))
    }
}

impl TryFrom<Duration> for Span {
    type Error = Error;

    fn try_from(duration: Duration) -> Result<Self> {
        i64::try_from(duration.as_millis())
            .map(Self)
            .map_err(|_| Error::input(format!("{duration:?} is longer than 292 million years")))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s")];
        let (size, unit) = units
            .into_iter()
            .find(|(size, _)| self.0 != 0 && self.0 % size == 0)
            .unwrap_or((1, "ms"));
        write!(f, "{} {unit}", self.0 / size)
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A half-open interval of time: its start belongs to it, its end does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub struct TimeRange {
    start: Timestamp,
    end: Timestamp,
}

impl TimeRange {
    /// All of time.
    pub const ALWAYS: Self = Self { start: Timestamp::MIN, end: Timestamp::MAX };

    /// From `start` until just before `end`; empty if `end` is not after `start`.
    #[must_use]
    pub fn new(start: Timestamp, end: Timestamp) -> Self {
        Self { start, end: end.max(start) }
    }

    /// The first instant.
    #[must_use]
    pub const fn start(self) -> Timestamp {
        self.start
    }

    /// The first instant after it.
    #[must_use]
    pub const fn end(self) -> Timestamp {
        self.end
    }

    /// Whether it holds no instant.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.start >= self.end
    }

    /// Whether `instant` lies in it.
    #[must_use]
    pub fn contains(self, instant: Timestamp) -> bool {
        self.start <= instant && instant < self.end
    }
}

impl From<Range<Timestamp>> for TimeRange {
    fn from(range: Range<Timestamp>) -> Self {
        Self::new(range.start, range.end)
    }
}

impl fmt::Display for TimeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

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
        self.set(self.now().checked_add(span).unwrap_or(Timestamp::MAX));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn instants_before_the_epoch_round_down() {
        let half = UNIX_EPOCH - Duration::from_micros(500);
        assert_eq!(Timestamp::from(half), Timestamp::from_millis(-1));
        assert_eq!(Timestamp::from(UNIX_EPOCH), Timestamp::EPOCH);
        let jiff = jiff::Timestamp::from_microsecond(-500).unwrap();
        assert_eq!(Timestamp::from(jiff), Timestamp::from_millis(-1));
    }

    #[test]
    fn a_clock_that_steps_back_gives_an_age_of_zero() {
        assert_eq!(Timestamp::from_millis(5).since(Timestamp::from_millis(9)), Span::ZERO);
        assert_eq!(Timestamp::MAX.since(Timestamp::MIN), Span::MAX);
    }

    #[test]
    fn moving_beyond_the_ends_of_time_is_none() {
        assert_eq!(Timestamp::MAX.checked_add(Span::millis(1)), None);
        assert_eq!(Timestamp::MIN.checked_sub(Span::millis(1)), None);
        assert!(jiff::Timestamp::try_from(Timestamp::MAX).is_err());
    }

    #[test]
    fn spans_read_in_their_largest_whole_unit() {
        let shown = [Span::days(3), Span::minutes(10), Span::millis(1500), Span::ZERO];
        assert_eq!(shown.map(|s| s.to_string()), ["3 d", "10 min", "1500 ms", "0 ms"]);
    }

    #[test]
    fn a_range_with_its_ends_swapped_is_empty() {
        let range = TimeRange::new(Timestamp::from_millis(2), Timestamp::from_millis(1));
        assert!(range.is_empty() && !range.contains(Timestamp::from_millis(2)));
    }
}
