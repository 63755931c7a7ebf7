//! Evidence: outside the writer somebody looks whether all that a suspect record was built from is
//! still as it was. The writer then decides, in its transaction, whether that still counts.

use crate::look::{colour, is_expired, look, on_disk};
use crate::model::Model;
use crate::small::Few;
use crate::state::{Evidence, Mark, Observation, State};
use crate::steps::Step;
use crate::time::Left;
use crate::topology::{Node, Nodes};

pub fn offer(model: &Model, state: &State, steps: &mut Vec<Step>) {
    match &state.evidence {
        None if state.spent.spares < model.bounds.spares => {
            for record in 0..model.topology.records {
                let held = on_disk(&state.disk, record);
                let colour = colour(&model.topology, state, record, &held);
                let wanted = colour == Mark::Suspect || colour == Mark::Fresh && is_expired(&held);
                if wanted && state.disk.present(record).is_some() {
                    steps.push(Step::EvidenceBegins(record));
                }
            }
        }
        Some(evidence) if evidence.left != Nodes::default() => steps.push(Step::EvidenceLooks),
        _ => {}
    }
}

pub fn begin(state: &mut State, record: u8) -> Option<()> {
    let stored = state.disk.present(record)?;
    state.evidence = Some(Evidence {
        record,
        s: stored.s,
        v: stored.v,
        old_life: false,
        left: stored.read,
        seen: Few::default(),
    });
    Some(())
}

/// Looks at what comes next. What is not as it was ends the search: the record must be built.
pub fn look_on(model: &Model, state: &mut State) -> Option<()> {
    let mut evidence = state.evidence?;
    let node = evidence.left.iter().next()?;
    evidence.left.remove(node);
    state.evidence = unchanged(model, state, node, evidence.v).map(|seen| {
        evidence.seen.push(seen);
        evidence
    });
    Some(())
}

fn unchanged(model: &Model, state: &State, node: Node, v: u8) -> Option<Observation> {
    let published = state.published.revision;
    let mut seen = Observation { node, seen: published, present: true, ..Observation::default() };
    match node {
        Node::Source(leaf) if state.disk.sources[leaf] > v => return None,
        Node::Source(_) => {}
        Node::Record(upstream) => {
            let found = look(&model.topology, state, upstream);
            match found.record {
                Some(record) if record.c > v => return None,
                Some(record) => seen.seen = published.max(record.c),
                None if model.rules.missing_never_spares => return None,
                None => seen.present = false,
            }
            if found.marked || found.expired && model.rules.expired_is_no_evidence {
                return None;
            }
            seen.left = found.record.map_or(Left::default(), |record| record.left);
        }
        Node::View(view) => {
            let stands = |member| look(&model.topology, state, member).stands();
            if state.disk.coarse[view] > v || !model.topology.members(view).all(stands) {
                return None;
            }
            let left = |member| {
                look(&model.topology, state, member).record.map_or(Left::default(), |it| it.left)
            };
            seen.left = model.topology.members(view).map(left).fold(Left::default(), Left::least);
        }
    }
    Some(seen)
}
