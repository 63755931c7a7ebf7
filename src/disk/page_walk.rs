//! Going through the pages of a scope.

use std::collections::VecDeque;

use crate::error::Result;
use crate::grid::PageNumber;
use crate::page::PageKey;

use super::open_file::OpenFile;
use super::scope::ScopeOf;
use super::tables::PAGES;

/// The pages of the file that can hold records of a scope, in the order of their keys. No transaction
/// lives from one to the next: what is stored or deleted meanwhile is met or not.
pub(crate) struct PageWalk<'s> {
    file: &'s OpenFile,
    scope: &'s ScopeOf,
    /// Keys that were read and not met yet.
    ahead: VecDeque<Box<[u8]>>,
    /// Where to read on; `None`: the end was read.
    from: Option<Vec<u8>>,
    until: Vec<u8>,
    /// How many pages more it may meet, those included that hold nothing of the scope.
    left: usize,
}

/// Keys that are read in one transaction.
const READ_AHEAD: usize = 256;

impl<'s> PageWalk<'s> {
    /// Through `most` pages at most, from the scope's first.
    pub(crate) fn new(file: &'s OpenFile, scope: &'s ScopeOf, most: usize) -> Self {
        let (first, until) = scope.bounds();
        Self { file, scope, ahead: VecDeque::new(), from: Some(first), until, left: most }
    }

    /// The same from a key on (inclusive).
    pub(crate) fn starting(self, from: &[u8]) -> Self {
        Self { from: Some(from.to_vec()), ..self }
    }

    /// The next page.
    pub(crate) fn next(&mut self) -> Result<Option<(PageKey, PageNumber)>> {
        while self.left > 0 {
            let Some(key) = self.next_key()? else { return Ok(None) };
            self.left -= 1;
            if let Some((view, entity, number)) = PageKey::split(&key)
                && self.scope.concerns(number)
            {
                return Ok(Some((PageKey::of_parts(view, entity, number), number)));
            }
        }
        Ok(None)
    }

    /// The key of a page that it may not meet any more; `None` if it came to the scope's end.
    pub(crate) fn rest(mut self) -> Result<Option<Box<[u8]>>> {
        self.next_key()
    }

    fn next_key(&mut self) -> Result<Option<Box<[u8]>>> {
        if self.ahead.is_empty()
            && let Some(from) = self.from.take()
        {
            self.ahead = self.read_ahead(&from)?;
            self.from = self.ahead.get(READ_AHEAD - 1).map(|last| [&**last, &[0]].concat());
        }
        Ok(self.ahead.pop_front())
    }

    fn read_ahead(&self, from: &[u8]) -> Result<VecDeque<Box<[u8]>>> {
        self.file.read(|txn| {
            let pages = txn.open_table(PAGES).map_err(|cause| self.file.storage_error(cause))?;
            let keys = pages.range(from..&*self.until).and_then(|range| {
                let keys = range.take(READ_AHEAD);
                keys.map(|entry| entry.map(|(key, _)| key.value().into())).collect()
            });
            keys.map_err(|cause| self.file.storage_error(cause))
        })
    }
}
