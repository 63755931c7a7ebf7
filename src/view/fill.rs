//! Building a stretch of time now, in the calling thread.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use crate::cache::Ticket;
use crate::disk::operations::Stored;
use crate::disk::{PageInMemory, Receipt, Speed};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::Bucket;
use crate::key::EntityKey;
use crate::page::{PageBuilder, PageKey, RecordType};
use crate::rebuild::{Joined, Lead, Registration, Unlanded, register};
use crate::sync::Arc;
use crate::time::TimeRange;

use super::build::BuiltRecord;
use super::core::{BuildFunction, Core, Spot};
use super::lookup::{Look, look};

/// What a fill came to.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Filled {
    /// Records built.
    pub built: u64,
    /// Records that were fresh already.
    pub already_fresh: u64,
    /// Buckets whose build failed. The others were built all the same.
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
    /// Builds what is missing or not fresh among the buckets that start in a range, page by page.
    pub(super) fn fill(self: &Arc<Self>, entity: &E, range: TimeRange) -> Result<Filled> {
        if matches!(self.build, BuildFunction::None) {
            let message = "the view has no build function to fill with; put its records";
            return Err(self.named(Error::input(message)));
        }
        let finished = Rc::new(Finished::new(self.clone()));
        let _reachable: Registration = register(finished.clone());
        let mut filled = Filled::default();
        let mut page: Vec<Spot> = Vec::new();
        for bucket in self.state.grid().buckets(range) {
            let spot = self.spot(entity, bucket.map_err(|error| self.named(error))?)?;
            if page.last().is_some_and(|last| last.place.page != spot.place.page) {
                self.fill_page(entity, &page, &finished, &mut filled)?;
                page.clear();
            }
            page.push(spot);
        }
        self.fill_page(entity, &page, &finished, &mut filled)?;
        finished.store_and_land(0)?;
        Ok(filled)
    }

    /// Builds what is missing or not fresh among some buckets of one page, and hands it to the
    /// writer together.
    fn fill_page(
        &self,
        entity: &E,
        spots: &[Spot],
        finished: &Finished<E, R>,
        filled: &mut Filled,
    ) -> Result<()> {
        let Some(first) = spots.first() else {
            return Ok(());
        };
        self.check(&first.key)?;
        let seen = self.ticket(first);
        let lacking = self.lacking(spots)?;
        filled.already_fresh += (spots.len() - lacking.len()) as u64;
        match &self.build {
            BuildFunction::Page(_) if !lacking.is_empty() => {
                return self.fill_whole(entity, &lacking, seen, filled);
            }
            _ => {
                for spot in lacking {
                    match self.fill_or_find(entity, spot, seen, finished) {
                        Ok(true) => filled.built += 1,
                        Ok(false) => filled.already_fresh += 1,
                        Err(error) => {
                            filled.failed.push(Failure { bucket: spot.bucket, error });
                        }
                    }
                }
            }
        }
        finished.store_and_land(PAGES_UNDER_WAY)
    }

    /// The buckets of a page that hold no fresh record.
    fn lacking<'a>(&self, spots: &'a [Spot]) -> Result<Vec<&'a Spot>> {
        let Some(first) = spots.first() else {
            return Ok(Vec::new());
        };
        let found = match look(self.shared(), &self.state, &first.key)? {
            Look::Found(found) => found,
            Look::Absent | Look::Damaged(_) => return Ok(spots.iter().collect()),
        };
        let fresh = |spot: &Spot| {
            let slot = spot.slot();
            found.page().holds(slot) && found.freshness(slot, &self.state).is_fresh()
        };
        Ok(spots.iter().filter(|spot| !fresh(spot)).collect())
    }

    /// Whether the record was built here, rather than by somebody else meanwhile.
    fn fill_or_find(
        &self,
        entity: &E,
        spot: &Spot,
        seen: Ticket,
        finished: &Finished<E, R>,
    ) -> Result<bool> {
        let joined = self.engine.flights().join(self.flight_key(spot), self.name(spot));
        let lead = match joined.map_err(|error| self.at(spot, error))? {
            Joined::Landed(outcome) => return outcome.map(|_| false),
            Joined::Lead(lead) => lead,
        };
        let built = match self.landed_since(spot, seen) {
            Ok(Some(standing)) => {
                lead.land(Ok(standing));
                return Ok(false);
            }
            Ok(None) => self.build_bucket(entity, spot, self.begin()),
            Err(error) => Err(error),
        };
        let added = built.and_then(|record| finished.push(spot, &record));
        match added {
            Ok(()) => {
                finished.wait_for_landing(lead);
                Ok(true)
            }
            Err(error) => {
                lead.land(Err(error.clone()));
                Err(error)
            }
        }
    }

    /// Fills what a page lacks by the view's build function for pages.
    fn fill_whole(
        &self,
        entity: &E,
        lacking: &[&Spot],
        seen: Ticket,
        filled: &mut Filled,
    ) -> Result<()> {
        let first = lacking[0];
        match self.build_one(entity, first, seen) {
            Ok(_) => filled.built += lacking.len() as u64,
            Err(error) if error.kind() == ErrorKind::Build => {
                let failure = |spot: &&Spot| Failure { bucket: spot.bucket, error: error.clone() };
                filled.failed.extend(lacking.iter().map(failure));
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Pages that the writer may have in hand while the next is being built.
const PAGES_UNDER_WAY: usize = 16;

/// What a fill has built and not yet landed.
///
/// No code of the application runs while it is borrowed.
struct Finished<E: ?Sized, R> {
    core: Arc<Core<E, R>>,
    state: RefCell<Unstored>,
}

#[derive(Default)]
struct Unstored {
    /// The page being filled, and the flights of what is in it.
    page: Option<(PageKey, PageBuilder)>,
    leads: Vec<Lead<PageInMemory>>,
    /// Pages that the writer has, and the flights that land when it answers.
    under_way: VecDeque<(Receipt<Stored>, Vec<Lead<PageInMemory>>)>,
}

impl<E: EntityKey + ?Sized, R: RecordType> Finished<E, R> {
    fn new(core: Arc<Core<E, R>>) -> Self {
        Self { core, state: RefCell::default() }
    }

    /// Adds a record to the page being filled.
    fn push(&self, spot: &Spot, record: &BuiltRecord) -> Result<()> {
        let mut state = self.state.borrow_mut();
        let (_, page) =
            state.page.get_or_insert_with(|| (spot.key.clone(), self.core.page_builder(spot)));
        record.add_to(page, spot.slot()).map_err(|error| self.core.at(spot, error))
    }

    /// The flight of a record that was added.
    fn wait_for_landing(&self, lead: Lead<PageInMemory>) {
        self.state.borrow_mut().leads.push(lead);
    }

    /// Hands the page to the writer, and lands flights until no more than `under_way` pages wait for
    /// its answer. The first failure is returned; the flights concerned have it too.
    fn store_and_land(&self, under_way: usize) -> Result<()> {
        let (page, leads) = {
            let mut state = self.state.borrow_mut();
            (state.page.take(), std::mem::take(&mut state.leads))
        };
        let mut outcome = Ok(());
        if let Some((key, page)) = page {
            match self.core.store(vec![(key, page.finish())], Speed::Derived, false) {
                Ok(receipt) => self.state.borrow_mut().under_way.push_back((receipt, leads)),
                Err(error) => {
                    land_all(leads, &Err(error.clone()));
                    outcome = Err(error);
                }
            }
        }
        while let Some((receipt, leads)) = self.oldest_beyond(under_way) {
            let stored = receipt.wait().and_then(|stored| {
                stored.pages.into_iter().next().ok_or_else(|| {
                    Error::new(ErrorKind::Absent, "the records were deleted while they were built")
                })
            });
            let stored = stored.map_err(|error| self.core.named(error));
            land_all(leads, &stored);
            match stored {
                // Deleted on purpose: no failure of the fill.
                Err(error) if error.kind() == ErrorKind::Absent => {}
                Err(error) => outcome = outcome.and(Err(error)),
                Ok(_) => {}
            }
        }
        outcome
    }

    fn oldest_beyond(
        &self,
        under_way: usize,
    ) -> Option<(Receipt<Stored>, Vec<Lead<PageInMemory>>)> {
        let mut state = self.state.borrow_mut();
        if state.under_way.len() > under_way { state.under_way.pop_front() } else { None }
    }
}

impl<E: EntityKey + ?Sized, R: RecordType> Unlanded for Finished<E, R> {
    fn land(&self) {
        // The flights have the failure, and so has the fill: its own next call fails alike.
        let _ = self.store_and_land(0);
    }
}

fn land_all(leads: Vec<Lead<PageInMemory>>, outcome: &Result<PageInMemory>) {
    leads.into_iter().for_each(|lead| lead.land(outcome.clone()));
}
