//! What the writer can be asked to do, an operation a file.

mod define;
mod delete;
mod relay;
mod store_records;
mod sweep;
mod sync_all;
mod train;

pub(crate) use define::{Define, Defined, DropView};
pub(crate) use delete::Delete;
pub(crate) use relay::{Relay, ReserveView};
pub(crate) use store_records::{Part, StoreRecords, Stored};
pub(crate) use sweep::Sweep;
pub(crate) use sync_all::SyncAll;
pub(crate) use train::KeepDictionary;
