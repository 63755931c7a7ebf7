//! Pages: runs of consecutive buckets of one entity, the unit of disk, cache, compression and
//! checksum.
//!
//! A page lives in two forms. In memory ([`Page`]) it is one aligned buffer in which every record
//! has been checked once and is read in place. On disk ([`stored`]) it is that buffer, as columns (by
//! itself or beside the [`pattern`] of its time) or compressed where that pays, behind a header with a
//! checksum over the key too. [`merge`] makes a new page of an old one and what has been built since; a
//! page that others can see never changes.

mod access;
mod aid;
mod body;
mod build;
mod columns;
mod dictionary;
mod even;
mod facts;
#[cfg(any(test, fuzzing))]
#[cfg_attr(not(fuzzing), expect(unreachable_pub, reason = "only fuzzing opens the door"))]
mod fuzzing;
mod habits;
mod header;
mod key;
mod layout;
mod merge;
mod pack;
mod pattern;
pub mod proof;
mod shape;
mod slots;
#[cfg(any(test, fuzzing))]
#[cfg_attr(not(fuzzing), expect(unreachable_pub, reason = "only fuzzing opens the door"))]
mod spoilt;
mod steps;
mod stored;
#[cfg(test)]
mod tests;
mod unpack;

#[cfg(any(test, fuzzing))]
pub(crate) use access::serialize;
pub(crate) use access::{RecordBytes, Room, access, access_array, prefetch, prefetch_from};
pub(crate) use aid::Aid;
pub(crate) use body::{Floor, Origin, Page};
pub(crate) use build::PageBuilder;
pub(crate) use dictionary::{Compression, Dictionary, Sampler};
pub(crate) use facts::Facts;
#[cfg(fuzzing)]
pub use fuzzing::{built_page_holds, page_holds};
pub(crate) use key::{PageKey, ViewId};
pub(crate) use layout::Layout;
pub(crate) use merge::{Fate, Merged, import, merge, verified, without};
pub(crate) use pattern::Pattern;
pub(crate) use shape::RecordShape;
pub use shape::RecordType;
pub(crate) use slots::{Slot, SlotSet, SlotsByPage};
#[cfg(fuzzing)]
pub use spoilt::spoilt_page_holds;
pub(crate) use stored::{
    StoredBody, decode, encode, later_format, store_body, stored_facts, stored_names, unbound,
};

/// The most buckets that a page may hold.
///
/// On disk (slot tables of this length occur): never lowered.
pub const PAGE_LEN_MAX: u32 = 1024;
/// The largest page, inflated: 32 MiB.
///
/// A page on disk that claims more is refused before anything is allocated for it.
pub const PAGE_BYTES_MAX: usize = 32 << 20;
