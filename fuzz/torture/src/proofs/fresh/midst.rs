//! Changes in the midst of a load: between what a thread reads of the disk and its offer of the page to
//! the cache. Left to the machine that comes about once in thousands of changes.

use std::cell::Cell;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use tidetable::proof::StorageBackend;

use crate::disk::Disk;

/// A disk in memory on which a load can be held up.
#[derive(Debug)]
pub struct HeldUp(Disk);

/// Where a load waits until a change was made.
struct Meeting {
    read: Sender<()>,
    changed: Receiver<()>,
}

thread_local! {
    /// Where this thread waits when it has next read of the disk.
    static NEXT: Cell<Option<Meeting>> = const { Cell::new(None) };
}

/// Makes a change when `load`, in a thread of its own, has read of the disk and holds the old state in
/// hand; it goes on when the change was answered. If it reads nothing of the disk, afterwards.
pub fn change_in_the_midst<T>(load: impl FnOnce() + Send, change: impl FnOnce() -> T) -> T {
    let ((read, is_read), (changed, is_changed)) = (channel(), channel());
    thread::scope(|scope| {
        scope.spawn(move || {
            NEXT.set(Some(Meeting { read, changed: is_changed }));
            load();
            drop(NEXT.take());
        });
        // It fails where nothing had to be loaded.
        let _ = is_read.recv();
        let made = change();
        drop(changed);
        made
    })
}

/// Whether a load of this thread has been held up since it was to be.
pub fn was_held_up() -> bool {
    let next = NEXT.take();
    let waited = next.is_none();
    NEXT.set(next);
    waited
}

impl HeldUp {
    pub fn new() -> Self {
        Self(Disk::default().forgetting())
    }
}

impl StorageBackend for HeldUp {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)?;
        if let Some(Meeting { read, changed }) = NEXT.take()
            && read.send(()).is_ok()
        {
            // Nothing is ever sent: it ends when the other has made its change.
            let _ = changed.recv();
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }
}
