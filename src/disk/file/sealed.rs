//! A storage backend that knows the sum of every page.

use super::pass::pass_locks_on;
use super::seal::Seal;
use super::state::{End, SealState};
use super::sums::{PAGE_BYTES, Sum};
use crate::disk::StorageBackend;
use crate::error::{ErrorKind, RESTORE};
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, MutexGuard, Ordering, thread};
use std::fmt;
use std::io;
use std::ops::Range;

/// Checks each page that is read against the sum of what was written there, and seals the file when
/// it is closed.
///
/// - The end of the file is looked at when `len` or `read` is first called: redb holds its lock by
///   then, so no other opener is at work.
/// - The seal is taken off, and that synced, before the first write. A file nobody writes to keeps it.
/// - A page that nothing is known of is trusted when it is first read. After an unclean stop that is
///   during redb's own verification; what that does not reach is free, and is written before it is
///   read.
/// - After any failure no seal is written, and the next opening verifies the file.
///
/// Reads share the lock of the sums, and take no other here. A page is put in place before its sum is,
/// under the writing lock; a reader that comes between finds them at odds, waits for that lock, and
/// looks again: what is at odds then is damage.
pub(super) struct SealedBackend {
    /// Shared with whoever looks at it while it is settled.
    pub(super) inner: Arc<Box<dyn StorageBackend>>,
    pub(super) state: Arc<SealState>,
    /// An empty file is refused unless this is set: redb would make it a database.
    pub(super) may_initialise: bool,
    /// Whether `len` and what `settle` found are valid.
    pub(super) settled: AtomicBool,
    /// The length that redb sees: without the seal.
    pub(super) len: AtomicU64,
    /// Whether something lies behind `len` that must go before the first write.
    pub(super) has_tail: AtomicBool,
    written: AtomicBool,
    /// Held while page and sum are changed together, and while the file is settled or closed.
    pub(super) writing: Mutex<()>,
}

impl SealedBackend {
    pub(super) fn new(
        inner: Box<dyn StorageBackend>,
        state: Arc<SealState>,
        may_initialise: bool,
    ) -> Self {
        Self {
            inner: Arc::new(inner),
            state,
            may_initialise,
            settled: AtomicBool::new(false),
            len: AtomicU64::new(0),
            has_tail: AtomicBool::new(false),
            written: AtomicBool::new(false),
            writing: Mutex::new(()),
        }
    }

    pub(super) fn data_len(&self) -> u64 {
        self.len.load(Ordering::Acquire)
    }

    /// The sum of the first page that is not what it should be, if one is.
    fn mismatch(&self, start: u64, bytes: &[u8]) -> io::Result<Option<u64>> {
        for (page, held) in (start / PAGE_BYTES..).zip(bytes.chunks(PAGE_BYTES as usize)) {
            let agrees = self.state.sums.agree(page, Sum::of(held));
            if !agrees.map_err(|cause| self.state.failed("keeping sums", cause))? {
                return Ok(Some(page * PAGE_BYTES));
            }
        }
        Ok(None)
    }

    /// Reads whole pages and checks them. `start` is the start of a page, and the bytes end with
    /// one or with the file.
    fn read_pages(&self, start: u64, out: &mut [u8]) -> io::Result<()> {
        self.read_raw(start, out)?;
        if self.mismatch(start, out)?.is_none() {
            return Ok(());
        }
        let writing = self.writing.lock();
        self.read_pages_while_writing(start, out, &writing)
    }

    pub(super) fn read_pages_while_writing(
        &self,
        start: u64,
        out: &mut [u8],
        _writing: &MutexGuard<'_, ()>,
    ) -> io::Result<()> {
        self.read_raw(start, out)?;
        match self.mismatch(start, out)? {
            None => Ok(()),
            Some(at) => Err(self.mismatched(at)),
        }
    }

    pub(super) fn mismatched(&self, at: u64) -> io::Error {
        self.state.fail(
            ErrorKind::Damaged,
            format!("page at byte {at} does not match its seal; {RESTORE}"),
        )
    }

    fn read_raw(&self, start: u64, out: &mut [u8]) -> io::Result<()> {
        let read = self.inner.read(start, out);
        read.map_err(|cause| self.state.failed(&format!("reading at byte {start}"), cause))
    }

    fn write_raw(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let wrote = self.inner.write(offset, data);
        wrote.map_err(|cause| self.state.failed(&format!("writing at byte {offset}"), cause))
    }

    fn cut_raw(&self, len: u64) -> io::Result<()> {
        let cut = self.inner.set_len(len);
        cut.map_err(|cause| self.state.failed(&format!("setting the length to {len}"), cause))
    }

    fn sync_raw(&self) -> io::Result<()> {
        self.inner.sync_data().map_err(|cause| self.state.failed("syncing", cause))
    }

    /// Takes the seal off before anything is written. Synced, because a seal that comes back after
    /// a crash would vouch for pages that have changed since.
    fn begin_writing(&self, _writing: &MutexGuard<'_, ()>) -> io::Result<()> {
        if self.has_tail.load(Ordering::Acquire) && !mutant!("seals_go_first") {
            self.cut_raw(self.data_len())?;
            if !mutant!("seals_go_for_good") {
                self.sync_raw()?;
            }
            self.has_tail.store(false, Ordering::Release);
        }
        self.written.store(true, Ordering::Release);
        Ok(())
    }

    /// The sum that a page will have once the data is in it. A page that is written in part keeps
    /// the rest of what it holds, which is checked: otherwise damage would get a valid sum.
    fn sum_after(
        &self,
        page: u64,
        offset: u64,
        data: &[u8],
        writing: &MutexGuard<'_, ()>,
    ) -> io::Result<Sum> {
        let old_len = self.data_len();
        let end = offset + data.len() as u64;
        let at = page * PAGE_BYTES;
        let page_end = (at + PAGE_BYTES).min(old_len.max(end));
        if offset <= at && page_end <= end {
            return Ok(Sum::of(&data[within(at..page_end, offset)]));
        }
        let mut held = vec![0; (page_end - at) as usize];
        if at < old_len {
            let kept = within(at..page_end.min(old_len), at);
            self.read_pages_while_writing(at, &mut held[kept], writing)?;
        }
        let new = at.max(offset)..page_end.min(end);
        held[within(new.clone(), at)].copy_from_slice(&data[within(new, offset)]);
        Ok(Sum::of(&held))
    }

    /// Writes the seal, if this file deserves one.
    fn seal(&self, writing: &MutexGuard<'_, ()>) -> io::Result<End> {
        if !self.written.load(Ordering::Acquire) {
            return Ok(End::Untouched);
        }
        let is_sound = self.state.is_sound() || mutant!("errors_leave_no_seal");
        if !is_sound || thread::panicking() || !self.header_is_clean(writing)? {
            return Ok(End::Unsealed);
        }
        let data_len = self.data_len();
        let seal = Seal { data_len, sums: self.state.sums.all() }.encode();
        self.cut_raw(data_len + seal.len() as u64)?;
        self.write_raw(data_len, &seal)?;
        self.sync_raw()?;
        Ok(End::Sealed)
    }
}

impl StorageBackend for SealedBackend {
    fn len(&self) -> io::Result<u64> {
        self.settle()?;
        Ok(self.data_len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.settle()?;
        let len = self.data_len();
        let Some(end) = offset.checked_add(out.len() as u64).filter(|&end| end <= len) else {
            let what = format!("{} bytes at {offset} lie beyond the file's {len}", out.len());
            return Err(self.state.fail(ErrorKind::Damaged, what));
        };
        let start = offset / PAGE_BYTES * PAGE_BYTES;
        let whole_end = end.next_multiple_of(PAGE_BYTES).min(len);
        if start == offset && whole_end == end {
            return self.read_pages(offset, out);
        }
        let mut pages = vec![0; (whole_end - start) as usize];
        self.read_pages(start, &mut pages)?;
        out.copy_from_slice(&pages[within(offset..end, start)]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.settle()?;
        let writing = self.writing.lock();
        self.begin_writing(&writing)?;
        let old_len = self.data_len();
        self.cut_raw(len)?;
        self.state.sums.cut(len.min(old_len));
        self.len.store(len, Ordering::Release);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync_raw()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.settle()?;
        if data.is_empty() {
            return Ok(());
        }
        let writing = self.writing.lock();
        self.begin_writing(&writing)?;
        let end = offset + data.len() as u64;
        let pages = offset / PAGE_BYTES..end.div_ceil(PAGE_BYTES);
        let sums: Vec<Sum> = pages
            .clone()
            .map(|page| self.sum_after(page, offset, data, &writing))
            .collect::<io::Result<_>>()?;
        self.write_raw(offset, data)?;
        for (page, sum) in pages.zip(sums) {
            let kept = self.state.sums.set(page, sum);
            kept.map_err(|cause| self.state.failed("keeping sums", cause))?;
        }
        self.len.fetch_max(end, Ordering::AcqRel);
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        let writing = self.writing.lock();
        let sealed = self.seal(&writing);
        self.state.end_as(*sealed.as_ref().unwrap_or(&End::Unsealed));
        let closed = self.inner.close();
        let closed = closed.map_err(|cause| self.state.failed("closing", cause));
        sealed.and(closed)
    }

    pass_locks_on!(self => self.inner);
}

impl fmt::Debug for SealedBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedBackend({:?})", self.inner)
    }
}

/// A range of the file as a range of bytes that start at `start` in it.
fn within(range: Range<u64>, start: u64) -> Range<usize> {
    (range.start - start) as usize..(range.end - start) as usize
}
