//! Reading many records: a stretch of time, many entities at one time.

use std::borrow::Borrow;
use std::cell::OnceCell;

use crate::error::{Error, ErrorKind, Result};
use crate::freshness::Layer;
use crate::graph::Observation;
use crate::grid::{Bucket, PageNumber, Place};
use crate::key::EntityKey;
use crate::page::{PageKey, RecordType, Slot, prefetch_from};
use crate::rebuild::is_building;
use crate::sync::Arc;
use crate::time::{Span, TimeRange, Timestamp};

use super::any_record::AnyRecord;
use super::any_view::AnyView;
use super::core::Core;
use super::entities::Entities;
use super::fill::Filled;
use super::flight::FLIGHTS_MAX;
use super::get::is_refusal;
use super::lookup::{Found, Look, look};
use super::maker::OfEntity;
use super::observe::{observe, of_slots, of_view};
use super::policy::{Missing, Policy};
use super::record::Record;
use super::stretch::Stretch;
use super::timeline::Timeline;

/// What looking for the records of a range came to.
struct Seen {
    pages: Vec<Stretch>,
    /// Whether a bucket has no record.
    missing: bool,
    /// Why the last page that failed its checks did.
    damage: Option<Error>,
    /// What a build is to be told of it.
    observations: Vec<Observation>,
}

/// The most buckets that one call reads: a longer stretch is read in pieces, so that what a call
/// holds in memory is bounded.
const BUCKETS_MAX: u64 = 1 << 20;
/// Longer than the years -9999 to 9999.
const ALL_OF_A_CALENDAR: Span = Span::days(20_000 * 366);

impl<E: EntityKey + ?Sized, R: RecordType> Core<E, R> {
    /// The records of the buckets that start in a range, by policy.
    #[inline]
    pub(super) fn range(
        &self,
        entity: &E,
        range: TimeRange,
        policy: Policy,
    ) -> Result<Timeline<R>> {
        match self.range_in_hand(entity, range) {
            Some(timeline) => Ok(timeline),
            None => {
                let maker = self.maker(entity);
                let pages = self.range_anywhere(&maker.of_entity(), range, policy)?;
                Ok(Timeline::of_many(pages))
            }
        }
    }

    /// Those of a page that this thread used lately, if it has all of them and nothing is to be done
    /// about any record of it. All of what most timelines cost is in here: the page is checked once,
    /// as for a hit, and no record by itself.
    #[inline]
    fn range_in_hand(&self, entity: &E, range: TimeRange) -> Option<Timeline<R>> {
        if self.state.is_bypassed() || is_building() {
            return None;
        }
        let (place, buckets) = self.state.grid().row_in_page(range, self.state.in_pages())?;
        let (first, last) = (Slot(place.slot), Slot(place.slot + buckets.len() - 1));
        let hold = self.page_in_hand(entity, place.page, |resident| {
            let page = resident.value();
            let serves = page.holds_all(first, last) && self.state.all_fresh(resident);
            if serves {
                prefetch_from(page, first);
            }
            serves
        })?;
        self.state.counters().hits.here().count();
        let found = Found { hold, layer: Layer::Memory };
        Some(Timeline::of_one(Stretch::whole(found, first, buckets)))
    }

    /// The timelines of all entities.
    ///
    /// Inside a build the whole view counts as read. Building what is missing changes the view, so
    /// one round makes it whole, and the next, which finds nothing to do, is what was read.
    pub(super) fn scan(
        self: &Arc<Self>,
        range: TimeRange,
        policy: Policy,
    ) -> Result<Vec<(E::Owned, Timeline<R>)>> {
        if !is_building() {
            return self.scan_unobserved(range, policy);
        }
        let mut seen = self.shared().published();
        let scanned = self.scan_unobserved(range, policy).and_then(|scanned| {
            if self.shared().published() == seen {
                return Ok(scanned);
            }
            seen = self.shared().published();
            self.scan_unobserved(range, policy)
        });
        let timelines = || scanned.iter().flatten().map(|(_, timeline)| timeline);
        let marked = scanned.is_err() || timelines().any(Timeline::is_marked);
        let fresh_until = timelines().map(Timeline::fresh_until).min().unwrap_or(Timestamp::MAX);
        observe(self.shared(), of_view(self.state.id(), seen, marked, fresh_until));
        scanned
    }

    fn scan_unobserved(
        self: &Arc<Self>,
        range: TimeRange,
        policy: Policy,
    ) -> Result<Vec<(E::Owned, Timeline<R>)>> {
        let mut scanned = Vec::new();
        for entity in Entities::unobserved(self.clone()) {
            let entity = entity?;
            let maker = self.maker(entity.borrow());
            let seen = self.range_unobserved(&maker.of_entity(), range, policy)?;
            scanned.push((entity, Timeline::of_many(seen.pages)));
        }
        Ok(scanned)
    }

    /// The records of many entities at one time, each by policy.
    pub(super) fn get_many<K: Borrow<E>>(
        &self,
        entities: impl IntoIterator<Item = K>,
        instant: Timestamp,
        policy: Policy,
    ) -> Vec<Result<Record<R>>> {
        entities.into_iter().map(|entity| self.get(entity.borrow(), instant, &policy)).collect()
    }

    /// Brings the pages of a range into memory. Returns how many came from the file.
    pub(super) fn prefetch<K: Borrow<E>>(
        &self,
        entities: impl IntoIterator<Item = K>,
        range: TimeRange,
    ) -> Result<u64> {
        let mut loaded = 0;
        for entity in entities {
            loaded += self.prefetch_of(&self.prefix(entity.borrow()), range)?;
        }
        Ok(loaded)
    }
}

impl Seen {
    /// Its records that are not fresh.
    fn marked(&self) -> impl Iterator<Item = AnyRecord> + '_ {
        self.pages.iter().flat_map(|page| page.marked().map(|record| page.keep(record)))
    }

    /// The buckets that have records, in order.
    fn buckets(&self) -> impl Iterator<Item = Bucket> + '_ {
        self.pages.iter().flat_map(Stretch::records).map(|record| record.bucket)
    }
}

impl AnyView {
    fn range_anywhere(
        &self,
        of: &OfEntity<'_>,
        range: TimeRange,
        policy: Policy,
    ) -> Result<Vec<Stretch>> {
        match self.range_unobserved(of, range, policy) {
            Ok(seen) => {
                seen.marked().for_each(|record| self.served_marked(&record));
                seen.observations.into_iter().for_each(|seen| observe(self.shared(), seen));
                Ok(seen.pages)
            }
            Err(error) => {
                // A build may go on without what it asked for, and is not to be relied on then.
                if is_building() {
                    let seen = self.shared().published();
                    observe(self.shared(), of_view(self.state.id(), seen, true, Timestamp::MAX));
                }
                Err(error)
            }
        }
    }

    /// The same, for a caller that notes for itself what was read.
    fn range_unobserved(
        &self,
        of: &OfEntity<'_>,
        range: TimeRange,
        policy: Policy,
    ) -> Result<Seen> {
        if self.is_bypassed() {
            self.build_range(&of.prefix, range)?;
            return self.see(&of.prefix, range);
        }
        let mut seen = self.see(&of.prefix, range)?;
        let mut gate = self.gate();
        for _ in 0..FLIGHTS_MAX {
            if !self.builds() || !self.wants_builds(&seen, policy) {
                break;
            }
            let refused = match gate.pass().and_then(|()| whole(self.fill(of, range, policy)?)) {
                Ok(()) => None,
                Err(error) if is_refusal(&error) => Some(self.named(error)),
                Err(error) => return Err(error),
            };
            seen = self.see(&of.prefix, range)?;
            // What was made and is not fresh was overtaken, and would be again; what was refused is
            // served as it is.
            if !self.lacks_any(range, &seen, policy)? {
                return Ok(seen);
            }
            if let Some(refused) = refused {
                return Err(refused);
            }
            // What is not there was deleted since.
        }
        if let Some(damage) = seen.damage {
            return Err(self.named(damage));
        }
        if self.builds() && self.lacks_any(range, &seen, policy)? {
            // Deleted again and again while it was built: there is no knowing what would be there.
            seen.observations.iter_mut().for_each(|seen| seen.marked = true);
        }
        Ok(seen)
    }

    /// Builds all of a range, whatever is stored.
    fn build_range(&self, entity: &PageKey, range: TimeRange) -> Result<()> {
        let floor = self.shared().published();
        self.check_entity(entity)?;
        let rebuilder = self.rebuilder();
        for (page, slots) in rebuilder.pages(PageKey::entity_bytes(entity), range)? {
            let worked = rebuilder.clone().work_off(&page, slots, floor)?;
            if let Some((_, error)) = worked.failed.into_iter().next() {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Whether a record is missing that is to be built.
    fn lacks_any(&self, range: TimeRange, seen: &Seen, policy: Policy) -> Result<bool> {
        Ok(policy.missing == Missing::Build
            && seen.missing
            && !self.misses_only_retired(range, seen)?)
    }

    /// Whether each bucket that has no record is one of which a build that reads is told so.
    fn misses_only_retired(&self, range: TimeRange, seen: &Seen) -> Result<bool> {
        let mut present = seen.buckets().peekable();
        for bucket in self.state.grid().buckets(range) {
            let bucket = bucket.map_err(|error| self.named(error))?;
            if present.next_if(|present| present.number() == bucket.number()).is_none()
                && !self.is_retired(bucket)
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What is there in a range, whatever its colour. Never builds.
    fn see(&self, entity: &PageKey, range: TimeRange) -> Result<Seen> {
        let (mut pages, mut observations) = (Vec::new(), Vec::new());
        let (mut missing, mut damage) = (false, None);
        let building = is_building().then(|| self.shared().published());
        // Once for all of it, and only if something of it seals or expires.
        let asked = OnceCell::new();
        let now = || *asked.get_or_init(|| self.shared().options.clock.now());
        self.each_page(entity, range, |key, number, slots, look| {
            let mut note = |found: Option<&Found>, marked| {
                if let Some(seen) = building {
                    observations.push(of_slots(key, found.map(Found::page), slots, seen, marked));
                }
            };
            match look {
                Look::Found(found) => {
                    if found.layer == Layer::Memory {
                        self.state.counters().hits.here().count();
                    }
                    let stretch = Stretch::new(found, number, slots, &self.state, now);
                    note(Some(stretch.found()), stretch.is_marked());
                    self.look_ahead_in(&stretch, now);
                    missing |= stretch.misses_any();
                    pages.push(stretch);
                }
                Look::Absent => {
                    note(None, false);
                    missing = true;
                }
                Look::Damaged(error) => {
                    note(None, true);
                    (missing, damage) = (true, Some(error));
                }
            }
        })?;
        Ok(Seen { pages, missing, damage, observations })
    }

    fn wants_builds(&self, seen: &Seen, policy: Policy) -> bool {
        (policy.missing == Missing::Build && seen.missing)
            || seen.marked().any(|record| self.rebuilds(&record, policy.marked))
    }

    /// Looks up the pages that a range touches, each once, in order: page, first and last slot.
    fn each_page(
        &self,
        entity: &PageKey,
        range: TimeRange,
        mut then: impl FnMut(&PageKey, PageNumber, (u32, u32), Look),
    ) -> Result<()> {
        let Some((first, last)) = self.places(range)? else { return Ok(()) };
        let page_len = self.state.page_len();
        self.check_entity(entity)?;
        self.state.check()?;
        for number in (first.page.0..=last.page.0).map(PageNumber) {
            let key = PageKey::at(entity, number);
            let found = look(self.shared(), &self.state, &key)?;
            let from = if number == first.page { first.slot } else { 0 };
            let to = if number == last.page { last.slot } else { page_len - 1 };
            then(&key, number, (from, to), found);
        }
        Ok(())
    }

    /// Brings the pages of a range into memory. How many came from the file.
    fn prefetch_of(&self, entity: &PageKey, range: TimeRange) -> Result<u64> {
        let mut loaded = 0;
        self.each_page(entity, range, |_, _, _, look| {
            loaded += u64::from(matches!(look, Look::Found(found) if found.layer == Layer::File));
        })?;
        Ok(loaded)
    }

    /// Where the first and the last bucket stand that start in a range; `None` if there is none.
    pub(super) fn places(&self, range: TimeRange) -> Result<Option<(Place, Place)>> {
        let Some((first, last)) = self.ends(range)? else { return Ok(None) };
        self.check_count(range, first, last)?;
        let (grid, page_len) = (self.state.grid(), self.state.page_len());
        let place = |bucket| grid.place(bucket, page_len).map_err(|error| self.named(error));
        Ok(Some((place(first)?, place(last)?)))
    }

    /// Refuses a range of more buckets than one call reads or fills.
    pub(super) fn check_extent(&self, range: TimeRange) -> Result<()> {
        match self.ends(range)? {
            Some((first, last)) => self.check_count(range, first, last),
            None => Ok(()),
        }
    }

    fn check_count(&self, range: TimeRange, first: Bucket, last: Bucket) -> Result<()> {
        let buckets = last.number().0.abs_diff(first.number().0).saturating_add(1);
        if buckets <= BUCKETS_MAX {
            return Ok(());
        }
        Err(self.endless(range).unwrap_or_else(|| {
            self.named(Error::input(format!(
                "the range {range} holds {buckets} buckets; at most {BUCKETS_MAX} are read or filled \
                 at once, so take it in pieces"
            )))
        }))
    }

    /// What to say to whoever asks for the buckets of all of time.
    fn endless(&self, range: TimeRange) -> Option<Error> {
        let reaches_an_end = range.start() == Timestamp::MIN || range.end() == Timestamp::MAX;
        // Not the last moments of time.
        let is_long = range.end().since(range.start()) > ALL_OF_A_CALENDAR;
        (reaches_an_end && is_long).then(|| {
            self.named(Error::input(format!(
                "the range has no beginning or no end, and the view has {}: say from when until when, \
                 as in `TimeRange::new(from, until)` or `local_day`; what is meant for all of time needs \
                 no range: `View::invalidate`, `View::delete`, `View::census`",
                self.state.grid()
            )))
        })
    }

    /// The first and the last bucket that start in a range.
    pub(super) fn ends(&self, range: TimeRange) -> Result<Option<(Bucket, Bucket)>> {
        let grid = self.state.grid();
        let Some(first) = grid.buckets(range).next() else {
            return Ok(None);
        };
        let outside = |error| self.endless(range).unwrap_or_else(|| self.named(error));
        let first = first.map_err(outside)?;
        if first.is_timeless() {
            return Ok(Some((first, first)));
        }
        // The bucket that holds the last instant starts in the range, because `first` does.
        let last = range.end().checked_sub(Span::millis(1));
        let last = last.expect("a range that is not empty does not end where time begins");
        Ok(Some((first, grid.bucket_at(last).map_err(outside)?)))
    }
}

/// Why a fill could not build everything, if it could not: what failed comes before what was not
/// tried.
fn whole(filled: Filled) -> Result<()> {
    let errors = || filled.failed.iter().map(|failure| &failure.error);
    let failed = errors().find(|error| error.kind() != ErrorKind::Busy);
    failed.or_else(|| errors().next()).map_or(Ok(()), |error| Err(error.clone()))
}
