//! What the store may ask about its file while redb holds the backend.

use super::sums::Sums;
use crate::error::{Error, ErrorKind};
use crate::sync::Mutex;
use std::io;

/// The handle that the store keeps on the file below redb: redb owns the backend, drops errors at
/// close, and after the first failed call answers only "previous I/O error".
#[derive(Default)]
pub(crate) struct SealState {
    pub(super) sums: Sums,
    first: Mutex<Option<Fault>>,
    found: Mutex<Option<Found>>,
    end: Mutex<End>,
}

/// The first failure of a file, kept until somebody asks. An `io::Error` cannot be cloned.
#[derive(Clone, Debug)]
struct Fault {
    kind: ErrorKind,
    message: String,
}

impl Fault {
    fn to_error(&self) -> Error {
        Error::new(self.kind, self.message.clone())
    }
}

/// How the file was found, under the lock, before redb read anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// No byte in it, and it may be initialised.
    Empty,
    /// A valid seal.
    Sealed,
    /// Not closed cleanly.
    Unsealed {
        /// redb, by what the header says, is free to fall back behind the last acknowledged commit;
        /// or a seal and the header contradict each other.
        doubtful: bool,
        /// The flags that the header is to have when redb reads it, if they are others.
        flags: Option<u8>,
    },
}

/// How the backend ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum End {
    #[default]
    Open,
    /// Nothing was ever written through it; the file is as it was found.
    Untouched,
    Sealed,
    /// Closed without a seal: the next opening verifies the file.
    Unsealed,
}

impl std::fmt::Debug for SealState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealState {{ found: {:?}, end: {:?} }}", self.found(), self.end())
    }
}

impl SealState {
    /// The first thing that went wrong with the file, as an error without its path.
    pub(crate) fn first_error(&self) -> Option<Error> {
        self.first.lock().as_ref().map(Fault::to_error)
    }

    /// Why a call failed that the file had a part in: the first thing that went wrong with the file,
    /// if something did, since redb forgets it.
    pub(crate) fn reason(&self, error: Error) -> Error {
        match (error.kind(), self.first_error()) {
            (ErrorKind::System | ErrorKind::Reopen, Some(first)) => first.caused_by(error),
            _ => error,
        }
    }

    /// The memory that the sums take, to be charged to the budget.
    pub(crate) fn bytes(&self) -> usize {
        self.sums.bytes()
    }

    /// Whether the file was closed and carries a seal.
    #[cfg(test)]
    pub(crate) fn is_sealed(&self) -> bool {
        *self.end.lock() == End::Sealed
    }

    pub(super) fn is_sound(&self) -> bool {
        self.first.lock().is_none()
    }

    pub(super) fn found(&self) -> Option<Found> {
        *self.found.lock()
    }

    /// What the header's flags are to be when redb reads them, if not what they are.
    pub(super) fn flags(&self) -> Option<u8> {
        match self.found() {
            Some(Found::Unsealed { flags, .. }) => flags,
            _ => None,
        }
    }

    pub(super) fn find(&self, found: Found) {
        *self.found.lock() = Some(found);
    }

    pub(super) fn end(&self) -> End {
        *self.end.lock()
    }

    pub(super) fn end_as(&self, end: End) {
        *self.end.lock() = end;
    }

    /// Remembers what went wrong, if it is the first, and makes the I/O error that redb gets.
    pub(super) fn fail(&self, kind: ErrorKind, message: impl Into<String>) -> io::Error {
        let fault = Fault { kind, message: message.into() };
        let error = io::Error::other(fault.message.clone());
        self.first.lock().get_or_insert(fault);
        error
    }

    /// Remembers a failed call of the backend beneath.
    pub(super) fn failed(&self, doing: &str, cause: io::Error) -> io::Error {
        let kind = match cause.kind() {
            io::ErrorKind::UnexpectedEof => ErrorKind::Damaged,
            _ => ErrorKind::System,
        };
        self.fail(kind, format!("{doing}: {cause}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_wrong_with_the_file_first_is_the_reason_of_what_hangs_on_it() {
        let told = |kind| Error::new(kind, "a consequence");
        let state = SealState::default();
        assert_eq!(state.reason(told(ErrorKind::Reopen)).kind(), ErrorKind::Reopen);
        state.failed("reading", io::ErrorKind::UnexpectedEof.into());
        state.failed("syncing", io::Error::other("no tide"));
        for kind in [ErrorKind::System, ErrorKind::Reopen] {
            let reason = state.reason(told(kind));
            assert_eq!(reason.kind(), ErrorKind::Damaged, "{reason}");
            assert!(reason.to_string().contains("reading"), "{reason}");
        }
        let own = state.reason(told(ErrorKind::Input));
        assert_eq!(own.kind(), ErrorKind::Input, "it has nothing to do with the file: {own}");
        let other = SealState::default();
        other.failed("syncing", io::Error::other("no tide"));
        assert_eq!(other.first_error().unwrap().kind(), ErrorKind::System);
    }
}
