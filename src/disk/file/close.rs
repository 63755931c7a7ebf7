//! Closing, which in redb is a destructor that reports nothing.

use super::fault::guarded;
use super::home::HomeProcess;
use super::state::{End, SealState};
use crate::error::{Error, ErrorKind, Result};

/// Closes the database and says how that went: the first thing that ever went wrong with this
/// opening of the file, or that it could not be sealed. In both cases all that was synced is there,
/// and the next opening verifies the file.
///
/// In a forked child the database is leaked instead: its destructor would write to a file, and
/// release a lock, that the parent still uses.
pub(crate) fn close(database: redb::Database, seal: &SealState, home: HomeProcess) -> Result<()> {
    if let Err(forked) = home.check() {
        std::mem::forget(database);
        return Err(forked);
    }
    let dropped = guarded("closing the file", || drop(database));
    if let Some(first) = seal.first_error() {
        return Err(first);
    }
    dropped?;
    match seal.end() {
        End::Sealed | End::Untouched => Ok(()),
        End::Open => Err(Error::new(
            ErrorKind::Input,
            "a write transaction is still at work: the file closes when it ends",
        )),
        End::Unsealed => Err(Error::new(
            ErrorKind::Reopen,
            "the file was not closed cleanly: the next opening verifies it, which takes longer",
        )),
    }
}

/// Drops a database whose opening failed; the failure that led here is the one to report.
pub(super) fn discard(database: redb::Database) {
    let _ = guarded("closing the file", || drop(database));
}
