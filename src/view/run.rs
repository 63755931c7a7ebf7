//! Running an application's build function, where it can hurt nobody else.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use crate::disk::PageInMemory;
use crate::error::{BuildError, Error, ErrorKind, Result};
use crate::graph::Reading;
use crate::key::EntityKey;
use crate::page::{Facts, Origin, RecordBytes, RecordType, serialize};
use crate::rebuild::{self, Lead};
use crate::revision::Revision;
use crate::sync::Arc;

use super::context::{Begun, BuildContext};
use super::core::{Core, Spot};
use super::draft::RecordDraft;

/// What a build function returned, how long it took, and what it read.
pub(super) struct Ran<T> {
    pub(super) value: T,
    pub(super) micros: u32,
    reading: Arc<Reading>,
}

impl<E: EntityKey + ?Sized, R: RecordType> Core<E, R> {
    /// The present, as a build that begins now has it.
    pub(super) fn begin(&self) -> Begun {
        Begun { revision: self.shared().published(), at: self.shared().options.clock.now() }
    }

    /// Runs user code: no lock held, panics caught, the chain of builds known. What it comes to
    /// counts for nothing if something that it read has to be built first.
    pub(super) fn run<T>(
        &self,
        spot: &Spot,
        lead: &Lead<PageInMemory>,
        begun: Begun,
        build: impl FnOnce(&BuildContext) -> Result<T, BuildError>,
    ) -> Result<Ran<T>> {
        let entered = rebuild::enter(lead.step(), || self.target(spot));
        let (running, frame) = entered.map_err(|error| self.at(spot, error))?;
        let (name, version) = (self.state.name().clone(), self.state.version());
        let context = BuildContext::new(name, version, begun, frame.clone());
        let started = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| build(&context)));
        drop(running);
        if frame.is_unwound() {
            return Err(Error::unwinding());
        }
        let micros = u32::try_from(started.elapsed().as_micros()).unwrap_or(u32::MAX);
        let counters = &self.shared().counters;
        let failed = match outcome {
            Ok(Ok(value)) => match frame.take_reads().finish() {
                Ok(reading) => {
                    counters.builds.add(1);
                    return Ok(Ran { value, micros, reading: Arc::new(reading) });
                }
                Err(fault) => fault,
            },
            Ok(Err(cause)) => Error::build_failed(cause),
            Err(panic) => {
                let message = format!("the build function panicked: {}", panic_message(&*panic));
                Error::new(ErrorKind::Build, message)
            }
        };
        counters.build_failures.add(1);
        Err(self.at(spot, failed))
    }

    /// A record that a run made, as it will stand in its page.
    pub(super) fn built<T>(
        &self,
        spot: &Spot,
        begun: Begun,
        ran: &Ran<T>,
        micros: u32,
        record: &R,
    ) -> Result<RecordDraft> {
        // Archiving runs the record type's own code.
        let bytes = catch_unwind(AssertUnwindSafe(|| self.record_bytes(record)));
        let bytes = bytes.unwrap_or_else(|panic| {
            let message = format!("archiving the record panicked: {}", panic_message(&*panic));
            Err(Error::new(ErrorKind::Build, message))
        });
        let bytes = bytes.map_err(|error| self.at(spot, error))?;
        let (facts, reading) = (self.facts(spot, begun), ran.reading.clone());
        Ok(RecordDraft { origin: Origin::Built, facts, micros, bytes, reading })
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

    /// Facts of a record that comes to be now. V and C are the writer's to say, and whether it counts
    /// less long because of what it read.
    pub(super) fn facts(&self, spot: &Spot, begun: Begun) -> Facts {
        Facts {
            begun: begun.revision,
            verified: Revision::ZERO,
            changed: Revision::ZERO,
            built_at: begun.at,
            fresh_until: self.state.expires(spot.key.as_slice(), spot.bucket, begun.at),
            version: self.state.version(),
            dependencies: 0,
        }
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
