//! What builders build, in which order and why; step by step, or with threads.

#![expect(clippy::unwrap_used, reason = "what fails in a test fails the test")]

mod common;

#[path = "background/defects.rs"]
mod defects;
#[path = "background/kills.rs"]
mod kills;
#[path = "background/order.rs"]
mod order;
#[path = "background/requests.rs"]
mod requests;
#[path = "background/retries.rs"]
mod retries;
#[path = "background/threads.rs"]
mod threads;
#[path = "background/world.rs"]
mod world;
