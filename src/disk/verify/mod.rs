//! Looking through a file whether what it holds fits together, while it is in use.
//!
//! [`walk`] goes through the tables a few hundred rows at a time, each time in a read transaction of
//! its own: one that lasted for the whole walk would keep every page of the file that is freed
//! meanwhile. What holds between rows holds after every commit, so a row is held against all others
//! that it has to fit ([`page`], [`lost`], [`rows`]) in the transaction in which it was met
//! ([`look`]). What is to be mended is handed to the writer, who looks again before he changes
//! anything.

mod fault;
mod finding;
mod look;
mod lost;
mod page;
mod report;
mod rows;
mod walk;

pub(super) use fault::{Fault, Remedy};
pub(crate) use fault::{Mended, Subject};
pub use finding::{Finding, FindingKind};
pub(super) use look::{Look, PageStands, look_to_read};
pub(super) use page::cannot_be;
pub use report::{Verified, VerifyReport};
pub(super) use walk::check;
pub(crate) use walk::verify;
