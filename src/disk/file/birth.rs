//! Creating a file so that nobody ever sees half of one.
//!
//! redb's own creation is not atomic: a crash in it can leave a file that nobody can open. So the
//! file is made whole under a temporary name in the same folder, closed and sealed, synced, and only
//! then given its name, which never replaces another's.
//!
//! A crash leaves at most a file `.tidetable-birth-…` behind. It is harmless and belongs to nobody;
//! it is not removed by later creations, because they cannot tell it from one that is at work.

use crate::error::{Error, Result};
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io;
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
pub(super) fn give_birth(path: &Path, fill: impl FnOnce(File) -> Result<()>) -> Result<Birth> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let (temporary, file) =
        Temporary::create(folder).map_err(|cause| Error::system("creating", path, cause))?;
    fill(file)?;
    let birth = temporary.name(path).map_err(|cause| Error::system("creating", path, cause))?;
    if birth == Birth::Born {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|cause| Error::system("syncing the folder of", path, cause))?;
    }
    Ok(birth)
}

/// A file with a temporary name, which goes when this does.
struct Temporary(PathBuf);

impl Temporary {
    fn create(folder: &Path) -> io::Result<(Self, File)> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        loop {
            // Random, because process ids repeat across containers that share a folder.
            let unique = RandomState::new().hash_one(std::process::id());
            let path = folder.join(format!(".tidetable-birth-{unique:016x}"));
            match options.open(&path) {
                Ok(file) => return Ok((Self(path), file)),
                Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {}
                Err(cause) => return Err(cause),
            }
        }
    }

    /// Gives the file its name unless that is taken.
    fn name(&self, path: &Path) -> io::Result<Birth> {
        let named = fs::hard_link(&self.0, path).or_else(|refused| match refused.kind() {
            io::ErrorKind::AlreadyExists => Err(refused),
            _ => rename_without_replacing(&self.0, path, refused),
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
        let _ = fs::remove_file(&self.0);
    }
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
            }
        }
        assert_eq!(fs::read(&free).unwrap(), b"ours");
        assert_eq!(fs::read(&taken).unwrap(), b"theirs");
    }
}
