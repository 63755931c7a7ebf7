//! What the writer decides from observations, in its transaction: the colour of what was built,
//! and whether evidence spares. Both ask the same of what was seen.

use crate::look::{colour_in_file, is_marked_in_file};
use crate::model::Model;
use crate::rules::Forgotten;
use crate::state::{Build, Evidence, Mark, Observation, State};
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
    if colour_in_file(topology, disk, evidence.record) != Mark::Suspect {
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
