//! What the writer keeps in memory from one transaction to the next.

use crate::error::Result;
use crate::revision::Revision;

use super::contents::known_views;
use super::shared::Shared;
use super::touched::Touched;
use super::view_table::ViewTable;

/// What every transaction asks for and the file need not be read for. After a transaction that
/// failed it is worthless, and nothing is written any more.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) views: ViewTable,
    pub(crate) touched: Touched,
}

impl Ledger {
    /// As the file has it when it is opened, whose last operation was `last`.
    pub(super) fn load(shared: &Shared, last: Revision) -> Result<Self> {
        Ok(Self { views: ViewTable::new(known_views(shared)?, last), touched: Touched::new(last) })
    }
}
