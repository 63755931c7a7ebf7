//! A path told step by step, with the revisions as they would be in an engine.

use std::fmt::Write;

use crate::contract::Fault;
use crate::model::Model;
use crate::operations::Operation;
use crate::search::start;
use crate::state::State;
use crate::steps::{self, Step};
use crate::topology::{ABSENT, Node, Value};

/// A line a step; the last says what is wrong.
pub fn told(model: &Model, path: &[Step], fault: &Fault) -> String {
    let mut text = String::new();
    let mut state = start(model);
    for (number, &step) in path.iter().enumerate() {
        let Some(next) = steps::take(model, &state, step) else { break };
        let _ = writeln!(text, "  {:>3}  {step}{}", number + 1, effect(&state, step, &next));
        state = next;
    }
    let application = &state.application;
    let _ = writeln!(
        text,
        "       => {fault}; versions acknowledged {:?}, there {:?}",
        application.acked.0, application.version.0
    );
    text
}

/// What a step has done, as far as its name does not say it.
fn effect(before: &State, step: Step, after: &State) -> String {
    match step {
        Step::Change(leaf) => format!(" to {}", after.application.version[leaf]),
        Step::Commit(operation) => committed(after, operation, None),
        Step::CommitPair(first, second) => committed(after, first, Some(second)),
        Step::Acknowledge => format!(" {}", after.published.revision),
        Step::BuildBegins(record) => {
            after.builds[record].map_or(String::new(), |build| format!(", S = {}", build.s))
        }
        Step::BuildReads(record) => {
            let seen = after.builds[record].and_then(|build| build.seen.last().copied());
            seen.map_or(String::new(), |seen| {
                let marked = if seen.marked { ", marked" } else { "" };
                let node = name(seen.node);
                format!(" {node}: {}{marked}, seen = {}", said(seen.value), seen.seen)
            })
        }
        Step::BuildEnds(record) => after.builds[record]
            .and_then(|build| build.made)
            .map_or(String::new(), |value| format!(" with {}", said(value))),
        Step::EvidenceLooks => match (&before.evidence, &after.evidence) {
            (_, Some(after)) => after.seen.last().map_or(String::new(), |seen| {
                format!(" at {}: unchanged, seen = {}", name(seen.node), seen.seen)
            }),
            _ => " at what has changed: no evidence".into(),
        },
        Step::FillEnds => {
            let record = before.fill.map_or(0, |fill| fill.record);
            let installed = before.cache[record] != after.cache[record];
            (if installed { ", installed" } else { ", not installed" }).into()
        }
        _ => String::new(),
    }
}

fn committed(after: &State, first: Operation, second: Option<Operation>) -> String {
    if after.commit.is_none() {
        return ": refused".into();
    }
    let mut text = format!(", revision {}", after.disk.revision);
    for operation in [Some(first), second].into_iter().flatten() {
        let (Operation::Store(record) | Operation::Spare(record)) = operation else { continue };
        if let Some(stored) = after.disk.records[record] {
            let mark = after.disk.marks[record];
            let _ = write!(text, ", {mark:?} (V = {}, C = {})", stored.v, stored.c);
        }
    }
    text
}

fn name(node: Node) -> String {
    match node {
        Node::Source(leaf) => format!("source {leaf}"),
        Node::Record(record) => format!("record {record}"),
        Node::View(view) => format!("view {view}"),
    }
}

fn said(value: Value) -> String {
    if value == ABSENT { "absent".into() } else { value.to_string() }
}
