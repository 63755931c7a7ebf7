//! What was acknowledged is there: after every cut of power, after every failure of the disk.

#![allow(clippy::unwrap_used, reason = "what fails in a helper fails the test that called it")]

mod common;

#[path = "durability/cuts.rs"]
mod cuts;
#[path = "durability/failures.rs"]
mod failures;
#[path = "durability/history.rs"]
mod history;
#[path = "durability/syncs.rs"]
mod syncs;
