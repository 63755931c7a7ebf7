//! Which process opened the store.

use crate::error::{Error, ErrorKind, Result};

/// The process that opened the store.
///
/// After a `fork` parent and child share the lock, and both would commit over each other with every
/// check passing. So the child is refused where it would reach the file, and its destructors touch
/// neither the file nor the lock. Asking for the process id is a system call (about 100 ns), so
/// misses and writes ask, hits do not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HomeProcess(u32);

impl HomeProcess {
    pub(crate) fn here() -> Self {
        Self(std::process::id())
    }

    /// Refuses a process that was forked from the one that opened the store.
    pub(crate) fn check(self) -> Result<()> {
        if self.is_home() { Ok(()) } else { Err(Error::new(ErrorKind::Reopen, FORKED)) }
    }

    pub(crate) fn is_home(self) -> bool {
        std::process::id() == self.0
    }

    /// The same refusal for the calls of a storage backend.
    pub(super) fn check_io(self) -> std::io::Result<()> {
        if self.is_home() { Ok(()) } else { Err(std::io::Error::other(FORKED)) }
    }
}

const FORKED: &str =
    "this process was forked from the one that opened the store; open it again here";

#[cfg(test)]
impl HomeProcess {
    /// The view that a forked child has of its parent's store.
    pub(crate) fn elsewhere() -> Self {
        Self(std::process::id().wrapping_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forked_child_is_told_to_open_the_store_again() {
        assert!(HomeProcess::here().check().is_ok());
        let error = HomeProcess::elsewhere().check().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Reopen);
        assert!(error.to_string().contains("forked"));
        assert!(HomeProcess::elsewhere().check_io().is_err());
    }
}
