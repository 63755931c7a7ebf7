//! What is read: from memory, from the file, and built because somebody asked.

#![allow(clippy::unwrap_used, reason = "what fails in a test fails the test")]

mod common;

#[path = "reading/flights.rs"]
mod flights;
#[path = "reading/memory.rs"]
mod memory;
#[path = "reading/nesting.rs"]
mod nesting;
#[path = "reading/orders.rs"]
mod orders;
#[path = "reading/patterns.rs"]
mod patterns;
#[path = "reading/reads.rs"]
mod reads;
#[path = "reading/switch.rs"]
mod switch;
#[path = "reading/timelines.rs"]
mod timelines;
#[path = "reading/views.rs"]
mod views;
