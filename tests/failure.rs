//! Builds that fail, that are too many, and that take too long.

#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test that called it")]

#[path = "failure/admission.rs"]
mod admission;
#[path = "failure/nested.rs"]
mod nested;
#[path = "failure/probe.rs"]
mod probe;
#[path = "failure/rest.rs"]
mod rest;
#[path = "failure/slow.rs"]
mod slow;
#[path = "failure/world.rs"]
mod world;
