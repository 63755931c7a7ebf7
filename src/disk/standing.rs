//! What stands under a key.

use crate::page::Page;

use super::shared::PageInMemory;

/// A page that was in memory already, or was read to be looked at once.
pub(crate) enum Standing {
    InMemory(PageInMemory),
    FromDisk(Box<Page>),
}

impl std::ops::Deref for Standing {
    type Target = Page;

    fn deref(&self) -> &Page {
        match self {
            Self::InMemory(resident) => resident.value(),
            Self::FromDisk(page) => page,
        }
    }
}
