//! What can happen next. A step is whole: nothing comes between its parts. Each file offers the
//! steps of one actor and takes them.

mod application;
mod builds;
mod cache;
mod evidence;
mod opening;
mod reader;
mod writer;

use std::fmt;

use crate::model::Model;
use crate::operations::Operation;
use crate::state::{Disk, Revision, State};
use crate::time;

/// Something that happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// The application changes the data of a leaf.
    Change(u8),
    /// The writer commits an operation.
    Commit(Operation),
    /// The writer commits two operations at once.
    CommitPair(Operation, Operation),
    /// The writer tells the cache what was committed for a record.
    Publish(u8),
    /// The writer raises the published revision and answers the callers.
    Acknowledge,
    /// The timer syncs what is not.
    Sync,
    /// The build of a record begins.
    BuildBegins(u8),
    /// The build of a record loads the published revision.
    BuildNotes(u8),
    /// The build of a record looks at the next thing that it reads.
    BuildReads(u8),
    /// The build of a record ends.
    BuildEnds(u8),
    /// A reader misses a record and takes a ticket.
    FillBegins(u8),
    /// It reads the page and the marks in one transaction.
    FillReads,
    /// It installs the page, or not.
    FillEnds,
    /// The cache lets go of a record's page.
    Evict(u8),
    /// A thread keeps a way to a record's page.
    Keep(u8),
    /// Somebody begins to verify a suspect record outside the writer.
    EvidenceBegins(u8),
    /// He looks at the next thing that it depends on.
    EvidenceLooks,
    /// A reader begins to wait for a record's flight.
    ReadBegins(u8),
    /// It returns with what it was told.
    ReadReturns,
    /// The clock ticks.
    Tick,
    /// Power is lost, and the store opened.
    Crash,
    /// The store is closed and opened in the same process.
    Reopen,
    /// The store fails, what was not synced is lost, and it is opened in the same process.
    ReopenAfterFailure,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Change(leaf) => write!(f, "application changes leaf {leaf}"),
            Step::Commit(operation) => write!(f, "commit: {operation}"),
            Step::CommitPair(first, second) => write!(f, "commit: {first}; {second}"),
            Step::Publish(record) => write!(f, "publish record {record}"),
            Step::Acknowledge => write!(f, "raise the published revision, answer"),
            Step::Sync => write!(f, "timer syncs"),
            Step::BuildBegins(record) => write!(f, "build {record} begins"),
            Step::BuildNotes(record) => write!(f, "build {record} loads the published revision"),
            Step::BuildReads(record) => write!(f, "build {record} reads"),
            Step::BuildEnds(record) => write!(f, "build {record} ends"),
            Step::FillBegins(record) => write!(f, "fill of record {record}: ticket"),
            Step::FillReads => write!(f, "fill: reads the file"),
            Step::FillEnds => write!(f, "fill: ends"),
            Step::Evict(record) => write!(f, "evict record {record}"),
            Step::Keep(record) => write!(f, "a thread keeps the page of record {record}"),
            Step::EvidenceBegins(record) => write!(f, "evidence on record {record} begins"),
            Step::EvidenceLooks => write!(f, "evidence: looks"),
            Step::ReadBegins(record) => write!(f, "a reader waits for record {record}"),
            Step::ReadReturns => write!(f, "the reader returns"),
            Step::Tick => write!(f, "the clock ticks"),
            Step::Crash => write!(f, "CRASH"),
            Step::Reopen => write!(f, "close, open"),
            Step::ReopenAfterFailure => write!(f, "FAILURE, open"),
        }
    }
}

/// All that can happen next.
pub fn offer(model: &Model, state: &State, steps: &mut Vec<Step>) {
    application::offer(model, state, steps);
    writer::offer(model, state, steps);
    builds::offer(model, state, steps);
    evidence::offer(model, state, steps);
    cache::offer(model, state, steps);
    reader::offer(model, state, steps);
    opening::offer(model, state, steps);
    if state.spent.ticks < model.bounds.ticks {
        steps.push(Step::Tick);
    }
}

/// The state after `step`, which must have been offered; none where it comes to nothing.
pub fn take(model: &Model, state: &State, step: Step) -> Option<State> {
    let mut next = *state;
    match step {
        Step::Change(leaf) => application::change(&mut next, leaf),
        Step::Commit(operation) => writer::commit(model, &mut next, operation, None)?,
        Step::CommitPair(first, second) => writer::commit(model, &mut next, first, Some(second))?,
        Step::Publish(record) => writer::publish(model, &mut next, record),
        Step::Acknowledge => writer::acknowledge(&mut next)?,
        Step::Sync => next.durable = next.disk,
        Step::BuildBegins(record) => builds::begin(model, &mut next, record),
        Step::BuildNotes(record) => builds::note(model, &mut next, record)?,
        Step::BuildReads(record) => builds::read(model, &mut next, record)?,
        Step::BuildEnds(record) => builds::end(model, &mut next, record)?,
        Step::FillBegins(record) => cache::begin_fill(&mut next, record),
        Step::FillReads => cache::read_file(&mut next)?,
        Step::FillEnds => cache::end_fill(model, &mut next)?,
        Step::Evict(record) => cache::evict(model, &mut next, record),
        Step::Keep(record) => cache::keep(&mut next, record),
        Step::EvidenceBegins(record) => evidence::begin(&mut next, record)?,
        Step::EvidenceLooks => evidence::look_on(model, &mut next)?,
        Step::ReadBegins(record) => reader::begin(&mut next, record),
        Step::ReadReturns => next.reader = None,
        Step::Tick => time::tick(&model.topology, &mut next),
        Step::Crash => opening::crash(model, &mut next),
        Step::Reopen => opening::reopen(model, &mut next),
        Step::ReopenAfterFailure => opening::reopen_after_failure(model, &mut next),
    }
    reader::pass(&mut next);
    forget(model, &mut next);
    Some(next)
}

/// Whether anything can still be lost that was not synced.
fn can_lose(model: &Model, state: &State) -> bool {
    state.spent.crashes < model.bounds.crashes
        || state.spent.lossy_reopenings < model.bounds.lossy_reopenings
}

/// Lets go of what nobody will ask for, so that states are alike that behave alike.
fn forget(model: &Model, state: &mut State) {
    if !can_lose(model, state) {
        state.durable = Disk::default();
    }
    // Nothing that was touched matters but to flights and evidence that began before.
    let horizon = oldest_look(model, state);
    let touched = &mut state.touched;
    let all = touched.sources.0.iter_mut().chain(&mut touched.records.0);
    for revision in all.chain([&mut touched.floor]) {
        if *revision <= horizon {
            *revision = 0;
        }
    }
}

/// Everything was seen at this revision or later.
fn oldest_look(model: &Model, state: &State) -> Revision {
    let known = |old_life: bool| !old_life || !model.rules.lives_are_compared;
    let builds = state.builds.0.iter().flatten().filter(|build| known(build.old_life));
    let evidence = state.evidence.iter().filter(|_| model.rules.evidence_keeps_memory);
    let looks = evidence.flat_map(|evidence| evidence.seen.iter());
    let oldest = builds.map(|build| build.s).chain(looks.map(|look| look.seen));
    oldest.fold(state.published.revision, Revision::min)
}
