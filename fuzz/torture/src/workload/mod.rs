//! Seeded work with a small store, and what may be found of it afterwards.

mod app;
mod history;
mod opened;
mod recipes;
mod seen;
mod step;
mod truth;
mod work;

pub use history::{Held, History};
pub use opened::{Opened, SAID, said};
pub use step::Step;
pub use work::Work;
