//! Everything on disk: the one place that names redb.
//!
//! From the ground up: [`file`] is the bytes (born whole, sealed, locked), [`tables`] what stands in
//! them, [`writer`] the one thread that changes them by [`operations`] gathered in a [`batch`],
//! [`load`] the way of a page into memory, [`backlog`] what is left to build in the background,
//! [`catalog`] the views defined in this opening.

mod announcements;
mod backlog;
mod backup;
mod batch;
mod catalog;
mod chunk;
mod colour;
#[cfg(test)]
#[cfg(not(loom))]
mod colour_tests;
mod committed;
mod contents;
mod crowd;
mod definition;
mod error_row;
pub(crate) mod file;
mod horizon_row;
mod hottest;
mod in_order;
mod intake;
mod intent_row;
mod inventory;
mod known_readers;
mod last_error;
mod latest;
mod ledger;
mod life;
mod link_rows;
mod links;
#[cfg(test)]
#[cfg(not(loom))]
mod links_tests;
mod live_stamp;
mod live_views;
mod load;
mod mark_rows;
mod marking;
mod open_file;
mod operation;
pub(crate) mod operations;
mod outlived;
mod packing;
mod page_walk;
#[cfg(test)]
#[cfg(not(loom))]
mod pattern_tests;
mod patterns;
mod preview;
mod readers;
#[cfg(test)]
#[cfg(not(loom))]
mod rezoning;
mod row;
mod run_row;
mod run_table;
#[cfg(test)]
#[cfg(not(loom))]
mod run_tests;
mod salvage;
mod scope;
mod scribe;
mod shared;
mod sight;
mod source_row;
#[cfg(test)]
#[cfg(not(loom))]
mod sparing_tests;
mod staged_pages;
mod staged_rows;
mod stamp;
mod standing;
mod tables;
mod told;
mod tolerance;
mod touched;
mod undeclared;
mod verify;
mod view_row;
mod view_state;
mod view_table;
mod writer;
#[cfg(test)]
#[cfg(not(loom))]
mod writer_tests;

pub use backlog::BacklogCounts;
pub(crate) use backlog::{
    Due, NotedFailure, SweepState, backlog, backlog_of, due_marks, due_stamped, due_wanted,
    last_failures, levels, sweep_of, to_be_asked_for, tries, tries_in,
};
pub use backup::BackupReport;
pub(crate) use backup::backup;
pub(crate) use catalog::Catalog;
pub(crate) use chunk::{Chunk, Item};
pub(crate) use contents::{CONTENTS, has_intents, known_views, last_revision};
pub(crate) use definition::Definition;
pub(crate) use error_row::kept_message;
pub(crate) use horizon_row::{HorizonRow, horizon_row};
pub(crate) use hottest::hottest_before;
pub(crate) use inventory::inventory;
pub use inventory::{Inventory, TableSize, ViewContents};
pub(crate) use life::begin_life;
pub(crate) use links::{Links, LinksToRead};
pub(crate) use load::{Loaded, first_page_from, load, load_aside, lodge};
pub(crate) use mark_rows::mark_row;
pub(crate) use marking::Marked;
pub(crate) use open_file::{OpenFile, closed};
pub(crate) use operation::{Receipt, Speed};
pub(crate) use outlived::{Outlived, outlived_from};
pub(crate) use page_walk::PageWalk;
pub(crate) use preview::preview;
pub use redb::{BackendError, StorageBackend};
pub use run_row::RunKind;
pub(crate) use run_row::{FAILURES_LISTED_MAX, FailureRow, RunCounts, RunRow, RunStage};
pub(crate) use run_table::{first_chunk, run_failures, run_head, run_heads};
pub(crate) use salvage::repair;
pub use salvage::{Loss, RepairReport};
pub(crate) use scope::Scope;
pub(crate) use shared::{PageInMemory, Parts, Shared};
pub(crate) use stamp::Stamp;
pub(crate) use verify::verify;
pub use verify::{Finding, FindingKind, Verified, VerifyReport};
pub(crate) use view_row::ViewRow;
pub(crate) use view_state::ViewState;
pub(crate) use writer::WriterHandle;
