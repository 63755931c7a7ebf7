//! Reading many records: a stretch of time, many entities at one time.

use std::borrow::Borrow;

use crate::error::{Error, Result};
use crate::grid::{Bucket, PageNumber};
use crate::key::EntityKey;
use crate::page::{PageKey, RecordType};
use crate::sync::Arc;
use crate::time::{Span, TimeRange, Timestamp};

use super::core::Core;
use super::freshness::Layer;
use super::lookup::{Look, look};
use super::policy::{Missing, Policy};
use super::record::Record;
use super::timeline::{Stretch, Timeline};

/// The most buckets that one call reads: a longer stretch is read in pieces, so that what a call
/// holds in memory is bounded.
const BUCKETS_MAX: u64 = 1 << 20;

impl<E: EntityKey + ?Sized, R: RecordType> Core<E, R> {
    /// The records of the buckets that start in a range, by policy.
    pub(super) fn range(
        self: &Arc<Self>,
        entity: &E,
        range: TimeRange,
        policy: Policy,
    ) -> Result<Timeline<R>> {
        let mut timeline = self.timeline(entity, range)?;
        if self.builds() && self.wants_builds(&timeline, policy) {
            self.fill(entity, range, policy)?.complete()?;
            timeline = self.timeline(entity, range)?;
        } else if let Some(damage) = timeline.take_damage() {
            return Err(self.named(damage));
        }
        Ok(timeline)
    }

    /// What is there in a range, whatever its colour. Never builds.
    fn timeline(&self, entity: &E, range: TimeRange) -> Result<Timeline<R>> {
        let mut timeline = Timeline::new(self.state.clone());
        self.each_page(entity, range, |number, first, last, look| match look {
            Look::Found(found) => {
                if found.layer == Layer::Memory {
                    self.shared().counters.hits.count();
                }
                timeline.push(Stretch::new(found, number, first, last, &self.state));
            }
            Look::Absent => timeline.note_missing(),
            Look::Damaged(error) => timeline.note_damage(error),
        })?;
        Ok(timeline)
    }

    fn wants_builds(&self, timeline: &Timeline<R>, policy: Policy) -> bool {
        (policy.missing == Missing::Build && timeline.misses_any())
            || timeline.marked().any(|record| self.rebuilds(&record, policy.marked))
    }

    /// Looks up the pages that a range touches, each once, in order: page, first and last slot.
    fn each_page(
        &self,
        entity: &E,
        range: TimeRange,
        mut then: impl FnMut(PageNumber, u32, u32, Look),
    ) -> Result<()> {
        self.check_extent(range)?;
        let Some((first, last)) = self.ends(range)? else {
            return Ok(());
        };
        let (grid, page_len) = (self.state.grid(), self.state.page_len());
        let place = |bucket| grid.place(bucket, page_len).map_err(|error| self.named(error));
        let (first, last) = (place(first)?, place(last)?);
        let prefix = self.entity(entity)?;
        self.state.check()?;
        for number in (first.page.0..=last.page.0).map(PageNumber) {
            let found = look(self.shared(), &self.state, &PageKey::at(&prefix, number))?;
            let from = if number == first.page { first.slot } else { 0 };
            let to = if number == last.page { last.slot } else { page_len - 1 };
            then(number, from, to, found);
        }
        Ok(())
    }

    /// Refuses a range of more buckets than one call reads or fills.
    pub(super) fn check_extent(&self, range: TimeRange) -> Result<()> {
        let Some((first, last)) = self.ends(range)? else {
            return Ok(());
        };
        let buckets = last.number().0.abs_diff(first.number().0).saturating_add(1);
        if buckets <= BUCKETS_MAX {
            return Ok(());
        }
        Err(self.named(Error::input(format!(
            "the range {range} holds {buckets} buckets; at most {BUCKETS_MAX} are read or filled at \
             once, so take it in pieces"
        ))))
    }

    /// The first and the last bucket that start in a range.
    pub(super) fn ends(&self, range: TimeRange) -> Result<Option<(Bucket, Bucket)>> {
        let grid = self.state.grid();
        let Some(first) = grid.buckets(range).next() else {
            return Ok(None);
        };
        let first = first.map_err(|error| self.named(error))?;
        if first.is_timeless() {
            return Ok(Some((first, first)));
        }
        // The bucket that holds the last instant starts in the range, because `first` does.
        let last = range.end().checked_sub(Span::millis(1));
        let last = last.expect("a range that is not empty does not end where time begins");
        Ok(Some((first, grid.bucket_at(last).map_err(|error| self.named(error))?)))
    }

    /// The records of many entities at one time, each by policy.
    pub(super) fn get_many<K: Borrow<E>>(
        &self,
        entities: impl IntoIterator<Item = K>,
        instant: Timestamp,
        policy: Policy,
    ) -> Vec<Result<Record<R>>> {
        entities.into_iter().map(|entity| self.get(entity.borrow(), instant, policy)).collect()
    }

    /// Brings the pages of a range into memory. Returns how many came from the file.
    pub(super) fn prefetch<K: Borrow<E>>(
        &self,
        entities: impl IntoIterator<Item = K>,
        range: TimeRange,
    ) -> Result<u64> {
        let mut loaded = 0;
        for entity in entities {
            self.each_page(entity.borrow(), range, |_, _, _, look| {
                loaded +=
                    u64::from(matches!(look, Look::Found(found) if found.layer == Layer::File));
            })?;
        }
        Ok(loaded)
    }
}
