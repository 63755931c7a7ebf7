//! The kernels of tidetable by themselves, as the crate has them: they know neither file nor view, so
//! they build in seconds where the whole takes a minute, and a thousand mutants can be tried of them.
//!
//! ```sh
//! cargo mutants -p kernels
//! ```

#![allow(dead_code, unused_imports, reason = "those who use the kernels are not here")]

#[macro_use]
#[path = "../../../src/mutant.rs"]
mod mutant;
#[cfg(test)]
#[path = "../../../src/corpus.rs"]
mod corpus;

#[path = "../../../src/error.rs"]
mod error;
#[path = "../../../src/sync/mod.rs"]
mod sync;

#[path = "../../../src/freshness.rs"]
mod freshness;
#[path = "../../../src/revision.rs"]
mod revision;
#[path = "../../../src/time/mod.rs"]
mod time;

#[path = "../../../src/key/mod.rs"]
mod key;
#[path = "../../../src/metrics/mod.rs"]
mod metrics;

#[path = "../../../src/grid/mod.rs"]
mod grid;
#[path = "../../../src/page/mod.rs"]
mod page;

#[path = "../../../src/graph/mod.rs"]
mod graph;

#[path = "../../../src/cache/mod.rs"]
mod cache;

pub use error::{Error, ErrorKind, Result};
pub use grid::{Bucket, Grid};
