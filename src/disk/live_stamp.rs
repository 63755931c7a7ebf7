//! A view's coarse mark, as its readers see it.

use std::collections::VecDeque;

use crate::revision::Revision;
use crate::sync::{AtomicI64, AtomicU64, Mutex, Ordering};
use crate::time::Timestamp;

use super::stamp::Stamp;
use super::view_row::ViewRow;

/// The stamp of a view, compared with the facts of a record whenever it is served.
///
/// The writer raises it when it publishes, before the published revision; nobody lowers it.
#[derive(Debug)]
pub(crate) struct LiveStamp {
    stale_before: AtomicU64,
    suspect_before: AtomicU64,
    stamped_at: AtomicI64,
    /// The last times that it was raised in this opening, for bounded staleness.
    raised: Mutex<VecDeque<(Revision, Timestamp)>>,
}

/// How many times are remembered.
const RAISED_MAX: usize = 64;

impl LiveStamp {
    /// As the view's row has it.
    pub(crate) fn of(row: &ViewRow) -> Self {
        Self {
            stale_before: AtomicU64::new(row.stamp.stale_before.get()),
            suspect_before: AtomicU64::new(row.stamp.suspect_before.get()),
            stamped_at: AtomicI64::new(row.stamped_at.as_millis()),
            raised: Mutex::new(VecDeque::from([(row.stamp.raised(), row.stamped_at)])),
        }
    }

    /// As it is now, to whoever defines the view in this version: a reader may do so in a later one
    /// than the file has.
    #[inline]
    pub(crate) fn now(&self, version: u32) -> Stamp {
        Stamp {
            stale_before: Revision::from_raw(self.stale_before.load(Ordering::Acquire)),
            suspect_before: Revision::from_raw(self.suspect_before.load(Ordering::Acquire)),
            version,
        }
    }

    /// When it was last raised.
    pub(crate) fn stamped_at(&self) -> Timestamp {
        Timestamp::from_millis(self.stamped_at.load(Ordering::Acquire))
    }

    /// When it was first raised above a revision; `None` if that is forgotten.
    pub(crate) fn first_above(&self, revision: Revision) -> Option<Timestamp> {
        let raised = self.raised.lock();
        let above = raised.iter().position(|(raised, _)| *raised > revision)?;
        // The first that is remembered may be the last of several, unless it is the first of all.
        let forgotten = above == 0 && raised.len() == RAISED_MAX;
        (!forgotten).then(|| raised[above].1)
    }

    /// Raises it to what the row says now.
    pub(super) fn raise(&self, row: &ViewRow) {
        let mut raised = self.raised.lock();
        if raised.back().is_none_or(|(revision, _)| *revision < row.stamp.raised()) {
            raised.push_back((row.stamp.raised(), row.stamped_at));
            if raised.len() > RAISED_MAX {
                raised.pop_front();
            }
        }
        drop(raised);
        self.stamped_at.store(row.stamped_at.as_millis(), Ordering::Release);
        self.stale_before.fetch_max(row.stamp.stale_before.get(), Ordering::AcqRel);
        self.suspect_before.fetch_max(row.stamp.suspect_before.get(), Ordering::AcqRel);
    }

    /// Nothing is known any more: every record is at least suspect.
    pub(super) fn distrust_all(&self) {
        self.suspect_before.store(u64::MAX, Ordering::Release);
    }

    /// Every record is stale to whoever still looks through it.
    pub(super) fn end(&self) {
        self.stale_before.store(u64::MAX, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::ViewId;

    /// Raised to a revision, in the millisecond of the same number.
    fn row(revision: u64) -> ViewRow {
        ViewRow {
            id: ViewId(1),
            layout: 1,
            grid: String::new(),
            page_len: 1,
            zone_years: None,
            stamp: Stamp::of_version(1).stale_at(Revision::from_raw(revision)),
            stamped_at: Timestamp::from_millis(revision as i64),
            dictionary: 0,
            readers: Vec::new(),
        }
    }

    fn first_above(stamp: &LiveStamp, revision: u64) -> Option<i64> {
        stamp.first_above(Revision::from_raw(revision)).map(Timestamp::as_millis)
    }

    #[test]
    fn when_a_view_was_first_stamped_after_a_record_is_known_or_said_to_be_forgotten() {
        let stamp = LiveStamp::of(&row(1));
        (2..RAISED_MAX as u64).for_each(|revision| stamp.raise(&row(revision)));
        // Neither an earlier one nor the last once more is another time.
        [2, RAISED_MAX as u64 - 1].into_iter().for_each(|again| stamp.raise(&row(again)));
        assert_eq!([0, 1, 9].map(|seen| first_above(&stamp, seen)), [Some(1), Some(2), Some(10)]);
        let last = RAISED_MAX as u64;
        stamp.raise(&row(last));
        assert_eq!([0, 1].map(|seen| first_above(&stamp, seen)), [None, Some(2)]);
        assert_eq!([last - 1, last].map(|seen| first_above(&stamp, seen)), [Some(64), None]);
        stamp.raise(&row(last + 1));
        assert_eq!([1, 2].map(|seen| first_above(&stamp, seen)), [None, Some(3)]);
    }
}
