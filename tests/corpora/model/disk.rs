//! A disk in memory that outlives the store on it. It is kept in blocks, of which those that nobody wrote
//! to take no room and no time: a store's file is mostly that.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use tidetable::proof::StorageBackend;

const BLOCK: usize = 4096;

#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Mutex<Bytes>>);

#[derive(Clone, Debug, Default)]
struct Bytes {
    len: u64,
    /// Number -> block; one that is not there is zeros.
    blocks: BTreeMap<u64, Box<[u8; BLOCK]>>,
    /// So many calls that change it go well, and none after them; none for a disk that is sound.
    calls_left: Option<u32>,
}

impl Bytes {
    /// Goes through some bytes block by block: which, from where in it, and which part of them.
    fn pieces(
        &self,
        offset: u64,
        len: usize,
    ) -> io::Result<impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> + use<>> {
        if offset.checked_add(len as u64).is_none_or(|end| end > self.len) {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "beyond the end of the disk"));
        }
        let mut done = 0;
        Ok(std::iter::from_fn(move || {
            let at = offset + done as u64;
            let within = (at % BLOCK as u64) as usize;
            let part = done..len.min(done + BLOCK - within);
            done = part.end;
            (!part.is_empty()).then_some((at / BLOCK as u64, within, part))
        }))
    }
}

impl Disk {
    /// Another disk with the same bytes, and sound.
    pub(crate) fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(Bytes { calls_left: None, ..self.bytes().clone() })))
    }

    /// Lets so many more calls change it or sync it, and fails all others.
    pub(crate) fn fail_after(&self, calls: u32) {
        self.bytes().calls_left = Some(calls);
    }

    /// It is sound again.
    pub(crate) fn recover(&self) {
        self.bytes().calls_left = None;
    }

    /// Its bytes for a call that changes them.
    fn changing(&self) -> io::Result<MutexGuard<'_, Bytes>> {
        let mut bytes = self.bytes();
        if let Some(left) = &mut bytes.calls_left {
            let failing = || io::Error::other("the disk fails, as it was told to");
            *left = left.checked_sub(1).ok_or_else(failing)?;
        }
        Ok(bytes)
    }

    fn bytes(&self) -> MutexGuard<'_, Bytes> {
        self.0.lock().expect("nobody panics while holding it")
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let bytes = self.bytes();
        for (block, within, part) in bytes.pieces(offset, out.len())? {
            let out = &mut out[part];
            match bytes.blocks.get(&block) {
                Some(block) => out.copy_from_slice(&block[within..within + out.len()]),
                None => out.fill(0),
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut bytes = self.changing()?;
        bytes.len = len;
        // What is cut off is gone, also if the disk grows again.
        let (last, kept) = (len / BLOCK as u64, (len % BLOCK as u64) as usize);
        bytes.blocks.split_off(&(last + u64::from(kept > 0)));
        if let Some(block) = bytes.blocks.get_mut(&last) {
            block[kept..].fill(0);
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.changing().map(drop)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut bytes = self.changing()?;
        for (block, within, part) in bytes.pieces(offset, data.len())? {
            let block = bytes.blocks.entry(block).or_insert_with(|| Box::new([0; BLOCK]));
            let data = &data[part];
            block[within..within + data.len()].copy_from_slice(data);
        }
        Ok(())
    }
}
