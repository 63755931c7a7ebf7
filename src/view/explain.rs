//! Finding out why a record is as it is.

use std::collections::HashMap;
use std::time::Duration;

use crate::cache::CacheKey;
use crate::disk::{Links, LinksToRead, Shared};
use crate::error::Result;
use crate::freshness::Freshness;
use crate::graph::{Cause, Dependency, MarkRow, Node, NodeParts, Origin};
use crate::key::key_in_words;
use crate::page::{Facts, PageKey, Slot, SlotSet, ViewId};
use crate::revision::Revision;
use crate::time::Timestamp;

use super::any_view::AnyView;
use super::explanation::{ExplainedBuild, ExplainedCause, ExplainedRead, Explanation, RecordName};
use super::lookup::{Look, look};
use super::spot::Spot;

/// Steps of a chain of causes that are followed.
const CAUSES_MAX: usize = 64;
/// Readers that are named.
const READERS_MAX: usize = 100;

impl AnyView {
    pub(super) fn explain(&self, spot: &Spot) -> Result<Explanation> {
        self.check(&spot.key)?;
        let found = match look(self.shared(), &self.state, &spot.key)? {
            Look::Found(found) if found.page().holds(spot.slot()) => Some(found),
            _ => None,
        };
        let names = self.engine.view_names()?;
        let names = Names { shared: self.shared(), names: &names };
        let (page, slot) = (spot.key.as_slice(), spot.slot());
        let freshness = found.as_ref().map(|found| self.freshness(found, slot, spot.bucket));
        let facts = found.as_ref().map(|found| *found.page().facts(slot));
        let built = found.as_ref().zip(facts).map(|(found, facts)| ExplainedBuild {
            put: found.page().was_put(slot),
            version: facts.version,
            at: facts.built_at,
            took: Duration::from_micros(found.page().build_micros(slot).into()),
            begun: facts.begun,
            verified: facts.verified,
            changed: facts.changed,
            fresh_until: Some(facts.fresh_until).filter(|at| *at != Timestamp::MAX),
        });
        self.shared().file.read(|txn| {
            let links = Links::to_read(&self.shared().file, txn)?;
            let mut causes = causes(&names, page, slot, |page| links.marks(page))?;
            if causes.is_empty()
                && let Some((freshness, facts)) = freshness.zip(facts)
                && !freshness.stands()
            {
                causes.push(match freshness {
                    Freshness::Expired => self.expired(spot, &facts),
                    _ => self.stamp(freshness, facts.version),
                });
            }
            let mut reads = Vec::new();
            if let Some(facts) = facts
                && let Some(deps) = links.deps(page)?
                && let Some(set) = deps.get(facts.dependencies)
            {
                for dependency in &set.0 {
                    let row = links.source(dependency.node.as_slice())?;
                    let known = row.map(|row| row.changed).or_else(|| names.changed(dependency));
                    reads.push(names.read(dependency, known, facts.verified));
                }
            }
            let (readers, reader_pages) = names.readers(page, slot, &links)?;
            let record = names.record(page, slot);
            Ok(Explanation { record, freshness, causes, built, reads, readers, reader_pages })
        })
    }

    /// The cause of a record that is expired: its own time, or that of something further up.
    fn expired(&self, spot: &Spot, facts: &Facts) -> ExplainedCause {
        let own = self.state.expires(spot.key.as_slice(), spot.bucket, facts.built_at);
        let what = if own <= facts.fresh_until {
            "the time for which records of the view count is over"
        } else {
            "the time for which something that it was built from counts is over"
        };
        let (what, since) = (what.to_owned(), facts.fresh_until);
        ExplainedCause { what, revision: facts.verified, since, through: None }
    }

    /// The cause that is left when no mark says another: the view as a whole.
    fn stamp(&self, freshness: Freshness, version: u32) -> ExplainedCause {
        let stamp = self.state.stamp();
        let (stale, suspect) = (stamp.stale_before, stamp.suspect_before);
        let (what, revision) = match freshness {
            Freshness::OldVersion => {
                let now = self.state.version();
                (format!("version {version} built it and the view has version {now}"), stale)
            }
            Freshness::Suspect => {
                ("a view that it reads was invalidated or defined anew".to_owned(), suspect)
            }
            _ => ("the whole view was invalidated".to_owned(), stale),
        };
        let since = self.state.live_stamp().stamped_at();
        ExplainedCause { what, revision, since, through: None }
    }
}

/// From a record back to what changed, from mark to mark.
fn causes(
    names: &Names<'_>,
    page: &[u8],
    slot: Slot,
    marks: impl Fn(&[u8]) -> Result<Option<MarkRow>>,
) -> Result<Vec<ExplainedCause>> {
    let mut causes = Vec::new();
    let mut at = (Box::<[u8]>::from(page), slot);
    while causes.len() < CAUSES_MAX {
        let row = marks(&at.0)?;
        let Some(cause) = row.as_ref().and_then(|row| row.cause(at.1)) else { break };
        causes.push(names.cause(cause));
        match &cause.through {
            Some((page, slot)) => at = (page.clone(), Slot(u32::from(*slot))),
            None => break,
        }
    }
    Ok(causes)
}

/// Puts keys into words.
struct Names<'s> {
    shared: &'s Shared,
    names: &'s HashMap<ViewId, String>,
}

impl Names<'_> {
    fn view(&self, id: ViewId) -> String {
        self.names.get(&id).cloned().unwrap_or_else(|| format!("view {}", id.0))
    }

    fn bucket(&self, page: &[u8], slot: Slot) -> String {
        let Some((id, _, number)) = PageKey::split(page) else { return String::new() };
        let view = self.shared.views.get(id);
        let bucket = view.and_then(|view| view.grid().bucket_in(number, slot.0, view.page_len()));
        match bucket {
            Some(bucket) => bucket.to_string(),
            None => format!("slot {} of page {}", slot.0, number.0),
        }
    }

    fn record(&self, page: &[u8], slot: Slot) -> RecordName {
        let (view, entity) = match PageKey::split(page) {
            Some((id, entity, _)) => (self.view(id), entity.to_vec()),
            None => (String::new(), Vec::new()),
        };
        RecordName { view, entity, bucket: self.bucket(page, slot) }
    }

    fn node(&self, node: &Node, slots: (u16, u16)) -> String {
        match node.parts() {
            NodeParts::Source { kind, key } => format!("({kind:?}, {})", key_in_words(key)),
            NodeParts::Kind(kind) => format!("all of kind {kind:?}"),
            NodeParts::Page(page) => {
                let (first, last) = (Slot(slots.0.into()), Slot(slots.1.into()));
                let record = self.record(page, first);
                if first == last {
                    format!("{record}")
                } else {
                    format!("{record} to {}", self.bucket(page, last))
                }
            }
            NodeParts::Entity(view, _) => format!("{} all of one entity", self.view(view)),
            NodeParts::View(view) => format!("{} as a whole", self.view(view)),
        }
    }

    fn cause(&self, cause: &Cause) -> ExplainedCause {
        let what = match &cause.origin {
            Origin::Node(node) => match node.parts() {
                NodeParts::View(view) => format!("records of {} were invalidated", self.view(view)),
                _ => format!("{} changed", self.node(node, (0, 0))),
            },
            Origin::Changed => "a record came to be or got another content".to_owned(),
            Origin::Appeared => "a record came to be".to_owned(),
            Origin::Deleted => "a record was deleted".to_owned(),
            Origin::Overtaken => "what it read moved while it was built".to_owned(),
            Origin::Upstream => "something that it read was not fresh".to_owned(),
            Origin::History => "the file lost history".to_owned(),
            Origin::Zone => "the rules of the time zone changed".to_owned(),
            Origin::Version => "the view was given a higher version".to_owned(),
        };
        let through = cause.through.as_ref();
        let through = through.map(|(page, slot)| self.record(page, Slot(u32::from(*slot))));
        ExplainedCause { what, revision: cause.revision, since: cause.since, through }
    }

    /// When records of a page last changed, if the page is at hand.
    fn changed(&self, dependency: &Dependency) -> Option<Revision> {
        let NodeParts::Page(page) = dependency.node.parts() else { return None };
        let cached = self.shared.cache.peek(CacheKey::new(page))?;
        let (first, last) = dependency.slots;
        let slots = (u32::from(first)..=u32::from(last)).map(Slot);
        let held = slots.filter(|slot| cached.value().has_facts(*slot));
        held.map(|slot| cached.value().facts(slot).changed).max()
    }

    fn read(
        &self,
        dependency: &Dependency,
        changed: Option<Revision>,
        verified: Revision,
    ) -> ExplainedRead {
        ExplainedRead {
            what: self.node(&dependency.node, dependency.slots),
            version: dependency.version,
            changed,
            has_changed: changed.is_some_and(|changed| changed > verified),
        }
    }

    /// Who reads a record, its entity, or its view.
    fn readers(
        &self,
        page: &[u8],
        slot: Slot,
        links: &LinksToRead<'_>,
    ) -> Result<(Vec<RecordName>, u64)> {
        let mut readers = Vec::new();
        let mut pages = 0;
        let mut node = Some(Node::page(page));
        while let Some(at) = node {
            let of_page = matches!(at.parts(), NodeParts::Page(_));
            links.readers(at.as_slice(), |reader, edge| {
                let slots =
                    if of_page { edge.readers_of(SlotSet::one(slot)) } else { edge.readers() };
                pages += u64::from(!slots.is_empty());
                let room = READERS_MAX - readers.len();
                readers.extend(slots.iter().take(room).map(|slot| self.record(reader, slot)));
                true
            })?;
            node = at.coarser();
        }
        Ok((readers, pages))
    }
}
