//! The store: one open file.

mod handle;

mod background;
mod upkeep;

pub use handle::Store;
