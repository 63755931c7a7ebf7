//! What a record says of itself: from what it was built, what was announced, when it expires.

#![allow(clippy::unwrap_used, reason = "what fails in a test fails the test")]

mod common;

#[path = "freshness/contract.rs"]
mod contract;
#[path = "freshness/dependencies.rs"]
mod dependencies;
#[path = "freshness/time/mod.rs"]
mod time;
