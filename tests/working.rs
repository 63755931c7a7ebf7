//! What is done ahead of readers: in the background, by runs and horizons, and what is done about failures.

#![allow(clippy::unwrap_used, reason = "what fails in a test fails the test")]

mod common;

#[path = "working/background/mod.rs"]
mod background;
#[path = "working/cleaning.rs"]
mod cleaning;
#[path = "working/failure/mod.rs"]
mod failure;
#[path = "working/horizon/mod.rs"]
mod horizon;
#[path = "working/runs/mod.rs"]
mod runs;
#[path = "working/warming.rs"]
mod warming;
