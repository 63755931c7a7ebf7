//! Hours, days, weeks, months and years of a zone.

use super::bucket::Bucket;
use super::hours;
use super::zone::Zone;
use crate::error::{Error, Result};

/// What a calendar grid counts. Numbers count from the one that holds 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Hour,
    Day,
    /// From Monday, as ISO has it.
    Week,
    Month,
    Year,
}

impl Unit {
    /// Its name in the description of a grid, which is on disk: it never changes.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    pub(super) fn bucket_at(self, zone: &Zone, instant: i64) -> Result<Bucket> {
        if self == Self::Hour {
            return hours::hour_at(zone, instant);
        }
        let day = zone.day_at(instant)?;
        let number = self.number_of(day.number);
        if self == Self::Day {
            return Ok(Bucket::new(number, day.start, day.end));
        }
        self.between_days(zone, number)
    }

    /// The bucket of that number; an error if it has none or lies outside the calendar.
    pub(super) fn bucket(self, zone: &Zone, number: i64) -> Result<Bucket> {
        let missing = || {
            Error::input(format!(
                "there is no {} number {number} in {}: the zone skipped it, or it lies outside \
                 the calendar (years -9999 to 9999)",
                self.name(),
                zone.name()
            ))
        };
        match self {
            Self::Hour => hours::hour(zone, number).ok_or_else(missing),
            // Farther than any year of the calendar, so that the arithmetic below cannot overflow.
            _ if number.unsigned_abs() > 1 << 24 => Err(missing()),
            _ => self
                .between_days(zone, number)
                .ok()
                .filter(|bucket| bucket.start() < bucket.end())
                .ok_or_else(missing),
        }
    }

    fn between_days(self, zone: &Zone, number: i64) -> Result<Bucket> {
        let start = zone.first_reading(self.first_day(number))?;
        let end = zone.first_reading(self.first_day(number + 1))?;
        Ok(Bucket::new(number, start, end))
    }

    /// Which one holds that day. (Hours have their own arithmetic.)
    fn number_of(self, day: i64) -> i64 {
        match self {
            Self::Hour | Self::Day => day,
            // 1970-01-01 was a Thursday: its week began three days before.
            Self::Week => (day + 3).div_euclid(7),
            Self::Month => month_of(day),
            Self::Year => month_of(day).div_euclid(12),
        }
    }

    pub(super) fn first_day(self, number: i64) -> i64 {
        match self {
            Self::Hour | Self::Day => number,
            Self::Week => number * 7 - 3,
            Self::Month => first_day_of_month(number),
            Self::Year => first_day_of_month(number * 12),
        }
    }
}

/// Days in the 400 years after which the calendar repeats itself.
const DAYS_400: i64 = 146_097;
/// From 0000-03-01 to 1970-01-01. Years that begin in March have the leap day at their end.
const TO_1970: i64 = 719_468;
/// January 1970 in months from March of the year 0.
const MONTHS_TO_1970: i64 = 1969 * 12 + 10;

/// The month that holds a day, in months after January 1970.
fn month_of(day: i64) -> i64 {
    let day = day + TO_1970;
    let (era, day) = (day.div_euclid(DAYS_400), day.rem_euclid(DAYS_400));
    // Leave out the leap days before it, and every year has 365.
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let in_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * in_year + 2) / 153;
    (era * 400 + year) * 12 + month - MONTHS_TO_1970
}

/// The first day of a month counted from January 1970.
fn first_day_of_month(month: i64) -> i64 {
    let month = month + MONTHS_TO_1970;
    let (year, month) = (month.div_euclid(12), month.rem_euclid(12));
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    // From March on, five months have 153 days, and the parts of them round alike.
    era * DAYS_400 + 365 * year + year / 4 - year / 100 + (153 * month + 2) / 5 - TO_1970
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use jiff::civil::Date;

    use super::*;

    fn agrees_with_the_library(date: Date, day: i64) {
        let month = (i64::from(date.year()) - 1970) * 12 + i64::from(date.month()) - 1;
        assert_eq!(Unit::Month.number_of(day), month, "{date}");
        assert_eq!(Unit::Month.first_day(month), day - i64::from(date.day()) + 1, "{date}");
        let (year, yearday) = (i64::from(date.year()) - 1970, i64::from(date.day_of_year()));
        assert_eq!(Unit::Year.number_of(day), year, "{date}");
        assert_eq!(Unit::Year.first_day(year), day - yearday + 1, "{date}");
        let monday = day - i64::from(date.weekday().to_monday_zero_offset());
        assert_eq!(Unit::Week.first_day(Unit::Week.number_of(day)), monday, "{date}");
    }

    #[test]
    fn months_years_and_weeks_are_those_of_the_calendar() {
        // Every day of the 400 years after which months repeat themselves.
        let (mut date, mut day) = (Date::constant(1601, 1, 1), -134_774);
        while date.year() <= 2001 {
            agrees_with_the_library(date, day);
            (date, day) = (date.tomorrow().unwrap(), day + 1);
        }
        // The first and last days of every month there is.
        let mut date = Date::constant(-9999, 1, 1);
        let mut day = -4_371_587;
        while let Ok(next) = date.checked_add(jiff::Span::new().months(1)) {
            agrees_with_the_library(date, day);
            day += i64::from(date.days_in_month());
            agrees_with_the_library(next.yesterday().unwrap(), day - 1);
            date = next;
        }
        assert_eq!((date.year(), date.month()), (9999, 12));
        agrees_with_the_library(date, day);
    }

    #[test]
    fn numbers_beyond_the_calendar_are_errors() {
        let zone = Zone::named("Europe/Stockholm").unwrap();
        for unit in [Unit::Hour, Unit::Day, Unit::Week, Unit::Month, Unit::Year] {
            for number in [i64::MIN, i64::MAX, 1 << 24, -(1 << 24), (1 << 24) + 1] {
                let found = unit.bucket(&zone, number);
                assert!(found.is_err() || unit == Unit::Hour, "{unit:?} {number} {found:?}");
            }
            assert!(unit.bucket(&zone, 0).is_ok());
        }
    }
}
