//! Writes that are held back until they have to be there, and then made in order.

use super::pass::pass_locks_on;
use super::sums::PAGE_BYTES;
use crate::disk::StorageBackend;
use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering, RwLock};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Range;

/// Gathers the pages that are written between two syncs.
///
/// redb writes what it has to sync page by page and in no order, and a call of the operating system
/// for each takes longer than all else that is done for the page. Put in order, most of them have a
/// neighbour and are written with it.
///
/// Nothing is promised of what is not synced, so nobody can tell the difference, but that an error of
/// a write comes with the sync. What is held is read from here. What is no whole page (redb's header,
/// the seal), or long by itself, is written at once, behind all that is held. Whoever writes beyond
/// the end of the file has set its length before: a gap could not be read until it is written.
pub(super) struct WriteBehind {
    inner: Box<dyn StorageBackend>,
    /// What is held at most, in bytes.
    most: usize,
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
    /// Keeps its room when they are let go: it has been accounted for.
    bytes: Vec<u8>,
}

/// More is not gathered, however much memory there is.
const HELD_BYTES_MAX: usize = 8 << 20;
/// What is written in one call.
const RUN_BYTES_MAX: usize = 256 << 10;
const PAGE: usize = PAGE_BYTES as usize;

impl WriteBehind {
    /// Over a backend, with so much memory for what is held.
    pub(super) fn over(inner: Box<dyn StorageBackend>, memory: usize) -> Self {
        let (most, holds) = (memory.min(HELD_BYTES_MAX), AtomicBool::new(false));
        Self { inner, most, holds, held: RwLock::default(), writing: Mutex::new(()) }
    }

    /// Whether these are pages to be held.
    fn gathers(&self, offset: u64, data: &[u8]) -> bool {
        let whole = offset.is_multiple_of(PAGE_BYTES) && data.len().is_multiple_of(PAGE);
        whole && data.len() <= self.most.min(RUN_BYTES_MAX)
    }

    /// Writes what is held. It is let go when all of it is written: a reader finds each page here or
    /// in the file.
    fn write_held(&self, _writing: &MutexGuard<'_, ()>) -> io::Result<()> {
        if !self.holds.load(Ordering::Acquire) {
            return Ok(());
        }
        self.held.read().write_in_order(&*self.inner)?;
        self.held.write().let_go();
        self.holds.store(false, Ordering::Release);
        Ok(())
    }

    /// Copies what is held of a range; the other parts of it, which are in the file: no page is read
    /// while it is written.
    fn read_held(&self, offset: u64, out: &mut [u8]) -> Vec<Range<usize>> {
        let (held, mut gaps, mut done) = (self.held.read(), Vec::<Range<usize>>::new(), 0);
        while done < out.len() {
            let at = offset + done as u64;
            let (number, within) = (at / PAGE_BYTES, (at % PAGE_BYTES) as usize);
            let end = out.len().min(done + PAGE - within);
            match held.page(number) {
                Some(page) => out[done..end].copy_from_slice(&page[within..within + end - done]),
                None => match gaps.last_mut() {
                    Some(gap) if gap.end == done => gap.end = end,
                    _ => gaps.push(done..end),
                },
            }
            done = end;
        }
        gaps
    }
}

impl Held {
    fn page(&self, number: u64) -> Option<&[u8]> {
        self.places.get(&number).map(|&place| &self.bytes[place..place + PAGE])
    }

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

    fn let_go(&mut self) {
        self.places.clear();
        self.bytes.clear();
    }

    /// Writes the pages, neighbours together.
    fn write_in_order(&self, file: &dyn StorageBackend) -> io::Result<()> {
        let (mut run, mut begin) = (Vec::new(), 0);
        for (&number, &place) in &self.places {
            let at = number * PAGE_BYTES;
            if at != begin + run.len() as u64 || run.len() == RUN_BYTES_MAX {
                write_run(file, begin, &run)?;
                run.clear();
                begin = at;
            }
            run.extend_from_slice(&self.bytes[place..place + PAGE]);
        }
        write_run(file, begin, &run)
    }
}

fn write_run(file: &dyn StorageBackend, begin: u64, run: &[u8]) -> io::Result<()> {
    if run.is_empty() {
        return Ok(());
    }
    let written = file.write(begin, run);
    // It comes to whoever syncs, who was not asked to write here.
    written
        .map_err(|cause| io::Error::new(cause.kind(), format!("writing at byte {begin}: {cause}")))
}

impl StorageBackend for WriteBehind {
    fn len(&self) -> io::Result<u64> {
        // Kept while the file is asked: what is let go meanwhile might be missed in both.
        let held = self.held.read();
        let last = held.places.last_key_value().map_or(0, |(number, _)| (number + 1) * PAGE_BYTES);
        Ok(self.inner.len()?.max(last))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if !self.holds.load(Ordering::Acquire) || mutant!("held_pages_are_read") {
            return self.inner.read(offset, out);
        }
        self.read_held(offset, out)
            .into_iter()
            .try_for_each(|gap| self.inner.read(offset + gap.start as u64, &mut out[gap]))
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
        let gathers = self.gathers(offset, data);
        // Before these are taken, so that they are not if it fails.
        if !gathers || self.held.read().bytes.len() + data.len() > self.most {
            self.write_held(&writing)?;
        }
        if !gathers {
            return self.inner.write(offset, data);
        }
        self.held.write().hold(offset / PAGE_BYTES, data);
        self.holds.store(true, Ordering::Release);
        Ok(())
    }

    /// What is held is never written: it was not synced.
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
