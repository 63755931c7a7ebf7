//! Builds that read what they did not declare.

use crate::error::{Error, ErrorKind, Result};
use crate::graph::{MarkRow, NodeParts, Observation, Origin, Reading};
use crate::grid::Bucket;
use crate::page::{Page, PageKey, Slot};
use crate::revision::Revision;

use super::batch::Batch;
use super::view_state::ViewState;

/// What stood in a slot before another content came to be there.
pub(super) struct Before<'p> {
    pub(super) page: &'p Page,
    pub(super) marks: Option<&'p MarkRow>,
    /// Records of the view whose build began earlier are stale, whatever they read.
    pub(super) stale_before: Revision,
}

impl Batch<'_> {
    /// Whether nothing explains that a record was built to other bytes: the same version read the
    /// same things, and none of them has changed since the build before. Then the build function
    /// read something else, or takes chances.
    pub(super) fn is_unexplained(
        &mut self,
        before: &Before<'_>,
        slot: Slot,
        now: &Page,
        reading: &Reading,
    ) -> Result<bool> {
        let (page, facts) = (before.page, now.facts(slot));
        if !page.holds(slot) || page.was_put(slot) || now.was_put(slot) {
            return Ok(false);
        }
        let old = page.facts(slot);
        let same = old.version == facts.version && old.dependencies == facts.dependencies;
        if !same || old.begun < before.stale_before || old.begun == facts.begun {
            return Ok(false);
        }
        // Whoever says that the record itself is worthless knows why.
        let cause = before.marks.and_then(|marks| marks.cause(slot));
        if cause.is_some_and(|cause| is_about_records(&cause.origin)) {
            return Ok(false);
        }
        for observed in &reading.observations {
            if self.changed_since(observed, old.begun)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn changed_since(&mut self, observed: &Observation, since: Revision) -> Result<bool> {
        let node = &observed.node;
        match node.parts() {
            NodeParts::Source { .. } | NodeParts::Kind(_) => {
                let kind = node.kind_of_source();
                let row = self.links.source(node.as_slice())?;
                let whole = match kind {
                    Some(kind) => self.links.source(kind.as_slice())?,
                    None => None,
                };
                let touched = self.ledger.touched.changed_since(node, since, None);
                Ok(touched
                    || row.is_some_and(|row| row.changed > since)
                    || whole.is_some_and(|row| row.changed_whole > since))
            }
            NodeParts::Page(page) => {
                let Some((id, ..)) = PageKey::split(page) else { return Ok(true) };
                let Some(view) = self.shared().views.get(id) else { return Ok(true) };
                // Where there is nothing now something may have been deleted since.
                let absent = self.views().moves(id).is_none_or(|moves| moves.changed > since);
                let Some(standing) = self.pages.standing(&view, page)? else { return Ok(absent) };
                let (first, last) = observed.slots;
                let mut slots = (u32::from(first)..=u32::from(last)).map(Slot);
                Ok(slots.any(|slot| match standing.holds(slot) {
                    true => standing.facts(slot).changed > since,
                    false => absent,
                }))
            }
            NodeParts::Entity(view, _) | NodeParts::View(view) => {
                Ok(self.views().moves(view).is_none_or(|moves| moves.changed > since))
            }
        }
    }
}

/// What is said of a record that was built to other bytes for no reason that it declared.
pub(super) fn unexplained(view: &ViewState, key: &PageKey, bucket: Option<Bucket>) -> Error {
    let message = "the record was built to other bytes than before, though nothing that it declares \
                   to read has changed: its build function reads something more (declare it with \
                   `depends_on`), or takes the time or chances";
    let mut error = Error::new(ErrorKind::Build, message).at_view(view.name());
    if let Some(bucket) = bucket {
        error = error.at_bucket(bucket);
    }
    error.at_entity(key.entity_of_page())
}

/// Whether a mark came from an invalidation of the records themselves.
fn is_about_records(origin: &Origin) -> bool {
    match origin {
        Origin::Node(node) => node.view_of_records().is_some(),
        Origin::Zone | Origin::Version | Origin::History => true,
        _ => false,
    }
}
