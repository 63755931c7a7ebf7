//! What a commit made visible.

use std::collections::HashMap;

use super::shared::PageInMemory;

/// Page key -> the page that stands there now; `None` where one was removed.
#[derive(Debug, Default)]
pub(crate) struct Committed(HashMap<Box<[u8]>, Option<PageInMemory>>);

impl Committed {
    pub(super) fn insert(&mut self, key: Box<[u8]>, page: Option<PageInMemory>) {
        self.0.insert(key, page);
    }

    /// The page under a key that the transaction wrote.
    pub(crate) fn page(&self, key: &[u8]) -> Option<PageInMemory> {
        self.0.get(key).cloned().flatten()
    }
}
