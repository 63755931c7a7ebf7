//! Building: one flight for each bucket, user code run where it can hurt nobody else.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use crate::cache::{CacheKey, Ticket};
use crate::disk::operations::{KeepDictionary, Part, StoreRecords, Stored};
use crate::disk::{PageInMemory, Receipt, Speed};
use crate::error::{BuildError, Error, ErrorKind, Result};
use crate::grid::Bucket;
use crate::key::EntityKey;
use crate::page::{
    Facts, Origin, Page, PageBuilder, PageKey, RecordBytes, RecordType, Slot, serialize, store_body,
};
use crate::rebuild::{BuildName, FlightKey, Joined, enter};
use crate::revision::Revision;
use crate::time::Timestamp;

use super::context::BuildContext;
use super::core::{BuildFunction, Core, Spot};
use super::freshness::Layer;
use super::lookup::{Look, hold, look};
use super::record::Record;

/// When a build began: loaded before any user code runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    pub(super) revision: Revision,
    pub(super) at: Timestamp,
}

/// What a build function returned, as it will stand in a page.
pub(super) struct BuiltRecord {
    facts: Facts,
    micros: u32,
    bytes: RecordBytes,
}

impl BuiltRecord {
    pub(super) fn add_to(&self, page: &mut PageBuilder, slot: Slot) -> Result<()> {
        page.add(slot, Origin::Built, self.facts, self.micros, &self.bytes)
    }
}

/// How often a read builds before it gives up: a flight that it joined may have begun too early,
/// and what its own built may have been deleted before it was stored.
pub(super) const FLIGHTS_MAX: usize = 3;

impl<E: EntityKey + ?Sized, R: RecordType> Core<E, R> {
    /// To be taken before looking whether a record is there: says later whether it is worth looking
    /// again.
    pub(super) fn ticket(&self, spot: &Spot) -> Ticket {
        self.shared().cache.ticket(CacheKey::new(spot.key.as_slice()))
    }

    /// Builds a record for a reader, or waits for whoever builds it. `seen` was taken before the
    /// reader looked and found nothing fresh.
    pub(super) fn build_one(&self, entity: &E, spot: &Spot, seen: Ticket) -> Result<Record<R>> {
        for flight in 0..FLIGHTS_MAX {
            let joined = self.engine.flights().join(self.flight_key(spot), self.name(spot));
            let outcome = match joined.map_err(|error| self.at(spot, error))? {
                // What landed may have been deleted before this read began: look for what stands.
                Joined::Landed(Ok(_)) => match self.landed_since(spot, seen)? {
                    Some(standing) => Ok(standing),
                    None => continue,
                },
                Joined::Landed(outcome) => outcome,
                Joined::Lead(lead) => {
                    // Somebody may have landed it between this reader's look and its lead.
                    let outcome = match self.landed_since(spot, seen) {
                        Ok(Some(standing)) => Ok(standing),
                        Ok(None) => self.build_and_store(entity, spot),
                        Err(error) => Err(error),
                    };
                    lead.land(outcome.clone());
                    outcome
                }
            };
            let landed = match outcome {
                Ok(landed) => landed,
                // Deleted before it was stored; the next flight begins after the deletion.
                Err(error) if error.kind() == ErrorKind::Absent => continue,
                Err(error) => return Err(error),
            };
            if let Some(record) = self.record_in(hold(landed, Layer::Build), spot)
                && (record.is_fresh() || flight + 1 == FLIGHTS_MAX)
            {
                return Ok(record);
            }
        }
        let deleted = Error::new(ErrorKind::Absent, "the record was deleted while it was built");
        Err(self.at(spot, deleted))
    }

    /// The page of a bucket, if a record was stored there since `seen` was taken and is fresh.
    pub(super) fn landed_since(&self, spot: &Spot, seen: Ticket) -> Result<Option<PageInMemory>> {
        if self.shared().cache.is_current(seen) {
            return Ok(None);
        }
        self.check(&spot.key)?;
        let Look::Found(found) = look(self.shared(), &self.state, &spot.key)? else {
            return Ok(None);
        };
        let fresh = found.holds_fresh(spot.slot(), &self.state);
        Ok(fresh.then(|| found.hold.resident().clone()))
    }

    fn build_and_store(&self, entity: &E, spot: &Spot) -> Result<PageInMemory> {
        let page = match &self.build {
            BuildFunction::None => unreachable!("only views that build come here"),
            BuildFunction::Bucket(_) => {
                let record = self.build_bucket(entity, spot, self.begin())?;
                let mut page = self.page_builder(spot);
                record.add_to(&mut page, spot.slot()).map_err(|error| self.at(spot, error))?;
                page.finish()
            }
            BuildFunction::Page(_) => self.build_page_around(entity, spot)?,
        };
        let stored = self.store(vec![(spot.key.clone(), page)], Speed::Derived, true)?.wait();
        let stored = stored.map_err(|error| self.at(spot, error))?;
        stored.pages.into_iter().next().ok_or_else(|| {
            let message = "the record was deleted while it was built; read it again";
            self.at(spot, Error::new(ErrorKind::Absent, message))
        })
    }

    /// Builds what a page lacks, for a view whose pages are built whole.
    fn build_page_around(&self, entity: &E, spot: &Spot) -> Result<Page> {
        let look = look(self.shared(), &self.state, &spot.key)?;
        let fresh = |slot: Slot| match &look {
            Look::Found(found) => found.holds_fresh(slot, &self.state),
            Look::Absent | Look::Damaged(_) => false,
        };
        let (grid, page_len) = (self.state.grid(), self.state.page_len());
        let slots = grid.page_slots(spot.place.page, page_len);
        let lacking: Vec<(Slot, Bucket)> = (0..slots)
            .filter_map(|slot| Some((Slot(slot), grid.bucket_in(spot.place.page, slot, page_len)?)))
            .filter(|(slot, _)| !fresh(*slot))
            .collect();
        let mut page = self.page_builder(spot);
        self.build_buckets(entity, spot, &lacking, self.begin(), &mut page)?;
        Ok(page.finish())
    }

    /// The present, as a build that begins now has it.
    pub(super) fn begin(&self) -> Begun {
        Begun { revision: self.shared().published(), at: self.shared().options.clock.now() }
    }

    /// Runs the build function of a bucket.
    pub(super) fn build_bucket(
        &self,
        entity: &E,
        spot: &Spot,
        begun: Begun,
    ) -> Result<BuiltRecord> {
        let BuildFunction::Bucket(build) = &self.build else {
            unreachable!("asked for where buckets are built one by one");
        };
        let (record, micros) =
            self.run(spot, begun, |context| build(context, entity, spot.bucket))?;
        self.built(spot, begun, micros, &record)
    }

    /// Runs the build function of a page for the buckets given and adds their records.
    fn build_buckets(
        &self,
        entity: &E,
        spot: &Spot,
        lacking: &[(Slot, Bucket)],
        begun: Begun,
        page: &mut PageBuilder,
    ) -> Result<()> {
        let BuildFunction::Page(build) = &self.build else {
            unreachable!("asked for where pages are built whole");
        };
        let buckets: Vec<Bucket> = lacking.iter().map(|(_, bucket)| *bucket).collect();
        let (records, micros) =
            self.run(spot, begun, |context| build(context, entity, &buckets))?;
        if records.len() != buckets.len() {
            let message = format!(
                "the build function returned {} records for {} buckets; it must return one for each",
                records.len(),
                buckets.len()
            );
            return Err(self.at(spot, Error::new(ErrorKind::Build, message)));
        }
        let share = micros / u32::try_from(records.len().max(1)).unwrap_or(u32::MAX);
        for ((slot, _), record) in lacking.iter().zip(&records) {
            let record = self.built(spot, begun, share, record)?;
            record.add_to(page, *slot).map_err(|error| self.at(spot, error))?;
        }
        Ok(())
    }

    /// Runs user code: no lock held, panics caught, the chain of builds known.
    fn run<T>(
        &self,
        spot: &Spot,
        begun: Begun,
        build: impl FnOnce(&BuildContext) -> Result<T, BuildError>,
    ) -> Result<(T, u32)> {
        let context = BuildContext::new(self.state.name().clone(), self.state.version(), begun.at);
        let started = Instant::now();
        let outcome = {
            let _guard = enter(self.name(spot)).map_err(|error| self.at(spot, error))?;
            catch_unwind(AssertUnwindSafe(|| build(&context)))
        };
        let micros = u32::try_from(started.elapsed().as_micros()).unwrap_or(u32::MAX);
        let counters = &self.shared().counters;
        let failed = match outcome {
            Ok(Ok(built)) => {
                counters.builds.add(1);
                return Ok((built, micros));
            }
            Ok(Err(cause)) => {
                let message = format!("the build function failed: {cause}");
                Error::new(ErrorKind::Build, message).caused_by(cause.into_inner())
            }
            Err(panic) => {
                let message = format!("the build function panicked: {}", panic_message(&*panic));
                Error::new(ErrorKind::Build, message)
            }
        };
        counters.build_failures.add(1);
        Err(self.at(spot, failed))
    }

    fn built(&self, spot: &Spot, begun: Begun, micros: u32, record: &R) -> Result<BuiltRecord> {
        // Archiving runs the record type's own code.
        let bytes = catch_unwind(AssertUnwindSafe(|| self.record_bytes(record)));
        let bytes = bytes.unwrap_or_else(|panic| {
            let message = format!("archiving the record panicked: {}", panic_message(&*panic));
            Err(Error::new(ErrorKind::Build, message))
        });
        let bytes = bytes.map_err(|error| self.at(spot, error))?;
        Ok(BuiltRecord { facts: self.facts(begun), micros, bytes })
    }

    /// A record as it will stand in its page; refused here if it is too large.
    pub(super) fn record_bytes(&self, record: &R) -> Result<RecordBytes> {
        let bytes = serialize(record)
            .map_err(|cause| Error::input(format!("the record cannot be archived: {cause}")))?;
        let most = self.shared().options.record_bytes_max;
        if bytes.len() > most {
            return Err(Error::input(format!(
                "the record has {} bytes, the limit is {most}; raise `Options::record_bytes_max`, or \
                 split it",
                bytes.len()
            )));
        }
        // An `Archive` written by hand can write anything. What enters memory unchecked is read in
        // place, so nothing does.
        self.state.shape().check(&bytes).map_err(|cause| {
            Error::input(format!("the record does not pass its own type's check: {cause}"))
        })?;
        Ok(bytes)
    }

    /// Facts of a record that comes to be now. V and C are the writer's to say.
    pub(super) fn facts(&self, begun: Begun) -> Facts {
        Facts {
            begun: begun.revision,
            verified: Revision::ZERO,
            changed: Revision::ZERO,
            built_at: begun.at,
            fresh_until: Timestamp::MAX,
            version: self.state.version(),
            dependencies: 0,
        }
    }

    /// An empty page for what is built at a spot.
    pub(super) fn page_builder(&self, spot: &Spot) -> PageBuilder {
        let slots = self.state.grid().page_slots(spot.place.page, self.state.page_len());
        PageBuilder::new(slots.max(spot.place.slot + 1), *self.state.shape())
    }

    /// Hands pages to the writer. What will likely stand as it is is compressed here, in the
    /// caller's thread; a single record of a longer page will be merged with others first.
    pub(super) fn store(
        &self,
        pages: Vec<(PageKey, Page)>,
        speed: Speed,
        wanted: bool,
    ) -> Result<Receipt<Stored>> {
        let writer = self.engine.writer().map_err(|error| self.named(error))?;
        let compression = self.state.compression();
        let mut parts = Vec::with_capacity(pages.len());
        for (key, page) in pages {
            let whole = page.slots() == 1 || !wanted;
            if whole {
                self.sample(&page)?;
            }
            let body = whole.then(|| store_body(&page, &compression));
            parts.push(Part { key, page, body });
        }
        let view = self.state.clone();
        writer.submit(StoreRecords { view, parts, speed, wanted })
    }

    /// Lets the view's sampler see a page; trains the dictionary when it has seen enough.
    fn sample(&self, page: &Page) -> Result<()> {
        let samples = self.state.sampler().lock().sample(page);
        let Some(bytes) = samples.and_then(|samples| samples.train()) else {
            return Ok(());
        };
        let writer = self.engine.writer()?;
        let kept = writer.run(KeepDictionary { view: self.state.clone(), bytes: bytes.clone() })?;
        self.state.use_dictionary(kept, &bytes)
    }

    /// What a flight for this bucket goes by.
    pub(super) fn flight_key(&self, spot: &Spot) -> FlightKey {
        let whole = matches!(self.build, BuildFunction::Page(_));
        let slot = (!whole).then_some(spot.place.slot);
        FlightKey { page: spot.key.as_slice().into(), slot }
    }

    pub(super) fn name(&self, spot: &Spot) -> BuildName {
        BuildName { view: self.state.name().clone(), bucket: spot.bucket }
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
