//! What is to be built in the background, and what became of trying.
//!
//! The tables are the queue: marks say what has to be built again, requests what was never built,
//! stamps which views have to be looked through. Nothing of it is kept in memory; whoever works it
//! off asks for a little of it at a time and goes on by a key.

mod begun;
mod counts;
mod due;
mod failure;
mod rows;
mod sweep;
#[cfg(test)]
#[cfg(not(loom))]
mod tests;

pub(super) use begun::settle_begun;
pub use counts::BacklogCounts;
pub(crate) use counts::{
    NotedFailure, backlog, backlog_of, last_failures, levels, to_be_asked_for, tries, tries_in,
};
pub(crate) use due::{Due, due_marks, due_stamped, due_wanted};
pub(crate) use failure::Failure;
pub(super) use rows::{Backlog, open_if_there};
pub(crate) use sweep::{SweepState, sweep_of};
pub(super) use sweep::{note_sweep, swept_no_more};
