//! The hours of a zone: each ends at a full hour on the clock and wherever the clock is set.

use super::bucket::Bucket;
use super::day::{DAY, LocalDay};
use super::zone::{Stretch, Zone};
use crate::error::{Error, Result};

/// How many numbers each local day has for its hours. Part of every number on disk: it never
/// changes.
///
/// Days of 2010 to 2035 have at most 28 hours. A zone that went back over the date line lived one
/// date twice (Kwajalein, 1969): 48 hours, more where clocks did not differ by whole ones.
pub(super) const HOURS_PER_DAY: i64 = 64;

const HOUR: i64 = 3_600_000;

/// The hours between two settings of the clock, within one local day.
struct Run {
    stretch: Stretch,
    /// The index within the day of the first of them.
    index: i64,
}

impl Run {
    /// The full hour on the clock, counted from 1970, in which the stretch begins.
    fn first_hour(&self) -> i64 {
        (self.stretch.start + self.stretch.offset).div_euclid(HOUR)
    }

    fn count(&self) -> i64 {
        (self.stretch.end - 1 + self.stretch.offset).div_euclid(HOUR) - self.first_hour() + 1
    }

    /// The `nth` of its hours, as a bucket of the day.
    fn hour(&self, day: LocalDay, nth: i64) -> Option<Bucket> {
        let index = self.index + nth;
        let full = (self.first_hour() + nth) * HOUR - self.stretch.offset;
        (index < HOURS_PER_DAY).then(|| {
            Bucket::new(
                day.number * HOURS_PER_DAY + index,
                full.max(self.stretch.start),
                (full + HOUR).min(self.stretch.end),
            )
        })
    }
}

fn runs(zone: &Zone, day: LocalDay) -> impl Iterator<Item = Run> {
    let even = day.even.then(|| Stretch {
        start: day.start,
        end: day.end,
        offset: day.number * DAY - day.start,
    });
    let uneven = (!day.even).then(|| zone.stretches(day.start)).into_iter().flatten();
    let mut index = 0;
    even.into_iter().chain(uneven).take_while(move |stretch| stretch.start < day.end).map(
        move |stretch| {
            let stretch = Stretch { end: stretch.end.min(day.end), ..stretch };
            let run = Run { stretch, index };
            index += run.count();
            run
        },
    )
}

/// The hour in which `instant` lies.
pub(super) fn hour_at(zone: &Zone, instant: i64) -> Result<Bucket> {
    let day = zone.day_at(instant)?;
    runs(zone, day)
        .find(|run| instant < run.stretch.end)
        .and_then(|run| {
            let hour = (instant + run.stretch.offset).div_euclid(HOUR);
            run.hour(day, hour - run.first_hour())
        })
        .ok_or_else(|| {
            Error::input(format!(
                "{} sets its clock more often within a day than {HOURS_PER_DAY} hours can hold",
                zone.name()
            ))
        })
}

/// The hour of that number; none where the day has fewer.
pub(super) fn hour(zone: &Zone, number: i64) -> Option<Bucket> {
    let index = number.rem_euclid(HOURS_PER_DAY);
    let day = zone.day(number.div_euclid(HOURS_PER_DAY)).ok()??;
    let run = runs(zone, day).find(|run| index < run.index + run.count())?;
    run.hour(day, index - run.index)
}

/// How many hours the day of that number has; zero if there is no such day.
pub(super) fn count(zone: &Zone, day: i64) -> i64 {
    match zone.day(day) {
        Ok(Some(day)) => runs(zone, day).map(|run| run.count()).sum::<i64>().min(HOURS_PER_DAY),
        Ok(None) | Err(_) => 0,
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    fn hours_of(zone: &str, noon: &str) -> Vec<i64> {
        let zone = Zone::named(zone).unwrap();
        let noon = noon.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let day = zone.day_at(noon).unwrap();
        let first = day.number * HOURS_PER_DAY;
        (0..count(&zone, day.number))
            .map(|index| hour(&zone, first + index).unwrap())
            .map(|hour| hour.range().end().since(hour.start()).as_millis() / 60_000)
            .collect()
    }

    #[test]
    fn an_hour_may_come_twice_or_never_or_in_halves() {
        assert_eq!(hours_of("Europe/Stockholm", "2026-10-25T12:00:00Z"), [60; 25]);
        assert_eq!(hours_of("Europe/Stockholm", "2026-03-29T12:00:00Z"), [60; 23]);
        // Lord Howe goes back by half an hour at 02:00: the hour from one is whole, then comes
        // the second half of it again.
        let half = hours_of("Australia/Lord_Howe", "2026-04-05T01:00:00Z");
        assert_eq!((half.len(), half[1], half[2], half[3]), (25, 60, 30, 60));
        let half = hours_of("Australia/Lord_Howe", "2026-10-04T01:00:00Z");
        assert_eq!((half.len(), half[1], half[2], half[3]), (24, 60, 30, 60));
        assert_eq!(hours_of("Pacific/Kwajalein", "1969-09-30T14:00:00Z").len(), 47);
    }
}
