//! Who reads what: nodes, edges, dependencies, marks, and the walk from a change to all that it
//! concerns.
//!
//! A plain kernel over values that somebody else stores. A page has two rows of its own, beside its
//! records: what these were built from ([`DepsRow`]) and which of them may not be believed
//! ([`MarkRow`]). Turned around, dependencies are edges: under each [`Node`] and each page that
//! reads it, which slots of the one read which of the other ([`EdgeRow`]). A [`Walk`] follows them
//! and raises marks; a record that nobody marked needs no look at its dependencies.

#[cfg(not(loom))]
mod bytes;
#[cfg(not(loom))]
mod cause;
mod colour;
#[cfg(not(loom))]
mod dependencies;
#[cfg(not(loom))]
mod deps_row;
#[cfg(not(loom))]
mod edge;
#[cfg(not(loom))]
mod edge_key;
#[cfg(all(any(test, fuzzing), not(loom)))]
#[cfg_attr(
    not(fuzzing),
    expect(unreachable_pub, dead_code, reason = "only fuzzing opens the door")
)]
mod fuzzing;
#[cfg(not(loom))]
mod levels;
#[cfg(not(loom))]
mod mark;
#[cfg(all(any(test, fuzzing), not(loom)))]
mod naive;
#[cfg(not(loom))]
mod node;
#[cfg(not(loom))]
mod observation;
#[cfg(not(loom))]
mod outcome;
#[cfg(not(loom))]
mod reading;
#[cfg(not(loom))]
mod seed;
#[cfg(not(loom))]
mod slot_runs;
#[cfg(all(test, not(loom)))]
mod tests;
#[cfg(not(loom))]
mod tries;
#[cfg(not(loom))]
mod walk;
#[cfg(not(loom))]
mod wanted;

#[cfg(not(loom))]
pub(crate) use cause::{Cause, Origin};
pub(crate) use colour::Colour;
#[cfg(not(loom))]
pub(crate) use dependencies::{Dependency, DependencySet, NodeReads};
#[cfg(not(loom))]
pub(crate) use deps_row::DepsRow;
#[cfg(not(loom))]
pub(crate) use edge::{EdgeRow, WHOLE};
#[cfg(not(loom))]
pub(crate) use edge_key::{edge_bounds, edge_key, kind_edge_bounds, split_edge};
#[cfg(all(fuzzing, not(loom)))]
pub use fuzzing::{rows_hold, walk_holds};
#[cfg(not(loom))]
pub(crate) use levels::levels;
#[cfg(not(loom))]
pub(crate) use mark::MarkRow;
#[cfg(not(loom))]
pub(crate) use node::{Node, NodeParts, is_kind, is_outside};
#[cfg(not(loom))]
pub(crate) use observation::Observation;
#[cfg(not(loom))]
pub(crate) use outcome::WalkOutcome;
#[cfg(not(loom))]
pub(crate) use reading::Reading;
#[cfg(not(loom))]
pub(crate) use seed::Seed;
#[cfg(not(loom))]
pub(crate) use tries::Tries;
#[cfg(not(loom))]
pub(crate) use walk::{Graph, Walk, reachable};
#[cfg(not(loom))]
pub(crate) use wanted::WantedRow;
