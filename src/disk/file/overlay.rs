//! Writes held in memory over a file that must not be touched: not yet, or not at all.

use super::pass::{pass_locks_on, pass_shared_locks_on};
use crate::disk::{BackendError, StorageBackend};
use crate::sync::{Arc, AtomicBool, Ordering, RwLock};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Bound;

/// A backend that holds what redb writes until it is released.
///
/// redb writes at every open, so a file that turns out to be somebody else's would be changed
/// before its tables can be looked at. Here it is opened, repaired and verified in memory; once the
/// file is recognised, the calls are replayed in their order, syncs among them, so that a crash
/// during the replay finds one of the states that redb counts on. From then on calls pass through.
#[derive(Clone)]
pub(super) struct Overlay(Arc<Layers>);

/// The same, never released, and with every lock asked for as a shared one: any number of readers
/// and no writer have the file at once, and nothing on disk changes.
#[derive(Clone)]
pub(super) struct ReadOverlay(Overlay);

struct Layers {
    inner: Box<dyn StorageBackend>,
    /// Set once all that was held has reached the file.
    released: AtomicBool,
    first: First,
    held: RwLock<Held>,
}

/// Asked once, when the file's length is known: the byte that is changed, before redb reads it, and
/// where.
type First = Box<dyn Fn() -> Option<(u64, u8)> + Send + Sync>;

#[derive(Default)]
struct Held {
    /// The length that redb sees, once it has asked or written.
    len: Option<u64>,
    /// How many of the file's bytes are still to be seen: redb may have cut some off.
    backed: u64,
    /// Page number -> what the page holds now.
    pages: BTreeMap<u64, Box<[u8; PAGE_BYTES]>>,
    /// What to replay.
    calls: Vec<Call>,
}

enum Call {
    Write(u64, Box<[u8]>),
    SetLen(u64),
    Sync,
}

const PAGE_BYTES: usize = 4096;

impl Overlay {
    #[cfg(test)]
    pub(super) fn over(inner: impl StorageBackend) -> Self {
        Self::with_first(inner, || None)
    }

    /// One whose first write is not redb's. What stands in the file is synced before that one
    /// reaches it: it may depend on all that was read there.
    pub(super) fn with_first(
        inner: impl StorageBackend,
        first: impl Fn() -> Option<(u64, u8)> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Layers {
            inner: Box::new(inner),
            released: AtomicBool::new(false),
            first: Box::new(first),
            held: RwLock::default(),
        }))
    }

    /// Lets what was held reach the file, and all that follows.
    pub(super) fn release(&self) -> io::Result<()> {
        let mut held = self.0.held.write();
        for call in std::mem::take(&mut held.calls) {
            match call {
                Call::Write(offset, data) => self.0.inner.write(offset, &data)?,
                Call::SetLen(len) => self.0.inner.set_len(len)?,
                Call::Sync => self.0.inner.sync_data()?,
            }
        }
        held.pages.clear();
        self.0.released.store(true, Ordering::Release);
        Ok(())
    }

    fn is_released(&self) -> bool {
        self.0.released.load(Ordering::Acquire)
    }

    /// Runs a change on what is held, and notes the call for the replay; or answers `None` if the
    /// call must go to the file.
    fn hold(
        &self,
        call: impl FnOnce() -> Option<Call>,
        change: impl FnOnce(&mut Held, &dyn StorageBackend) -> io::Result<()>,
    ) -> io::Result<Option<()>> {
        if self.is_released() {
            return Ok(None);
        }
        let mut held = self.0.held.write();
        if self.is_released() {
            return Ok(None);
        }
        held.begin(&self.0)?;
        change(&mut held, &*self.0.inner)?;
        held.calls.extend(call());
        Ok(Some(()))
    }

    fn hold_write(&self, offset: u64, data: &[u8], replay: bool) -> io::Result<Option<()>> {
        self.hold(
            || replay.then(|| Call::Write(offset, data.into())),
            |held, inner| held.write(inner, offset, data),
        )
    }

    fn hold_len(&self, len: u64, replay: bool) -> io::Result<Option<()>> {
        self.hold(
            || replay.then_some(Call::SetLen(len)),
            |held, _| {
                held.cut(len);
                Ok(())
            },
        )
    }
}

impl Held {
    /// Asks the file for its length when it is first needed: by then redb holds the lock.
    fn begin(&mut self, layers: &Layers) -> io::Result<u64> {
        if let Some(len) = self.len {
            return Ok(len);
        }
        let len = layers.inner.len()?;
        (self.len, self.backed) = (Some(len), len);
        if let Some((at, byte)) = (layers.first)() {
            self.write(&*layers.inner, at, &[byte])?;
            self.calls = vec![Call::Sync, Call::Write(at, [byte].into())];
        }
        Ok(len)
    }

    fn read(&self, inner: &dyn StorageBackend, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(out.len() as u64);
        let end = end.filter(|end| self.len.is_some_and(|len| *end <= len));
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        let from_file = self.backed.clamp(offset, end) - offset;
        let (under, beyond) = out.split_at_mut(from_file as usize);
        if !under.is_empty() {
            inner.read(offset, under)?;
        }
        beyond.fill(0);
        let first = offset / PAGE_BYTES as u64;
        for (&page, held) in self.pages.range(first..end.div_ceil(PAGE_BYTES as u64)) {
            let at = page * PAGE_BYTES as u64;
            let (from, to) = (at.max(offset), (at + PAGE_BYTES as u64).min(end));
            let target = &mut out[(from - offset) as usize..(to - offset) as usize];
            target.copy_from_slice(&held[(from - at) as usize..(to - at) as usize]);
        }
        Ok(())
    }

    fn write(&mut self, inner: &dyn StorageBackend, offset: u64, data: &[u8]) -> io::Result<()> {
        let end = offset + data.len() as u64;
        self.len = self.len.max(Some(end));
        for page in offset / PAGE_BYTES as u64..end.div_ceil(PAGE_BYTES as u64) {
            let at = page * PAGE_BYTES as u64;
            if !self.pages.contains_key(&page) {
                let mut under = Box::new([0; PAGE_BYTES]);
                let backed = (self.backed.clamp(at, at + PAGE_BYTES as u64) - at) as usize;
                if backed > 0 {
                    inner.read(at, &mut under[..backed])?;
                }
                self.pages.insert(page, under);
            }
            let held = self.pages.get_mut(&page).expect("it was just put there");
            let (from, to) = (at.max(offset), (at + PAGE_BYTES as u64).min(end));
            held[(from - at) as usize..(to - at) as usize]
                .copy_from_slice(&data[(from - offset) as usize..(to - offset) as usize]);
        }
        Ok(())
    }

    fn cut(&mut self, len: u64) {
        self.len = Some(len);
        self.backed = self.backed.min(len);
        let (whole, rest) = (len / PAGE_BYTES as u64, (len % PAGE_BYTES as u64) as usize);
        self.pages.split_off(&len.div_ceil(PAGE_BYTES as u64));
        if let Some(last) = self.pages.get_mut(&whole) {
            last[rest..].fill(0);
        }
    }
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        if self.is_released() {
            return self.0.inner.len();
        }
        self.0.held.write().begin(&self.0)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if !self.is_released() {
            self.len()?;
            let held = self.0.held.read();
            if !self.is_released() {
                return held.read(&*self.0.inner, offset, out);
            }
        }
        self.0.inner.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.hold_len(len, true)?.map_or_else(|| self.0.inner.set_len(len), Ok)
    }

    fn sync_data(&self) -> io::Result<()> {
        let held = self.hold(|| Some(Call::Sync), |_, _| Ok(()))?;
        held.map_or_else(|| self.0.inner.sync_data(), Ok)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.hold_write(offset, data, true)?.map_or_else(|| self.0.inner.write(offset, data), Ok)
    }

    fn close(&self) -> io::Result<()> {
        self.0.inner.close()
    }

    pass_locks_on!(self => self.0.inner);
}

impl StorageBackend for ReadOverlay {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.hold_len(len, false).map(|_| ())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.hold_write(offset, data, false).map(|_| ())
    }

    fn close(&self) -> io::Result<()> {
        self.0.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.lock_shared_range(start, end)
    }

    pass_shared_locks_on!(self => self.0);
}

impl ReadOverlay {
    #[cfg(test)]
    pub(super) fn over(inner: impl StorageBackend) -> Self {
        Self::with_first(inner, || None)
    }

    pub(super) fn with_first(
        inner: impl StorageBackend,
        first: impl Fn() -> Option<(u64, u8)> + Send + Sync + 'static,
    ) -> Self {
        Self(Overlay::with_first(inner, first))
    }
}

impl fmt::Debug for Overlay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Overlay({:?})", self.0.inner)
    }
}

impl fmt::Debug for ReadOverlay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReadOverlay({:?})", self.0.0.inner)
    }
}
