//! Runs: large work whose progress is in the file.

mod background;
mod crashes;
mod listing;
mod precompute;
mod refresh;
mod sun;
mod turning;
