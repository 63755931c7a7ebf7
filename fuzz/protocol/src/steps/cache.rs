//! The cache: fills, evictions, and a thread's shortcut past it.

use crate::look::on_disk;
use crate::model::{Fills, Model};
use crate::state::{Cached, Fill, Held, State};
use crate::steps::Step;

pub fn offer(model: &Model, state: &State, steps: &mut Vec<Step>) {
    let bounds = &model.bounds;
    for record in 0..model.topology.records {
        match state.cache[record] {
            None => {
                let is_there = state.disk.records[record].is_some();
                let fillable = match bounds.fills {
                    Fills::None => false,
                    Fills::Records => is_there,
                    Fills::Absences => true,
                };
                if fillable && state.fill.is_none() {
                    steps.push(Step::FillBegins(record));
                }
            }
            Some(_) => {
                if state.spent.evictions < bounds.evictions {
                    steps.push(Step::Evict(record));
                }
                if bounds.shortcuts && state.shortcut.is_none() {
                    steps.push(Step::Keep(record));
                }
            }
        }
    }
    match state.fill {
        None => {}
        Some(Fill { read: None, .. }) => steps.push(Step::FillReads),
        Some(Fill { read: Some(_), .. }) => steps.push(Step::FillEnds),
    }
}

pub fn begin_fill(state: &mut State, record: u8) {
    state.fill = Some(Fill { record, overtaken: false, old_life: false, read: None });
}

pub fn read_file(state: &mut State) -> Option<()> {
    let fill = state.fill.as_mut()?;
    fill.read = Some(on_disk(&state.disk, fill.record));
    Some(())
}

/// What may not be installed has served this reader all the same.
pub fn end_fill(model: &Model, state: &mut State) -> Option<()> {
    let fill = state.fill.take()?;
    let overtaken = fill.overtaken && model.rules.tickets;
    let of_another_life = fill.old_life && model.rules.lives_are_compared;
    if !overtaken && !of_another_life && state.cache[fill.record].is_none() {
        state.cache[fill.record] = fill.read;
    }
    Some(())
}

pub fn evict(model: &Model, state: &mut State, record: u8) {
    state.spent.evictions += 1;
    if let Some(page) = state.cache[record].take() {
        let_go(model, state, record, page);
    }
}

pub fn keep(state: &mut State, record: u8) {
    state.shortcut = Some((record, Held::Shared));
}

/// A page leaves the cache. It is flagged first: who has a way to it sees that and asks again.
pub fn let_go(model: &Model, state: &mut State, record: u8, page: Cached) {
    if state.shortcut == Some((record, Held::Shared)) {
        let alone = Some((record, Held::Alone(page)));
        state.shortcut = if model.rules.retired_flag { None } else { alone };
    }
}
