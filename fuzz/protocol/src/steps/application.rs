//! The application changes its data. It announces that later, through the writer.

use crate::model::Model;
use crate::state::State;
use crate::steps::Step;
use crate::topology::{LEAVES, Leaf};

pub fn offer(model: &Model, state: &State, steps: &mut Vec<Step>) {
    for leaf in 0..LEAVES as u8 {
        if matches!(model.topology.leaves[leaf], Leaf::Unused | Leaf::Put(_)) {
            continue;
        }
        let version = state.application.version[leaf];
        let allowed = if model.bounds.intents {
            // Not before the intent is acknowledged.
            state.application.begun[leaf]
        } else {
            model.bounds.changes[leaf]
        };
        if version < allowed {
            steps.push(Step::Change(leaf));
        }
    }
}

pub fn change(state: &mut State, leaf: u8) {
    state.application.version[leaf] += 1;
}
