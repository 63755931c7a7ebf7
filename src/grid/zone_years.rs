//! What a zone's clock does, year by year: kept with what was built by these rules, it tells later
//! which of them have changed.

use super::calendar::Unit;
use super::day::DAY;
use super::zone::Zone;
use crate::time::{TimeRange, Timestamp};

/// A hash for each year from 1970 to 2100 and one for all that comes after. Years are those of UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ZoneYears(Box<[u32; PARTS]>);

const YEARS: usize = 131;
/// The years, and what comes after them.
const PARTS: usize = YEARS + 1;

/// Rules for all years to come repeat when the calendar does.
const CALENDAR_REPEATS: usize = 400;

/// A day begins or ends within this of where it would by the clock of UTC, whatever the zone's
/// offset: beyond it, rules of another year do not reach.
const REACH: i64 = 2 * DAY;

impl ZoneYears {
    pub(super) fn of(zone: &Zone) -> Self {
        let mut hashes = Box::new([0; PARTS]);
        for (part, hash) in hashes.iter_mut().enumerate() {
            let end = if part < YEARS { part + 1 } else { part + CALENDAR_REPEATS };
            let (start, end) = (first_instant(part), first_instant(end));
            let mut bytes = Vec::new();
            // The first stretch begins with the year and has the offset there.
            for stretch in zone.stretches(start).take_while(|stretch| stretch.start < end) {
                bytes.extend_from_slice(&stretch.start.to_le_bytes());
                bytes.extend_from_slice(&stretch.offset.to_le_bytes());
            }
            *hash = xxhash_rust::xxh3::xxh3_64(&bytes) as u32;
        }
        Self(hashes)
    }

    /// Four bytes a year, little endian. The form is on disk.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|hash| hash.to_le_bytes()).collect()
    }

    /// From bytes of anybody; `None` if they are not as many as they should be.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (hashes, rest) = bytes.as_chunks();
        let hashes: Box<[u32]> = hashes.iter().map(|hash| u32::from_le_bytes(*hash)).collect();
        let hashes = hashes.try_into().ok()?;
        rest.is_empty().then_some(Self(hashes))
    }

    /// Where the clock is set otherwise: in order and apart. A bucket that meets none of these
    /// stretches is the same stretch of time by both rules, and stands in the same place.
    pub(crate) fn differing(&self, other: &Self) -> Vec<TimeRange> {
        let mut stretches: Vec<TimeRange> = Vec::new();
        for part in (0..PARTS).filter(|part| self.0[*part] != other.0[*part]) {
            let start = Timestamp::from_millis(first_instant(part) - REACH);
            let end = match part {
                YEARS => Timestamp::MAX,
                _ => Timestamp::from_millis(first_instant(part + 1) + REACH),
            };
            match stretches.last_mut() {
                Some(last) if start <= last.end() => *last = TimeRange::new(last.start(), end),
                _ => stretches.push(TimeRange::new(start, end)),
            }
        }
        stretches
    }

    /// The years of a zone that sets its clock otherwise in this year; in one after the last, in
    /// all of those.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn otherwise_in(mut self, year: usize) -> Self {
        self.0[(year - 1970).min(YEARS)] ^= 1;
        self
    }
}

/// The first instant of the year so many after 1970, by the clock of UTC.
fn first_instant(nth: usize) -> i64 {
    Unit::Year.first_day(nth as i64) * DAY
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    fn years(zone: &str) -> ZoneYears {
        ZoneYears::of(&Zone::named(zone).unwrap())
    }

    fn shown(ours: &ZoneYears, others: &ZoneYears) -> Vec<String> {
        assert_eq!(ours.differing(others), others.differing(ours));
        ours.differing(others).iter().map(TimeRange::to_string).collect()
    }

    #[test]
    fn zones_that_set_their_clocks_alike_have_the_same_years_and_others_do_not() {
        assert_eq!(years("Asia/Calcutta"), years("Asia/Kolkata"));
        assert_ne!(years("Europe/Stockholm"), years("Europe/London"));
        assert_ne!(years("Africa/Casablanca"), years("Africa/El_Aaiun"));
    }

    #[test]
    fn only_the_years_in_which_the_clocks_were_set_otherwise_differ() {
        // Summer time came back to Berlin in 1980 and to Zurich in 1981; they are alike otherwise.
        let differing = shown(&years("Europe/Zurich"), &years("Europe/Berlin"));
        assert_eq!(differing, ["1979-12-30T00:00:00Z..1981-01-03T00:00:00Z"]);
    }

    #[test]
    fn an_offset_that_differs_makes_a_year_differ_though_no_clock_is_set_in_it() {
        let differing = years("UTC").differing(&years("Etc/GMT-1"));
        assert_eq!(differing.len(), 1);
        assert_eq!(differing[0].start().to_string(), "1969-12-30T00:00:00Z");
        assert_eq!(differing[0].end(), Timestamp::MAX);
    }

    #[test]
    fn years_that_differ_become_stretches_that_are_apart() {
        let ours = years("Europe/Stockholm");
        assert_eq!(shown(&ours, &ours), [""; 0]);
        let other = ours.clone().otherwise_in(2000).otherwise_in(2001).otherwise_in(2003);
        let expected = [
            "1999-12-30T00:00:00Z..2002-01-03T00:00:00Z",
            "2002-12-30T00:00:00Z..2004-01-03T00:00:00Z",
        ];
        assert_eq!(shown(&ours, &other), expected);
        let last = ours.clone().otherwise_in(2100);
        assert_eq!(shown(&ours, &last), ["2099-12-30T00:00:00Z..2101-01-03T00:00:00Z"]);
        let ever_after = ours.differing(&ours.clone().otherwise_in(2500));
        assert_eq!(ever_after[0].start().to_string(), "2100-12-30T00:00:00Z");
        assert_eq!(ever_after[0].end(), Timestamp::MAX);
    }

    #[test]
    fn years_survive_their_bytes_and_no_other_number_of_bytes_is_years() {
        let years = years("Europe/Stockholm");
        let bytes = years.to_bytes();
        assert_eq!(ZoneYears::from_bytes(&bytes), Some(years));
        let longer = [&bytes[..], &[0; 4]].concat();
        for len in (0..longer.len()).filter(|len| *len != bytes.len()) {
            assert_eq!(ZoneYears::from_bytes(&longer[..len]), None, "{len}");
        }
        assert_eq!(ZoneYears::from_bytes(&longer), None);
    }

    #[test]
    fn what_stands_in_files_is_these_hashes() {
        let bytes = years("Europe/Stockholm").to_bytes();
        assert_eq!(bytes.len(), 528);
        // Of a zone whose rules no database will change.
        assert_eq!(xxhash_rust::xxh3::xxh3_64(&years("UTC").to_bytes()), 7_517_385_768_363_750_013);
    }
}
