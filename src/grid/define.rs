//! The grid a view is defined with.

use std::fmt;

use super::calendar::Unit;
use super::fixed::Fixed;
use super::words::grid_in_words;
use super::zone::Zone;
use super::zone_years::ZoneYears;
use crate::error::{Error, Result};
use crate::sync::Arc;
use crate::time::{Span, Timestamp};

/// How a view divides time.
///
/// Into buckets of one width, into the hours, days, weeks, months or years of a time zone, or not at
/// all.
///
/// ```
/// use tidetable::{Grid, Timestamp};
///
/// let grid = Grid::minutes(10);
/// let bucket = grid.bucket_at(Timestamp::from_seconds(1_774_771_500))?;
/// assert_eq!(bucket.to_string(), "2026-03-29T08:00:00Z..08:10");
/// # Ok::<(), tidetable::Error>(())
/// ```
///
/// Whatever the grid, its buckets abut and every instant lies in exactly one. The constructors
/// never fail: what is wrong with a grid (a width of zero, an unknown zone) is reported when a view
/// is defined with it, and by everything that is asked of it.
///
/// # Calendar grids
/// Zones are named as in the IANA database ("Europe/Stockholm"), and their rules come from the
/// database bundled with this program. A local day begins at the first instant at which a clock
/// there has reached that date. It may have 21 to 27 hours; a date that the zone skipped has no
/// bucket. An hour ends at each full local hour and wherever the clock is set, so it may be shorter
/// than 60 minutes. Calendar buckets exist for the years -9999 to 9999.
#[derive(Clone)]
pub struct Grid(pub(super) Shape);

#[derive(Clone)]
pub(super) enum Shape {
    Timeless,
    Fixed(Fixed),
    /// Fixed buckets, with a page for those that start in one local day.
    FixedByDay(Fixed, Arc<Zone>),
    Calendar(Unit, Arc<Zone>),
    Faulty(Error),
}

impl Grid {
    /// Buckets of one width, counted from 1970-01-01T00:00:00Z: at least a millisecond.
    ///
    /// These are the fastest to look up: a division and two additions.
    #[must_use]
    pub fn fixed(width: Span) -> Self {
        Self(Fixed::new(width).map_or_else(Shape::Faulty, Shape::Fixed))
    }

    /// Buckets of so many seconds.
    #[must_use]
    pub fn seconds(seconds: i64) -> Self {
        Self::fixed_units(seconds, 1000, "seconds")
    }

    /// Buckets of so many minutes.
    #[must_use]
    pub fn minutes(minutes: i64) -> Self {
        Self::fixed_units(minutes, 60_000, "minutes")
    }

    /// Buckets of so many times 60 minutes, whatever the clocks do; see [`Grid::hourly`] for the
    /// hours of a place.
    #[must_use]
    pub fn hours(hours: i64) -> Self {
        Self::fixed_units(hours, 3_600_000, "hours")
    }

    /// The hours of a zone: each ends at a full hour on the clock and wherever the clock is set.
    #[must_use]
    pub fn hourly(zone: &str) -> Self {
        Self::calendar(Unit::Hour, zone)
    }

    /// The days of a zone.
    #[must_use]
    pub fn daily(zone: &str) -> Self {
        Self::calendar(Unit::Day, zone)
    }

    /// The weeks of a zone, from Monday.
    #[must_use]
    pub fn weekly(zone: &str) -> Self {
        Self::calendar(Unit::Week, zone)
    }

    /// The months of a zone.
    #[must_use]
    pub fn monthly(zone: &str) -> Self {
        Self::calendar(Unit::Month, zone)
    }

    /// The years of a zone.
    #[must_use]
    pub fn yearly(zone: &str) -> Self {
        Self::calendar(Unit::Year, zone)
    }

    /// One bucket that holds all time: for answers that do not depend on it.
    #[must_use]
    pub fn timeless() -> Self {
        Self(Shape::Timeless)
    }

    /// Starts bucket 0, and with it a page, at `origin` instead of 1970-01-01T00:00:00Z. Only for
    /// buckets of one width: a calendar has its own beginnings.
    #[must_use]
    pub fn origin(self, origin: Timestamp) -> Self {
        Self(match self.0 {
            Shape::Fixed(fixed) => Shape::Fixed(fixed.with_origin(origin)),
            Shape::FixedByDay(fixed, zone) => Shape::FixedByDay(fixed.with_origin(origin), zone),
            faulty @ Shape::Faulty(_) => faulty,
            other => misused(&Self(other), &format!("origin {origin}")),
        })
    }

    /// Keeps together, as one page, the buckets that start in one local day of `zone`, wherever
    /// that day lies in UTC: a local day is then one look-up. Only for buckets of one width.
    #[must_use]
    pub fn pages_by_day(self, zone: &str) -> Self {
        Self(match (self.0, Zone::named(zone)) {
            (faulty @ Shape::Faulty(_), _) => faulty,
            (Shape::Fixed(fixed) | Shape::FixedByDay(fixed, _), Ok(zone)) => {
                Shape::FixedByDay(fixed, Arc::new(zone))
            }
            (Shape::Fixed(_) | Shape::FixedByDay(..), Err(unknown)) => Shape::Faulty(unknown),
            (other, _) => misused(&Self(other), &format!("pages by day of {zone:?}")),
        })
    }

    fn fixed_units(count: i64, unit_ms: i64, unit: &str) -> Self {
        match count.checked_mul(unit_ms) {
            Some(millis) if millis > 0 => Self::fixed(Span::millis(millis)),
            _ => Self(Shape::Faulty(Error::input(format!(
                "a grid's buckets cannot be {count} {unit} wide: between 1 and {} are possible",
                i64::MAX / unit_ms
            )))),
        }
    }

    fn calendar(unit: Unit, zone: &str) -> Self {
        Self(
            Zone::named(zone)
                .map_or_else(Shape::Faulty, |zone| Shape::Calendar(unit, Arc::new(zone))),
        )
    }

    /// What is wrong with it, if anything is. Everything else here reports the same.
    pub(crate) fn validate(&self) -> Result<()> {
        match &self.0 {
            Shape::Faulty(fault) => Err(fault.clone()),
            _ => Ok(()),
        }
    }

    /// The grid in words, as it is kept in the file: equal descriptions, equal grids. The form is
    /// on disk and never changes.
    pub(crate) fn describe(&self) -> String {
        match &self.0 {
            Shape::Timeless => "timeless".to_owned(),
            Shape::Fixed(fixed) => {
                format!("fixed width={} origin={}", fixed.width(), fixed.origin())
            }
            Shape::FixedByDay(fixed, zone) => format!(
                "fixed width={} origin={} day_zone={}",
                fixed.width(),
                fixed.origin(),
                zone.name()
            ),
            Shape::Calendar(unit, zone) => format!("{} zone={}", unit.name(), zone.name()),
            Shape::Faulty(fault) => format!("faulty: {fault}"),
        }
    }

    /// How its zone sets the clock, year by year; none without a zone. Kept in the file, it tells at
    /// the next opening which rules have changed.
    pub(crate) fn zone_years(&self) -> Option<ZoneYears> {
        match &self.0 {
            Shape::FixedByDay(_, zone) | Shape::Calendar(_, zone) => Some(ZoneYears::of(zone)),
            Shape::Timeless | Shape::Fixed(_) | Shape::Faulty(_) => None,
        }
    }
}

fn misused(grid: &Grid, with: &str) -> Shape {
    Shape::Faulty(Error::input(format!(
        "the grid '{grid}' cannot have {with}: only grids of one width (fixed, seconds, minutes, \
         hours) can"
    )))
}

impl PartialEq for Grid {
    fn eq(&self, other: &Self) -> bool {
        self.describe() == other.describe()
    }
}

impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&grid_in_words(&self.describe()))
    }
}

impl fmt::Debug for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Grid({self})")
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_carried_and_names_the_value_and_the_range() {
        let day = || Grid::daily("Europe/Stockholm");
        let faulty = [
            (Grid::fixed(Span::ZERO), "cannot be 0 ms wide: the width must be between 1 ms"),
            (Grid::minutes(0), "cannot be 0 minutes wide: between 1 and 153722867280912"),
            (Grid::seconds(-3), "cannot be -3 seconds wide"),
            (Grid::hours(i64::MAX), "cannot be 9223372036854775807 hours wide"),
            (Grid::monthly("Europe/Stokholm"), "did you mean Europe/Stockholm?"),
            (Grid::minutes(10).pages_by_day("Mars"), "no time zone \"Mars\""),
            (day().origin(Timestamp::EPOCH), "'days of Europe/Stockholm' cannot have origin"),
            (day().pages_by_day("UTC"), "cannot have pages by day of \"UTC\""),
            (Grid::timeless().origin(Timestamp::EPOCH), "'timeless' cannot have origin"),
            (Grid::minutes(0).origin(Timestamp::EPOCH).pages_by_day("UTC"), "0 minutes"),
        ];
        for (grid, part) in faulty {
            let message = grid.validate().unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
            assert_eq!(grid.bucket_at(Timestamp::EPOCH).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn descriptions_tell_grids_apart() {
        let by_day = Grid::minutes(10).pages_by_day("Europe/Stockholm");
        assert_eq!(by_day.describe(), "fixed width=600000 origin=0 day_zone=Europe/Stockholm");
        assert_eq!(by_day, by_day.clone().origin(Timestamp::EPOCH));
        assert_ne!(by_day, Grid::minutes(10));
        assert_eq!(Grid::minutes(60), Grid::hours(1));
        assert_eq!(Grid::daily("europe/stockholm").describe(), "day zone=Europe/Stockholm");
        assert_ne!(Grid::daily("Europe/Stockholm"), Grid::weekly("Europe/Stockholm"));
        assert_eq!(Grid::timeless().describe(), "timeless");
        assert!(by_day.zone_years().is_some() && Grid::minutes(10).zone_years().is_none());
    }
}
