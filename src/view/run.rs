//! Running an application's build function, where it can hurt nobody else.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::disk::PageInMemory;
use crate::error::{BuildError, Error, ErrorKind, Result};
use crate::events::Event;
use crate::graph::Reading;
use crate::grid::Bucket;
use crate::page::{Facts, PageKey};
use crate::rebuild::{self, Frame, Lead};
use crate::revision::Revision;
use crate::schedule::{BreakerState, Pass, Watch};
use crate::sync::Arc;

use super::any_view::AnyView;
use super::context::{Begun, BuildContext};
use super::spot::Spot;

/// How long a build function took, and what it read.
pub(super) struct Ran {
    pub(super) micros: u32,
    pub(super) reading: Arc<Reading>,
}

impl AnyView {
    /// The present, as a build that begins now has it.
    pub(super) fn begin(&self) -> Begun {
        Begun::now(self.shared())
    }

    /// Runs user code: no lock held, panics caught, the chain of builds known. What it comes to
    /// counts for nothing if something that it read has to be built first.
    pub(super) fn run(
        &self,
        spot: &Spot,
        lead: &Lead<PageInMemory>,
        begun: Begun,
        build: &mut dyn FnMut(&BuildContext) -> Result<(), BuildError>,
    ) -> Result<Ran> {
        let entered = rebuild::enter(lead.step(), || self.target(spot));
        let (running, frame) = entered.map_err(|error| self.at(spot, error))?;
        let pass = self.ask(spot, &frame, begun)?;
        let (name, version) = (self.state.name().clone(), self.state.version());
        let context = BuildContext::new(name, version, begun, frame.clone(), lead.progress());
        let (outcome, took) = self.watched(spot, || {
            let started = Instant::now();
            let outcome = catch_unwind(AssertUnwindSafe(|| build(&context)));
            (outcome, started.elapsed())
        });
        drop(running);
        if frame.is_unwound() {
            // What the breaker let through goes on: this run comes again.
            return Err(Error::unwinding());
        }
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        let counters = self.state.counters();
        counters.build_latency.record(took);
        let failed = match outcome {
            Ok(Ok(())) => match frame.take_reads().finish() {
                Ok(reading) => {
                    counters.builds.add(1);
                    self.tell_success(&frame, pass);
                    return Ok(Ran { micros, reading: Arc::new(reading) });
                }
                Err(fault) => fault,
            },
            Ok(Err(cause)) => Error::build_failed(cause),
            Err(panic) => {
                let message = format!("the build function panicked: {}", panic_message(&*panic));
                Error::new(ErrorKind::Build, message)
            }
        };
        let failed = self.failed(spot, failed);
        self.tell_failure(&frame, pass, &failed);
        Err(failed)
    }

    /// Asks the view's breaker whether to build.
    fn ask(&self, spot: &Spot, frame: &Frame, begun: Begun) -> Result<Pass> {
        let asked = self.state.governor().ask(frame.errand_number(), begun.at);
        asked.map_err(|refused| {
            self.state.counters().builds_refused.add(1);
            self.at(spot, refused)
        })
    }

    fn tell_success(&self, frame: &Frame, pass: Pass) {
        if breaker_hears_of(frame, pass) && self.state.governor().succeeded(pass) {
            // From here on what waits for the view can be built.
            self.shared().bell.ring();
            self.shared().events.tell(&Event::BreakerClosed { view: self.state.name() });
        }
    }

    fn tell_failure(&self, frame: &Frame, pass: Pass, error: &Error) {
        if !breaker_hears_of(frame, pass) {
            return;
        }
        let governor = self.state.governor();
        if error.kind() == ErrorKind::Build {
            let now = self.shared().options.clock.now();
            if governor.failed(pass, now, error) {
                self.state.counters().breakers_opened.add(1);
                if let BreakerState::Open { until, .. } = governor.breaker_state(now) {
                    let opened = Event::BreakerOpened { view: self.state.name(), error, until };
                    self.shared().events.tell(&opened);
                }
            }
        } else {
            governor.gave_up(pass);
        }
    }

    /// Runs a build under the eyes of whoever looks for those that take too long, and says so if it
    /// was one of them.
    fn watched<T>(&self, spot: &Spot, run: impl FnOnce() -> (T, Duration)) -> (T, Duration) {
        let Some(deadline) = self.state.governor().conduct().build_deadline else { return run() };
        let name = self.state.name().clone();
        let watch = Watch::begin(name, spot.bucket, deadline, Instant::now());
        let watched = self.shared().overdue.enter(watch);
        let (outcome, took) = run();
        let was_told = watched.was_found();
        drop(watched);
        if took > Duration::from(deadline) {
            let message = format!("the build took {took:.1?}, and {deadline} is what one may take");
            let slow = Error::new(ErrorKind::Build, message);
            self.state.counters().builds_slow.add(1);
            self.shared().last_slow.note(self.at(spot, slow));
            if !was_told {
                let (view, bucket) = (self.state.name(), spot.bucket);
                self.shared().events.tell(&Event::SlowBuild { view, bucket, running_for: took });
            }
        }
        (outcome, took)
    }

    /// Counts a build that failed and tells of it; the error with where it was.
    pub(super) fn failed(&self, spot: &Spot, error: Error) -> Error {
        let error = self.at(spot, error);
        self.state.counters().build_failures.add(1);
        let failed = Event::Failed { view: self.state.name(), bucket: spot.bucket, error: &error };
        self.shared().events.tell(&failed);
        error
    }

    /// Refuses the bytes of a record that are too many, or not what its type reads.
    pub(super) fn check_record(&self, bytes: &[u8]) -> Result<()> {
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
        self.state.shape().check(bytes).map_err(|cause| {
            Error::input(format!("the record does not pass its own type's check: {cause}"))
        })
    }

    /// Facts of a record that comes to be now. V and C are the writer's to say, and whether it counts
    /// less long because of what it read.
    pub(super) fn facts(&self, key: &PageKey, bucket: Bucket, begun: Begun) -> Facts {
        Facts {
            begun: begun.revision,
            verified: Revision::ZERO,
            changed: Revision::ZERO,
            built_at: begun.at,
            fresh_until: self.state.expires(key.as_slice(), bucket, begun.at),
            version: self.state.version(),
            dependencies: 0,
        }
    }
}

/// Archives records that were built, which runs the record type's own code.
pub(super) fn archiving(archive: &mut dyn FnMut() -> Result<()>) -> Result<()> {
    catch_unwind(AssertUnwindSafe(archive)).unwrap_or_else(|panic| {
        let message = format!("archiving the record panicked: {}", panic_message(&*panic));
        Err(Error::new(ErrorKind::Build, message))
    })
}

/// Whether the breaker is told what came of a run: of one build for each that was asked for. What
/// that one needs speaks through it, or a record at the end of a long chain would count for each in
/// between.
fn breaker_hears_of(frame: &Frame, pass: Pass) -> bool {
    frame.is_outermost() || pass.is_probe()
}

pub(super) fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use crate::grid::Grid;
    use crate::options::Options;
    use crate::rebuild::Engine;
    use crate::time::Span;
    use crate::time::Timestamp;
    use crate::view::ViewDefinition;

    use super::*;

    #[test]
    fn a_build_with_a_deadline_is_watched_while_it_runs_whatever_becomes_of_it() {
        let engine = Arc::new(Engine::in_memory(Options::default()).unwrap());
        let overdue = |engine: &Engine| {
            let later = Instant::now() + Duration::from_secs(2 * 3600);
            engine.shared().overdue.oldest_overdue(later)
        };
        let inside = Arc::downgrade(&engine);
        let definition = ViewDefinition::<u32, u64>::new(engine.clone(), "sun");
        let definition = definition.grid(Grid::minutes(1)).build_deadline(Span::hours(1));
        let view = definition.build(move |_, entity, bucket| {
            let watch = overdue(&inside.upgrade().expect("it is read")).expect("it is watched");
            assert_eq!((&*watch.view, watch.bucket), ("sun", bucket));
            match entity {
                0 => Ok(1),
                1 => Err("no sun".into()),
                _ => panic!("no sun"),
            }
        });
        let view = view.unwrap();
        for entity in 0..3 {
            assert_eq!(view.get(&entity, Timestamp::EPOCH).is_ok(), entity == 0);
            assert!(overdue(&engine).is_none());
        }
        let metrics = engine.shared().metrics();
        assert_eq!((metrics.build_failures, metrics.builds_slow), (2, 0));
    }
}
