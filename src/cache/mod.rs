//! Pages in memory: who stays, who leaves, and who may still be believed.
//!
//! A plain kernel: it never touches the disk, reads no clock, starts no thread and knows nothing of
//! pages beyond how many bytes they weigh. Its promise is the second half of the engine's own: a
//! page that is handed out was current when the call began, or says through its marks that it is
//! not. Three things hold that up. A page that leaves is flagged as *retired* before anybody can
//! see it gone, so no thread's [`Shortcut`] outlives it; a fill carries a [`Ticket`], so a reader
//! that was overtaken by a publication installs nothing; and everything carries the life of its
//! store, so nothing survives a reopening.
//!
//! [`Shard`](shard::Shard) decides who stays and is plain and single-threaded; [`Cache`] is its
//! locking coat.

mod budget;
#[expect(clippy::module_inception, reason = "the locking coat is the cache")]
mod cache;
mod climb;
mod key;
mod marks;
mod resident;
mod retired;
mod segment;
mod shard;
mod shortcut;
mod sketch;
mod ticket;

#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(all(test, not(loom)))]
mod tests;

pub(crate) use budget::{Budget, Charge};
pub(crate) use cache::{Cache, Installed, Lodged, Publication};
pub(crate) use key::{CacheKey, KeyParts, Names};
pub(crate) use marks::Marks;
pub(crate) use resident::{Resident, Weighed};
pub(crate) use shortcut::{Hold, Shortcut};
pub(crate) use ticket::Ticket;
