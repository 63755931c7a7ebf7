//! The folder in which a file has its name.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Makes the names in a folder last.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes the name of a file last that somebody else has made, perhaps a moment ago. Links are followed
/// to where that is. A folder that may not be read cannot be synced by us: who made a file there could.
/// Nor can any where the file system knows of no such thing, and there no store is created.
pub(super) fn sync_of(path: &Path) -> io::Result<()> {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    let path = fs::canonicalize(path)?;
    match path.parent().map_or(Ok(()), sync) {
        Err(cause) if matches!(cause.kind(), PermissionDenied | InvalidInput | Unsupported) => {
            Ok(())
        }
        synced => synced,
    }
}
