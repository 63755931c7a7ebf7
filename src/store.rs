//! The store: one open file.

use std::fmt;
use std::path::Path;

use crate::disk::operations::DropView;
use crate::disk::{StorageBackend, VIEWS, view_rows};
use crate::error::{Error, Result};
use crate::key::EntityKey;
use crate::metrics::Metrics;
use crate::options::Options;
use crate::page::RecordType;
use crate::rebuild::{Engine, refuse_inside_build};
use crate::revision::Revision;
use crate::sync::Arc;
use crate::view::ViewDefinition;

/// One open file with its cache and its writer.
///
/// Handles are cheap to clone. The store closes when [`close`](Self::close) is called or when the
/// last handle to it or to one of its views is dropped. A [`Timeline`](crate::Timeline) and an
/// [`Entities`](crate::Entities) keep it open as a view does; a [`Record`](crate::Record) does not.
#[derive(Clone)]
pub struct Store(Arc<Engine>);

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.shared().path() {
            Some(path) => write!(f, "Store({})", path.display()),
            None => f.write_str("Store(without a file)"),
        }
    }
}

impl Store {
    /// Opens the file at a path with the default [`Options`], creating it if there is none.
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy) if it is open elsewhere;
    /// [`Foreign`](crate::ErrorKind::Foreign) if it is empty, somebody else's or of another format
    /// (it is not touched); [`System`](crate::ErrorKind::System) with the operating system's reason;
    /// [`Damaged`](crate::ErrorKind::Damaged) if its bytes are not what was written.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, Options::default())
    }

    /// Opens the file at a path.
    ///
    /// A file that was not closed cleanly is verified first, which reads all of it: 0.6 s
    /// a GiB were measured with the file in the page cache. [`Options::progress`] is told how far it is.
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`Input`](crate::ErrorKind::Input) for an option out of range.
    pub fn open_with(path: impl AsRef<Path>, options: Options) -> Result<Self> {
        Engine::open(path.as_ref(), options).map(|engine| Self(Arc::new(engine)))
    }

    /// A store without a file, for tests: everything is as with one, and gone at the end.
    ///
    /// # Errors
    /// None that a machine with some free memory meets.
    pub fn in_memory() -> Result<Self> {
        Self::in_memory_with(Options::default())
    }

    /// A store without a file, with options.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) for an option out of range.
    pub fn in_memory_with(options: Options) -> Result<Self> {
        Engine::in_memory(options).map(|engine| Self(Arc::new(engine)))
    }

    /// Opens what a storage backend holds: for proofs that record, cut or spoil what reaches the
    /// disk. See [`proof`](crate::proof).
    ///
    /// # Errors
    /// As [`open_with`](Self::open_with).
    pub fn open_backend(backend: Box<dyn StorageBackend>, options: Options) -> Result<Self> {
        Engine::open_backend(backend, options).map(|engine| Self(Arc::new(engine)))
    }

    /// Begins to define a view: `E` says what it is about, `R` what a record holds.
    ///
    /// A view is defined once in each run of a program, before it is read. Defining it again in the
    /// same way gives another handle on it.
    pub fn view<E: EntityKey + ?Sized, R: RecordType>(&self, name: &str) -> ViewDefinition<E, R> {
        ViewDefinition::new(self.0.clone(), name)
    }

    /// Deletes a view with all its records, durably: its name is free at once, its pages go in the
    /// background. Handles on it end. Returns whether there was one.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) inside a build and in a store opened to read only; and
    /// [the file's errors](crate#errors).
    pub fn delete_view(&self, name: &str) -> Result<bool> {
        refuse_inside_build("deleting a view")?;
        let writer = self.0.writer()?;
        self.0
            .catalog()
            .delete(self.0.shared(), name, || writer.run(DropView { name: name.to_owned() }))
    }

    /// The views that the file knows, defined in this run or not, by name.
    ///
    /// # Errors
    /// [The file's errors](crate#errors).
    pub fn views(&self) -> Result<Vec<ViewInfo>> {
        let shared = self.0.shared();
        let rows = shared.read(|txn| {
            let views = txn.open_table(VIEWS).map_err(|cause| shared.storage_error(cause))?;
            view_rows(&views)
        })?;
        let info = |(name, row): (String, crate::disk::ViewRow)| ViewInfo {
            name,
            version: row.version,
            grid: row.grid,
            page_len: row.page_len,
        };
        Ok(rows.into_iter().map(info).collect())
    }

    /// Makes durable what is committed: built records too, which otherwise are synced a little
    /// later.
    ///
    /// # Errors
    /// [`Reopen`](crate::ErrorKind::Reopen) if a sync failed, now or earlier;
    /// [`Input`](crate::ErrorKind::Input) inside a build and in a store opened to read only.
    pub fn sync(&self) -> Result<()> {
        self.0.sync()
    }

    /// Closes the store: commits what is queued, syncs, seals the file. All handles end; records in
    /// hand stay readable. Closing twice is no error.
    ///
    /// # Errors
    /// The first failure that this opening met, or why the file could not be sealed. What was
    /// synced is there all the same; the next opening verifies the file. And
    /// [`Input`](crate::ErrorKind::Input) inside a build: then the store stays open.
    pub fn close(&self) -> Result<()> {
        self.0.close()
    }

    /// What the store has done so far, counted.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.0.shared().metrics()
    }

    /// The revision that readers may rely on now.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.0.shared().published()
    }

    /// Panics if the structures in memory do not hold together.
    #[cfg(fuzzing)]
    #[doc(hidden)]
    pub fn assert_holds(&self) {
        self.0.shared().cache.validate();
    }

    /// The last page that failed its checks and counts as missing, if one did.
    #[must_use]
    pub fn last_damage(&self) -> Option<Error> {
        self.0.shared().last_damage()
    }
}

/// What the file says of a view.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct ViewInfo {
    /// Its name.
    pub name: String,
    /// The version that defined it last.
    pub version: u32,
    /// Its grid, in words.
    pub grid: String,
    /// How many buckets its pages hold.
    pub page_len: u32,
}
