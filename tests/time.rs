//! Records that expire by themselves, and what that does to what was built from them.

#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test that called it")]

mod common;

#[path = "time/buckets.rs"]
mod buckets;
#[path = "time/expiry.rs"]
mod expiry;
#[path = "time/policies.rs"]
mod policies;
#[path = "time/random.rs"]
mod random;
#[path = "time/renewal.rs"]
mod renewal;
#[path = "time/world.rs"]
mod world;
