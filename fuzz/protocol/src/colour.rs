//! What the writer decides from observations, in its transaction: the colour of what was built,
//! and whether evidence spares. Both ask the same of what was seen.

use crate::look::{colour_in_file, is_marked_in_file, left_in_file};
use crate::model::Model;
use crate::rules::Forgotten;
use crate::state::{Build, Evidence, Mark, Observation, State};
use crate::time::Left;
use crate::topology::{Node, Topology};

/// The colour that a build's record is stored with. Its old mark plays no part.
pub fn at_store(model: &Model, state: &State, record: u8, build: &Build) -> Mark {
    let (topology, rules) = (&model.topology, &model.rules);
    let view = topology.view_of[record];
    let stale = build.seen.iter().any(|seen| has_changed(model, state, seen))
        || build.s < state.disk.stamps.stale_before[view]
        || rules.self_touch && state.touched.records[record] > build.s
        || rules.forgotten == Forgotten::Stale && build.s < state.touched.floor;
    if stale {
        return Mark::Stale;
    }
    let suspect = rules.forgotten == Forgotten::Suspect && build.s < state.touched.floor
        || build.seen.iter().any(|seen| {
            rules.marks_count_when_read && seen.marked
                || rules.marks_count_at_store && is_marked_now(topology, state, seen)
        });
    if suspect { Mark::Suspect } else { Mark::Fresh }
}

/// How long a build's record counts: by itself, and by what it read, as that stands now. What stands
/// is what was seen, so it may count longer by now; and if it was announced and built anew since,
/// less long.
pub fn time_at_store(model: &Model, state: &State, own: Left, seen: &[Observation]) -> Left {
    let rules = &model.rules;
    seen.iter().fold(own, |left, seen| {
        let whole = matches!(seen.node, Node::View(_));
        let read = if rules.times_when_read || whole { seen.left } else { Left::default() };
        let stands = left_in_file(&model.topology, &state.disk, seen.node);
        let stands = if rules.times_at_store && !whole { stands } else { Left::default() };
        left.least(read).least(stands)
    })
}

/// How long a record counts that is spared.
pub fn time_when_spared(model: &Model, state: &State, evidence: &Evidence) -> Left {
    let stored = state.disk.records[evidence.record].filter(|_| model.rules.sparing_keeps_own_time);
    let own = stored.map_or(Left::default(), |stored| stored.own);
    if model.rules.sparing_takes_times {
        time_at_store(model, state, own, &evidence.seen)
    } else {
        own
    }
}

/// Whether the record may be called fresh without being built.
pub fn is_spared(model: &Model, state: &State, evidence: &Evidence) -> bool {
    let (topology, rules, disk) = (&model.topology, &model.rules, &state.disk);
    if evidence.old_life && rules.lives_are_compared {
        return false;
    }
    let Some(stored) = disk.present(evidence.record) else { return false };
    if rules.evidence_checks_record && (stored.s, stored.v) != (evidence.s, evidence.v) {
        return false;
    }
    let colour = colour_in_file(topology, disk, evidence.record);
    if colour == Mark::Stale || colour == Mark::Fresh && !stored.left.is_over() {
        return false;
    }
    if time_when_spared(model, state, evidence).is_over() {
        return false;
    }
    evidence.seen.iter().all(|seen| {
        let changed = rules.evidence_checks_changes
            && (has_changed(model, state, seen) || seen.seen < state.touched.floor);
        let marked = rules.evidence_checks_marks && is_marked_now(topology, state, seen);
        !changed && !marked
    })
}

/// Whether the thing is another than it was when it was seen.
fn has_changed(model: &Model, state: &State, seen: &Observation) -> bool {
    let (rules, disk) = (&model.rules, &state.disk);
    if !rules.changes_are_compared {
        return false;
    }
    match seen.node {
        Node::Source(leaf) => state.touched.sources[leaf] > seen.seen,
        Node::View(view) => disk.coarse[view] > seen.seen,
        Node::Record(record) => {
            let now = disk.present(record);
            now.is_some_and(|now| now.c > seen.seen)
                || rules.presence_is_compared && now.is_some() != seen.present
        }
    }
}

fn is_marked_now(topology: &Topology, state: &State, seen: &Observation) -> bool {
    is_marked_in_file(topology, &state.disk, seen.node)
}
