//! What opening does, and what it refuses without touching anything.

#![allow(clippy::unwrap_used, reason = "what fails in a helper fails the test that called it")]

mod common;

#[path = "opening/damage.rs"]
mod damage;
#[path = "opening/files.rs"]
mod files;
#[path = "opening/input.rs"]
mod input;
#[path = "opening/reading.rs"]
mod reading;
