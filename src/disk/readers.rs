//! Who reads a node. What was found of sources and kinds is kept in mind while no edge changes.

use redb::ReadableTable;

use crate::error::Result;
use crate::graph::{EdgeRow, edge_bounds, is_outside, kind_edge_bounds, split_edge};
use crate::page::{PageKey, Slot, ViewId};

use super::known_readers::Readers;
use super::links::Links;

type Key = &'static [u8];

impl<T: ReadableTable<Key, Key>> Links<'_, T> {
    /// Whether anything reads a node.
    pub(crate) fn has_readers(&self, node: &[u8]) -> Result<bool> {
        match self.known_readers(node)? {
            Some(Readers::Few(few)) => Ok(!few.is_empty()),
            Some(Readers::Many) => Ok(true),
            None => self.has_edges(edge_bounds(node)),
        }
    }

    /// Whether anything reads a kind or one of its sources.
    pub(crate) fn kind_has_readers(&self, kind: &str) -> Result<bool> {
        self.has_edges(kind_edge_bounds(kind))
    }

    fn has_edges(&self, (from, until): (Vec<u8>, Vec<u8>)) -> Result<bool> {
        self.keep(self.edges.range(&from, &until).map(|mut range| range.next().is_some()))
    }

    /// Calls `then` with the readers of a node, until it says no.
    pub(crate) fn readers(
        &self,
        node: &[u8],
        mut then: impl FnMut(&[u8], &EdgeRow) -> bool,
    ) -> Result<()> {
        let Some(Readers::Few(few)) = self.known_readers(node)? else {
            let (from, until) = edge_bounds(node);
            return self.readers_between(&from, &until, then);
        };
        few.iter().take_while(|(reader, row)| then(reader, row)).for_each(drop);
        Ok(())
    }

    /// The readers of a node outside, as they are kept in mind; `None` where they are not, as where not
    /// all of them can be read.
    fn known_readers(&self, node: &[u8]) -> Result<Option<Readers>> {
        let changes = self.edges.changes();
        if !is_outside(node) {
            return Ok(None);
        }
        let known = self.known_readers.of(node, changes);
        if known.is_some() || !self.known_readers.has_room(node, changes) {
            return Ok(known);
        }
        let (from, until) = edge_bounds(node);
        let (mut few, mut spans) = (Vec::new(), 0);
        let mut found = None;
        for entry in self.keep(self.edges.range(&from, &until))? {
            let (key, value) = self.keep(entry)?;
            let row = EdgeRow::from_bytes(&value);
            let (Some(reader), Some(row)) = (reading_page(&key), row) else { return Ok(None) };
            spans += row.spans.len().max(1);
            if spans > FEW_MAX {
                found = Some(Readers::Many);
                break;
            }
            few.push((reader.into(), row));
        }
        let found = found.unwrap_or_else(|| Readers::Few(few.into()));
        self.known_readers.keep(node, changes, &found);
        Ok(Some(found))
    }

    /// Calls `then` with the readers of what has edges between these keys, until it says no.
    pub(crate) fn readers_between(
        &self,
        from: &[u8],
        until: &[u8],
        mut then: impl FnMut(&[u8], &EdgeRow) -> bool,
    ) -> Result<()> {
        for entry in self.keep(self.edges.range(from, until))? {
            let (key, value) = self.keep(entry)?;
            let row = EdgeRow::from_bytes(&value);
            let (Some(reader), Some(row)) = (reading_page(&key), row) else {
                self.unreadable("edges", &key, "a dependency")?;
                continue;
            };
            if !then(reader, &row) {
                break;
            }
        }
        Ok(())
    }

    /// The views whose pages read a node, each once, found without looking at all of them.
    pub(crate) fn reader_views(&self, node: &[u8]) -> Result<Vec<ViewId>> {
        let (mut from, until) = edge_bounds(node);
        let mut views = Vec::new();
        loop {
            let next = self.edges.range(&from, &until).and_then(|mut range| {
                range.next().transpose().map(|entry| entry.map(|(key, _)| key.to_vec()))
            });
            let Some(key) = self.keep(next)? else { return Ok(views) };
            let Some((view, _, _)) = reading_page(&key).and_then(PageKey::split) else {
                self.unreadable("edges", &key, "a dependency")?;
                from = [&*key, &[0]].concat();
                continue;
            };
            views.push(view);
            // Without the length that ends an edge's key: the next view's first pages stand before it.
            from = [node, &PageKey::view_bounds(view).1].concat();
        }
    }

    /// Which slots of a page are read by something.
    pub(crate) fn read_slots(&self, node: &[u8], slots: u32) -> Result<Vec<Slot>> {
        let (from, until) = edge_bounds(node);
        let mut read = vec![false; slots as usize];
        self.readers_between(&from, &until, |_, row| {
            for span in &row.spans {
                let to = usize::from(span.read.1).min(read.len().saturating_sub(1));
                read[usize::from(span.read.0).min(to)..=to].fill(true);
            }
            read.contains(&false)
        })?;
        Ok((0..slots).map(Slot).filter(|slot| read[slot.0 as usize]).collect())
    }
}

/// The page that an edge's key names as its reader.
fn reading_page(edge: &[u8]) -> Option<&[u8]> {
    split_edge(edge).map(|(_, reader)| reader).filter(|reader| PageKey::split(reader).is_some())
}

/// Readers with so many spans together, each some slots of a page that read alike, are few.
const FEW_MAX: usize = 4;
