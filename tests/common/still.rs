//! Stores without builders: nothing is built but what the test has built.

use std::path::Path;

use tidetable::{Options, Result, Store};

/// The default options, with no thread that builds.
pub(crate) fn options() -> Options {
    Options { builders: 0, ..Options::default() }
}

pub(crate) fn in_memory() -> Result<Store> {
    Store::in_memory_with(options())
}

pub(crate) fn open(path: impl AsRef<Path>) -> Result<Store> {
    Store::open_with(path, options())
}
