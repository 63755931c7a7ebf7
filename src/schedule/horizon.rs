//! The days that a view keeps filled.

use std::fmt;
use std::ops::RangeInclusive;

use crate::error::{Error, Result};
use crate::grid::{DailyWindow, Grid};
use crate::time::{Span, TimeRange, Timestamp};

/// A moving window of local days, which a view keeps filled.
///
/// "08:00 to 20:00 in Europe/Stockholm, today and the next two days": a view that is
/// [told so](crate::ViewDefinition::horizon) fills it by itself.
///
/// ```
/// use tidetable::{DailyWindow, Horizon};
///
/// let open = DailyWindow::through("08:00", "20:00", "Europe/Stockholm")?;
/// let horizon = Horizon::days(open, 0..=2);
/// assert_eq!(horizon.to_string(), "08:00 through 20:00 in Europe/Stockholm, days 0 to 2");
/// # Ok::<(), tidetable::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Horizon {
    window: DailyWindow,
    first: i32,
    last: i32,
}

/// The farthest day: a year from today.
const DAYS_MAX: i32 = 366;

impl Horizon {
    /// The same hours of some days, counted from today in the window's zone: `0..=2` is today and the
    /// next two days, `-1..=0` yesterday and today. A window that lasts over midnight belongs to the
    /// day it starts in, so with such a one say `-1..=2` to have this morning's hours too.
    #[must_use]
    pub fn days(window: DailyWindow, days: RangeInclusive<i32>) -> Self {
        let (first, last) = days.into_inner();
        Self { window, first, last }
    }

    /// Whole days of a zone, counted from today.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) for an unknown zone.
    pub fn whole_days(zone: &str, days: RangeInclusive<i32>) -> Result<Self> {
        Ok(Self::days(DailyWindow::until("00:00", "24:00", zone)?, days))
    }

    pub(crate) fn validate(&self) -> Result<()> {
        let Self { first, last, .. } = self;
        let within = -DAYS_MAX..=DAYS_MAX;
        if first <= last && within.contains(first) && within.contains(last) {
            return Ok(());
        }
        Err(Error::input(format!(
            "a horizon from day {first} to day {last}; its last day cannot come before its first, and \
             both lie within {DAYS_MAX} days from today"
        )))
    }

    /// Refuses a grid of which no bucket starts in the window: nothing would be filled, and all of that be
    /// there. Two years are looked at, whichever they are; buckets that are longer than one may start at
    /// any time.
    pub(crate) fn check_grid(&self, grid: &Grid) -> Result<()> {
        let start = Timestamp::EPOCH;
        let is_long = grid.bucket_at(start)?.end() > start + Span::days(366);
        let years = TimeRange::new(start, start + Span::days(2 * 366));
        if is_long || self.window.buckets(grid, years).next().transpose()?.is_some() {
            return Ok(());
        }
        Err(Error::input(format!(
            "no bucket of the grid '{grid}' starts within the horizon's hours ({}), so nothing would be \
             filled; say `Horizon::whole_days`, or choose hours in which buckets start",
            self.window
        )))
    }

    /// The number of today.
    pub(crate) fn today(&self, now: Timestamp) -> Result<i64> {
        self.window.day_at(now)
    }

    /// The first and the last day of the window.
    pub(crate) fn ends(&self, now: Timestamp) -> Result<(i64, i64)> {
        let today = self.today(now)?;
        Ok((today + i64::from(self.first), today + i64::from(self.last)))
    }

    /// The days of the window, the nearest first.
    pub(crate) fn nearest_first(&self, now: Timestamp) -> Result<Vec<i64>> {
        let (today, (first, last)) = (self.today(now)?, self.ends(now)?);
        let mut days: Vec<i64> = (first..=last).collect();
        days.sort_by_key(|day| (day.abs_diff(today), *day < today));
        Ok(days)
    }

    /// The hours of a day; none if the zone skipped its date.
    pub(crate) fn hours_of(&self, day: i64) -> Result<Option<TimeRange>> {
        self.window.on(day)
    }

    /// A day from midnight to midnight; none if the zone skipped its date.
    pub(crate) fn local_day(&self, day: i64) -> Result<Option<TimeRange>> {
        self.window.local_day(day)
    }

    /// When the window moves on.
    pub(crate) fn moves_on(&self, now: Timestamp) -> Result<Timestamp> {
        self.window.midnight(self.today(now)? + 1)
    }
}

impl fmt::Display for Horizon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, days {} to {}", self.window, self.first, self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(instant: &str) -> Timestamp {
        instant.parse::<jiff::Timestamp>().unwrap().into()
    }

    #[test]
    fn the_nearest_day_comes_first_and_tomorrow_before_yesterday() {
        let horizon = Horizon::whole_days("UTC", -2..=3).unwrap();
        let days = horizon.nearest_first(at("1970-01-11T12:00:00Z")).unwrap();
        assert_eq!(days, [10, 11, 9, 12, 8, 13]);
    }

    #[test]
    fn the_window_moves_on_at_the_next_local_midnight_whatever_the_clock_does() {
        let horizon = Horizon::whole_days("Europe/Stockholm", 0..=0).unwrap();
        for (now, midnight) in [
            ("2026-03-28T22:59:59Z", "2026-03-28T23:00:00Z"),
            ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
            ("2026-10-25T12:00:00Z", "2026-10-25T23:00:00Z"),
        ] {
            assert_eq!(horizon.moves_on(at(now)).unwrap(), at(midnight));
        }
    }

    #[test]
    fn a_horizon_that_ends_before_it_begins_or_lies_too_far_is_refused() {
        let days = |first, last| {
            let horizon =
                Horizon::days(DailyWindow::until("01:00", "02:00", "UTC").unwrap(), first..=last);
            horizon.validate()
        };
        assert!(days(0, 0).is_ok() && days(-366, 366).is_ok());
        assert!(days(1, 0).is_err() && days(-367, 0).is_err() && days(0, 367).is_err());
    }
}
