//! Runs: large work whose progress is in the file.

#![allow(clippy::unwrap_used, reason = "what fails in a helper fails the test that called it")]

mod common;

#[path = "runs/background.rs"]
mod background;
#[path = "runs/crashes.rs"]
mod crashes;
#[path = "runs/listing.rs"]
mod listing;
#[path = "runs/precompute.rs"]
mod precompute;
#[path = "runs/refresh.rs"]
mod refresh;
#[path = "runs/sun.rs"]
mod sun;
#[path = "runs/turning.rs"]
mod turning;
