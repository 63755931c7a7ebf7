//! What redb reports, as errors of the store.

use crate::error::Error;

use super::file::explain;
use super::shared::Shared;

/// An error of the file below, with the first fault that its backend met and the file's name.
pub(crate) fn storage_error(shared: &Shared, cause: impl Into<redb::Error>) -> Error {
    shared.at_file(explain(cause, shared.seal()))
}
