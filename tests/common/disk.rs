//! A disk in memory: it keeps what reached it, in order, and fails when told to.

use std::io;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard};

use tidetable::proof::{BackendError, StorageBackend};

#[path = "image.rs"]
mod image;
pub(crate) use image::Image;

/// What the operating system writes as a whole.
const PAGE_BYTES: u64 = 4096;

/// A disk. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Mutex<Inside>>);

#[derive(Debug, Default)]
struct Inside {
    image: Image,
    /// What changed it, in order.
    calls: Vec<Call>,
    /// How many calls changed it, or made it last.
    changes: usize,
    syncs: usize,
    /// Whether the calls are nobody's concern.
    forgets: bool,
    /// What it held at the last sync.
    synced: Image,
    /// Calls of every kind, reads included.
    asked: usize,
    /// Of which kind each of them was.
    kinds: Vec<Kind>,
    failing: Option<Failing>,
    /// The numbers of the calls that failed.
    failed: Vec<usize>,
    yields_per_sync: usize,
}

/// A call that changes what is on the disk, or makes it last.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Write(u64, Vec<u8>),
    SetLen(u64),
    Sync,
}

/// Which calls fail, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failing {
    /// From this call on, counted from zero over the disk's whole life, the first that the reason
    /// concerns.
    pub(crate) from: usize,
    /// Whether all later ones do too.
    pub(crate) for_good: bool,
    pub(crate) reason: Reason,
}

/// What the operating system would have said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The device failed. Whatever reaches it fails with it; locks are the system's.
    Eio,
    /// There is no room. Only what writes or makes longer fails with it.
    Enospc,
    /// The file ended early. Only reads fail with it.
    ShortRead,
    /// What was written did not reach the device. Only syncs fail with it.
    LostWrites,
    /// The system has no more locks. Only what locks and unlocks fails with it.
    NoLocks,
}

impl Disk {
    pub(crate) fn holding(bytes: Vec<u8>) -> Self {
        Self::over(Image::from(&bytes[..]))
    }

    pub(crate) fn over(image: Image) -> Self {
        let disk = Self::default();
        let mut inside = disk.inside();
        inside.synced = image.clone();
        inside.image = image;
        drop(inside);
        disk
    }

    /// Of what happens from now on it keeps what comes of it alone.
    pub(crate) fn forgetting(self) -> Self {
        self.inside().forgets = true;
        self
    }

    /// The disk for a store to open.
    pub(crate) fn backend(&self) -> Box<dyn StorageBackend> {
        Box::new(self.clone())
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.inside().image.bytes()
    }

    pub(crate) fn image(&self) -> Image {
        self.inside().image.clone()
    }

    /// What it holds for certain: all that came before the last sync.
    pub(crate) fn synced(&self) -> Image {
        self.inside().synced.clone()
    }

    /// What changed it so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.inside().calls.clone()
    }

    /// How many calls changed it so far.
    pub(crate) fn changes(&self) -> usize {
        self.inside().changes
    }

    /// How many of them were syncs.
    pub(crate) fn syncs(&self) -> usize {
        self.inside().syncs
    }

    /// How many calls of any kind there were so far.
    pub(crate) fn asked(&self) -> usize {
        self.inside().asked
    }

    /// Whether a call that there was can fail for this reason.
    pub(crate) fn may_fail(&self, call: usize, reason: Reason) -> bool {
        self.inside().kinds.get(call).is_some_and(|kind| reason.concerns(*kind))
    }

    pub(crate) fn fail(&self, failing: Failing) {
        let mut inside = self.inside();
        inside.failing = Some(failing);
        inside.failed.clear();
    }

    /// The numbers of the calls that failed.
    pub(crate) fn failures(&self) -> Vec<usize> {
        self.inside().failed.clone()
    }

    /// Makes a sync last while others run, as a real one does.
    pub(crate) fn yield_in_syncs(&self, yields: usize) {
        self.inside().yields_per_sync = yields;
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().expect("no call on the disk panics")
    }

    /// Nobody else has the disk.
    fn lock(&self) -> Result<(), BackendError> {
        self.step(Kind::Lock).map(drop).map_err(BackendError::Io)
    }

    /// Counts a call; fails it if that was asked for.
    fn step(&self, kind: Kind) -> io::Result<MutexGuard<'_, Inside>> {
        let mut inside = self.inside();
        let number = inside.asked;
        inside.asked += 1;
        if !inside.forgets {
            inside.kinds.push(kind);
        }
        let failing = inside.failing.filter(|failing| {
            let due = failing.for_good || inside.failed.is_empty();
            due && number >= failing.from && failing.reason.concerns(kind)
        });
        match failing {
            None => Ok(inside),
            Some(failing) => {
                inside.failed.push(number);
                Err(failing.reason.error())
            }
        }
    }
}

impl Inside {
    fn note(&mut self, call: impl FnOnce() -> Call) {
        self.changes += 1;
        if !self.forgets {
            self.calls.push(call());
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Look,
    Lock,
    Read,
    Write,
    Sync,
}

impl Reason {
    fn concerns(self, kind: Kind) -> bool {
        match self {
            Self::Eio => kind != Kind::Lock,
            Self::Enospc => matches!(kind, Kind::Write | Kind::Sync),
            Self::ShortRead => kind == Kind::Read,
            Self::LostWrites => kind == Kind::Sync,
            Self::NoLocks => kind == Kind::Lock,
        }
    }

    fn error(self) -> io::Error {
        match self {
            Self::Eio | Self::LostWrites => io::Error::from_raw_os_error(5),
            Self::Enospc => io::Error::from_raw_os_error(28),
            Self::NoLocks => io::Error::from_raw_os_error(37),
            Self::ShortRead => io::Error::from(io::ErrorKind::UnexpectedEof),
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.step(Kind::Look)?.image.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let inside = self.step(Kind::Read)?;
        inside.image.read(offset, out).then_some(()).ok_or_else(|| Reason::ShortRead.error())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut inside = self.step(Kind::Write)?;
        inside.image.set_len(len as usize);
        inside.note(|| Call::SetLen(len));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let yields = self.inside().yields_per_sync;
        (0..yields).for_each(|_| std::thread::yield_now());
        let mut inside = self.step(Kind::Sync)?;
        inside.note(|| Call::Sync);
        inside.syncs += 1;
        if !inside.forgets {
            inside.synced = inside.image.clone();
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        // As the system has it in memory: each page reaches the disk, or fails, by itself.
        let mut written = 0;
        while written < data.len() {
            let at = offset + written as u64;
            let page_end = (at / PAGE_BYTES + 1) * PAGE_BYTES;
            let end = data.len().min((page_end - offset) as usize);
            let page = &data[written..end];
            let mut inside = self.step(Kind::Write)?;
            inside.image.write(at, page);
            inside.note(|| Call::Write(at, page.to_vec()));
            written = end;
        }
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.step(Kind::Look).map(drop)
    }

    fn try_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        self.lock().map(|()| true)
    }

    fn try_lock_shared_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        self.lock().map(|()| true)
    }

    fn lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        self.lock()
    }

    fn lock_shared_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        self.lock()
    }

    fn unlock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        self.lock()
    }

    fn query_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        self.lock().map(|()| false)
    }
}

/// Makes a call on bytes.
pub(crate) fn apply(bytes: &mut Vec<u8>, call: &Call) {
    match call {
        Call::Write(offset, data) => write(bytes, *offset, data),
        Call::SetLen(len) => bytes.resize(*len as usize, 0),
        Call::Sync => {}
    }
}

fn write(bytes: &mut Vec<u8>, offset: u64, data: &[u8]) {
    let (start, end) = (offset as usize, offset as usize + data.len());
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[start..end].copy_from_slice(data);
}

/// What a power cut leaves of the calls after the last sync.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    /// All of them: the process died, the machine lived.
    Nothing,
    /// None of them.
    Unsynced,
    /// Of each write any of its sectors or none, by this seed; lengths as they were set.
    Torn(u64),
}

/// What an atomic write of a disk is.
const SECTOR_BYTES: usize = 512;

/// The disk as it is found when power was cut after some calls.
pub(crate) struct Images<'a> {
    calls: &'a [Call],
    /// What was there at the last sync, and how many calls that contains.
    synced: Vec<u8>,
    synced_calls: usize,
}

impl<'a> Images<'a> {
    /// Of a disk that held `bytes` before these calls.
    pub(crate) fn new(bytes: Vec<u8>, calls: &'a [Call]) -> Self {
        Self { calls, synced: bytes, synced_calls: 0 }
    }

    /// The bytes after the first `len` calls. Asked for in growing order.
    pub(crate) fn after(&mut self, len: usize, cut: Cut) -> Vec<u8> {
        let last = self.calls[..len].iter().rposition(|call| matches!(call, Call::Sync));
        let last = last.unwrap_or(0);
        assert!(last >= self.synced_calls, "images are asked for in growing order");
        for call in &self.calls[self.synced_calls..last] {
            apply(&mut self.synced, call);
        }
        self.synced_calls = last;
        let mut bytes = self.synced.clone();
        let unsynced = &self.calls[last..len];
        match cut {
            Cut::Nothing => unsynced.iter().for_each(|call| apply(&mut bytes, call)),
            Cut::Unsynced => {}
            Cut::Torn(seed) => tear(&mut bytes, unsynced, seed),
        }
        bytes
    }
}

fn tear(bytes: &mut Vec<u8>, calls: &[Call], seed: u64) {
    let mut random = Random(seed | 1);
    for call in calls {
        let Call::Write(offset, data) = call else {
            apply(bytes, call);
            continue;
        };
        let whole = random.below(4);
        for (sector, part) in data.chunks(SECTOR_BYTES).enumerate() {
            let kept = match whole {
                0 => false,
                1 => true,
                _ => random.below(2) == 0,
            };
            let at = *offset + (sector * SECTOR_BYTES) as u64;
            // A write beyond the length that was set would make the file longer; a lost one does not.
            if kept {
                write(bytes, at, part);
            }
        }
    }
}

/// Numbers that a seed decides: xorshift.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
