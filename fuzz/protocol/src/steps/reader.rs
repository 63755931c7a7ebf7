//! A reader that waits for a flight: one that is under way when it begins, or one of its own.

use crate::contract;
use crate::look::colour_in_file;
use crate::model::Model;
use crate::state::{Mark, Reader, State};
use crate::steps::Step;

pub fn offer(model: &Model, state: &State, steps: &mut Vec<Step>) {
    match &state.reader {
        None if state.spent.readers < model.bounds.waiting_readers => {
            for record in 0..model.topology.records {
                let fresh = colour_in_file(&model.topology, &state.disk, record) == Mark::Fresh;
                if state.disk.present(record).is_none() || !fresh {
                    steps.push(Step::ReadBegins(record));
                }
            }
        }
        Some(reader) if reader.answer.is_some() => steps.push(Step::ReadReturns),
        _ => {}
    }
}

pub fn begin(state: &mut State, record: u8) {
    state.spent.readers += 1;
    state.reader = Some(Reader {
        record,
        began: state.published.revision,
        answer: None,
        moments: Default::default(),
    });
}

/// Time passes for the reader: what is true now may be answered, too.
pub fn pass(state: &mut State) {
    let now = contract::moment(state);
    if let Some(reader) = &mut state.reader
        && reader.moments.last() != Some(&now)
    {
        reader.moments.push(now);
    }
}
