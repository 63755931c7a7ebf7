//! A disk in memory that outlives the store on it.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use tidetable::proof::StorageBackend;

#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Mutex<Vec<u8>>>);

impl Disk {
    /// Another disk with the same bytes.
    pub(crate) fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.bytes().clone())))
    }

    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().expect("nobody panics while holding it")
    }
}

fn outside() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "beyond the end of the disk")
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let bytes = self.bytes();
        let from = bytes.get(offset as usize..).and_then(|from| from.get(..out.len()));
        out.copy_from_slice(from.ok_or_else(outside)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.bytes().resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut bytes = self.bytes();
        let into = bytes.get_mut(offset as usize..).and_then(|from| from.get_mut(..data.len()));
        into.ok_or_else(outside)?.copy_from_slice(data);
        Ok(())
    }
}
