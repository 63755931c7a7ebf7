//! Arbitrary bytes name a grid, an instant, a place and a daily window: whatever they say, buckets
//! abut, hold their instants, stand at one place each, and nothing panics or overflows.

use super::define::Grid;
use super::window::DailyWindow;
use crate::time::{Span, TimeRange, Timestamp};

/// Zones with something odd about them each.
pub(super) const ZONES: [&str; 12] = [
    "UTC",
    "Europe/Stockholm",
    "Asia/Kathmandu",
    "Africa/Cairo",
    "Pacific/Apia",
    "Pacific/Kwajalein",
    "Australia/Lord_Howe",
    "Antarctica/Casey",
    "Antarctica/Troll",
    "America/St_Johns",
    "America/Juneau",
    "Africa/Monrovia",
];

/// How many kinds of grids there are.
pub(super) const KINDS: u8 = 8;

/// A grid of a kind; how wide its buckets are is asked for only where that can be chosen.
pub(super) fn of_kind(kind: u8, zone: &str, fixed: impl FnOnce() -> Grid) -> Grid {
    match kind {
        0 => fixed(),
        1 => fixed().pages_by_day(zone),
        2 => Grid::hourly(zone),
        3 => Grid::daily(zone),
        4 => Grid::weekly(zone),
        5 => Grid::monthly(zone),
        6 => Grid::yearly(zone),
        _ => Grid::timeless(),
    }
}

/// Makes a grid and the rest as the bytes say.
///
/// # Panics
/// If one of it does not hold.
pub fn grid_holds(data: &[u8]) {
    let mut bytes = Bytes(data);
    let grid = bytes.grid();
    let page_len = u32::from(bytes.byte()) + 1;
    let instant = Timestamp::from_millis(bytes.number());
    grid.assert_holds_at(instant, page_len);
    let slot = bytes.number() as u32;
    grid.assert_holds_in(bytes.number(), slot, page_len);

    let until = instant + Span::days(4);
    let range = TimeRange::new(instant, until);
    let mut last = None;
    for bucket in grid.buckets(range).take(200).map_while(Result::ok) {
        assert!(bucket.is_timeless() || range.contains(bucket.start()));
        assert!(last.is_none_or(|last| last == bucket.start()));
        last = Some(bucket.end());
    }
    let (start, end) = (bytes.time_of_day(), bytes.time_of_day());
    if let Ok(window) = DailyWindow::until(&start, &end, bytes.zone()) {
        let mut last = None;
        for bucket in window.buckets(&grid, range).take(200).map_while(Result::ok) {
            assert!(bucket.is_timeless() || range.contains(bucket.start()));
            assert!(last.is_none_or(|last| last <= bucket.start()));
            last = Some(bucket.end());
        }
    }
}

struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn number(&mut self) -> i64 {
        // As often small as large: the calendar is a sliver of 64 bits.
        let shift = self.byte() % 64;
        i64::from_le_bytes(std::array::from_fn(|_| self.byte())) >> shift
    }

    fn zone(&mut self) -> &'static str {
        ZONES[usize::from(self.byte()) % ZONES.len()]
    }

    fn grid(&mut self) -> Grid {
        let (kind, zone) = (self.byte() % KINDS, self.zone());
        of_kind(kind, zone, || self.fixed())
    }

    fn fixed(&mut self) -> Grid {
        let width = Span::millis(self.number());
        Grid::fixed(width).origin(Timestamp::from_millis(self.number()))
    }

    fn time_of_day(&mut self) -> String {
        format!("{:02}:{:02}", self.byte() % 25, self.byte() % 61)
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::corpus::replay;

    #[test]
    fn what_fuzzing_found_of_grids_holds() {
        replay("grid", grid_holds);
    }
}
