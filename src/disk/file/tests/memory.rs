//! A file in memory that can be copied, damaged, made to fail, and that notes what was called.

use crate::disk::{BackendError, StorageBackend};
use crate::sync::{Arc, Mutex};
use std::io;
use std::ops::Bound;

#[derive(Clone, Debug, Default)]
pub(in crate::disk) struct Memory(Arc<Mutex<Inside>>);

#[derive(Debug, Default)]
struct Inside {
    bytes: Vec<u8>,
    calls: Vec<Call>,
    locks: Vec<Lock>,
    /// The call of that name fails, after so many of them have not.
    fails: Option<(&'static str, usize)>,
}

/// A call that changes something, with all it takes to make it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::disk) enum Call {
    Write(u64, Vec<u8>),
    SetLen(u64),
    Sync,
    Close,
}

/// A lock call by name, with its range.
pub(super) type Lock = (&'static str, Bound<u64>, Bound<u64>);

impl Memory {
    pub(in crate::disk) fn holding(bytes: Vec<u8>) -> Self {
        let memory = Self::default();
        memory.0.lock().bytes = bytes;
        memory
    }

    pub(in crate::disk) fn bytes(&self) -> Vec<u8> {
        self.0.lock().bytes.clone()
    }

    pub(in crate::disk) fn calls(&self) -> Vec<Call> {
        self.0.lock().calls.clone()
    }

    pub(super) fn locks(&self) -> Vec<Lock> {
        self.0.lock().locks.clone()
    }

    pub(super) fn damage(&self, at: usize) {
        self.0.lock().bytes[at] ^= 1;
    }

    pub(in crate::disk::file) fn fail(&self, call: &'static str, after: usize) {
        self.0.lock().fails = Some((call, after));
    }

    fn step(&self, call: &'static str) -> io::Result<()> {
        match &mut self.0.lock().fails {
            Some((failing, 0)) if *failing == call => Err(io::Error::other("injected")),
            Some((failing, after)) if *failing == call => {
                *after -= 1;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn lock(&self, name: &'static str, start: Bound<u64>, end: Bound<u64>) {
        self.0.lock().locks.push((name, start, end));
    }
}

impl StorageBackend for Memory {
    fn len(&self) -> io::Result<u64> {
        self.step("len")?;
        Ok(self.0.lock().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.step("read")?;
        let inside = self.0.lock();
        let from = offset as usize;
        let held = inside.bytes.get(from..from + out.len());
        out.copy_from_slice(held.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.step("set_len")?;
        let mut inside = self.0.lock();
        inside.calls.push(Call::SetLen(len));
        inside.bytes.resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.step("sync")?;
        self.0.lock().calls.push(Call::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.step("write")?;
        let mut inside = self.0.lock();
        inside.calls.push(Call::Write(offset, data.to_vec()));
        let end = offset as usize + data.len();
        if inside.bytes.len() < end {
            inside.bytes.resize(end, 0);
        }
        inside.bytes[offset as usize..end].copy_from_slice(data);
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.0.lock().calls.push(Call::Close);
        Ok(())
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.lock("try", start, end);
        Ok(true)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.lock("try shared", start, end);
        Ok(true)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.lock("wait", start, end);
        Ok(())
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.lock("wait shared", start, end);
        Ok(())
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.lock("unlock", start, end);
        Ok(())
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.lock("query", start, end);
        Ok(false)
    }
}
