//! What the writer can be asked to do, a noun a file: an operation, or those that begin and end a thing.

mod change;
mod define;
mod delete;
mod horizon;
mod hurry;
mod invalidate;
mod mend;
mod note_begun;
mod note_failures;
mod note_sweep;
mod reconcile;
mod relay;
mod relay_wanted;
mod runs;
mod spare;
mod store_records;
mod sweep;
mod sync_all;
mod train;
mod want;
mod write_together;

pub(crate) use change::{BeginChange, EndChange, SettleIntents};
pub(crate) use define::{Define, Defined, DropView};
pub(crate) use delete::{Delete, PAGES_AT_ONCE, Reason};
pub(crate) use horizon::BegunDay;
pub(crate) use hurry::Hurry;
pub(crate) use invalidate::{Changed, Invalidate, PAGES_IN_SCOPE_MAX};
pub(crate) use mend::Mend;
pub(crate) use note_begun::{NoteBegun, NoteEnded};
pub(crate) use note_failures::{Failed, NoteFailures};
pub(crate) use note_sweep::NoteSweep;
pub(crate) use reconcile::{Reconcile, ReconcileGone, Reconciled};
pub(crate) use relay::{Relay, ReserveView};
pub(crate) use runs::{FinishChunk, Spool, StartRun, SweepRun, TurnRun};
pub(crate) use spare::Spare;
pub(crate) use store_records::{Part, StoreRecords, Stored, StoredPage};
pub(crate) use sweep::Sweep;
pub(crate) use sync_all::SyncAll;
pub(crate) use train::KeepDictionary;
#[cfg(test)]
pub(crate) use want::Asked;
pub(crate) use want::{Unwant, Unwanted, Want};
pub(crate) use write_together::{WriteTogether, WrittenTogether};
