//! Building a stretch of time now, in the calling thread.

use crate::cache::Ticket;
use crate::error::{Error, Result};
use crate::grid::Bucket;
use crate::page::Slot;
use crate::rebuild::WorkedOff;
use crate::revision::Revision;
use crate::sync::Arc;
use crate::time::TimeRange;

use super::any_view::{AnyView, Makes};
use super::lookup::{Look, look};
use super::made::Made;
use super::make::Wish;
use super::maker::{Maker, OfEntity};
use super::policy::{Missing, Policy};
use super::spot::Spot;

/// What a fill came to. What failed is not among [`Store::failures`](crate::Store::failures):
/// [`complete`](Self::complete) makes an error of it, and [`failed`](Self::failed) lists it.
#[must_use = "what could not be built is listed in it: `.complete()?` makes an error of it"]
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Filled {
    /// Records built.
    pub built: u64,
    /// Records that were fresh already.
    pub already_fresh: u64,
    /// Buckets whose build failed, or was not tried ([`Busy`](crate::ErrorKind::Busy)) because too
    /// many before it had failed in a row. The others were built all the same.
    pub failed: Vec<Failure>,
}

impl Filled {
    /// How many records were built, or the first failure if there was one.
    ///
    /// # Errors
    /// The error of the first bucket that failed.
    pub fn complete(self) -> Result<u64> {
        match self.failed.into_iter().next() {
            None => Ok(self.built),
            Some(failure) => Err(failure.error),
        }
    }
}

/// A bucket that a fill could not build, and why.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Failure {
    /// The bucket.
    pub bucket: Bucket,
    /// What went wrong.
    pub error: Error,
}

impl AnyView {
    /// Builds what the policy asks for among the buckets that start in a range, page by page.
    pub(super) fn fill(
        &self,
        of: &OfEntity<'_>,
        range: TimeRange,
        policy: Policy,
    ) -> Result<Filled> {
        self.check_fills()?;
        self.check_extent(range)?;
        let made = Arc::new(Made::new(self.clone()));
        let mut filled = Filled::default();
        let outcome = self.fill_pages(of, range, policy, &made, &mut filled);
        // Also after a failure: what is made is stored, and nobody is left waiting for it.
        let refused = made.finish()?;
        outcome?;
        match refused.into_iter().next() {
            None => Ok(filled),
            Some(refused) => Err(refused.error),
        }
    }

    /// Refuses to fill what cannot be built, and, before any build, what could not be stored.
    pub(super) fn check_fills(&self) -> Result<()> {
        if self.makes == Makes::Nothing {
            let message = "the view has no build function to fill with; put its records";
            return Err(self.named(Error::input(message)));
        }
        self.engine.writer().map(drop).map_err(|error| self.named(error))
    }

    fn fill_pages(
        &self,
        of: &OfEntity<'_>,
        range: TimeRange,
        policy: Policy,
        made: &Arc<Made>,
        filled: &mut Filled,
    ) -> Result<()> {
        let mut page: Vec<Spot> = Vec::new();
        for bucket in self.state.grid().buckets(range) {
            let spot = self.spot_of(&of.prefix, bucket.map_err(|error| self.named(error))?)?;
            if page.last().is_some_and(|last| last.place.page != spot.place.page) {
                self.fill_page(of.maker, &page, policy, made, filled)?;
                page.clear();
            }
            page.push(spot);
        }
        self.fill_page(of.maker, &page, policy, made, filled)
    }

    /// Builds what the policy asks for among some buckets of one page, and hands it to the writer
    /// together.
    fn fill_page(
        &self,
        maker: &dyn Maker,
        spots: &[Spot],
        policy: Policy,
        made: &Arc<Made>,
        filled: &mut Filled,
    ) -> Result<()> {
        let Some(first) = spots.first() else {
            return Ok(());
        };
        self.check(&first.key)?;
        let seen = self.ticket(first);
        let wishes = self.wishes(maker, spots, seen, policy)?;
        filled.already_fresh += (spots.len() - wishes.len()) as u64;
        let mut worked = WorkedOff::default();
        let ended = self.work_off_page(&wishes, made, &mut worked);
        filled.add(spots, worked);
        ended?;
        made.store()
    }

    /// The records of a page that the policy wants made fresh.
    fn wishes<'a>(
        &self,
        maker: &'a dyn Maker,
        spots: &'a [Spot],
        seen: Ticket,
        policy: Policy,
    ) -> Result<Vec<Wish<'a>>> {
        let Some(first) = spots.first() else {
            return Ok(Vec::new());
        };
        let look = look(self.shared(), &self.state, &first.key)?;
        let absent = matches!(look, Look::Absent);
        let found = match look {
            Look::Found(found) => Some(found),
            Look::Absent | Look::Damaged(_) => None,
        };
        let wish = |spot, suspect| Wish {
            suspect,
            absent,
            ..Wish::new(maker, spot, seen, Revision::ZERO)
        };
        let lacks = |spot: &'a Spot| {
            let standing = found.clone().and_then(|found| self.record_in(found, spot));
            let Some(record) = standing else {
                let wanted = policy.missing == Missing::Build && !self.is_retired(spot.bucket);
                return wanted.then(|| wish(spot, false));
            };
            let lacks = !record.freshness().stands() && self.rebuilds(&record, policy.marked);
            lacks.then(|| wish(spot, record.freshness().may_be_right()))
        };
        Ok(spots.iter().filter_map(lacks).collect())
    }
}

impl Filled {
    fn add(&mut self, spots: &[Spot], worked: WorkedOff) {
        self.built += u64::from(worked.built.len());
        self.already_fresh += u64::from(worked.found.len());
        let bucket = |slot: Slot| spots.iter().find(|spot| spot.slot() == slot);
        let failed = worked.failed.into_iter().filter_map(|(slot, error)| {
            bucket(slot).map(|spot| Failure { bucket: spot.bucket, error })
        });
        self.failed.extend(failed);
    }
}
