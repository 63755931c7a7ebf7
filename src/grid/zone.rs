//! The clock on the wall of a place: what it shows, and when it first showed it.

use std::fmt;

use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::day::{DAY, LocalDay, RecentDays};
use super::names;
use crate::error::{Error, Result};
use crate::time::{TimeRange, Timestamp};

/// The local day of the zone `zone` ("Europe/Stockholm") in which `instant` lies.
///
/// A day is 23 to 25 hours long in most zones, and begins at the first instant at which a clock
/// there has reached that date; see [`Grid::daily`](crate::Grid::daily).
///
/// # Errors
/// An unknown zone, or an instant outside the calendar (years -9999 to 9999).
pub fn local_day(zone: &str, instant: Timestamp) -> Result<TimeRange> {
    let day = Zone::named(zone)?.day_at(instant.as_millis())?;
    Ok(TimeRange::new(Timestamp::from_millis(day.start), Timestamp::from_millis(day.end)))
}

/// A time zone of the bundled database. All its instants are milliseconds since 1970 in UTC, its
/// *readings* milliseconds since 1970-01-01T00:00 on the clock of the zone.
pub(super) struct Zone {
    rules: TimeZone,
    /// Brings instants of one local day to one place among the recent days, nearly always.
    usual_offset: i64,
    recent: RecentDays,
}

/// A stretch of time in which the clock is not set: readings are instants plus the offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) offset: i64,
}

/// The calendar's instants: the years -9999 to 9999, less what offsets may take away.
const FIRST: i64 = -377_705_023_201_000;
const LAST: i64 = 253_402_207_200_000;

/// No offset reaches this far, so a reading is shown within this of the same number in UTC.
const REACH: i64 = 26 * 3_600_000;

impl Zone {
    pub(super) fn named(name: &str) -> Result<Self> {
        let database = TimeZoneDatabase::bundled();
        match database.get(name) {
            Ok(rules) if rules.iana_name().is_some() && !rules.is_unknown() => {
                let summer_2026 = jiff::Timestamp::constant(1_780_000_000, 0);
                let usual_offset = i64::from(rules.to_offset(summer_2026).seconds()) * 1000;
                Ok(Self { rules, usual_offset, recent: RecentDays::new() })
            }
            _ => Err(unknown(name, &database)),
        }
    }

    pub(super) fn name(&self) -> &str {
        self.rules.iana_name().expect("a zone without a name is refused when it is looked up")
    }

    /// The local day in which `instant` lies.
    pub(super) fn day_at(&self, instant: i64) -> Result<LocalDay> {
        let place = instant.saturating_add(self.usual_offset).div_euclid(DAY);
        if let Some(day) = self.recent.find(place, instant) {
            return Ok(day);
        }
        let mut number = (instant + self.offset_at(instant)?).div_euclid(DAY);
        // Set back over midnight, the clock shows a date whose next one has already begun.
        while self.first_reading(number + 1)? <= instant {
            number += 1;
        }
        let day = self.between(number)?;
        self.recent.keep(place, day);
        Ok(day)
    }

    /// The day of that number; none if the zone skipped its date.
    pub(super) fn day(&self, number: i64) -> Result<Option<LocalDay>> {
        self.between(number).map(|day| Some(day).filter(|day| day.start < day.end))
    }

    fn between(&self, number: i64) -> Result<LocalDay> {
        let (start, end) = (self.first_reading(number)?, self.first_reading(number + 1)?);
        let first = self.stretches(start).next();
        let even = first
            .is_some_and(|stretch| end <= stretch.end && start + stretch.offset == number * DAY);
        Ok(LocalDay { number, start, end, even })
    }

    /// The first instant of the day of that number or, if there is no such day, of the next one.
    pub(super) fn first_reading(&self, day: i64) -> Result<i64> {
        day.checked_mul(DAY)
            .ok_or_else(|| outside(format_args!("day {day} after 1970-01-01")))
            .and_then(|reading| self.first_at_or_past(reading))
    }

    /// The first instant at which the clock shows `reading` or has passed it.
    pub(super) fn first_at_or_past(&self, reading: i64) -> Result<i64> {
        // Before this instant the clock cannot have got there, whatever the offset.
        let from = reading.saturating_sub(REACH);
        for stretch in self.stretches(from) {
            let shown = reading.saturating_sub(stretch.offset);
            if shown < FIRST {
                break;
            }
            if shown.max(stretch.start) < stretch.end {
                return Ok(shown.max(stretch.start));
            }
        }
        Err(self.never_shown(reading))
    }

    /// The first instant from which on the clock shows `reading` or more for good.
    pub(super) fn for_good_at_or_past(&self, reading: i64) -> Result<i64> {
        let mut latest = None;
        for stretch in self.stretches(reading.saturating_sub(REACH)) {
            if stretch.start > reading.saturating_add(REACH) {
                break;
            }
            let shown = reading.saturating_sub(stretch.offset);
            if shown > stretch.start {
                latest = Some(shown.min(stretch.end));
            }
        }
        latest.filter(|&latest| latest <= LAST).ok_or_else(|| self.never_shown(reading))
    }

    /// Stretches of one offset, abutting, from `from` (or the calendar's first instant) to the
    /// calendar's last.
    pub(super) fn stretches(&self, from: i64) -> impl Iterator<Item = Stretch> {
        let from = from.clamp(FIRST, LAST);
        let first = calendar_instant(from).expect("clamped to the calendar");
        let mut offset = i64::from(self.rules.to_offset(first).seconds()) * 1000;
        let mut start = from;
        let mut ended = false;
        // A change of name alone, or of what counts as summer time, does not set the clock.
        let mut set = self.rules.following(first).map(|transition| {
            (transition.timestamp().as_millisecond(), transition.offset().seconds())
        });
        std::iter::from_fn(move || {
            if ended {
                return None;
            }
            for (instant, seconds) in set.by_ref() {
                let next = i64::from(seconds) * 1000;
                if next != offset && instant > start {
                    let stretch = Stretch { start, end: instant, offset };
                    (start, offset) = (instant, next);
                    return Some(stretch);
                }
            }
            ended = true;
            Some(Stretch { start, end: LAST + 1, offset })
        })
    }

    fn offset_at(&self, instant: i64) -> Result<i64> {
        let instant =
            calendar_instant(instant).ok_or_else(|| outside(Timestamp::from_millis(instant)))?;
        Ok(i64::from(self.rules.to_offset(instant).seconds()) * 1000)
    }

    #[cold]
    fn never_shown(&self, reading: i64) -> Error {
        outside(format_args!("what a clock in {} shows near {reading} ms", self.name()))
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn calendar_instant(instant: i64) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_millisecond(instant).ok()
}

#[cold]
fn outside(what: impl fmt::Display) -> Error {
    Error::input(format!("{what} lies outside the calendar (years -9999 to 9999)"))
}

#[cold]
fn unknown(name: &str, database: &TimeZoneDatabase) -> Error {
    let available: Vec<_> = database.available().map(|name| name.to_string()).collect();
    let near = names::nearest(name, available.iter().map(String::as_str));
    let remedy = if near.is_empty() {
        "use an IANA name such as \"Europe/Stockholm\"".to_owned()
    } else {
        format!("did you mean {}?", near.join(" or "))
    };
    let shown: String = name.chars().take(64).collect();
    Error::input(format!("there is no time zone {shown:?}: {remedy}"))
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    fn millis(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn the_calendar_reaches_as_far_as_its_library() {
        for (within, beyond) in [(FIRST, FIRST - 1), (LAST, LAST + 1)] {
            assert!(calendar_instant(within).is_some() && calendar_instant(beyond).is_none());
        }
        assert!(i64::from(jiff::tz::Offset::MAX.seconds()) * 1000 < REACH);
        assert!(i64::from(jiff::tz::Offset::MIN.seconds()) * 1000 > -REACH);
    }

    #[test]
    fn an_unknown_zone_is_told_what_may_have_been_meant() {
        let message = Zone::named("Europe/Stokholm").unwrap_err().to_string();
        assert!(message.contains("\"Europe/Stokholm\""), "{message}");
        assert!(message.contains("did you mean Europe/Stockholm?"), "{message}");
        for name in ["", "Etc/Unknown", "Europe", "+02:00", "EST5EDT,M3.2.0,M11.1.0", "a\0b"] {
            assert!(Zone::named(name).is_err(), "{name:?}");
        }
        assert_eq!(Zone::named("europe/stockholm").unwrap().name(), "Europe/Stockholm");
    }

    #[test]
    fn a_minute_past_midnight_set_back_belongs_to_the_day_that_had_begun() {
        // St John's, 2010-11-07: at 00:01 the clock went back to 23:01 of the sixth.
        let zone = Zone::named("America/St_Johns").unwrap();
        let day = zone.day_at(millis("2010-11-07T03:00:00Z")).unwrap();
        assert_eq!(day.start, millis("2010-11-07T02:30:00Z"));
        assert_eq!(day.end, millis("2010-11-08T03:30:00Z"));
    }

    #[test]
    fn a_clock_set_back_at_midnight_itself_lengthens_the_old_day() {
        // Havana 2026-11-01 goes back at 01:00; Asuncion 2023-03-26 at 00:00, to 23:00.
        let zone = Zone::named("America/Asuncion").unwrap();
        let day = zone.day_at(millis("2023-03-26T03:30:00Z")).unwrap();
        assert_eq!((day.end - day.start) / 3_600_000, 25);
    }

    #[test]
    fn a_skipped_date_is_no_day() {
        let zone = Zone::named("Pacific/Apia").unwrap();
        let skipped = millis("2011-12-30T00:00:00Z") / DAY;
        assert_eq!(zone.day(skipped).unwrap(), None);
        let before = zone.day(skipped - 1).unwrap().unwrap();
        let after = zone.day(skipped + 1).unwrap().unwrap();
        assert_eq!(before.end, after.start);
    }

    #[test]
    fn days_at_the_ends_of_the_calendar_are_errors_and_not_shorter() {
        for name in ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Stockholm"] {
            let zone = Zone::named(name).unwrap();
            for instant in [i64::MIN, FIRST - 1, FIRST, LAST, LAST + 1, i64::MAX] {
                if let Ok(day) = zone.day_at(instant) {
                    assert!(day.end - day.start > 22 * 3_600_000, "{name} {instant} {day:?}");
                }
            }
            assert!(zone.day_at(FIRST + 2 * DAY).is_ok() && zone.day_at(LAST - 2 * DAY).is_ok());
            assert!(zone.day(i64::MAX).is_err() && zone.day(i64::MIN).is_err());
            for reading in [i64::MIN, FIRST - 2 * DAY, LAST + 2 * DAY, i64::MAX] {
                assert!(zone.first_at_or_past(reading).is_err(), "{name} {reading}");
                assert!(zone.for_good_at_or_past(reading).is_err(), "{name} {reading}");
            }
        }
    }

    #[test]
    fn a_change_of_name_alone_ends_no_stretch() {
        for name in TimeZoneDatabase::bundled().available() {
            let Ok(zone) = Zone::named(name.as_str()) else { continue };
            let stretches: Vec<_> = zone.stretches(-4 * (1 << 40)).take(400).collect();
            assert!(stretches.windows(2).all(|pair| pair[0].offset != pair[1].offset), "{name}");
            assert!(stretches.windows(2).all(|pair| pair[0].end == pair[1].start), "{name}");
        }
    }

    #[test]
    fn a_remembered_day_answers_only_for_its_own_instants() {
        // Auckland's usual offset is not its summer's: two days share a place for an hour.
        let zone = Zone::named("Pacific/Auckland").unwrap();
        let noon = millis("2026-01-15T00:00:00Z");
        let day = zone.day_at(noon).unwrap();
        for instant in [day.start, day.end - 1] {
            assert_eq!(zone.day_at(instant).unwrap(), day);
        }
        for instant in [day.start - 1, day.end, noon, day.end + 64 * DAY, noon] {
            let day = zone.day_at(instant).unwrap();
            assert!(day.start <= instant && instant < day.end);
        }
    }

    #[test]
    fn a_local_day_is_a_range() {
        let day =
            local_day("Europe/Stockholm", Timestamp::from_millis(millis("2026-03-29T12:00:00Z")));
        assert_eq!(day.unwrap().to_string(), "2026-03-28T23:00:00Z..2026-03-29T22:00:00Z");
    }
}
