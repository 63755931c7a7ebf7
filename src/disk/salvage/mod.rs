//! Reading what is left of a damaged file, without redb: redb ends an opening with the first page that
//! it cannot read, and panics on trees that are not in order.
//!
//! Every page of redb's tree stands under a checksum of 128 bits in the page above it, the uppermost
//! under one in the file's header ([`format`]). So from any of the header's two roots ([`tree`]) a page
//! is either proven or known to be damaged, and what hangs beneath a damaged branch is proven all the
//! same where it fits the checksum that the branch still has of it. Where one bit of a page was flipped,
//! the checksum tells which.
//!
//! What is found goes into a new file ([`mend`]); the damaged one is only read.

mod bits;
mod format;
mod mend;
mod report;
mod rows;
mod tree;

pub(crate) use mend::repair;
pub use report::{Loss, RepairReport};
