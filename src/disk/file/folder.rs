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
pub(super) fn sync_of(path: &Path) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    let Some(folder) = path.parent() else { return Ok(()) };
    match File::open(folder) {
        Err(cause) if cause.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        opened => opened?.sync_all(),
    }
}
