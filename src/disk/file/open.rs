//! Opening a file: is it there, is it ours, is it free, and can its history be relied on.

use super::behind::WriteBehind;
use super::birth::{Birth, give_birth};
use super::close::{close, discard};
use super::fault::{explain, guarded};
use super::folder;
use super::header::FLAGS_AT;
use super::home::HomeProcess;
use super::os::OsFile;
use super::overlay::{Overlay, ReadOverlay};
use super::refused::refused;
use super::sealed::SealedBackend;
use super::state::{End, Found, SealState};
use crate::disk::StorageBackend;
use crate::error::{Error, ErrorKind, Result};
use crate::sync::{Arc, AtomicBool, Ordering};
use redb::backends::InMemoryBackend;
use redb::{Builder, Database, RepairSession};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// How a file is opened.
#[derive(Clone, Default)]
pub(crate) struct FileOptions {
    /// Whether a file that is not there is created. A file that is there and empty never is.
    pub(crate) create: bool,
    /// Whether nothing on disk may change. Several readers share a file; a writer excludes them.
    pub(crate) read_only: bool,
    /// The share of the memory budget that redb has, with what is held back until it is synced.
    pub(crate) redb_cache_bytes: usize,
    /// Told how far a repair has come, from 0 to 1, on the opening thread.
    pub(crate) on_repair: Option<Arc<dyn Fn(f64) + Send + Sync>>,
}

impl FileOptions {
    /// The part of redb's share in which pages are held back.
    fn held_bytes(&self) -> usize {
        if self.read_only { 0 } else { self.redb_cache_bytes / 8 }
    }
}

/// What makes a redb file one of ours: said by the part that owns the tables.
#[derive(Clone, Copy)]
pub(crate) struct Contents<'a> {
    /// Puts into a new file everything that it must hold before anybody may see it.
    pub(crate) lay_out: &'a dyn Fn(&mut Database) -> Result<()>,
    /// Refuses a file that is somebody else's, or of an unknown format. No byte has been written
    /// by then, and none is if it refuses. It must end its transactions.
    pub(crate) recognise: &'a dyn Fn(&Database) -> Result<()>,
}

/// An open file.
pub(crate) struct Opened {
    pub(crate) database: Database,
    pub(crate) seal: Arc<SealState>,
    pub(crate) outcome: Opening,
    pub(crate) home: HomeProcess,
}

/// How far the history of a file can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// It was created by this opening.
    Born,
    /// It was closed cleanly and carries a valid seal.
    Clean,
    /// It was not closed cleanly; every page that is in use was verified, and every commit that was
    /// acknowledged is there.
    Verified,
    /// It was repaired, and commits that were acknowledged may be gone. What the revisions of the
    /// file say proves nothing: every view is to be stamped stale.
    RolledBack,
}

/// Opens the file at a path, or creates it. Never waits for another opener.
pub(crate) fn open(path: &Path, options: &FileOptions, contents: Contents<'_>) -> Result<Opened> {
    open_in(path, options, contents, &folder::sync_of)
}

/// How the name of a file that was found is made to last.
type SyncName<'a> = &'a dyn Fn(&Path) -> io::Result<()>;

pub(super) fn open_in(
    path: &Path,
    options: &FileOptions,
    contents: Contents<'_>,
    sync_name: SyncName<'_>,
) -> Result<Opened> {
    // A creator that loses its race opens what the winner made. Once is enough, unless names come
    // and go, or the path is a link that points nowhere.
    for _ in 0..3 {
        match fs::metadata(path) {
            Ok(found) => {
                check_regular(path, &found)?;
                return open_existing(path, options, contents, Some(sync_name));
            }
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                if options.read_only || !options.create {
                    let doing = "opening (there is no such file, and nothing is created where \
                                 `Options::create` is off or `Options::read_only` is on)";
                    return Err(Error::system(doing, path, cause));
                }
            }
            Err(cause) => return Err(refused("opening", path, cause)),
        }
        if give_birth(path, |file| fill(file, BIRTH_CACHE_BYTES, contents))
            .map_err(|error| error.at_file(path))?
            == Birth::Born
        {
            let opened = open_existing(path, options, contents, None)?;
            return Ok(Opened { outcome: Opening::Born, ..opened });
        }
    }
    let message = "a file of that name comes and goes, or the path is a link that points nowhere";
    Err(Error::new(ErrorKind::System, message).at_file(path))
}

/// Opens what a backend holds; an empty one is laid out in place if the options let it be created.
pub(crate) fn open_backend(
    backend: Box<dyn StorageBackend>,
    options: &FileOptions,
    contents: Contents<'_>,
) -> Result<Opened> {
    let seal = Arc::new(SealState::default());
    let may_initialise = options.create && !options.read_only;
    let behind = Box::new(WriteBehind::over(backend, options.held_bytes()));
    let sealed = SealedBackend::new(behind, seal.clone(), may_initialise);
    let settled = seal.clone();
    let flags = move || settled.flags().map(|flags| (FLAGS_AT as u64, flags));
    if options.read_only {
        let overlay = ReadOverlay::with_first(sealed, flags);
        return establish(overlay, || Ok(()), seal, options, contents);
    }
    let overlay = Overlay::with_first(sealed, flags);
    let released = overlay.clone();
    establish(overlay, || released.release(), seal, options, contents)
}

/// A store without a file. There is nothing to seal: its bytes never leave memory.
pub(crate) fn in_memory(options: &FileOptions, contents: Contents<'_>) -> Result<Opened> {
    let seal = Arc::new(SealState::default());
    let opened = builder(options, &Repair::default()).create_with_backend(InMemoryBackend::new());
    let mut database = opened.map_err(|error| explain(error, &seal))?;
    (contents.lay_out)(&mut database)?;
    seal.end_as(End::Untouched);
    Ok(Opened { database, seal, outcome: Opening::Born, home: HomeProcess::here() })
}

/// Makes a whole file at a path that holds none, and only there. It is opened again, to be read and
/// checked, before it gets its name: its seal holds, or there is no file.
pub(crate) fn create_new(
    path: &Path,
    redb_cache_bytes: usize,
    contents: Contents<'_>,
    check: &dyn Fn(&Database) -> Result<()>,
) -> Result<()> {
    let whole = |file: File| {
        let again = file.try_clone().map_err(birth_failed)?;
        fill(file, redb_cache_bytes.max(BIRTH_CACHE_BYTES), contents)?;
        let backend = Box::new(OsFile::new(again).map_err(birth_failed)?);
        let reading = FileOptions { read_only: true, redb_cache_bytes, ..FileOptions::default() };
        let opened = open_backend(backend, &reading, contents)?;
        if opened.outcome != Opening::Clean {
            return Err(Error::damaged("the new file does not carry its seal; try it again"));
        }
        let checked = guarded("looking through the new file", || check(&opened.database));
        let checked = checked.flatten().map_err(|error| opened.seal.first_error().unwrap_or(error));
        checked.and(close(opened.database, &opened.seal, opened.home))
    };
    match give_birth(path, whole).map_err(|error| error.at_file(path))? {
        Birth::Born => Ok(()),
        Birth::Lost => {
            let message = "something of that name came to be meanwhile, and nothing is replaced";
            Err(Error::new(ErrorKind::Input, message).at_file(path))
        }
    }
}

/// Makes an empty file of ours a whole store.
fn fill(file: File, redb_cache_bytes: usize, contents: Contents<'_>) -> Result<()> {
    let options = FileOptions { create: true, redb_cache_bytes, ..FileOptions::default() };
    let synced = file.try_clone().map_err(birth_failed)?;
    let backend = OsFile::new(file).map_err(birth_failed)?;
    let Opened { database, seal, home, .. } = open_backend(Box::new(backend), &options, contents)?;
    close(database, &seal, home)?;
    // Mode and length too.
    synced.sync_all().map_err(birth_failed)
}

/// Enough for the tables of an empty store.
const BIRTH_CACHE_BYTES: usize = 4 << 20;

fn birth_failed(cause: io::Error) -> Error {
    let message = format!("creating the file: {cause}");
    Error::new(ErrorKind::System, message).caused_by(cause)
}

fn check_regular(path: &Path, found: &fs::Metadata) -> Result<()> {
    let cause = if found.is_dir() {
        io::Error::from(io::ErrorKind::IsADirectory)
    } else if !found.is_file() {
        io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")
    } else {
        return Ok(());
    };
    Err(refused("opening", path, cause))
}

fn open_existing(
    path: &Path,
    options: &FileOptions,
    contents: Contents<'_>,
    sync_name: Option<SyncName<'_>>,
) -> Result<Opened> {
    let file = OpenOptions::new()
        .read(true)
        .write(!options.read_only)
        .open(path)
        .and_then(OsFile::new)
        .map_err(|cause| refused("opening", path, cause))?;
    // Whoever made the file may not have come so far, and all that is acknowledged here would go with the
    // name in a power cut.
    if let Some(sync_name) = sync_name.filter(|_| !options.read_only) {
        sync_name(path).map_err(|cause| Error::system("syncing the folder of", path, cause))?;
    }
    // The name was there, so it is never made into a store: not even if somebody empties it now.
    let options = FileOptions { create: false, ..options.clone() };
    open_backend(Box::new(file), &options, contents).map_err(|error| error.at_file(path))
}

/// Opens redb over a backend that holds all writes, and releases it when the file is known to be
/// ours and its history is known.
fn establish(
    backend: impl StorageBackend,
    release: impl Fn() -> io::Result<()>,
    seal: Arc<SealState>,
    options: &FileOptions,
    contents: Contents<'_>,
) -> Result<Opened> {
    let repair = Repair::default();
    let opened =
        guarded("opening the file", || builder(options, &repair).create_with_backend(backend));
    let mut database = match opened {
        Ok(opened) => opened.map_err(|error| explain(error, &seal))?,
        Err(panicked) => return Err(seal.first_error().unwrap_or(panicked)),
    };
    match admit(&mut database, release, &seal, &repair, contents) {
        Ok(outcome) => Ok(Opened { database, seal, outcome, home: HomeProcess::here() }),
        Err(error) => {
            discard(database);
            Err(error)
        }
    }
}

fn admit(
    database: &mut Database,
    release: impl Fn() -> io::Result<()>,
    seal: &SealState,
    repair: &Repair,
    contents: Contents<'_>,
) -> Result<Opening> {
    let release = || release().map_err(|cause| explain(redb::Error::Io(cause), seal));
    // What the owner of the tables makes of damage is only its consequence.
    let first = |error| seal.first_error().unwrap_or(error);
    let found = seal.found().expect("redb asks for the length before it opens anything");
    if found == Found::Empty {
        release()?;
        let laid_out = guarded("laying out the tables", || (contents.lay_out)(database));
        laid_out.flatten().map_err(first)?;
        return Ok(Opening::Born);
    }
    let outcome = history(database, found, seal, repair)?;
    let recognised = guarded("looking at the tables", || (contents.recognise)(database));
    recognised.flatten().map_err(first)?;
    release()?;
    Ok(outcome)
}

/// What is known of the file's history; without a seal, after every page in use was verified.
fn history(
    database: &mut Database,
    found: Found,
    seal: &SealState,
    repair: &Repair,
) -> Result<Opening> {
    let doubtful = match found {
        Found::Empty => return Ok(Opening::Born),
        Found::Sealed => return Ok(Opening::Clean),
        Found::Unsealed { doubtful, .. } => doubtful,
    };
    let whole = repair.ran()
        || guarded("verifying the file", || database.check_integrity())?
            .map_err(|error| explain(error, seal))?;
    Ok(if whole && !doubtful { Opening::Verified } else { Opening::RolledBack })
}

/// Whether redb repaired the file, and so verified it, while it opened it.
#[derive(Clone, Default)]
struct Repair(Arc<AtomicBool>);

impl Repair {
    fn ran(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

fn builder(options: &FileOptions, repair: &Repair) -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(options.redb_cache_bytes - options.held_bytes());
    let (repair, on_repair) = (repair.clone(), options.on_repair.clone());
    builder.set_repair_callback(move |session: &mut RepairSession| {
        repair.0.store(true, Ordering::Release);
        if let Some(tell) = &on_repair {
            // A listener that panics hurts itself: the repair goes on.
            let _ = catch_unwind(AssertUnwindSafe(|| tell(session.progress())));
        }
    });
    builder
}
