//! The city's days and hours.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::civil::Date;
use tidetable::{Bucket, Clock, DailyWindow, Grid, Span, TimeRange, Timestamp, local_day};

use crate::Outcome;
use crate::city::ZONE;

/// The hours in which guests sit outside, by the city's clocks, both ends included.
const OPENS: &str = "08:00";
const CLOSES: &str = "20:00";
/// How many ten minutes begin in them.
pub(crate) const BUCKETS_A_DAY: u64 = 73;
/// Today and so many more are kept filled.
pub(crate) const DAYS_AHEAD: i32 = 2;

pub(crate) fn grid() -> Grid {
    // A patio's day is one page: read, packed and kept in memory as one.
    Grid::minutes(10).pages_by_day(ZONE)
}

pub(crate) fn open() -> tidetable::Result<DailyWindow> {
    DailyWindow::through(OPENS, CLOSES, ZONE)
}

/// The ten minutes of some days in which guests sit outside.
pub(crate) fn open_buckets(days: TimeRange) -> tidetable::Result<Vec<Bucket>> {
    open()?.buckets(&grid(), days).collect()
}

/// The same of one day, from the beginning of the first to the end of the last.
pub(crate) fn open_hours(day: TimeRange) -> tidetable::Result<TimeRange> {
    let buckets = open_buckets(day)?;
    let nothing = TimeRange::new(day.start(), day.start());
    Ok(buckets
        .first()
        .zip(buckets.last())
        .map_or(nothing, |(first, last)| TimeRange::new(first.start(), last.end())))
}

/// The local day in which an instant lies, and the next ones.
pub(crate) fn days_from(now: Timestamp) -> tidetable::Result<Vec<TimeRange>> {
    let mut days = vec![local_day(ZONE, now)?];
    for _ in 0..DAYS_AHEAD {
        let end = days.last().map_or(now, |day| day.end());
        days.push(local_day(ZONE, end)?);
    }
    Ok(days)
}

/// From the first of these days to the end of the last.
pub(crate) fn all_of(days: &[TimeRange]) -> TimeRange {
    let (first, last) = (days.first(), days.last());
    first.zip(last).map_or(TimeRange::new(Timestamp::EPOCH, Timestamp::EPOCH), |(first, last)| {
        TimeRange::new(first.start(), last.end())
    })
}

/// When the city's clocks show this, for the first time that day.
pub(crate) fn at(date: Date, hour: i8, minute: i8) -> Outcome<Timestamp> {
    Ok(date.at(hour, minute, 0, 0).in_tz(ZONE)?.timestamp().into())
}

fn local(instant: Timestamp) -> Outcome<jiff::Zoned> {
    Ok(jiff::Timestamp::try_from(instant)?.in_tz(ZONE)?)
}

/// The date by the city's clocks.
pub(crate) fn date_of(instant: Timestamp) -> Outcome<Date> {
    Ok(local(instant)?.date())
}

/// As `14:20`.
pub(crate) fn clock_time(instant: Timestamp) -> Outcome<String> {
    Ok(local(instant)?.strftime("%H:%M").to_string())
}

/// As `14:20:07`.
pub(crate) fn clock_time_to_the_second(instant: Timestamp) -> Outcome<String> {
    Ok(local(instant)?.strftime("%H:%M:%S").to_string())
}

/// As `Sat 28 Mar`.
pub(crate) fn short_date(instant: Timestamp) -> Outcome<String> {
    Ok(local(instant)?.strftime("%a %-d %b").to_string())
}

/// As `Saturday 28 March 2026`.
pub(crate) fn long_date(instant: Timestamp) -> Outcome<String> {
    Ok(local(instant)?.strftime("%A %-d %B %Y").to_string())
}

/// The machine's clock, as if it were another day. It goes on by itself and can be set forward.
#[derive(Debug)]
pub(crate) struct CityClock {
    /// In milliseconds.
    ahead: AtomicI64,
}

impl CityClock {
    pub(crate) fn showing(instant: Timestamp) -> Self {
        let clock = Self { ahead: AtomicI64::new(0) };
        clock.set(instant);
        clock
    }

    pub(crate) fn set(&self, instant: Timestamp) {
        let ahead = instant.as_millis() - Timestamp::now().as_millis();
        self.ahead.store(ahead, Ordering::SeqCst);
    }
}

impl Clock for CityClock {
    fn now(&self) -> Timestamp {
        let ahead = Span::millis(self.ahead.load(Ordering::SeqCst));
        Timestamp::now() + ahead
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_day_has_seventy_three_ten_minutes_also_where_the_clocks_are_set() {
        for (date, hours) in [((2026, 3, 28), 24), ((2026, 3, 29), 23), ((2026, 10, 25), 25)] {
            let date = Date::new(date.0, date.1, date.2).unwrap();
            let day = local_day(ZONE, at(date, 12, 0).unwrap()).unwrap();
            assert_eq!(day.end().since(day.start()), Span::hours(hours));
            let buckets = open_buckets(day).unwrap();
            assert_eq!(buckets.len() as u64, BUCKETS_A_DAY);
            assert_eq!(clock_time(buckets[0].start()).unwrap(), "08:00");
            assert_eq!(clock_time(buckets[72].start()).unwrap(), "20:00");
        }
    }
}
