//! Who reads what: nodes, edges, dependencies, marks, and the walk from a change to all that it
//! concerns.
//!
//! A plain kernel over values that somebody else stores. A page has two rows of its own, beside its
//! records: what these were built from ([`DepsRow`]) and which of them may not be believed
//! ([`MarkRow`]). Turned around, dependencies are edges: under each [`Node`] and each page that
//! reads it, which slots of the one read which of the other ([`EdgeRow`]). A [`Walk`] follows them
//! and raises marks; a record that nobody marked needs no look at its dependencies.

#![cfg_attr(
    not(loom),
    allow(
        dead_code,
        unused_imports,
        reason = "the file and the builds are being put on top of it"
    )
)]

#[cfg(not(loom))]
mod bytes;
mod colour;
#[cfg(not(loom))]
mod dependencies;
#[cfg(not(loom))]
mod deps_row;
#[cfg(not(loom))]
mod edge;
#[cfg(not(loom))]
mod mark;
#[cfg(not(loom))]
mod node;
#[cfg(not(loom))]
mod observation;
#[cfg(not(loom))]
mod slots;
#[cfg(not(loom))]
mod walk;

pub(crate) use colour::Colour;
#[cfg(not(loom))]
pub(crate) use dependencies::{DEPENDENCIES_MAX, Dependency, DependencySet};
#[cfg(not(loom))]
pub(crate) use deps_row::DepsRow;
#[cfg(not(loom))]
pub(crate) use edge::{EdgeRow, EdgeSpan, WHOLE};
#[cfg(not(loom))]
pub(crate) use mark::{Cause, MarkRow, Origin, Raised, SlotMark};
#[cfg(not(loom))]
pub(crate) use node::{Node, NodeParts, edge_bounds, edge_key, kind_edge_bounds, split_edge};
#[cfg(not(loom))]
pub(crate) use observation::Observation;
#[cfg(not(loom))]
pub(crate) use slots::SlotSet;
#[cfg(not(loom))]
pub(crate) use walk::{Graph, Seed, Walk, WalkOutcome, reachable};
