//! How far the views are that are kept filled.

use std::collections::HashMap;

use crate::disk::{HorizonRow, Shared, horizon_row};
use crate::error::Result;
use crate::page::ViewId;
use crate::schedule::{Horizon, Retry};
use crate::sync::Mutex;
use crate::time::{TimeRange, Timestamp};

/// The views of an opening that are kept filled, as far as they were looked at.
#[derive(Debug, Default)]
pub(crate) struct Horizons {
    views: Mutex<HashMap<ViewId, Standing>>,
}

#[derive(Debug)]
struct Standing {
    /// What the file says.
    row: HorizonRow,
    /// Whether somebody writes the work of a day down.
    in_hand: bool,
    /// While it is today, nothing is to be begun.
    quiet: Option<TimeRange>,
    /// How often in a row that failed, and before when it is not tried again.
    failed: u16,
    not_before: Timestamp,
}

/// What is to be done for a horizon.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Coming {
    /// This day is to be begun. It is in the caller's hand until it is laid down.
    Day(i64),
    /// Nothing before this.
    Later(Timestamp),
}

impl Horizons {
    /// The nearest day of a view's horizon that was not begun.
    pub(super) fn take(
        &self,
        shared: &Shared,
        view: ViewId,
        horizon: &Horizon,
        now: Timestamp,
    ) -> Result<Coming> {
        let words = horizon.to_string();
        let mut views = self.views.lock();
        let known = views.get_mut(&view).filter(|standing| standing.row.horizon == words);
        let standing = match known {
            Some(known) => known,
            None => {
                let row = horizon_row(shared, view)?;
                views.insert(view, Standing::new(row, words));
                views.get_mut(&view).expect("it was inserted")
            }
        };
        standing.take(horizon, now)
    }

    /// A day was begun; whoever began it.
    pub(super) fn note_begun(&self, view: ViewId, horizon: &str, day: i64) {
        let mut views = self.views.lock();
        let known = views.get_mut(&view).filter(|standing| standing.row.horizon == horizon);
        if let Some(standing) = known {
            standing.row.begun.insert(day);
            (standing.failed, standing.not_before) = (0, Timestamp::MIN);
        }
    }

    /// A day is in nobody's hand any more.
    pub(super) fn lay_down(&self, view: ViewId) {
        if let Some(standing) = self.views.lock().get_mut(&view) {
            standing.in_hand = false;
        }
    }

    /// The day that was in hand could not be begun. When that is tried again: by the rules for
    /// records, and at the latest when the window moves on.
    pub(super) fn put_off(
        &self,
        view: ViewId,
        retry: Retry,
        moves_on: Timestamp,
        now: Timestamp,
    ) -> Timestamp {
        let mut views = self.views.lock();
        let Some(standing) = views.get_mut(&view) else { return moves_on };
        standing.failed = standing.failed.saturating_add(1);
        standing.not_before = retry.after(standing.failed, now, view.0.into()).min(moves_on);
        standing.not_before
    }
}

impl Standing {
    /// By what the file says, if that is of the same horizon.
    fn new(row: HorizonRow, horizon: String) -> Self {
        let row =
            if row.horizon == horizon { row } else { HorizonRow { horizon, ..<_>::default() } };
        Self { row, in_hand: false, quiet: None, failed: 0, not_before: Timestamp::MIN }
    }

    fn take(&mut self, horizon: &Horizon, now: Timestamp) -> Result<Coming> {
        if let Some(today) = self.quiet.filter(|today| today.contains(now)) {
            return Ok(Coming::Later(today.end()));
        }
        let moves_on = horizon.moves_on(now)?;
        if self.in_hand {
            return Ok(Coming::Later(moves_on));
        }
        if self.not_before > now {
            return Ok(Coming::Later(self.not_before));
        }
        for day in horizon.nearest_first(now)? {
            // A date that the zone skipped has no hours to fill.
            if !self.row.begun.contains(&day) && horizon.hours_of(day)?.is_some() {
                self.in_hand = true;
                return Ok(Coming::Day(day));
            }
        }
        self.quiet = horizon.local_day(horizon.today(now)?)?;
        Ok(Coming::Later(moves_on))
    }
}

#[cfg(test)]
mod tests {
    use crate::time::Span;

    use super::*;

    const DAY: Span = Span::days(1);

    fn horizon() -> Horizon {
        Horizon::whole_days("UTC", 0..=1).unwrap()
    }

    fn standing() -> Standing {
        Standing::new(HorizonRow::default(), horizon().to_string())
    }

    fn day(day: i64) -> Timestamp {
        Timestamp::from_seconds(day * 86_400)
    }

    #[test]
    fn days_are_taken_one_by_one_and_then_none_before_the_next_midnight() {
        let (mut standing, noon) = (standing(), day(10).checked_add(Span::hours(12)).unwrap());
        for number in [10, 11] {
            assert_eq!(standing.take(&horizon(), noon).unwrap(), Coming::Day(number));
            assert_eq!(standing.take(&horizon(), noon).unwrap(), Coming::Later(day(11)), "in hand");
            standing.in_hand = false;
            standing.row.begun.insert(number);
        }
        assert_eq!(standing.take(&horizon(), noon).unwrap(), Coming::Later(day(11)));
        assert_eq!(standing.take(&horizon(), day(11)).unwrap(), Coming::Day(12));
        standing.in_hand = false;
        // The clock was set back.
        assert_eq!(standing.take(&horizon(), noon).unwrap(), Coming::Later(day(11)));
        let before = noon.checked_sub(DAY).unwrap();
        assert_eq!(standing.take(&horizon(), before).unwrap(), Coming::Day(9));
    }

    #[test]
    fn what_the_file_says_counts_for_the_same_horizon_alone() {
        let row = HorizonRow { horizon: horizon().to_string(), begun: [10, 11].into() };
        let mut same = Standing::new(row.clone(), horizon().to_string());
        assert_eq!(same.take(&horizon(), day(10)).unwrap(), Coming::Later(day(11)));
        let longer = Horizon::whole_days("UTC", 0..=2).unwrap();
        let mut other = Standing::new(row, longer.to_string());
        assert_eq!(other.take(&longer, day(10)).unwrap(), Coming::Day(10));
    }
}
