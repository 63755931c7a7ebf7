//! Creating a file so that nobody ever sees half of one.
//!
//! redb's own creation is not atomic: a crash in it can leave a file that nobody can open. So the
//! file is made whole under a temporary name in the same folder, closed and sealed, synced, and only
//! then given its name, which never replaces another's.
//!
//! A crash leaves at most a file `.tidetable-birth-…` behind. Whoever makes one holds a lock on it that
//! ends with its process, so the next creation in the folder can tell those that nobody makes any more,
//! and removes them.

use super::folder;
use super::refused::refused;
use crate::disk::StorageBackend;
use crate::error::{Error, Result};
use redb::backends::FileBackend;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read};
use std::ops::Bound;
use std::path::{Path, PathBuf};

/// Whose file has the name now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Birth {
    Born,
    /// Somebody else's had it first; ours is gone.
    Lost,
}

/// Creates a whole file at a path that held none. `fill` makes it whole, and syncs it: the name
/// must not be durable before the bytes are.
///
/// An error leaves no file under the name, unless somebody has opened it there meanwhile.
pub(super) fn give_birth(path: &Path, fill: impl FnOnce(File) -> Result<()>) -> Result<Birth> {
    give_birth_in(path, fill, &folder::sync)
}

fn give_birth_in(
    path: &Path,
    fill: impl FnOnce(File) -> Result<()>,
    sync_folder: &dyn Fn(&Path) -> io::Result<()>,
) -> Result<Birth> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    remove_abandoned(folder);
    let (temporary, file) =
        Temporary::create(folder).map_err(|cause| refused("creating", path, cause))?;
    let again = file.try_clone().map_err(|cause| Error::system("creating", path, cause))?;
    fill(file)?;
    let made = beginning(&temporary.path);
    let made = made.map_err(|cause| Error::system("creating", path, cause))?;
    let birth = temporary.name(path).map_err(|cause| Error::system("creating", path, cause))?;
    // Also where another was first: it may not have got so far, and what is written to its file from
    // now on hangs on the name.
    sync_folder(folder).map_err(|cause| {
        if birth == Birth::Born {
            take_back(path, again, &made);
        }
        Error::system("syncing the folder of", path, cause)
    })?;
    Ok(birth)
}

/// Takes a name back that may not last: what somebody wrote to the file later would go with it. If
/// somebody has it open, or has written to it by now, it is his; and so is another file of that name.
fn take_back(path: &Path, file: File, made: &(u64, Vec<u8>)) {
    let Ok(identity) = file.metadata() else { return };
    let Ok(backend) = FileBackend::new(file) else { return };
    if let Ok(true) = backend.try_lock_range(Bound::Unbounded, Bound::Unbounded)
        && fs::metadata(path).is_ok_and(|named| is_same(&named, &identity))
        && beginning(path).is_ok_and(|now| now == *made)
    {
        // Who has it open without the lock yet finds that it has no name any more.
        let _ = fs::remove_file(path);
    }
}

/// How long a file is and how it begins: whoever writes to it changes that, as redb's header is there.
fn beginning(path: &Path) -> io::Result<(u64, Vec<u8>)> {
    let file = File::open(path)?;
    let (len, mut bytes) = (file.metadata()?.len(), Vec::new());
    file.take(4096).read_to_end(&mut bytes)?;
    Ok((len, bytes))
}

#[cfg(unix)]
fn is_same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Where that cannot be told it counts as somebody else's.
#[cfg(not(unix))]
fn is_same(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    false
}

const PREFIX: &str = ".tidetable-birth-";
/// The byte that is locked while a file is being made: beyond all data, and none of those that redb
/// locks.
const AT_WORK: (Bound<u64>, Bound<u64>) =
    (Bound::Included((1 << 62) + 1000), Bound::Excluded((1 << 62) + 1001));

/// Removes files that were being made by processes that are no more. Where locks are not to be had
/// there is no telling, and nothing is removed.
fn remove_abandoned(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let births = entries.flatten().filter(|entry| {
        entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX))
            && entry.file_type().is_ok_and(|kind| kind.is_file())
    });
    for entry in births {
        let path = entry.path();
        let file = OpenOptions::new().read(true).write(true).open(&path);
        let Ok(backend) =
            file.map_err(|_| ()).and_then(|file| FileBackend::new(file).map_err(|_| ()))
        else {
            continue;
        };
        if let Ok(true) = backend.try_lock_range(AT_WORK.0, AT_WORK.1) {
            let _ = fs::remove_file(&path);
        }
    }
}

/// A file with a temporary name, which goes when this does.
struct Temporary {
    path: PathBuf,
    /// Holds the lock that says that somebody is at work.
    at_work: Option<FileBackend>,
}

impl Temporary {
    fn create(folder: &Path) -> io::Result<(Self, File)> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        loop {
            // Random, because process ids repeat across containers that share a folder.
            let unique = RandomState::new().hash_one(std::process::id());
            let path = folder.join(format!("{PREFIX}{unique:016x}"));
            match options.open(&path) {
                Ok(file) => {
                    let at_work = FileBackend::new(file.try_clone()?).ok();
                    let locked = at_work.as_ref().map(|it| it.try_lock_range(AT_WORK.0, AT_WORK.1));
                    let made = Self { path, at_work };
                    // Somebody took it for abandoned before it was locked: another one then.
                    if !matches!(locked, Some(Ok(false))) && has_name(&file)? {
                        return Ok((made, file));
                    }
                }
                Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {}
                Err(cause) => return Err(cause),
            }
        }
    }

    /// Gives the file its name unless that is taken.
    fn name(&self, path: &Path) -> io::Result<Birth> {
        let named = fs::hard_link(&self.path, path).or_else(|refused| match refused.kind() {
            io::ErrorKind::AlreadyExists => Err(refused),
            _ => rename_without_replacing(&self.path, path, refused),
        });
        match named {
            Ok(()) => Ok(Birth::Born),
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Ok(Birth::Lost),
            Err(cause) => Err(cause),
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After a rename there is nothing to remove; and a name that cannot be removed is harmless.
        let _ = fs::remove_file(&self.path);
        if let Some(at_work) = self.at_work.take() {
            // Its file may live on, under its name.
            let _ = at_work.unlock_range(AT_WORK.0, AT_WORK.1);
        }
    }
}

#[cfg(unix)]
fn has_name(file: &File) -> io::Result<bool> {
    Ok(std::os::unix::fs::MetadataExt::nlink(&file.metadata()?) > 0)
}

#[cfg(not(unix))]
fn has_name(_: &File) -> io::Result<bool> {
    Ok(true)
}

/// For file systems without hard links.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn rename_without_replacing(from: &Path, to: &Path, refused: io::Error) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE).map_err(|cause| {
        let cause = io::Error::from(cause);
        if cause.kind() == io::ErrorKind::AlreadyExists {
            return cause;
        }
        io::Error::new(
            cause.kind(),
            format!("neither a hard link ({refused}) nor a rename without replacing ({cause})"),
        )
    })
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn rename_without_replacing(_: &Path, _: &Path, refused: io::Error) -> io::Result<()> {
    Err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &[u8] = b"ours";

    fn write(mut file: File) -> Result<()> {
        io::Write::write_all(&mut file, OURS).map_err(|cause| Error::input(cause.to_string()))
    }

    fn names(folder: &Path) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(name).collect();
        names.sort();
        names.into_iter().map(|name| name.into_string().unwrap()).collect()
    }

    #[test]
    fn what_a_killed_creation_left_is_removed_by_the_next_and_one_at_work_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join(".tidetable-birth-0123456789abcdef");
        fs::write(&left, b"half").unwrap();
        fs::write(folder.path().join("theirs"), b"theirs").unwrap();
        let (at_work, _file) = Temporary::create(folder.path()).unwrap();
        let path = folder.path().join("store");
        let born = give_birth(&path, |file| {
            assert!(!left.exists() && at_work.path.exists());
            // Another one while this is at work.
            give_birth(&folder.path().join("second"), write).map(drop)?;
            write(file)
        });
        assert_eq!(born.unwrap(), Birth::Born);
        let name = at_work.path.file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(names(folder.path()), [&*name, "second", "store", "theirs"]);
        assert_eq!(fs::read(&path).unwrap(), OURS);
        drop(at_work);
        assert_eq!(names(folder.path()), ["second", "store", "theirs"]);
    }

    #[test]
    fn a_name_that_may_not_last_is_taken_back_unless_somebody_has_the_file_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let fails = |_: &Path| Err(io::Error::other("on purpose"));
        let told = give_birth_in(&path, write, &fails).unwrap_err().to_string();
        assert!(told.contains("syncing the folder") && told.contains("on purpose"), "{told}");
        assert_eq!(names(folder.path()), [""; 0]);
        let opened = std::cell::RefCell::new(None);
        let opens = |_: &Path| {
            let file = OpenOptions::new().read(true).write(true).open(&path)?;
            let theirs = FileBackend::new(file).unwrap();
            // As redb does, which locks nothing of what lies behind that.
            let redbs = (Bound::Included(0), Bound::Included(1 << 62));
            assert!(theirs.try_lock_range(redbs.0, redbs.1).unwrap());
            opened.replace(Some(theirs));
            Err(io::Error::other("on purpose"))
        };
        assert!(give_birth_in(&path, write, &opens).is_err());
        assert_eq!(fs::read(&path).unwrap(), OURS);
        // Somebody has written to it and closed it again.
        opened.take();
        fs::remove_file(&path).unwrap();
        let writes = |_: &Path| {
            fs::write(&path, b"ours, and theirs")?;
            Err(io::Error::other("on purpose"))
        };
        assert!(give_birth_in(&path, write, &writes).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"ours, and theirs");
        // Another file has the name by now, which holds the same.
        fs::remove_file(&path).unwrap();
        let replaces = |_: &Path| {
            fs::remove_file(&path)?;
            fs::write(&path, OURS)?;
            Err(io::Error::other("on purpose"))
        };
        assert!(give_birth_in(&path, write, &replaces).is_err());
        assert_eq!(fs::read(&path).unwrap(), OURS);
        // Who comes too late syncs the folder for himself.
        let synced = std::cell::Cell::new(false);
        let syncs = |_: &Path| {
            synced.set(true);
            Ok(())
        };
        assert_eq!(give_birth_in(&path, write, &syncs).unwrap(), Birth::Lost);
        assert!(synced.get());
        assert_eq!(names(folder.path()), ["store"]);
    }

    #[test]
    fn without_hard_links_a_rename_never_replaces_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let [ours, free, taken] = ["ours", "free", "taken"].map(|name| folder.path().join(name));
        fs::write(&taken, b"theirs").unwrap();
        for to in [&free, &taken] {
            fs::write(&ours, b"ours").unwrap();
            let refused = io::Error::from(io::ErrorKind::Unsupported);
            let renamed = rename_without_replacing(&ours, to, refused);
            assert_eq!(renamed.is_ok(), to == &free);
            if let Err(cause) = renamed {
                assert_eq!(cause.kind(), io::ErrorKind::AlreadyExists);
                assert!(!cause.to_string().contains("neither"), "{cause}");
            }
        }
        let nowhere = folder.path().join("no folder").join("store");
        let refused = io::Error::from(io::ErrorKind::Unsupported);
        let told = rename_without_replacing(&ours, &nowhere, refused).unwrap_err();
        assert!(told.to_string().contains("neither a hard link"), "{told}");
        assert_eq!(fs::read(&free).unwrap(), b"ours");
        assert_eq!(fs::read(&taken).unwrap(), b"theirs");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_lost_its_name_before_it_was_locked_is_known_by_that() {
        let folder = tempfile::tempdir().unwrap();
        let (temporary, file) = Temporary::create(folder.path()).unwrap();
        assert!(has_name(&file).unwrap());
        drop(temporary);
        assert!(!has_name(&file).unwrap());
    }

    #[test]
    fn only_a_name_that_is_taken_is_a_race_that_was_lost() {
        let folder = tempfile::tempdir().unwrap();
        let (temporary, _file) = Temporary::create(folder.path()).unwrap();
        let [taken, nowhere] = ["taken", "no folder/store"].map(|name| folder.path().join(name));
        fs::write(&taken, b"theirs").unwrap();
        assert_eq!(temporary.name(&taken).unwrap(), Birth::Lost);
        assert_eq!(temporary.name(&nowhere).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
