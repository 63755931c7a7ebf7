//! A build from its first attempt to its outcome, however deep what it needs goes.

use crate::error::{Error, Result};
use crate::events::is_telling;
use crate::sync::Arc;

use super::chain;
use super::errand::{Errand, Target, Wanted};
use super::flights::Lead;
use super::rebuilders::Held;

/// A record that is worked off, and the builds above it.
struct Job {
    wanted: Wanted,
    held: Held,
    /// How deep the errand was before this one was begun; `None`: it was not.
    begun_at: Option<usize>,
}

/// Attempts a build until it is not unwound any more.
///
/// Inside another build there is one attempt: who began the outermost one works off what is wanted
/// and then runs all of it again. That one keeps its flight meanwhile, and so does each record that
/// was begun on the way down, so that a circle through them is found.
pub(crate) fn build<T>(mut attempt: impl FnMut(&mut Held) -> Result<T>) -> Result<T> {
    if is_telling() {
        // The builds that the event came from may hold what this one would wait for.
        return Err(Error::input(
            "an observer reads what is there, and nothing is built for it; hand on what it wants \
             to another thread and do not wait for it",
        ));
    }
    let mut held = None;
    if chain::is_building() {
        let outcome = attempt(&mut held);
        held.into_iter().for_each(Lead::unwound);
        return outcome;
    }
    let errand = Arc::new(Errand::default());
    let _working = chain::work_for(&errand);
    loop {
        match attempt(&mut held) {
            Err(error) if error.is_unwinding() => {}
            outcome => return outcome,
        }
        if let Err(error) = work_off(&errand) {
            held.into_iter().for_each(|lead| lead.land(Err(error.clone())));
            return Err(error);
        }
    }
}

/// Builds what is wanted, the last one first that was found to be.
fn work_off(errand: &Errand) -> Result<()> {
    let mut jobs = Vec::new();
    push_wanted(errand, &mut jobs);
    while let Some(job) = jobs.last_mut() {
        if let Err(error) = job.begin(errand) {
            for lead in jobs.into_iter().rev().filter_map(|job| job.held) {
                lead.land(Err(error.clone()));
            }
            return Err(error);
        }
        let Target { rebuilder, flight, slot } = &job.wanted.target;
        match rebuilder.attempt(&flight.page, *slot, &mut job.held) {
            Err(error) if error.is_unwinding() => push_wanted(errand, &mut jobs),
            outcome => {
                errand.ascend(job.begun_at.unwrap_or(0), &job.wanted.target, outcome);
                jobs.pop();
            }
        }
    }
    Ok(())
}

/// What was read first is built first.
fn push_wanted(errand: &Errand, jobs: &mut Vec<Job>) {
    let wanted = errand.take_wanted().into_iter().rev();
    jobs.extend(wanted.map(|wanted| Job { wanted, held: None, begun_at: None }));
}

impl Job {
    fn begin(&mut self, errand: &Errand) -> Result<(), Error> {
        if self.begun_at.is_none() {
            self.begun_at = Some(errand.depth());
            errand.descend(std::mem::take(&mut self.wanted.path))?;
        }
        Ok(())
    }
}
