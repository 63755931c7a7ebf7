//! Crashes, closing and opening.

use crate::model::Model;
use crate::operations;
use crate::small::Each;
use crate::state::{State, Touched};
use crate::steps::{Step, cache, writer};
use crate::topology::{LEAVES, RECORDS};

pub fn offer(model: &Model, state: &State, steps: &mut Vec<Step>) {
    let (bounds, spent) = (&model.bounds, &state.spent);
    if spent.crashes < bounds.crashes {
        steps.push(Step::Crash);
    }
    if spent.reopenings < bounds.reopenings && state.commit.is_none() {
        steps.push(Step::Reopen);
    }
    if spent.lossy_reopenings < bounds.lossy_reopenings {
        steps.push(Step::ReopenAfterFailure);
    }
}

/// The process ends, and with it all that is not in the file; so revisions may be given out again.
pub fn crash(model: &Model, state: &mut State) {
    let application = &mut state.application;
    if model.bounds.intents {
        // The application has forgotten what it was about. It relies on the intents from here on:
        // whatever its data says now must be known.
        application.begun = application.version;
        application.announced = application.version;
        application.acked = application.version;
    } else {
        // It announces again what was not acknowledged.
        application.announced = application.acked;
    }
    *state = State {
        application: *application,
        disk: state.durable,
        durable: state.durable,
        spent: state.spent,
        ..State::default()
    };
    state.spent.crashes += 1;
    recover(model, state);
    writer::raise(state);
}

/// Before anything is served: what intents are left over, in one synced commit.
fn recover(model: &Model, state: &mut State) {
    if !model.rules.left_intents_count {
        return;
    }
    for leaf in 0..LEAVES as u8 {
        if state.disk.intents[leaf] > 0 {
            operations::recover(model, state, leaf);
        }
    }
    state.touched = Touched::default();
    state.durable = state.disk;
}

/// A clean close syncs everything and ends the writer; then the same process opens the file. Who is
/// in the middle of something has an old handle.
pub fn reopen(model: &Model, state: &mut State) {
    state.spent.reopenings += 1;
    state.durable = state.disk;
    if !model.rules.close_keeps_revision {
        state.disk.revision = 0;
    }
    begin_life(model, state);
}

/// The writer has failed and what was not synced is gone; then the same process opens the file.
pub fn reopen_after_failure(model: &Model, state: &mut State) {
    state.spent.lossy_reopenings += 1;
    state.disk = state.durable;
    state.commit = None;
    state.application.announced = state.application.acked;
    begin_life(model, state);
}

fn begin_life(model: &Model, state: &mut State) {
    for record in 0..RECORDS as u8 {
        if let Some(page) = state.cache[record] {
            cache::let_go(model, state, record, page);
        }
        if let Some(build) = &mut state.builds[record] {
            build.old_life = true;
        }
    }
    state.cache = Each::default();
    state.touched = Touched::default();
    if let Some(fill) = &mut state.fill {
        fill.old_life = true;
        // The new life counts its publications anew.
        fill.overtaken = false;
    }
    if let Some(evidence) = &mut state.evidence {
        evidence.old_life = true;
    }
    state.reader = None;
    writer::raise(state);
}
