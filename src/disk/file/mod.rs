//! The file itself: how it is born whole, opened, sealed, read without being touched, and closed.
//!
//! Below the tables and above the operating system lies a stack of storage backends. A call of
//! redb's goes down through all of them:
//!
//! ```text
//! redb
//!  └ Overlay        holds writes in memory: until the file is known to be ours, or for good
//!     └ SealedBackend   checks every page read, keeps sums of every page written, seals at close
//!        └ WriteBehind     holds pages back until they are synced, and writes them in order
//!           └ OsFile          the operating system's file; or a backend that a proof injects
//! ```
//!
//! # What redb 4.4 does, as far as this module stands on it
//! - **Locks** come first: an open asks for three ranges with `try_lock_range` (far past any data,
//!   then towards the start) before it reads a byte, holds them until `StorageBackend::close`, and
//!   answers a refusal with `DatabaseAlreadyOpen`. If ranges are unsupported it asks for the whole.
//!   Nothing waits. So whatever must happen under the lock can happen at the first `len` or `read`.
//! - **An empty backend** is initialised by `create_with_backend`, which has no way to say no; a
//!   backend that is not empty and does not start with redb's magic number is refused unwritten.
//! - **An open writes** even when it has nothing to repair: it sets the header's flag "recovery
//!   required" and syncs. The flag is cleared by the last write of a clean close.
//! - **Repair** runs unless the header says that the last commit had two phases *and* the tree
//!   holds the allocator state of that very commit, or nothing was ever committed. The flag does not
//!   decide: a crash after the allocator state was written, before the flag was cleared, opens
//!   without repair and without verification.
//! - **The repair callback** is told 0.0 first, then 0.6 and 0.9; the tree has been verified by 0.6.
//!   Between them it is told 0.3 if the last commit did not verify and the one before takes its
//!   place. That needs a header without the two-phase bit, as does every other way in which redb
//!   falls back behind a commit; with the bit it answers "corrupted" instead. All our synced commits
//!   have two phases, so a header without the bit is all that has to be looked for.
//! - **Which commit is the last** is said by one bit, which no checksum covers. The first phase of a
//!   commit writes pages and a slot of the header and syncs them, the second changes the bit and
//!   syncs that. So a slot that is whole, and later than the one the bit names, is a commit that was
//!   stopped between its phases, perhaps without all of its pages; or the bit is damaged. `onlooker`
//!   tells them apart.
//! - **The header** is the one range read and written in part of a page (320 bytes at 0). All else
//!   is whole pages of 4 KiB or a power of two of them. A page is never read while it is written:
//!   pages are copied on write, and an offset is used again only when no reader can reach it.
//! - **Close** happens in the destructor: it commits, clears the flag, syncs, and calls
//!   `StorageBackend::close` exactly once; errors are dropped. If a write transaction still lives,
//!   its end closes. After any failed call nothing more is written, and `close` is still called.

mod behind;
mod birth;
mod close;
mod fault;
mod folder;
mod header;
mod home;
mod onlooker;
mod open;
mod os;
mod overlay;
mod pass;
mod refused;
mod seal;
mod sealed;
mod settle;
mod state;
mod sums;

#[cfg(test)]
pub(super) mod tests;

pub(crate) use close::close;
pub(crate) use fault::explain;
pub(super) use header::{
    HEADER_BYTES, SLOT_BYTES, SLOTS_AT, is_as_written, last_slot, transaction,
};
pub(crate) use home::HomeProcess;
pub(crate) use open::{
    Contents, FileOptions, Opened, Opening, create_new, in_memory, open, open_backend,
};
pub(super) use os::OsFile;
pub(crate) use state::SealState;
