//! The same hours of every day.

use std::fmt;

use jiff::civil::Time;

use super::bucket::Bucket;
use super::buckets::Buckets;
use super::day::DAY;
use super::define::Grid;
use super::zone::Zone;
use crate::error::{Error, Result};
use crate::sync::Arc;
use crate::time::{TimeRange, Timestamp};

/// The same hours of every local day: "08:00 to 20:00 in Europe/Stockholm".
///
/// ```
/// use tidetable::{DailyWindow, Grid, Timestamp, local_day};
///
/// let day = local_day("Europe/Stockholm", Timestamp::from_seconds(1_774_771_500))?;
/// let open = DailyWindow::through("08:00", "20:00", "Europe/Stockholm")?;
/// assert_eq!(open.buckets(&Grid::minutes(10), day).count(), 73);
/// let open = DailyWindow::until("08:00", "20:00", "Europe/Stockholm")?;
/// assert_eq!(open.buckets(&Grid::minutes(10), day).count(), 72);
/// # Ok::<(), tidetable::Error>(())
/// ```
///
/// A window whose end is earlier than its start lasts over midnight, and belongs to the day it
/// starts in. Where the clock is set, a window starts at the first instant at which the clock
/// shows its start or has passed it, and lasts until the clock shows its end for the last time: it
/// is longer where an hour is repeated within it, shorter where one is missing, and empty on a
/// date that does not exist.
#[derive(Clone, Debug)]
pub struct DailyWindow {
    zone: Arc<Zone>,
    /// From midnight by the clock, in milliseconds; less than a day.
    start: i64,
    /// The first reading after the window, from the midnight before its start.
    end: i64,
    inclusive: bool,
}

impl DailyWindow {
    /// From `start` until just before `end`: a bucket that starts at `end` is not in it. Times are
    /// `"08:00"` or `"08:00:30"`; `end` may be `"24:00"`.
    ///
    /// # Errors
    /// A time that is not one, an unknown zone, or an end equal to the start (for whole days say
    /// `"00:00"` until `"24:00"`).
    pub fn until(start: &str, end: &str, zone: &str) -> Result<Self> {
        if let (Ok(from), Ok(until)) = (clock_time(start), clock_time(end))
            && from == until
        {
            return Err(Error::input(format!(
                "a daily window from {start} until {end} is empty: its end must differ from its \
                 start (a whole day is 00:00 until 24:00)"
            )));
        }
        Self::of(start, end, zone, false)
    }

    /// From `start` through `end`: a bucket that starts at `end` is in it. Otherwise like
    /// [`DailyWindow::until`]; with an end equal to the start, it holds that time alone.
    ///
    /// # Errors
    /// A time that is not one, or an unknown zone.
    pub fn through(start: &str, end: &str, zone: &str) -> Result<Self> {
        Self::of(start, end, zone, true)
    }

    fn of(start: &str, end: &str, zone: &str, inclusive: bool) -> Result<Self> {
        let zone = Arc::new(Zone::named(zone)?);
        let (start, end) = (clock_time(start)?, clock_time(end)?);
        if start == DAY {
            return Err(Error::input("a daily window cannot start at 24:00: say 00:00"));
        }
        let end = if end < start { end + DAY } else { end };
        Ok(Self { zone, start, end: end + i64::from(inclusive), inclusive })
    }

    /// The buckets of `grid` that start both in `range` and in the window of some day, in order,
    /// each once.
    ///
    /// Takes no memory however long the range. An error (the range leaves the calendar, the grid is
    /// faulty) is the last item.
    pub fn buckets<'a>(
        &'a self,
        grid: &'a Grid,
        range: TimeRange,
    ) -> impl Iterator<Item = Result<Bucket>> + 'a {
        Windows { window: self, grid, range, day: None, open: None, done: false }
    }

    /// The instants of the window that starts on the local day of `instant`, whether `instant` lies in
    /// it or not: at 02:00 a window over midnight is the one of the coming night.
    ///
    /// With [`local_day`](crate::local_day) one goes from day to day:
    /// ```
    /// use tidetable::{DailyWindow, Timestamp, local_day};
    ///
    /// let open = DailyWindow::until("08:00", "20:00", "Europe/Stockholm")?;
    /// let today = local_day("Europe/Stockholm", Timestamp::now())?;
    /// let opening_hours = [open.on_day_of(today.start())?, open.on_day_of(today.end())?];
    /// assert!(opening_hours[0].end() < opening_hours[1].start());
    /// # Ok::<(), tidetable::Error>(())
    /// ```
    ///
    /// # Errors
    /// An instant outside the calendar.
    pub fn on_day_of(&self, instant: Timestamp) -> Result<TimeRange> {
        let nothing = TimeRange::new(instant, instant);
        Ok(self.on(self.day_at(instant)?)?.unwrap_or(nothing))
    }

    /// The number of the local day in which an instant lies, counted from 1970-01-01.
    pub(crate) fn day_at(&self, instant: Timestamp) -> Result<i64> {
        Ok(self.zone.day_at(instant.as_millis())?.number)
    }

    /// The local day of that number; none if the zone skipped the date.
    pub(crate) fn local_day(&self, day: i64) -> Result<Option<TimeRange>> {
        let instant = Timestamp::from_millis;
        Ok(self.zone.day(day)?.map(|day| TimeRange::new(instant(day.start), instant(day.end))))
    }

    /// When the day of that number begins, or the next one if there is no such day.
    pub(crate) fn midnight(&self, day: i64) -> Result<Timestamp> {
        self.zone.first_reading(day).map(Timestamp::from_millis)
    }

    /// The instants of the window that belongs to that day; none if the zone skipped the date.
    pub(crate) fn on(&self, day: i64) -> Result<Option<TimeRange>> {
        if self.zone.day(day)?.is_none() {
            return Ok(None);
        }
        let start = self.zone.first_at_or_past(day * DAY + self.start)?;
        let end = self.zone.for_good_at_or_past(day * DAY + self.end)?;
        Ok(Some(TimeRange::new(Timestamp::from_millis(start), Timestamp::from_millis(end))))
    }
}

impl fmt::Display for DailyWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, end) =
            if self.inclusive { ("through", self.end - 1) } else { ("until", self.end) };
        let end = if end > DAY { end - DAY } else { end };
        let shown = |time: i64| {
            let (minutes, seconds) = (time / 60_000, time / 1000 % 60);
            let text = format!("{:02}:{:02}", minutes / 60, minutes % 60);
            if seconds == 0 { text } else { format!("{text}:{seconds:02}") }
        };
        write!(f, "{} {word} {} in {}", shown(self.start), shown(end), self.zone.name())
    }
}

struct Windows<'a> {
    window: &'a DailyWindow,
    grid: &'a Grid,
    /// What is left of the range: from the end of the bucket shown last.
    range: TimeRange,
    /// The next day whose window to look at.
    day: Option<i64>,
    open: Option<Buckets<'a>>,
    done: bool,
}

impl Windows<'_> {
    /// Opens the window of the next day that has one. False after the last.
    fn advance(&mut self) -> Result<bool> {
        let zone = &self.window.zone;
        let day = match self.day {
            Some(day) => day,
            // A window over midnight belongs to the day before. Earlier ones, even where their end
            // is repeated on this day, hold nothing that yesterday's does not.
            None => zone.day_at(self.range.start().as_millis())?.number - 1,
        };
        if self.range.is_empty() || zone.first_reading(day)? >= self.range.end().as_millis() {
            return Ok(false);
        }
        self.day = Some(day + 1);
        if let Some(window) = self.window.on(day)? {
            let start = window.start().max(self.range.start());
            let end = window.end().min(self.range.end());
            self.open = Some(self.grid.starting_in(TimeRange::new(start, end)));
        }
        Ok(true)
    }
}

impl Iterator for Windows<'_> {
    type Item = Result<Bucket>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.done {
            match self.open.as_mut().and_then(Iterator::next) {
                Some(Ok(bucket)) => {
                    // Two windows overlap where the clock is set back over the start of the later.
                    let end = self.range.end();
                    self.range = TimeRange::new(bucket.end().min(end), end);
                    return Some(Ok(bucket));
                }
                Some(Err(fault)) => {
                    self.done = true;
                    return Some(Err(fault));
                }
                None => match self.advance() {
                    Ok(more) => self.done = !more,
                    Err(fault) => {
                        self.done = true;
                        return Some(Err(fault));
                    }
                },
            }
        }
        None
    }
}

/// Milliseconds from midnight, a day for "24:00".
fn clock_time(text: &str) -> Result<i64> {
    let shape = |text: &str| {
        let bytes = text.as_bytes();
        (bytes.len() == 5 || bytes.len() == 8)
            && bytes.iter().enumerate().all(|(place, byte)| match place {
                2 | 5 => *byte == b':',
                _ => byte.is_ascii_digit(),
            })
    };
    if text == "24:00" || text == "24:00:00" {
        return Ok(DAY);
    }
    let time = shape(text).then(|| text.parse::<Time>().ok()).flatten();
    // A leap second reads as the second before it in the library; here it is not a time of day.
    time.filter(|_| !text.ends_with(":60"))
        .map(|time| {
            let minutes = i64::from(time.hour()) * 60 + i64::from(time.minute());
            minutes * 60_000 + i64::from(time.second()) * 1000
        })
        .ok_or_else(|| {
            let shown: String = text.chars().take(32).collect();
            Error::input(format!(
                "{shown:?} is not a time of day: say it as \"08:00\" or \"08:00:30\", from 00:00 \
                 to 24:00"
            ))
        })
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::grid::local_day;

    const STOCKHOLM: &str = "Europe/Stockholm";

    fn day(zone: &str, noon: &str) -> TimeRange {
        let noon: jiff::Timestamp = noon.parse().unwrap();
        local_day(zone, noon.into()).unwrap()
    }

    fn starts(window: &DailyWindow, grid: &Grid, range: TimeRange) -> Vec<String> {
        window.buckets(grid, range).map(|bucket| bucket.unwrap().start().to_string()).collect()
    }

    #[test]
    fn a_window_keeps_to_the_clock_in_summer_and_in_winter() {
        let window = DailyWindow::through("08:00", "20:00", STOCKHOLM).unwrap();
        let grid = Grid::minutes(10);
        for (noon, first) in [
            ("2026-01-15T11:00:00Z", "2026-01-15T07:00:00Z"),
            ("2026-03-29T11:00:00Z", "2026-03-29T06:00:00Z"),
            ("2026-10-25T11:00:00Z", "2026-10-25T07:00:00Z"),
        ] {
            let found = starts(&window, &grid, day(STOCKHOLM, noon));
            assert_eq!((found.len(), found[0].as_str()), (73, first));
        }
    }

    #[test]
    fn an_edge_in_a_missing_hour_is_where_the_clock_is_set() {
        let noon = day(STOCKHOLM, "2026-03-29T11:00:00Z");
        let grid = Grid::minutes(30);
        let before = DailyWindow::through("01:00", "02:30", STOCKHOLM).unwrap();
        let expected = ["2026-03-29T00:00:00Z", "2026-03-29T00:30:00Z"];
        assert_eq!(starts(&before, &grid, noon), expected);
        let after = DailyWindow::until("02:30", "04:00", STOCKHOLM).unwrap();
        let expected = ["2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"];
        assert_eq!(starts(&after, &grid, noon), expected);
        let within = DailyWindow::through("02:10", "02:40", STOCKHOLM).unwrap();
        assert!(starts(&within, &grid, noon).is_empty());
    }

    #[test]
    fn a_repeated_hour_is_wholly_in_the_window_that_ends_in_it() {
        let noon = day(STOCKHOLM, "2026-10-25T11:00:00Z");
        let count = |start, end| {
            let window = DailyWindow::until(start, end, STOCKHOLM).unwrap();
            window.buckets(&Grid::minutes(30), noon).count()
        };
        assert_eq!(count("02:00", "02:30"), 3);
        assert_eq!(count("02:30", "03:00"), 3);
        assert_eq!(count("00:00", "24:00"), 50);
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_it_starts_in() {
        let night = DailyWindow::until("22:00", "06:00", "UTC").unwrap();
        let range = day("UTC", "2026-05-02T12:00:00Z");
        let found = starts(&night, &Grid::hours(2), range);
        let expected = ["00:00", "02:00", "04:00", "22:00"];
        assert_eq!(found, expected.map(|time| format!("2026-05-02T{time}:00Z")));
        // The night of a day that does not exist is none, though its morning does.
        let night = DailyWindow::until("22:00", "06:00", "Pacific/Apia").unwrap();
        let range = day("Pacific/Apia", "2011-12-31T00:00:00Z");
        assert_eq!(night.buckets(&Grid::hours(1), range).count(), 2);
    }

    #[test]
    fn overlapping_windows_show_each_bucket_once_and_a_timeless_grid_its_one() {
        let zone = "America/St_Johns";
        let window = DailyWindow::until("00:00", "23:30", zone).unwrap();
        let range = day(zone, "2010-11-07T12:00:00Z");
        let from = range.start().checked_sub(crate::time::Span::hours(5)).unwrap();
        let range = TimeRange::new(from, range.end());
        let found = starts(&window, &Grid::minutes(30), range);
        assert!(found.is_sorted() && found.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(window.buckets(&Grid::timeless(), range).count(), 1);
    }

    #[test]
    fn what_is_not_a_time_of_day_is_refused_by_name() {
        for time in ["8:00", "25:00", "08:60", "noon", "", "08:00:60", "T08:00", "24:01", "0800"] {
            let fault = DailyWindow::through(time, "20:00", "UTC").unwrap_err();
            assert!(fault.to_string().contains(&format!("{time:?}")), "{fault}");
        }
        assert!(DailyWindow::until("24:00", "03:00", "UTC").is_err());
        assert!(DailyWindow::until("08:00", "08:00", "UTC").is_err());
        assert!(DailyWindow::through("08:00", "08:00", "Atlantis").is_err());
        let night = DailyWindow::through("22:00", "06:00:30", STOCKHOLM).unwrap();
        assert_eq!(night.to_string(), "22:00 through 06:00:30 in Europe/Stockholm");
    }

    #[test]
    fn a_range_that_leaves_the_calendar_ends_in_an_error() {
        let window = DailyWindow::until("08:00", "20:00", "UTC").unwrap();
        let grid = Grid::hours(1);
        let all = TimeRange::new(Timestamp::MIN, Timestamp::MAX);
        let mut found = window.buckets(&grid, all);
        assert!(found.next().unwrap().is_err() && found.next().is_none());
    }
}
