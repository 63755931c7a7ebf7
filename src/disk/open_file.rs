//! The file of an opening: reading it, and whether it may be written.

use std::fmt;
use std::path::{Path, PathBuf};

use redb::{Database, ReadOnlyTable, ReadTransaction, ReadableDatabase};

use crate::error::{Error, ErrorKind, Result};
use crate::sync::{Arc, Mutex, RwLock};

use super::file::{HomeProcess, SealState, explain};
use super::latest::Latest;
use super::tables::{MARKS, PAGES};

/// A file while it is open, and what is left of it when it is closed: why.
#[derive(Debug)]
pub(crate) struct OpenFile {
    /// Where it is; `None` for one in memory or on a backend of the caller's.
    path: Option<PathBuf>,
    /// Gone once the store is closed. Readers hold the lock for one read; nobody waits under it for
    /// anything but the disk.
    database: RwLock<Option<Database>>,
    /// What loads look at. Gone before the database is.
    latest: Latest<Snapshot>,
    seal: Arc<SealState>,
    home: HomeProcess,
    read_only: bool,
    /// Why nothing may be written any more in this opening.
    latch: Mutex<Option<Error>>,
}

/// A read transaction, with the tables that every load asks.
pub(super) struct Snapshot {
    pub(super) pages: ReadOnlyTable<&'static [u8], &'static [u8]>,
    pub(super) marks: ReadOnlyTable<&'static [u8], &'static [u8]>,
    pub(super) txn: ReadTransaction,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Snapshot")
    }
}

impl OpenFile {
    pub(crate) fn new(
        path: Option<PathBuf>,
        database: Database,
        seal: Arc<SealState>,
        home: HomeProcess,
        read_only: bool,
    ) -> Self {
        let (latest, latch) = (Latest::new(), Mutex::new(None));
        Self { path, database: RwLock::new(Some(database)), latest, seal, home, read_only, latch }
    }

    /// Runs one read.
    pub(crate) fn read<T>(&self, body: impl FnOnce(&ReadTransaction) -> Result<T>) -> Result<T> {
        self.home.check()?;
        let database = self.database.read();
        let database = database.as_ref().ok_or_else(closed)?;
        let txn = database.begin_read().map_err(|cause| self.storage_error(cause))?;
        body(&txn).map_err(|error| self.reason(error))
    }

    /// Looks at pages and marks as the last commit left them, or a later one: as one transaction, that
    /// sees everything that was published before this call.
    pub(super) fn look<T>(&self, body: impl FnOnce(&Snapshot) -> Result<T>) -> Result<T> {
        self.home.check()?;
        let database = self.database.read();
        let database = database.as_ref().ok_or_else(closed)?;
        let snapshot = self.latest.get(|| {
            let failed = |cause: redb::Error| self.storage_error(cause);
            let txn = database.begin_read().map_err(|cause| failed(cause.into()))?;
            let open = |table| txn.open_table(table).map_err(|cause| failed(cause.into()));
            Ok(Snapshot { pages: open(PAGES)?, marks: open(MARKS)?, txn })
        })?;
        body(&snapshot).map_err(|error| self.reason(error))
    }

    /// Behind each commit, and before anything of it is published: later looks see it.
    pub(super) fn committed(&self) {
        self.latest.pass();
    }

    /// Lends the database to the writer for one transaction.
    pub(super) fn with_database<T>(&self, body: impl FnOnce(&Database) -> Result<T>) -> Result<T> {
        let database = self.database.read();
        body(database.as_ref().ok_or_else(closed)?)
    }

    /// Takes the database out: whoever comes later finds the store closed.
    pub(crate) fn take(&self) -> Option<Database> {
        let mut database = self.database.write();
        if self.home.is_home() {
            self.latest.pass();
        }
        database.take()
    }

    /// Refuses writes in a forked child, in a store opened to read, and after a failed sync.
    pub(crate) fn check_writable(&self) -> Result<()> {
        self.home.check()?;
        if self.read_only {
            let refusal = Error::new(
                ErrorKind::Input,
                "the store was opened to read only; open it without `read_only` to write",
            );
            return Err(self.at_file(refusal));
        }
        match &*self.latch.lock() {
            None => Ok(()),
            Some(cause) => Err(cause.clone()),
        }
    }

    /// From here on nothing is written in this opening. The first cause stays.
    pub(super) fn latch(&self, cause: &Error) {
        let mut latch = self.latch.lock();
        if latch.is_none() {
            let message = format!(
                "writing has stopped because a write or sync failed ({cause}); its outcome is \
                 unknown until the store is closed and opened again"
            );
            let latched = Error::new(ErrorKind::Reopen, message).caused_by(cause.clone());
            *latch = Some(self.at_file(latched));
        }
    }

    /// The error that stopped writing, if one did.
    pub(crate) fn latched(&self) -> Option<Error> {
        self.latch.lock().clone()
    }

    /// An error of redb's as one of ours: with the first fault that the file's backend met, which
    /// redb forgets, and the file's name.
    pub(crate) fn storage_error(&self, cause: impl Into<redb::Error>) -> Error {
        self.at_file(explain(cause, &self.seal))
    }

    /// Why a call failed, where it is the file's fault: with the file's name.
    fn reason(&self, error: Error) -> Error {
        match self.first_fault() {
            Some(_) => self.at_file(self.seal.reason(error)),
            None => error,
        }
    }

    /// The first fault that the file's backend met, if any.
    pub(super) fn first_fault(&self) -> Option<Error> {
        self.seal.first_error().map(|error| self.at_file(error))
    }

    /// Where it is, if it is anywhere.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Names it in an error.
    pub(crate) fn at_file(&self, error: Error) -> Error {
        match &self.path {
            Some(path) => error.at_file(path),
            None => error,
        }
    }

    pub(crate) fn home(&self) -> &HomeProcess {
        &self.home
    }

    pub(crate) fn seal(&self) -> &SealState {
        &self.seal
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        // A forked child ends no transaction of its parent's: a lock may be held there for ever.
        if !self.home.is_home() {
            self.latest.forget();
        }
    }
}

/// What every call gets once the store is closed.
pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Reopen, "the store is closed; open it again")
}
