//! Reading one record.

use std::time::Instant;

use crate::cache::{Hold, KeyParts, Resident};
use crate::disk::mark_row;
use crate::error::{Error, ErrorKind, Result};
use crate::freshness::{Freshness, Layer};
use crate::grid::{Bucket, PageNumber};
use crate::key::{EntityKey, KeyBuf};
use crate::metrics::Tally;
use crate::page::{Page, PageKey, RecordType, Slot, prefetch};
use crate::rebuild::is_building;
use crate::revision::Revision;
use crate::time::{Span, Timestamp};

use super::any_record::AnyRecord;
use super::any_view::{AnyView, Makes};
use super::core::Core;
use super::lookup::{Found, Look, LookFor, in_hand, in_memory, look, look_again};
use super::make::Wish;
use super::maker::Maker;
use super::policy::{Marked, Missing, Policy};
use super::record::Record;
use super::spot::Spot;

impl<E: EntityKey + ?Sized, R: RecordType> Core<E, R> {
    /// The record at an instant, by policy.
    #[inline]
    pub(super) fn get(&self, entity: &E, instant: Timestamp, policy: &Policy) -> Result<Record<R>> {
        // The hit raises this counter anyway, so that its cache line is wanted in any case.
        let tally = self.state.counters().hits.here();
        if tally.is_due() {
            return self.get_timed(entity, instant, policy, tally);
        }
        self.get_untimed(entity, instant, policy, tally)
    }

    #[cold]
    fn get_timed(
        &self,
        entity: &E,
        instant: Timestamp,
        policy: &Policy,
        tally: Tally<'_>,
    ) -> Result<Record<R>> {
        let started = Instant::now();
        let read = self.get_untimed(entity, instant, policy, tally);
        if read.as_ref().is_ok_and(|record| record.layer() == Layer::Memory) {
            self.shared().counters.hit_latency.record(started.elapsed());
        }
        read
    }

    #[inline]
    fn get_untimed(
        &self,
        entity: &E,
        instant: Timestamp,
        policy: &Policy,
        tally: Tally<'_>,
    ) -> Result<Record<R>> {
        match self.hit_in_hand(entity, instant, tally) {
            Some(record) => Ok(record),
            None => self.get_located(entity, instant, policy, tally),
        }
    }

    #[inline(never)]
    fn get_located(
        &self,
        entity: &E,
        instant: Timestamp,
        policy: &Policy,
        tally: Tally<'_>,
    ) -> Result<Record<R>> {
        let spot = self.locate(entity, instant)?;
        self.get_at(&self.maker(entity), &spot, *policy, tally).map(Record::of)
    }

    /// A record of a page that this thread used lately, if nothing is to be done about it. All of what
    /// most reads cost is in here.
    #[inline]
    fn hit_in_hand(&self, entity: &E, instant: Timestamp, tally: Tally<'_>) -> Option<Record<R>> {
        if self.state.is_bypassed() || is_building() {
            return None;
        }
        let (bucket, place) = self.state.grid().locate(instant, self.state.in_pages())?;
        let slot = Slot(place.slot);
        let hold = self.page_in_hand(entity, place.page, |resident| {
            let page = resident.value();
            let holds = page.holds(slot);
            if holds {
                prefetch(page, slot);
            }
            holds
        })?;
        self.standing(Found { hold, layer: Layer::Memory }, slot, bucket, tally).map(Record::of)
    }

    /// A page of an entity that this thread used lately, if it serves.
    #[inline]
    pub(super) fn page_in_hand(
        &self,
        entity: &E,
        page: PageNumber,
        serves: impl FnOnce(&Resident<Page>) -> bool,
    ) -> Option<Hold<Page>> {
        let mut middle = KeyBuf::new();
        entity.encode(&mut middle);
        let (first, last) = PageKey::ends(self.state.id(), page);
        in_hand(self.shared(), &KeyParts::new(first, middle.as_slice(), last), serves)
    }
}

impl AnyView {
    /// The record of a bucket, by policy.
    pub(super) fn get_spot(
        &self,
        maker: &dyn Maker,
        spot: &Spot,
        policy: Policy,
    ) -> Result<AnyRecord> {
        self.get_at(maker, spot, policy, self.state.counters().hits.here())
    }

    pub(super) fn get_at(
        &self,
        maker: &dyn Maker,
        spot: &Spot,
        policy: Policy,
        tally: Tally<'_>,
    ) -> Result<AnyRecord> {
        if is_building() {
            let read = self.get_slowly(maker, spot, policy);
            return self.observed(spot, read, policy);
        }
        match self.hit(spot, tally) {
            Some(record) => Ok(record),
            None => self.get_slowly(maker, spot, policy),
        }
    }

    #[cold]
    fn get_slowly(&self, maker: &dyn Maker, spot: &Spot, policy: Policy) -> Result<AnyRecord> {
        let seen = self.ticket(spot);
        if self.is_bypassed() && !self.is_sealed(spot) {
            self.check(&spot.key)?;
            let now = self.shared().published();
            return self.build_for_reader(&Wish::new(maker, spot, seen, now));
        }
        // A build comes here at once, any other read when it has found nothing fresh in memory.
        let look: LookFor = if is_building() { look } else { look_again };
        let standing = match self.glance(spot, look)? {
            Glance::Record(record) if record.freshness().stands() => return Ok(record),
            Glance::Record(record) => {
                if !self.rebuilds(&record, policy.marked) {
                    self.served_marked(&record);
                    return Ok(record);
                }
                Some(record)
            }
            Glance::Nothing(damage) => {
                if policy.missing == Missing::Miss || !self.builds() {
                    return Err(self.at(spot, damage.unwrap_or_else(|| self.absent())));
                }
                if self.is_retired(spot.bucket) {
                    let message = "there is no record and none is made: the bucket is retired, older \
                                   than the view's retention; seal what is built from it before \
                                   that (`seal_after`)";
                    return Err(self.at(spot, Error::new(ErrorKind::Absent, message)));
                }
                None
            }
        };
        match policy.within {
            // A build waits for what it reads: it has nothing else to do.
            Some(within) if !is_building() => self.get_within(spot, policy, within, standing),
            _ => {
                let wish = Wish::new(maker, spot, seen, Revision::ZERO);
                // A builder is what readers are turned away for.
                let built = match policy.ordered {
                    true => self.build_one(&wish),
                    false => self.build_for_reader(&wish),
                };
                match built {
                    Err(refused) if is_refusal(&refused) => standing.ok_or(refused),
                    built => built,
                }
            }
        }
    }

    /// Has a record that was served although it is not fresh built soon.
    pub(super) fn served_marked(&self, record: &AnyRecord) {
        let (page, slot) = record.place();
        if self.builds() && self.shared().served_marked.note(page, slot) {
            self.shared().bell.ring();
        }
    }

    /// What stands in a bucket now, if anything does.
    pub(super) fn glance_again(&self, spot: &Spot) -> Result<Option<AnyRecord>> {
        match self.glance(spot, look)? {
            Glance::Record(record) => Ok(Some(record)),
            Glance::Nothing(_) => Ok(None),
        }
    }

    /// A record from memory, if nothing is to be done about it.
    pub(super) fn hit(&self, spot: &Spot, tally: Tally<'_>) -> Option<AnyRecord> {
        if self.state.is_bypassed() {
            return None;
        }
        let found = in_memory(self.shared(), &spot.key)?;
        self.standing(found, spot.slot(), spot.bucket, tally)
    }

    // Left to itself the compiler calls it, and a hit takes 42 instructions more.
    #[inline(always)]
    pub(super) fn standing(
        &self,
        found: Found,
        slot: Slot,
        bucket: Bucket,
        tally: Tally<'_>,
    ) -> Option<AnyRecord> {
        if !found.page().holds(slot) {
            return None;
        }
        let freshness = self.freshness_to_serve(&found, slot, bucket);
        if !freshness.stands() {
            return None;
        }
        tally.count();
        Some(AnyRecord::new(found, slot, bucket, freshness))
    }

    /// What is there, whatever its colour. Never builds.
    pub(super) fn peek(&self, spot: &Spot) -> Result<Option<AnyRecord>> {
        let read = self.peek_unobserved(spot);
        if is_building() {
            match &read {
                Ok(Some(record)) => self.observed_record(spot, record),
                Ok(None) => self.observed_absence(spot, false),
                Err(_) => self.observed_absence(spot, true),
            }
        }
        read
    }

    fn peek_unobserved(&self, spot: &Spot) -> Result<Option<AnyRecord>> {
        match self.glance(spot, look)? {
            Glance::Record(record) => Ok(Some(record)),
            Glance::Nothing(None) => Ok(None),
            Glance::Nothing(Some(damage)) => Err(self.at(spot, damage)),
        }
    }

    fn glance(&self, spot: &Spot, look: LookFor) -> Result<Glance> {
        self.check(&spot.key)?;
        Ok(match look(self.shared(), &self.state, &spot.key)? {
            Look::Found(found) => match self.record_in(found, spot) {
                Some(record) => {
                    if record.layer() == Layer::Memory {
                        self.state.counters().hits.here().count();
                    }
                    Glance::Record(record)
                }
                None => Glance::Nothing(None),
            },
            Look::Absent => Glance::Nothing(None),
            Look::Damaged(error) => Glance::Nothing(Some(error)),
        })
    }

    /// The record of a bucket in a page that may hold it.
    pub(super) fn record_in(&self, found: Found, spot: &Spot) -> Option<AnyRecord> {
        let slot = spot.slot();
        found.page().holds(slot).then(|| {
            let freshness = self.freshness_to_serve(&found, slot, spot.bucket);
            AnyRecord::new(found, slot, spot.bucket, freshness)
        })
    }

    /// Whether a record that is not fresh is to be built anew for this read.
    pub(super) fn rebuilds(&self, record: &AnyRecord, marked: Marked) -> bool {
        let wants = match marked {
            Marked::Rebuild => true,
            Marked::Serve => false,
            Marked::ServeFor(longest) => self.unseen_for(record) > longest,
        };
        wants && self.builds()
    }

    /// How long ago the first change came that the record does not contain, or may not contain because
    /// its time is over. Where nothing says when, it counts from when the record was built, which is
    /// never too short.
    fn unseen_for(&self, record: &AnyRecord) -> Span {
        let since = match self.marked_since(record) {
            Some(since) => record.fresh_until().map_or(since, |expired| since.min(expired)),
            None => record.built_at(),
        };
        self.shared().options.clock.now().since(since.max(record.built_at()))
    }

    /// When a record came to be as it is, as far as its mark or the view's stamp say.
    fn marked_since(&self, record: &AnyRecord) -> Option<Timestamp> {
        let stamped = || self.state.live_stamp().first_above(record.begun());
        match record.freshness() {
            Freshness::Expired => record.fresh_until(),
            Freshness::OldVersion => stamped(),
            Freshness::Stale | Freshness::Suspect => {
                let (page, slot) = record.place();
                let marks = mark_row(&self.shared().file, page).ok()?;
                let cause = marks.as_ref().and_then(|row| row.cause(slot));
                match (cause.map(|cause| cause.since), stamped()) {
                    (Some(marked), Some(stamped)) => Some(marked.min(stamped)),
                    (marked, stamped) => marked.or(stamped),
                }
            }
            _ => None,
        }
    }

    /// Whether reads do without what is stored, and build. What a build reads it takes as ever.
    pub(super) fn is_bypassed(&self) -> bool {
        self.state.is_bypassed() && self.builds() && !is_building()
    }

    fn is_sealed(&self, spot: &Spot) -> bool {
        self.state.seals() && self.state.is_sealed(spot.bucket, self.shared().options.clock.now())
    }

    /// Whether a build asks for a bucket that retention would delete again at once: for it there is
    /// no record, and none is made.
    pub(super) fn is_retired(&self, bucket: Bucket) -> bool {
        let (Some(retain), true) = (self.state.retain(), is_building()) else { return false };
        let kept_until =
            (!bucket.is_timeless()).then(|| bucket.end().checked_add(retain)).flatten();
        kept_until.is_some_and(|until| until <= self.shared().options.clock.now())
    }

    fn absent(&self) -> Error {
        let message = if self.shared().options.read_only {
            "there is no record, and the store is open to read only; open it to write to build one"
        } else if self.makes == Makes::Nothing {
            "there is no record; the view has no build function, so put one"
        } else {
            "there is no record, and this read does not build; use `Missing::Build`, or `fill` first"
        };
        Error::new(ErrorKind::Absent, message)
    }

    /// The record whose bucket starts nearest to an instant, at most `tolerance` away; of two
    /// equally near the earlier. Never builds.
    pub(super) fn nearest(
        &self,
        entity: &PageKey,
        instant: Timestamp,
        tolerance: Span,
    ) -> Result<Option<AnyRecord>> {
        let holding = self.state.grid().bucket_at(instant).map_err(|error| self.named(error))?;
        let spot = self.spot_of(entity, holding)?;
        if holding.is_timeless() {
            return self.peek(&spot);
        }
        let grid = self.state.grid();
        let distance = |bucket: &Bucket| bucket.start().as_millis().abs_diff(instant.as_millis());
        let within = |bucket: &Bucket| {
            u64::try_from(tolerance.as_millis()).is_ok_and(|most| distance(bucket) <= most)
                && grid.place(*bucket, self.state.page_len()).is_ok()
        };
        // Outwards from the bucket that holds the instant, always the nearer side first. Where a
        // side leaves the calendar it has ended.
        let mut earlier = Some(holding).filter(within);
        let mut later = grid.next(holding).ok().flatten().filter(within);
        for _ in 0..NEAREST_BUCKETS_MAX {
            let earlier_is_nearer = match (&earlier, &later) {
                (None, None) => return Ok(None),
                (Some(a), Some(b)) => distance(a) <= distance(b),
                (a, _) => a.is_some(),
            };
            let side = if earlier_is_nearer { &mut earlier } else { &mut later };
            let candidate = side.take().expect("the nearer side has a bucket");
            if let Some(record) = self.peek(&self.spot_of(entity, candidate)?)? {
                return Ok(Some(record));
            }
            let next =
                if earlier_is_nearer { grid.previous(candidate) } else { grid.next(candidate) };
            *side = next.ok().flatten().filter(within);
        }
        if earlier.is_none() && later.is_none() {
            return Ok(None);
        }
        Err(self.named(Error::input(format!(
            "no record among the {NEAREST_BUCKETS_MAX} buckets nearest to {instant}, and the \
             tolerance of {tolerance} reaches further; give a smaller one"
        ))))
    }
}

/// Whether nothing was built because the view rests or too many build: then a reader is content with
/// what there is. A build is not, since what it made of that would be marked from the beginning, and
/// built again by the next read.
pub(super) fn is_refusal(error: &Error) -> bool {
    error.kind() == ErrorKind::Busy && !is_building()
}

/// The most buckets that a search for the nearest record looks at.
const NEAREST_BUCKETS_MAX: usize = 10_000;

/// What stands in a bucket.
enum Glance {
    Record(AnyRecord),
    /// Nothing; with the reason if something is there that fails its checks.
    Nothing(Option<Error>),
}
