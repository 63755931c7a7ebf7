//! Reading one record.

use crate::error::{Error, ErrorKind, Result};
use crate::grid::Bucket;
use crate::key::EntityKey;
use crate::page::RecordType;
use crate::time::{Span, Timestamp};

use super::core::{BuildFunction, Core, Spot};
use super::freshness::{Freshness, Layer};
use super::lookup::{Found, Look, in_memory, look};
use super::policy::{Marked, Missing, Policy};
use super::record::Record;

impl<E: EntityKey + ?Sized, R: RecordType> Core<E, R> {
    /// The record at an instant, by policy. The hit is the first few lines.
    #[inline]
    pub(super) fn get(&self, entity: &E, instant: Timestamp, policy: Policy) -> Result<Record<R>> {
        let spot = self.locate(entity, instant)?;
        if let Some(found) = in_memory(self.shared(), &spot.key) {
            let slot = spot.slot();
            if found.page().holds(slot) {
                let freshness = found.freshness(slot, &self.state);
                if freshness.is_fresh() {
                    self.shared().counters.hits.count();
                    return Ok(Record::new(found, slot, spot.bucket, freshness));
                }
            }
        }
        self.get_slowly(entity, spot, policy)
    }

    #[cold]
    fn get_slowly(&self, entity: &E, spot: Spot, policy: Policy) -> Result<Record<R>> {
        let seen = self.ticket(&spot);
        match self.glance(&spot)? {
            Glance::Record(record) => {
                if record.is_fresh() || !self.rebuilds(&record, policy.marked) {
                    return Ok(record);
                }
            }
            Glance::Nothing(damage) => {
                if policy.missing == Missing::Miss || !self.builds() {
                    return Err(self.at(&spot, damage.unwrap_or_else(|| self.absent())));
                }
            }
        }
        self.build_one(entity, &spot, seen)
    }

    /// What is there, whatever its colour. Never builds.
    pub(super) fn peek(&self, spot: &Spot) -> Result<Option<Record<R>>> {
        match self.glance(spot)? {
            Glance::Record(record) => Ok(Some(record)),
            Glance::Nothing(None) => Ok(None),
            Glance::Nothing(Some(damage)) => Err(self.at(spot, damage)),
        }
    }

    fn glance(&self, spot: &Spot) -> Result<Glance<R>> {
        self.check(&spot.key)?;
        Ok(match look(self.shared(), &self.state, &spot.key)? {
            Look::Found(found) => match self.record_in(found, spot) {
                Some(record) => {
                    if record.layer() == Layer::Memory {
                        self.shared().counters.hits.count();
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
    pub(super) fn record_in(&self, found: Found, spot: &Spot) -> Option<Record<R>> {
        let slot = spot.slot();
        found.page().holds(slot).then(|| {
            let freshness = found.freshness(slot, &self.state);
            Record::new(found, slot, spot.bucket, freshness)
        })
    }

    /// Whether a record that is not fresh is to be built anew for this read.
    pub(super) fn rebuilds(&self, record: &Record<R>, marked: Marked) -> bool {
        let wants = match marked {
            Marked::Rebuild => true,
            Marked::Serve => false,
            Marked::ServeFor(longest) => self.unseen_for(record) > longest,
        };
        wants && self.builds()
    }

    /// How long ago the first change came that the record does not contain. Marks that say less
    /// count from when the record was built, which is never too short.
    fn unseen_for(&self, record: &Record<R>) -> Span {
        let since = match record.freshness() {
            Freshness::OldVersion | Freshness::Stale => self.state.stamped_at(),
            _ => record.built_at(),
        };
        self.shared().options.clock.now().since(since.max(record.built_at()))
    }

    /// Whether there is a build function and a file to store into.
    pub(super) fn builds(&self) -> bool {
        !matches!(self.build, BuildFunction::None) && !self.shared().options.read_only
    }

    fn absent(&self) -> Error {
        let message = if self.shared().options.read_only {
            "there is no record, and the store is open to read only; open it to write to build one"
        } else if matches!(self.build, BuildFunction::None) {
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
        entity: &E,
        instant: Timestamp,
        tolerance: Span,
    ) -> Result<Option<Record<R>>> {
        let holding = self.state.grid().bucket_at(instant).map_err(|error| self.named(error))?;
        if holding.is_timeless() {
            return self.peek(&self.spot(entity, holding)?);
        }
        let grid = self.state.grid();
        let distance = |bucket: &Bucket| bucket.start().as_millis().abs_diff(instant.as_millis());
        let within = |bucket: &Bucket| {
            u64::try_from(tolerance.as_millis()).is_ok_and(|most| distance(bucket) <= most)
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
            if let Some(record) = self.peek(&self.spot(entity, candidate)?)? {
                return Ok(Some(record));
            }
            let next =
                if earlier_is_nearer { grid.previous(candidate) } else { grid.next(candidate) };
            *side = next.ok().flatten().filter(within);
        }
        Err(self.named(Error::input(format!(
            "no record among the {NEAREST_BUCKETS_MAX} buckets nearest to {instant}, and the \
             tolerance of {tolerance} reaches further; give a smaller one"
        ))))
    }
}

/// The most buckets that a search for the nearest record looks at.
const NEAREST_BUCKETS_MAX: usize = 10_000;

/// What stands in a bucket.
enum Glance<R: RecordType> {
    Record(Record<R>),
    /// Nothing; with the reason if something is there that fails its checks.
    Nothing(Option<Error>),
}
