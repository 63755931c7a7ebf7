//! What the store tells of itself while it works.
//!
//! An [`Event`] is told in the thread in which it came about, at once, under no lock. What the
//! writer's thread finds is kept for the next thread that may call the application's code.

mod event;
mod observer;
#[cfg(feature = "tracing")]
mod trace;

pub use event::Event;
pub use observer::Observer;
pub(crate) use observer::{Events, is_telling};
