//! The store: one open file.

mod handle;
mod upkeep;

pub use handle::Store;
