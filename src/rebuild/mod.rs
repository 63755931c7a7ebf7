//! Builds under way: one for each bucket, however many want it.

mod chain;
mod engine;
mod flights;
mod name;

pub(crate) use chain::{enter, refuse_inside_build};
pub(crate) use engine::Engine;
pub(crate) use flights::{FlightKey, Joined, Lead, Unstored};
pub(crate) use name::BuildName;
