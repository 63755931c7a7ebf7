//! What must hold in every state: what is fresh is true, and marks are closed over readers.

use std::fmt;

use crate::look::{colour, is_expired, is_marked_in_file, on_disk};
use crate::model::{Expected, Model};
use crate::small::Few;
use crate::state::{Cached, Held, Mark, Moment, State};
use crate::topology::{ABSENT, Ask, Leaf, Node, RECORDS, Topology, Value};

/// A state that breaks the contract.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Called fresh, and no build would give it.
    Untrue {
        /// Which record.
        record: u8,
        /// What it says.
        value: Value,
        /// Who says so.
        from: &'static str,
    },
    /// A marked thing with a reader that is not marked.
    NotClosed {
        /// What is marked.
        node: Node,
        /// Who has read it.
        reader: u8,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Untrue { record, value: ABSENT, from } => {
                write!(f, "record {record} is called absent and fresh by {from}")
            }
            Fault::Untrue { record, value, from } => {
                write!(f, "record {record} = {value} is called fresh by {from}")
            }
            Fault::NotClosed { node, reader } => {
                write!(f, "{node:?} is marked and its reader {reader} is not")
            }
        }
    }
}

/// What may be said in this state: of each leaf a version between what was acknowledged and what
/// there is, of each record that it is there or not, as far as a commit is not yet published.
pub fn moment(state: &State) -> Moment {
    let mut moment = Moment {
        acked: state.application.acked,
        version: state.application.version,
        ..Moment::default()
    };
    for record in 0..RECORDS as u8 {
        let (was, is) = (state.published.present.has(record), state.disk.present(record).is_some());
        if was || is {
            moment.may_be_present.add(record);
        }
        if !was || !is {
            moment.may_be_absent.add(record);
        }
    }
    moment
}

/// The first thing that is wrong, if any.
pub fn check(model: &Model, state: &State) -> Option<Fault> {
    let topology = &model.topology;
    let now = moment(state);
    for record in 0..topology.records {
        let page = on_disk(&state.disk, record);
        let cached = state.cache[record].map(|page| (page, "the cache"));
        for (page, from) in cached.into_iter().chain([(page, "the file")]) {
            if let Some(fault) = untrue(topology, state, &now, record, &page, from) {
                return Some(fault);
            }
        }
    }
    if let Some((record, Held::Alone(page))) = &state.shortcut
        && let Some(fault) = untrue(topology, state, &now, *record, page, "a thread's shortcut")
    {
        return Some(fault);
    }
    if let Some(reader) = &state.reader
        && let Some(value) = reader.answer
        && !reader.moments.iter().any(|then| possible(topology, reader.record, then).has(value))
    {
        return Some(Fault::Untrue { record: reader.record, value, from: "a flight" });
    }
    // A rule that is broken must be seen to break what users are promised, not only this.
    if model.expected == Expected::Sound { not_closed(topology, state) } else { None }
}

fn untrue(
    topology: &Topology,
    state: &State,
    now: &Moment,
    record: u8,
    place: &Cached,
    from: &'static str,
) -> Option<Fault> {
    let value = place.record.filter(|record| !record.tombstone)?.value;
    let is_fresh = colour(topology, state, record, place) == Mark::Fresh && !is_expired(place);
    let untrue = is_fresh && !possible(topology, record, now).has(value);
    untrue.then_some(Fault::Untrue { record, value, from })
}

fn not_closed(topology: &Topology, state: &State) -> Option<Fault> {
    for reader in 0..topology.records {
        let Some(stored) = state.disk.records[reader] else { continue };
        if is_marked_in_file(topology, &state.disk, Node::Record(reader)) {
            continue;
        }
        for node in stored.read.iter() {
            if is_marked_in_file(topology, &state.disk, node) {
                return Some(Fault::NotClosed { node, reader });
            }
        }
    }
    None
}

/// The values that a build may give at a moment, as bits.
#[derive(Clone, Copy, Default)]
pub struct Values(u64);

impl Values {
    fn has(self, value: Value) -> bool {
        self.0 & 1 << value != 0
    }

    fn add(&mut self, value: Value) {
        self.0 |= 1 << value;
    }

    fn iter(self) -> impl Iterator<Item = Value> {
        (0..64).filter(move |&value| self.has(value))
    }
}

/// Every value that the record's build would give over upstream records built likewise. A leaf that
/// is being changed may be read before and after, in one build, by turns.
pub fn possible(topology: &Topology, record: u8, then: &Moment) -> Values {
    let mut values = Values::default();
    if let Some(leaf) = topology.own_leaf(record)
        && topology.leaves[leaf] == Leaf::Put(record)
    {
        (then.acked[leaf]..=then.version[leaf]).for_each(|version| values.add(version));
        return values;
    }
    extend(topology, record, then, Few::default(), &mut values);
    values
}

/// Goes on from what the build was told so far.
fn extend(
    topology: &Topology,
    record: u8,
    then: &Moment,
    told: Few<Value, 4>,
    values: &mut Values,
) {
    let mut tell = |value| {
        let mut told = told;
        told.push(value);
        extend(topology, record, then, told, values);
    };
    match (topology.asks)(record, &told) {
        Some(Ask::Source(leaf)) => (then.acked[leaf]..=then.version[leaf]).for_each(tell),
        Some(Ask::Record(upstream)) => possible(topology, upstream, then).iter().for_each(tell),
        Some(Ask::Peek(upstream) | Ask::Scan { record: upstream, .. }) => {
            if then.may_be_absent.has(upstream) {
                tell(ABSENT);
            }
            if then.may_be_present.has(upstream) {
                possible(topology, upstream, then).iter().for_each(tell);
            }
        }
        None => match topology.own_leaf(record) {
            None => values.add((topology.value)(record, &told)),
            Some(leaf) => {
                for version in then.acked[leaf]..=then.version[leaf] {
                    let mut told = told;
                    told.push(version);
                    values.add((topology.value)(record, &told));
                }
            }
        },
    }
}
