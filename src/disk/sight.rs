//! What a walk sees.

use redb::ReadableTable;

use crate::error::Result;
use crate::graph::{EdgeRow, Graph, MarkRow, kind_edge_bounds};
use crate::page::{PageKey, SlotSet, ViewId};
use crate::time::Timestamp;

use super::links::Links;
use super::shared::Shared;
use super::view_table::ViewTable;

/// The graph as one transaction sees it.
pub(crate) struct Sight<'s, T> {
    pub(crate) shared: &'s Shared,
    pub(crate) links: &'s Links<'s, T>,
    pub(crate) views: &'s ViewTable,
    /// By the application's clock, asked outside: decides what is sealed.
    pub(crate) now: Timestamp,
}

impl<T: ReadableTable<&'static [u8], &'static [u8]>> Graph for Sight<'_, T> {
    fn readers(&self, node: &[u8], then: &mut dyn FnMut(&[u8], &EdgeRow) -> bool) -> Result<()> {
        self.links.readers(node, then)
    }

    fn readers_of_kind(
        &self,
        kind: &str,
        then: &mut dyn FnMut(&[u8], &EdgeRow) -> bool,
    ) -> Result<()> {
        let (from, until) = kind_edge_bounds(kind);
        self.links.readers_between(&from, &until, then)
    }

    fn reader_views(&self, node: &[u8]) -> Result<Vec<ViewId>> {
        self.links.reader_views(node)
    }

    fn mark_row(&self, page: &[u8]) -> Result<Option<MarkRow>> {
        self.links.marks(page)
    }

    fn readers_of_view(&self, view: ViewId) -> Vec<ViewId> {
        self.views.readers(view).to_vec()
    }

    fn sealed(&self, page: &[u8]) -> SlotSet {
        let view = PageKey::split(page).and_then(|(id, _, _)| self.shared.views.get(id));
        view.map_or(SlotSet::EMPTY, |view| view.sealed(page, self.now))
    }
}
