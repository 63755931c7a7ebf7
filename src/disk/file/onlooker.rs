//! Trying a commit that the header does not name as the last.
//!
//! In redb's header one bit says which of its two commits is the last, and no checksum covers it. In
//! a file that was not closed a bit that is flipped would make redb take the commit before for the
//! last, in silence, and what the lost one announced would be called fresh. So whenever the other
//! commit is the later, it is tried first. It was acknowledged, and the bit is damaged; or a stop
//! came between the two phases of its commit. In the second case it may lack pages and then is not
//! taken; if it lacks none, to keep it is as right as to drop it.

use super::fault::guarded;
use super::header::FLAGS_AT;
use super::overlay::Overlay;
use crate::disk::StorageBackend;
use crate::sync::{Arc, AtomicBool, Mutex, Ordering};
use redb::Database;
use std::fmt;
use std::io;

/// Whether every page of the commit that these flags choose is as it was written. Nothing is
/// written, and no lock asked for: it is for whoever has the lock already.
pub(super) fn is_whole(
    file: Arc<Box<dyn StorageBackend>>,
    len: u64,
    flags: u8,
) -> io::Result<bool> {
    let failed = Arc::new(Mutex::new(None));
    let onlooker = Onlooker { file, len, failed: failed.clone() };
    let overlay = Overlay::with_first(onlooker, move || Some((FLAGS_AT as u64, flags)));
    let repaired = Arc::new(AtomicBool::new(false));
    let ran = repaired.clone();
    let looked = guarded("looking at the last commit", || -> Result<bool, redb::DatabaseError> {
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE_BYTES);
        builder.set_repair_callback(move |_| ran.store(true, Ordering::Release));
        let mut database = builder.create_with_backend(overlay)?;
        // What redb repaired it has verified.
        Ok(repaired.load(Ordering::Acquire) || database.check_integrity()?)
    });
    // A disk that fails says nothing of the commit.
    let failed = failed.lock().take();
    match (failed, looked) {
        (Some(cause), _) => Err(cause),
        (None, Ok(Ok(whole))) => Ok(whole),
        (None, Ok(Err(_)) | Err(_)) => Ok(false),
    }
}

/// Enough to walk a tree; nothing is read twice.
const CACHE_BYTES: usize = 4 << 20;

/// The bytes of a file of which redb has another opening in hand.
struct Onlooker {
    file: Arc<Box<dyn StorageBackend>>,
    /// Without what stands behind redb's own bytes.
    len: u64,
    /// The first read that failed although the bytes are there.
    failed: Arc<Mutex<Option<io::Error>>>,
}

impl StorageBackend for Onlooker {
    fn len(&self) -> io::Result<u64> {
        Ok(self.len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(out.len() as u64);
        if end.is_none_or(|end| end > self.len) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.file.read(offset, out).map_err(|cause| {
            let again = io::Error::new(cause.kind(), cause.to_string());
            self.failed.lock().get_or_insert(cause);
            again
        })
    }

    fn set_len(&self, _len: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync_data(&self) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn write(&self, _offset: u64, _data: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }
}

impl fmt::Debug for Onlooker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Onlooker({:?})", self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::file::tests::memory::Memory;

    #[test]
    fn an_onlooker_sees_what_stands_before_the_end_and_changes_nothing() {
        let memory = Memory::holding((0..100).collect());
        let (file, failed): (Box<dyn StorageBackend>, _) =
            (Box::new(memory.clone()), Arc::default());
        let onlooker = Onlooker { file: Arc::new(file), len: 80, failed };
        assert_eq!(onlooker.len().unwrap(), 80);
        let mut last = [0; 10];
        onlooker.read(70, &mut last).unwrap();
        assert_eq!(last, [70, 71, 72, 73, 74, 75, 76, 77, 78, 79]);
        for beyond in [71, 90, u64::MAX] {
            let refused = onlooker.read(beyond, &mut last).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::UnexpectedEof, "{beyond}");
        }
        assert!(onlooker.failed.lock().is_none(), "to look too far is no failure of the disk");
        memory.fail("read", 0);
        assert!(onlooker.read(0, &mut last).is_err());
        assert!(onlooker.failed.lock().is_some());
        for changed in [onlooker.set_len(1), onlooker.write(0, &[1]), onlooker.sync_data()] {
            assert_eq!(changed.unwrap_err().kind(), io::ErrorKind::ReadOnlyFilesystem);
        }
        assert_eq!(memory.calls(), []);
    }
}
