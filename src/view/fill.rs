//! Building a stretch of time now, in the calling thread.

use crate::cache::Ticket;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::Bucket;
use crate::key::EntityKey;
use crate::page::RecordType;
use crate::rebuild::{self, Held, Joined};
use crate::sync::Arc;
use crate::time::TimeRange;

use super::build::FLIGHTS_MAX;
use super::core::{BuildFunction, Core, Spot};
use super::lookup::{Look, look};
use super::made::{Made, PAGES_UNDER_WAY};
use super::policy::{Missing, Policy};

/// What a fill came to.
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
    /// The report, or the first failure if there was one.
    ///
    /// # Errors
    /// The error of the first bucket that failed.
    pub fn complete(self) -> Result<Self> {
        match self.failed.first() {
            None => Ok(self),
            Some(failure) => Err(failure.error.clone()),
        }
    }
}

/// A bucket that could not be built, and why.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Failure {
    /// The bucket.
    pub bucket: Bucket,
    /// What went wrong.
    pub error: Error,
}

impl<E: EntityKey + ?Sized, R: RecordType> Core<E, R> {
    /// Builds what the policy asks for among the buckets that start in a range, page by page.
    pub(super) fn fill(
        self: &Arc<Self>,
        entity: &E,
        range: TimeRange,
        policy: Policy,
    ) -> Result<Filled> {
        if matches!(self.build, BuildFunction::None) {
            let message = "the view has no build function to fill with; put its records";
            return Err(self.named(Error::input(message)));
        }
        // Before any build: what cannot be stored need not be built.
        self.engine.writer().map_err(|error| self.named(error))?;
        self.check_extent(range)?;
        let made = Arc::new(Made::new(self.clone()));
        let mut filled = Filled::default();
        let outcome = self.fill_pages(entity, range, policy, &made, &mut filled);
        // Also after a failure: what is made is stored, and nobody is left waiting for it.
        made.finish().and(outcome).map(|()| filled)
    }

    fn fill_pages(
        &self,
        entity: &E,
        range: TimeRange,
        policy: Policy,
        made: &Arc<Made<E, R>>,
        filled: &mut Filled,
    ) -> Result<()> {
        let mut page: Vec<Spot> = Vec::new();
        for bucket in self.state.grid().buckets(range) {
            let spot = self.spot(entity, bucket.map_err(|error| self.named(error))?)?;
            if page.last().is_some_and(|last| last.place.page != spot.place.page) {
                self.fill_page(entity, &page, policy, made, filled)?;
                page.clear();
            }
            page.push(spot);
        }
        self.fill_page(entity, &page, policy, made, filled)
    }

    /// Builds what the policy asks for among some buckets of one page, and hands it to the writer
    /// together.
    fn fill_page(
        &self,
        entity: &E,
        spots: &[Spot],
        policy: Policy,
        made: &Arc<Made<E, R>>,
        filled: &mut Filled,
    ) -> Result<()> {
        let Some(first) = spots.first() else {
            return Ok(());
        };
        self.check(&first.key)?;
        let seen = self.ticket(first);
        let lacking = self.lacking(spots, policy)?;
        filled.already_fresh += (spots.len() - lacking.len()) as u64;
        match &self.build {
            BuildFunction::Page(_) if !lacking.is_empty() => {
                return self.fill_whole(entity, &lacking, seen, filled);
            }
            _ => {
                for spot in lacking {
                    match self.fill_or_find(entity, spot, seen, made) {
                        Ok(true) => filled.built += 1,
                        Ok(false) => filled.already_fresh += 1,
                        Err(error) => {
                            may_go_on(&error)?;
                            filled.failed.push(Failure { bucket: spot.bucket, error });
                        }
                    }
                }
            }
        }
        made.store(PAGES_UNDER_WAY)
    }

    /// The buckets of a page whose records the policy wants built.
    fn lacking<'a>(&self, spots: &'a [Spot], policy: Policy) -> Result<Vec<&'a Spot>> {
        let Some(first) = spots.first() else {
            return Ok(Vec::new());
        };
        let found = match look(self.shared(), &self.state, &first.key)? {
            Look::Found(found) => Some(found),
            Look::Absent | Look::Damaged(_) => None,
        };
        let lacks = |spot: &&Spot| {
            let standing = found.clone().and_then(|found| self.record_in(found, spot));
            match standing {
                None => policy.missing == Missing::Build && !self.is_retired(spot.bucket),
                Some(record) => {
                    !record.freshness().stands() && self.rebuilds(&record, policy.marked)
                }
            }
        };
        Ok(spots.iter().filter(lacks).collect())
    }

    /// Whether the record was built here, rather than by somebody else meanwhile.
    fn fill_or_find(
        &self,
        entity: &E,
        spot: &Spot,
        seen: Ticket,
        made: &Arc<Made<E, R>>,
    ) -> Result<bool> {
        rebuild::build(|held| self.fill_attempt(entity, spot, seen, made, held))
    }

    fn fill_attempt(
        &self,
        entity: &E,
        spot: &Spot,
        seen: Ticket,
        made: &Arc<Made<E, R>>,
        held: &mut Held,
    ) -> Result<bool> {
        for flight in 0..FLIGHTS_MAX {
            let lead = match self.join(spot, held)? {
                Joined::Landed(outcome) => {
                    // Deleted or marked since it landed, it is to be built after all.
                    let landed = outcome.map(drop);
                    match landed.and_then(|()| self.landed_since(spot, seen)) {
                        Ok(Some(_)) => return Ok(false),
                        // Made after this fill began, by somebody else; what it needs moved on.
                        Ok(None) if flight > 0 => return Ok(false),
                        Ok(None) => continue,
                        Err(error) if error.kind() == ErrorKind::Absent => continue,
                        Err(error) => return Err(error),
                    }
                }
                Joined::Lead(lead) => lead,
            };
            let built = match self.landed_since(spot, seen) {
                Ok(Some(standing)) => {
                    lead.land(Ok(standing));
                    return Ok(false);
                }
                Ok(None) => self.build_bucket(entity, spot, &lead),
                Err(error) => Err(error),
            };
            return match built {
                Ok(record) => made.push(spot, &record, lead).map(|()| true),
                Err(error) if error.is_unwinding() => {
                    *held = Some(lead);
                    Err(error)
                }
                Err(error) => {
                    lead.land(Err(error.clone()));
                    Err(error)
                }
            };
        }
        let message = "the record was deleted while it was built, again and again";
        Err(self.at(spot, Error::new(ErrorKind::Absent, message)))
    }

    /// Fills what a page lacks by the view's build function for pages.
    fn fill_whole(
        &self,
        entity: &E,
        lacking: &[&Spot],
        seen: Ticket,
        filled: &mut Filled,
    ) -> Result<()> {
        match self.build_one(entity, lacking[0], seen) {
            Ok(_) => filled.built += lacking.len() as u64,
            // What the build made or failed to make, not what the file met.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::Build | ErrorKind::Input | ErrorKind::Busy
                ) =>
            {
                may_go_on(&error)?;
                let failure = |spot: &&Spot| Failure { bucket: spot.bucket, error: error.clone() };
                filled.failed.extend(lacking.iter().map(failure));
            }
            // Deleted while it was built: no failure of the fill.
            Err(error) if error.kind() == ErrorKind::Absent => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Ends a fill inside a build that has to run again, unless it may say what else it lacks.
fn may_go_on(error: &Error) -> Result<()> {
    if error.is_unwinding() && !rebuild::wants_more() { Err(error.clone()) } else { Ok(()) }
}
