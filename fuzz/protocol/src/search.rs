//! The search: every state that can be reached, breadth first, so that the first fault found is one
//! with the fewest steps.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::contract::{self, Fault};
use crate::fingerprint::{self, AsIs, Fingerprint};
use crate::look::left_in_file;
use crate::model::{Model, Start};
use crate::rank::rank;
use crate::small::{Each, Few};
use crate::state::{Record, State};
use crate::steps::{self, Step};
use crate::topology::{ABSENT, Ask, Leaf, Node, Nodes, Value};

/// Where a search ends that would take more memory than it may.
pub const STATES_MAX: usize = 12_000_000;

/// How a search has ended.
#[derive(Clone, Debug)]
pub enum Found {
    /// No state breaks the contract, and all were seen.
    Sound,
    /// None of those that were seen; there are more.
    Capped,
    /// One does.
    Violation {
        /// What is wrong in it.
        fault: Fault,
        /// How it is reached.
        path: Vec<Step>,
    },
}

/// What a search has found, and what it took.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The result.
    pub found: Found,
    /// How many states were seen.
    pub states: usize,
    /// How many steps were taken.
    pub transitions: u64,
    /// How long it took.
    pub time: Duration,
}

/// Visits every state of the model.
pub fn search(model: &Model) -> Outcome {
    // Where the clock may be set back, a new revision is not above all that flights still hold.
    let ranked = model.rules.close_keeps_revision && model.bounds.lossy_reopenings == 0;
    visit(model, ranked)
}

/// With `ranked`, states that differ only in how far apart revisions are count as one.
fn visit(model: &Model, ranked: bool) -> Outcome {
    let known_as = |mut state: State| {
        if ranked {
            rank(&mut state);
        }
        state
    };
    let began = Instant::now();
    let mut seen = Seen::default();
    let mut queue = VecDeque::new();
    let mut transitions = 0;
    let first = known_as(start(model));
    let mut found = Found::Sound;
    seen.add(fingerprint::of(&first), None);
    queue.push_back((0, first));
    let mut offered = Vec::new();
    'search: while let Some((number, state)) = queue.pop_front() {
        offered.clear();
        steps::offer(model, &state, &mut offered);
        for &step in &offered {
            let Some(next) = steps::take(model, &state, step) else { continue };
            transitions += 1;
            let next = known_as(next);
            let Some(next_number) = seen.add(fingerprint::of(&next), Some((number, step))) else {
                continue;
            };
            if let Some(fault) = contract::check(model, &next) {
                found = Found::Violation { fault, path: seen.path(next_number) };
                break 'search;
            }
            queue.push_back((next_number, next));
        }
        if seen.origins.len() > STATES_MAX {
            found = Found::Capped;
            break;
        }
    }
    Outcome { found, states: seen.origins.len(), transitions, time: began.elapsed() }
}

#[derive(Default)]
struct Seen {
    /// State -> its number.
    numbers: HashMap<Fingerprint, u32, AsIs>,
    /// Number -> from where it was reached first, and how; the first state is its own origin.
    origins: Vec<(u32, Step)>,
}

impl Seen {
    /// Its number, if it is new.
    fn add(&mut self, state: Fingerprint, origin: Option<(u32, Step)>) -> Option<u32> {
        let Entry::Vacant(entry) = self.numbers.entry(state) else { return None };
        let number = self.origins.len() as u32;
        entry.insert(number);
        self.origins.push(origin.unwrap_or((0, Step::Sync)));
        Some(number)
    }

    fn path(&self, mut number: u32) -> Vec<Step> {
        let mut path = Vec::new();
        while number != 0 {
            let (origin, step) = self.origins[number as usize];
            path.push(step);
            number = origin;
        }
        path.reverse();
        path
    }
}

/// The state that the model begins with.
pub fn start(model: &Model) -> State {
    let mut state = State::default();
    if model.bounds.start == Start::Empty {
        return state;
    }
    let topology = &model.topology;
    let mut values: Each<Value, { crate::topology::RECORDS }> = Each::default();
    for record in 0..topology.records {
        let (mut told, mut read) = (Few::<Value, 4>::default(), Nodes::default());
        // Records read only those before them, so what they read is there.
        while let Some(ask) = (topology.asks)(record, &told) {
            let (node, value) = match ask {
                Ask::Source(leaf) => (Node::Source(leaf), 0),
                Ask::Record(upstream) => (Node::Record(upstream), values[upstream]),
                Ask::Peek(upstream) if upstream < record => {
                    (Node::Record(upstream), values[upstream])
                }
                Ask::Peek(upstream) => (Node::Record(upstream), ABSENT),
                Ask::Scan { view, record: member } => (Node::View(view), values[member]),
            };
            read.add(node);
            told.push(value);
        }
        match topology.own_leaf(record).map(|leaf| topology.leaves[leaf]) {
            Some(Leaf::Put(_)) => {}
            own => {
                if own.is_some() {
                    told.push(0);
                }
                values[record] = (topology.value)(record, &told);
            }
        }
        let revision = record + 1;
        state.disk.records[record] = Some(Record {
            value: values[record],
            s: record,
            v: revision,
            c: revision,
            read,
            tombstone: false,
            own: topology.own_time(record),
            left: read.iter().fold(topology.own_time(record), |left, node| {
                left.least(left_in_file(topology, &state.disk, node))
            }),
        });
        state.disk.coarse[topology.view_of[record]] = revision;
        state.disk.revision = revision;
        state.published.revision = revision;
        state.published.present.add(record);
    }
    state.durable = state.disk;
    state
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Expected, Size};
    use crate::models;

    /// Without renumbering a search takes many times as long, so only little ones are compared.
    #[test]
    fn ranking_revisions_changes_no_verdict() {
        let is_sound = |outcome: &Outcome| matches!(outcome.found, Found::Sound);
        let mut compared = 0;
        for model in models::all().iter().filter(|model| model.size == Size::Small) {
            let little = model.expected != Expected::Sound || model.topology.records == 1;
            if little && !model.name.starts_with("evidence") {
                assert_eq!(
                    is_sound(&visit(model, true)),
                    is_sound(&visit(model, false)),
                    "{}",
                    model.name
                );
                compared += 1;
            }
        }
        assert!(compared > 20, "{compared} models were little enough");
    }
}
