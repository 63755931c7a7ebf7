//! The writer: commits, publishes, answers; one thing after the other.

use crate::look::on_disk;
use crate::model::{Fills, Model};
use crate::operations::{self, Operation};
use crate::small::Set;
use crate::state::{Ack, Cached, Commit, State};
use crate::steps::{Step, cache, can_lose};
use crate::topology::RECORDS;

pub fn offer(model: &Model, state: &State, steps: &mut Vec<Step>) {
    match &state.commit {
        None => offer_commits(model, state, steps),
        Some(commit) if commit.publish == Set::default() => steps.push(Step::Acknowledge),
        Some(commit) => steps.extend(commit.publish.iter().map(Step::Publish)),
    }
    let unsynced = state.commit.is_none() && state.durable != state.disk;
    if unsynced && can_lose(model, state) {
        steps.push(Step::Sync);
    }
}

fn offer_commits(model: &Model, state: &State, steps: &mut Vec<Step>) {
    let mut first = Vec::new();
    operations::asked(model, state, &mut first);
    for first in first {
        steps.push(Step::Commit(first));
        if model.bounds.pairs {
            let (mut after, mut second) = (*state, Vec::new());
            let revision = state.disk.revision + 1;
            operations::apply(model, &mut after, first, revision, &mut Commit::default());
            operations::asked(model, &after, &mut second);
            steps.extend(second.into_iter().map(|second| Step::CommitPair(first, second)));
        }
    }
}

pub fn commit(
    model: &Model,
    state: &mut State,
    first: Operation,
    second: Option<Operation>,
) -> Option<()> {
    let (mut commit, before) = (Commit::default(), state.disk);
    let mut revision = before.revision + 1;
    let mut synced = operations::apply(model, state, first, revision, &mut commit);
    if let Some(second) = second {
        revision += u8::from(model.rules.revision_an_operation);
        synced |= operations::apply(model, state, second, revision, &mut commit);
    }
    state.disk.revision = before.revision;
    if state.disk == before && commit == Commit::default() {
        // Refused, all of it: nothing is committed.
        return Some(());
    }
    state.disk.revision = revision;
    if synced {
        state.durable = state.disk;
    }
    if model.bounds.fills == Fills::None {
        // There is no cache to be told.
        commit.publish = Set::default();
    }
    state.commit = Some(commit);
    Some(())
}

/// Makes the cache say what was committed.
pub fn publish(model: &Model, state: &mut State, record: u8) {
    if let Some(commit) = &mut state.commit {
        commit.publish.remove(record);
    }
    if let Some(fill) = state.fill.as_mut().filter(|fill| fill.record == record) {
        fill.overtaken = true;
    }
    let Some(old) = state.cache[record] else { return };
    let new = on_disk(&state.disk, record);
    if new.record == old.record {
        // The same page; marks are raised in it, and whoever holds it sees them.
        state.cache[record] = Some(Cached { mark: new.mark, ..old });
        return;
    }
    cache::let_go(model, state, record, old);
    let is_kept = new.record.is_some() || model.bounds.fills == Fills::Absences;
    state.cache[record] = is_kept.then_some(new);
}

pub fn acknowledge(state: &mut State) -> Option<()> {
    let commit = state.commit.take()?;
    raise(state);
    for ack in commit.acks.iter() {
        match *ack {
            Ack::Announced(leaf, version) => state.application.acked[leaf] = version,
            Ack::Begun(leaf) => state.application.begun[leaf] += 1,
        }
    }
    Some(())
}

/// Lets readers rely on what is in the file.
pub fn raise(state: &mut State) {
    state.published.revision = state.disk.revision;
    state.published.stamps = state.disk.stamps;
    state.published.present = Set::default();
    for record in 0..RECORDS as u8 {
        if state.disk.present(record).is_some() {
            state.published.present.add(record);
        }
    }
}
