//! Everything on disk: the one place that names redb.

pub(crate) mod file;

pub(crate) use redb::{BackendError, StorageBackend};
