//! Patience with rows of the dependency graph that cannot be read.

use std::cell::RefCell;

/// Whether rows that cannot be read are met with patience: then they count as not there, and are
/// noted for who makes them harmless before his operation is done.
#[derive(Default)]
pub(super) struct Tolerance(RefCell<Option<Vec<MetRow>>>);

/// A row that could not be read: its table, and its key.
pub(super) type MetRow = (&'static str, Box<[u8]>);

impl Tolerance {
    pub(super) fn begin(&self) {
        self.0.borrow_mut().get_or_insert_default();
    }

    pub(super) fn end(&self) {
        *self.0.borrow_mut() = None;
    }

    /// Notes a row. Whether that is enough.
    pub(super) fn note(&self, table: &'static str, key: &[u8]) -> bool {
        let mut met = self.0.borrow_mut();
        met.as_mut().map(|met| met.push((table, key.into()))).is_some()
    }

    /// The rows that were met since they were last taken.
    pub(super) fn take(&self) -> Vec<MetRow> {
        self.0.borrow_mut().as_mut().map(std::mem::take).unwrap_or_default()
    }
}
