//! Horizons: days that a view keeps filled by itself.

#![allow(clippy::unwrap_used, reason = "what fails in a helper fails the test that called it")]

mod common;

#[path = "horizon/completeness.rs"]
mod completeness;
#[path = "horizon/days.rs"]
mod days;
#[path = "horizon/entities.rs"]
mod entities;
#[path = "horizon/failures.rs"]
mod failures;
#[path = "horizon/gaps.rs"]
mod gaps;
#[path = "horizon/order.rs"]
mod order;
#[path = "horizon/restarts.rs"]
mod restarts;
#[path = "horizon/threads.rs"]
mod threads;
#[path = "horizon/world.rs"]
mod world;
