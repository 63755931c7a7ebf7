//! Looking after a file: copies, audits, repairs.

use std::path::Path;

use crate::disk::operations::Mend;
use crate::disk::{BackupReport, Inventory, RepairReport, VerifyReport};
use crate::disk::{backup, inventory, repair, verify};
use crate::error::Result;
use crate::rebuild::refuse_inside_build;

use super::handle::Store;

impl Store {
    /// Writes a copy of the store to a path that holds nothing, while it is in use: all that was
    /// acknowledged before this call, as one state. The copy is closed cleanly, compact, and read once
    /// against its seal before it gets its name; if anything fails there is no file.
    ///
    /// Readers and the writer go on meanwhile. It costs reading the file and writing the copy in one
    /// read transaction: what is freed in that time is not used again before it ends, so the file
    /// grows by about what is written meanwhile; closing the store waits for it. Changes that were begun
    /// and not ended ([`change`](Self::change)) are announced when the copy is opened.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let store = tidetable::Store::in_memory()?;
    /// let copy = folder.path().join("monday.tide");
    /// store.backup(&copy)?;
    /// tidetable::Store::open(&copy)?.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) if the path is taken, and inside a build;
    /// [`System`](crate::ErrorKind::System) if the copy cannot be written; and
    /// [the file's errors](crate#errors).
    pub fn backup(&self, path: impl AsRef<Path>) -> Result<BackupReport> {
        self.backup_telling(path, |_| ())
    }

    /// [`backup`](Self::backup), telling how far it is, from 0 to 1, in this thread, while another copies.
    /// What is told of it may use the store, and close it: that waits until all is read, and no copy is
    /// cut short by it.
    ///
    /// # Errors
    /// As [`backup`](Self::backup).
    pub fn backup_telling(
        &self,
        path: impl AsRef<Path>,
        mut progress: impl FnMut(f64),
    ) -> Result<BackupReport> {
        refuse_inside_build("copying the store")?;
        backup(self.0.shared(), path.as_ref(), &mut progress)
    }

    /// Copies what is readable of a damaged file into a new one, at a path that holds nothing: for a
    /// file that cannot be opened, or whose pages fail their seal. The damaged file is only read.
    ///
    /// What cannot be built again comes over wherever it is readable: views, what was put (inputs are),
    /// the sources' versions, changes that were begun, runs, what was asked for. So do built records, but
    /// every record of every view is stale in the new file, and is built again as it is read or in the
    /// background; what was put stays readable, and stale until it is put again; what is sealed is served
    /// as that, as ever. Days of a horizon count as not begun. A page of the file in
    /// which one bit is another is read as it was written; what cannot be brought over is named in the
    /// report. The new file is opened and read once before it gets its name.
    ///
    /// ```no_run
    /// let report = tidetable::Store::repair("city.tide", "city-repaired.tide")?;
    /// println!("{report}");
    /// # Ok::<(), tidetable::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy) if the damaged file is open;
    /// [`Input`](crate::ErrorKind::Input) if the new path is taken;
    /// [`Damaged`](crate::ErrorKind::Damaged) if nothing can be read;
    /// [`System`](crate::ErrorKind::System) if either file cannot be read or written.
    pub fn repair(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<RepairReport> {
        Self::repair_telling(from, to, |_| ())
    }

    /// [`repair`](Self::repair), telling how far it is, from 0 to 1, in this thread.
    ///
    /// # Errors
    /// As [`repair`](Self::repair).
    pub fn repair_telling(
        from: impl AsRef<Path>,
        to: impl AsRef<Path>,
        mut progress: impl FnMut(f64),
    ) -> Result<RepairReport> {
        repair(from.as_ref(), to.as_ref(), &mut progress)
    }

    /// What the file holds, counted, whether or not its views are defined: tables and their sizes,
    /// records, marks, dictionaries. Looks at every page, a few hundred in a transaction.
    ///
    /// # Errors
    /// [The file's errors](crate#errors).
    pub fn inventory(&self) -> Result<Inventory> {
        inventory(self.0.shared())
    }

    /// Looks through the whole file whether what it holds fits together: the checksums of pages, each
    /// record against its type, what records were built from against who knows of it, marks against
    /// what has changed, and the rows of everything else. Changes nothing.
    ///
    /// Nobody waits for it: it reads a few hundred rows at a time, each time in a transaction of its own
    /// that is over in milliseconds, so the file does not grow by what is freed meanwhile. Memory stays
    /// bounded. Of views that are not defined in this opening the bytes of records are not known, nor
    /// which are sealed: their marks are not held against what has changed. Pages of the file that its
    /// own cache holds are not read from the disk again.
    ///
    /// ```
    /// # let store = tidetable::Store::in_memory()?;
    /// let report = store.verify()?;
    /// assert!(report.is_clean(), "{report}");
    /// # Ok::<(), tidetable::Error>(())
    /// ```
    ///
    /// # Errors
    /// [The file's errors](crate#errors): a file that fails its seal cannot be gone through, and
    /// [`repair`](Self::repair) brings over what is left of it. [`Input`](crate::ErrorKind::Input) inside a
    /// build.
    pub fn verify(&self) -> Result<VerifyReport> {
        self.verify_telling(|_| ())
    }

    /// [`verify`](Self::verify), telling how far it is, from 0 to 1, in this thread.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_telling(&self, mut progress: impl FnMut(f64)) -> Result<VerifyReport> {
        refuse_inside_build("verifying the store")?;
        verify(self.0.shared(), None, &mut progress)
    }

    /// [`verify`](Self::verify), and mends what it finds: the writer looks again at each finding
    /// and decides, a few hundred remedies in an operation. What is wrong with a record costs its
    /// build: one whose mark was lost is stale, a page that fails its checks is written again from
    /// memory or goes, and who has read it is told. What was put is kept wherever it can be read,
    /// stale; pages that went with what was put into them are named in the report as
    /// [`lost`](crate::report::Finding::lost). What was asked for stays asked for. What cannot be
    /// mended so is in the report, not [`repaired`](crate::report::Finding::repaired): a page that
    /// a later release wrote, above all, is left as it is. Closing the store waits for no more than
    /// the operation at hand; then this ends with an error.
    ///
    /// # Errors
    /// As [`verify`](Self::verify), and [`Input`](crate::ErrorKind::Input) in a store opened to read
    /// only.
    pub fn verify_and_repair(&self, mut progress: impl FnMut(f64)) -> Result<VerifyReport> {
        refuse_inside_build("repairing the store")?;
        self.0.shared().file.check_writable()?;
        // Nobody holds a way to the writer while what is told of its progress runs: it may close the store.
        let mender = |subjects| self.0.writer()?.run(Mend { subjects });
        verify(self.0.shared(), Some(&mender), &mut progress)
    }
}
