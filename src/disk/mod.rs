//! Everything on disk: the one place that names redb.
//!
//! From the ground up: [`file`] is the bytes (born whole, sealed, locked), [`tables`] what stands in
//! them, [`writer`] the one thread that changes them by [`operations`] gathered in a [`batch`],
//! [`load`] the way of a page into memory, [`catalog`] the views defined in this opening.

mod batch;
mod catalog;
mod committed;
mod contents;
mod deletions;
pub(crate) mod file;
mod load;
mod operation;
pub(crate) mod operations;
mod row;
mod scope;
mod shared;
mod tables;
mod view_row;
mod view_state;
mod writer;

pub(crate) use catalog::Catalog;
pub(crate) use contents::{CONTENTS, begin_life, last_revision, view_rows};
pub(crate) use load::{Loaded, first_page_from, load};
pub(crate) use operation::{Receipt, Speed};
pub use redb::{BackendError, StorageBackend};
pub(crate) use scope::Scope;
pub(crate) use shared::{PageInMemory, Parts, Shared, closed};
pub(crate) use tables::VIEWS;
pub(crate) use view_row::ViewRow;
pub(crate) use view_state::{Definition, ViewState};
pub(crate) use writer::WriterHandle;
