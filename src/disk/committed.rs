//! What a commit made visible.

use std::collections::HashMap;

use crate::revision::Revision;

use super::shared::PageInMemory;

/// Page key -> the page that stands there now; `None` where one was removed.
#[derive(Debug)]
pub(crate) struct Committed {
    pages: HashMap<Box<[u8]>, Option<PageInMemory>>,
    revision: Revision,
}

impl Committed {
    /// Nothing yet; everything up to `revision`.
    pub(super) fn up_to(revision: Revision) -> Self {
        Self { pages: HashMap::new(), revision }
    }

    pub(super) fn insert(&mut self, key: Box<[u8]>, page: Option<PageInMemory>) {
        self.pages.insert(key, page);
    }

    /// The revision that readers may rely on now.
    pub(crate) fn revision(&self) -> Revision {
        self.revision
    }

    /// The page under a key that the transaction wrote.
    pub(crate) fn page(&self, key: &[u8]) -> Option<PageInMemory> {
        self.pages.get(key).cloned().flatten()
    }
}
