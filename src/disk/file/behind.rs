//! Writes that are held back until they have to be there, and then made in order.

use super::pass::pass_locks_on;
use super::sums::PAGE_BYTES;
use crate::disk::StorageBackend;
use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering, RwLock};
use std::collections::BTreeMap;
use std::fmt;
use std::io;

/// Gathers the pages that are written between two syncs.
///
/// redb writes what it has to sync page by page and in no order, and a call of the operating system
/// for each takes longer than all else that is done for the page. Put in order, most of them have a
/// neighbour and are written with it.
///
/// Nothing is promised of what is not synced, so nobody can tell the difference, but that an error of
/// a write comes with the sync. What is held is read from here. What is no whole page (redb's header,
/// the seal) is written at once, behind all that is held.
pub(super) struct WriteBehind {
    inner: Box<dyn StorageBackend>,
    /// Whether any page is held; as long as none is, this is all that a reader asks.
    holds: AtomicBool,
    held: RwLock<Held>,
    /// Taken while what is held changes, and while it is written.
    writing: Mutex<()>,
}

#[derive(Default)]
struct Held {
    /// Number of a page -> where its bytes begin.
    places: BTreeMap<u64, usize>,
    bytes: Vec<u8>,
}

/// What is held at most: more would only be more memory.
const HELD_BYTES_MAX: usize = 8 << 20;
/// What is written in one call.
const RUN_BYTES_MAX: usize = 256 << 10;
const PAGE: usize = PAGE_BYTES as usize;

impl WriteBehind {
    pub(super) fn over(inner: Box<dyn StorageBackend>) -> Self {
        let (holds, held) = (AtomicBool::new(false), RwLock::default());
        Self { inner, holds, held, writing: Mutex::new(()) }
    }

    /// Writes what is held. It is let go when all of it is written: a reader finds each page here or
    /// in the file.
    fn write_held(&self, _writing: &MutexGuard<'_, ()>) -> io::Result<()> {
        if !self.holds.load(Ordering::Acquire) {
            return Ok(());
        }
        self.held.read().write_to(&*self.inner)?;
        *self.held.write() = Held::default();
        self.holds.store(false, Ordering::Release);
        Ok(())
    }
}

impl Held {
    fn hold(&mut self, first: u64, pages: &[u8]) {
        for (number, page) in (first..).zip(pages.chunks_exact(PAGE)) {
            match self.places.get(&number) {
                Some(&place) => self.bytes[place..place + PAGE].copy_from_slice(page),
                None => {
                    self.places.insert(number, self.bytes.len());
                    self.bytes.extend_from_slice(page);
                }
            }
        }
    }

    /// Writes the pages in order, neighbours together.
    fn write_to(&self, file: &dyn StorageBackend) -> io::Result<()> {
        let (mut run, mut begin) = (Vec::new(), 0);
        for (&number, &place) in &self.places {
            let at = number * PAGE_BYTES;
            if at != begin + run.len() as u64 || run.len() == RUN_BYTES_MAX {
                write_run(file, begin, &run)?;
                (begin, run) = (at, cleared(run));
            }
            run.extend_from_slice(&self.bytes[place..place + PAGE]);
        }
        write_run(file, begin, &run)
    }

    fn read(&self, offset: u64, out: &mut [u8], file: &dyn StorageBackend) -> io::Result<()> {
        let mut done = 0;
        while done < out.len() {
            let at = offset + done as u64;
            let (number, within) = (at / PAGE_BYTES, (at % PAGE_BYTES) as usize);
            let left = out.len() - done;
            let here = match self.places.get(&number) {
                Some(&place) => {
                    let here = left.min(PAGE - within);
                    let page = &self.bytes[place..place + PAGE];
                    out[done..done + here].copy_from_slice(&page[within..within + here]);
                    here
                }
                None => {
                    let next = self.places.range(number..).next();
                    let until = next.map_or(u64::MAX, |(next, _)| next * PAGE_BYTES);
                    let here = usize::try_from(until - at).unwrap_or(left).min(left);
                    file.read(at, &mut out[done..done + here])?;
                    here
                }
            };
            done += here;
        }
        Ok(())
    }
}

fn write_run(file: &dyn StorageBackend, begin: u64, run: &[u8]) -> io::Result<()> {
    if run.is_empty() { Ok(()) } else { file.write(begin, run) }
}

fn cleared(mut run: Vec<u8>) -> Vec<u8> {
    run.clear();
    run
}

impl StorageBackend for WriteBehind {
    fn len(&self) -> io::Result<u64> {
        let written = self.inner.len()?;
        let held = self.held.read();
        let last = held.places.last_key_value();
        Ok(last.map_or(written, |(number, _)| written.max((number + 1) * PAGE_BYTES)))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if !self.holds.load(Ordering::Acquire) || mutant!("held_pages_are_read") {
            return self.inner.read(offset, out);
        }
        // Kept while the file is read: what is let go meanwhile may have been read before it came.
        self.held.read().read(offset, out, &*self.inner)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let writing = self.writing.lock();
        self.write_held(&writing)?;
        self.inner.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        if !mutant!("held_pages_are_synced") {
            self.write_held(&self.writing.lock())?;
        }
        self.inner.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let writing = self.writing.lock();
        let whole = offset.is_multiple_of(PAGE_BYTES) && data.len().is_multiple_of(PAGE);
        if !whole {
            self.write_held(&writing)?;
            return self.inner.write(offset, data);
        }
        let is_full = {
            let mut held = self.held.write();
            held.hold(offset / PAGE_BYTES, data);
            self.holds.store(true, Ordering::Release);
            held.bytes.len() >= HELD_BYTES_MAX
        };
        if is_full { self.write_held(&writing) } else { Ok(()) }
    }

    /// What is held is let go: it was never synced.
    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }

    pass_locks_on!(self => self.inner);
}

impl fmt::Debug for WriteBehind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WriteBehind({:?})", self.inner)
    }
}
