//! Everything that an application announces or promises about its data, and what comes of it.

#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test that called it")]

mod common;

#[path = "changes/announce.rs"]
mod announce;
#[path = "changes/change.rs"]
mod change;
#[path = "changes/durability.rs"]
mod durability;
#[path = "changes/input.rs"]
mod input;
#[path = "changes/leftovers.rs"]
mod leftovers;
#[path = "changes/limits.rs"]
mod limits;
#[path = "changes/random.rs"]
mod random;
#[path = "changes/reconcile.rs"]
mod reconcile;
#[path = "changes/retention.rs"]
mod retention;
#[path = "changes/scopes.rs"]
mod scopes;
#[path = "changes/seal.rs"]
mod seal;
#[path = "changes/threads.rs"]
mod threads;
#[path = "changes/versions.rs"]
mod versions;
#[path = "changes/wholes.rs"]
mod wholes;
#[path = "changes/world.rs"]
mod world;
