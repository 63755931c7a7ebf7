//! A path that the operating system refuses.

use std::io;
use std::path::Path;

use crate::error::Error;

/// Its reason, and what can be done about the common ones.
pub(super) fn refused(doing: &str, path: &Path, cause: io::Error) -> Error {
    let remedy = match cause.kind() {
        io::ErrorKind::NotFound => "its folder is not there: create that first",
        io::ErrorKind::IsADirectory => "give the path of a file in it",
        io::ErrorKind::NotADirectory => "a part of the path is a file: choose another path",
        io::ErrorKind::PermissionDenied => {
            "this user needs to read and write it and its folder; `Options::read_only` asks for \
             reading alone"
        }
        io::ErrorKind::StorageFull => "make room on the disk",
        _ => return Error::system(doing, path, cause),
    };
    Error::system(&format!("{doing} ({remedy})"), path, cause)
}
