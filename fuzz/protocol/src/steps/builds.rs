//! Builds: user code that reads what it asks for, step by step, while everything else goes on.

use crate::look::{colour_in_file, is_expired, look, on_disk};
use crate::model::Model;
use crate::rules::Seen;
use crate::small::Few;
use crate::state::{Build, Mark, Observation, State};
use crate::steps::Step;
use crate::time::Left;
use crate::topology::{ABSENT, Ask, Node, Topology, Value};

pub fn offer(model: &Model, state: &State, steps: &mut Vec<Step>) {
    for record in 0..model.topology.records {
        match &state.builds[record] {
            None if may_begin(model, state, record) => steps.push(Step::BuildBegins(record)),
            None => {}
            Some(build) if build.made.is_some() => {}
            Some(build) => match next(&model.topology, record, build) {
                _ if must_note(model, record, build) => steps.push(Step::BuildNotes(record)),
                Some(_) => steps.push(Step::BuildReads(record)),
                None => steps.push(Step::BuildEnds(record)),
            },
        }
    }
}

fn may_begin(model: &Model, state: &State, record: u8) -> bool {
    let begun = state.spent.builds[record];
    let is_wanted = state.disk.present(record).is_none()
        || colour_in_file(&model.topology, &state.disk, record) != Mark::Fresh
        || is_expired(&on_disk(&state.disk, record))
        || begun < model.bounds.needless_builds;
    is_wanted && begun < model.bounds.builds[record] && !model.topology.is_put(record)
}

fn must_note(model: &Model, record: u8, build: &Build) -> bool {
    let is_done = next(&model.topology, record, build).is_none();
    match model.rules.seen {
        Seen::Before => build.noted.is_none() && !is_done,
        Seen::AtOnce => false,
        Seen::After => build.seen.iter().any(|seen| seen.unnoted),
    }
}

fn told(build: &Build) -> Few<Value, 4> {
    let mut values = Few::default();
    for seen in build.seen.iter() {
        values.push(seen.value);
    }
    values
}

fn next(topology: &Topology, record: u8, build: &Build) -> Option<Ask> {
    (topology.asks)(record, &told(build))
}

pub fn begin(model: &Model, state: &mut State, record: u8) {
    state.spent.builds[record] += 1;
    let (s, own) = (state.published.revision, model.topology.own_time(record));
    state.builds[record] = Some(Build { s, own, ..Build::default() });
}

pub fn note(model: &Model, state: &mut State, record: u8) -> Option<()> {
    let published = state.published.revision;
    let build = state.builds[record].as_mut()?;
    if model.rules.seen == Seen::Before {
        build.noted = Some(published);
        return Some(());
    }
    for seen in build.seen.iter_mut().filter(|seen| seen.unnoted) {
        seen.seen = seen.seen.max(published);
        seen.unnoted = false;
    }
    Some(())
}

pub fn read(model: &Model, state: &mut State, record: u8) -> Option<()> {
    let mut build = state.builds[record]?;
    let published = build.noted.take().unwrap_or(state.published.revision);
    match next(&model.topology, record, &build)? {
        Ask::Source(leaf) => build.seen.push(Observation {
            node: Node::Source(leaf),
            value: state.application.version[leaf],
            // The data is not the engine's: all that is known is that it was read after the build
            // began.
            seen: build.s,
            present: true,
            ..Observation::default()
        }),
        Ask::Record(upstream) => {
            let found = observe(model, state, Node::Record(upstream), upstream, published)?;
            build.seen.push(Some(found).filter(|found| found.present)?);
        }
        Ask::Peek(upstream) => {
            build.seen.push(observe(model, state, Node::Record(upstream), upstream, published)?);
        }
        Ask::Scan { view, record: member } => {
            let mut found = observe(model, state, Node::View(view), member, published)?;
            // One walk through the view, one `seen`: from before its first look.
            let before = build.seen.iter().find(|seen| seen.node == found.node);
            found.seen = before.map_or(published, |before| before.seen);
            if let Some(member) = look(&model.topology, state, member).record
                && !model.rules.coarse_seen_is_published
            {
                found.seen = found.seen.max(member.c);
                for seen in build.seen.iter_mut().filter(|seen| seen.node == found.node) {
                    seen.seen = found.seen;
                }
            }
            build.seen.push(found);
        }
    }
    // Nothing that happens between the last read and the end matters to a build that is told no
    // more; so it ends here.
    let is_told_more =
        model.topology.own_leaf(record).is_some() || must_note(model, record, &build);
    let ends = !is_told_more && next(&model.topology, record, &build).is_none();
    state.builds[record] = Some(build);
    if ends { end(model, state, record) } else { Some(()) }
}

/// None where the build has to wait until the record is fresh.
fn observe(
    model: &Model,
    state: &State,
    node: Node,
    upstream: u8,
    published: u8,
) -> Option<Observation> {
    let found = look(&model.topology, state, upstream);
    if !found.stands() && !model.bounds.builds_take_marked {
        return None;
    }
    let mut observation = Observation {
        node,
        value: found.record.map_or(ABSENT, |record| record.value),
        seen: published,
        unnoted: false,
        present: found.record.is_some(),
        marked: found.marked,
        left: found.record.map_or(Left::default(), |record| record.left),
    };
    // What is not yet published may have been seen already; then so was all before it.
    let c = found.record.map_or(0, |record| record.c);
    if model.rules.seen == Seen::After {
        observation.seen = c;
        observation.unnoted = true;
    } else {
        observation.seen = published.max(c);
    }
    Some(observation)
}

pub fn end(model: &Model, state: &mut State, record: u8) -> Option<()> {
    let build = state.builds[record].as_mut()?;
    let mut values = told(build);
    if let Some(leaf) = model.topology.own_leaf(record) {
        values.push(state.application.version[leaf]);
    }
    build.made = Some((model.topology.value)(record, &values));
    build.noted = None;
    Some(())
}
