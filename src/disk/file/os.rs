//! The operating system's file.

use super::home::HomeProcess;
use super::pass::pass_locks_on;
use crate::disk::StorageBackend;
use redb::backends::FileBackend;
use std::fmt;
use std::fs::File;
use std::io;
#[cfg(unix)]
use std::os::unix::fs::MetadataExt;

/// A plain file, with two things that redb's own backend lacks: it fails to sync a file that was
/// unlinked, because what is acknowledged there would be gone with the last descriptor; and in a
/// forked child it neither writes nor releases the lock, which parent and child have in common.
///
/// Reading, writing and locking are redb's, positioned and on locks of the open file description.
pub(crate) struct OsFile {
    backend: FileBackend,
    /// The same open file description, to ask how many names it still has.
    file: File,
    home: HomeProcess,
}

impl OsFile {
    pub(crate) fn new(file: File) -> io::Result<Self> {
        Self::of(HomeProcess::here(), file)
    }

    pub(super) fn of(home: HomeProcess, file: File) -> io::Result<Self> {
        let asked = file.try_clone()?;
        let backend = FileBackend::new(file).map_err(io::Error::other)?;
        Ok(Self { backend, file: asked, home })
    }

    fn check_linked(&self) -> io::Result<()> {
        #[cfg(unix)]
        if self.file.metadata()?.nlink() == 0 {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                "the file was unlinked while it was open: nothing written to it will last",
            ));
        }
        Ok(())
    }
}

impl StorageBackend for OsFile {
    fn len(&self) -> io::Result<u64> {
        self.backend.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.backend.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.home.check_io()?;
        self.backend.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.home.check_io()?;
        self.check_linked()?;
        self.backend.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.home.check_io()?;
        self.backend.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        if !self.home.is_home() {
            return Ok(());
        }
        self.backend.close()
    }

    pass_locks_on!(self => self.backend);
}

impl fmt::Debug for OsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OsFile")
    }
}
