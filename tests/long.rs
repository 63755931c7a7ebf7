//! What is tried at length where the engine is optimised, and briefly where it is not: programs and
//! histories as many as the environment says, and what needs a hundred thousand pages.

mod common;

#[path = "long/history.rs"]
mod history;
#[path = "long/model.rs"]
mod model;
#[path = "long/programs/mod.rs"]
mod programs;
#[path = "long/scale.rs"]
mod scale;
