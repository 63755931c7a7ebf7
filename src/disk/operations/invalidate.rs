//! Telling the store that something has changed.

use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Cause, Colour, Node, NodeParts, Origin, Seed};
use crate::page::{PageKey, Slot, SlotSet, ViewId};
use crate::sync::Arc;
use crate::time::{TimeRange, Timestamp};

use super::super::announcements::Word;
use super::super::batch::Batch;
use super::super::committed::Committed;
use super::super::marking::Marked;
use super::super::operation::{Operation, Speed};
use super::super::scope::{Scope, ScopeOf};
use super::super::source_row::SourceRow;
use super::super::view_state::ViewState;

/// Something that has changed.
#[derive(Clone, Debug)]
pub(crate) enum Changed {
    /// A source, to this version if the application counts them.
    Source(Node, Option<u64>),
    /// All sources of a kind.
    Kind(Node),
    /// Every record of a view.
    View(ViewId),
    /// Some records of a view.
    Records(Arc<ViewState>, Scope),
}

/// Announces changes, all of them at one revision.
#[derive(Debug)]
pub(crate) struct Invalidate {
    pub(crate) changes: Vec<Changed>,
    pub(crate) now: Timestamp,
}

/// Records of a page that are concerned.
struct Concerned {
    page: Box<[u8]>,
    slots: SlotSet,
    /// The page cannot be read: nothing is known of its records but that others may have read them.
    damaged: bool,
}

/// More pages in a scope than this, and the whole view is stamped.
pub(crate) const PAGES_IN_SCOPE_MAX: usize = 100_000;

impl Operation for Invalidate {
    type Applied = Marked;
    type Answer = (Marked, crate::revision::Revision);

    fn speed(&self) -> Speed {
        // What nobody has read is in no file: then there is nothing to sync.
        Speed::AsFound
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<Marked> {
        self.check(batch)?;
        announce(batch, &self.changes, self.now)
    }

    fn answer(self, marked: Marked, committed: &Committed) -> Self::Answer {
        (marked, committed.revision())
    }
}

impl Invalidate {
    /// Nothing is announced of what is no more: who says so means what took its place.
    pub(super) fn check(&self, batch: &mut Batch<'_>) -> Result<()> {
        for change in &self.changes {
            match change {
                Changed::Records(view, _) => view.check()?,
                Changed::View(view) if batch.views().by_id(*view).is_none() => {
                    return Err(Error::new(
                        ErrorKind::Definition,
                        "a view that is to be invalidated was defined anew or deleted since; name it, \
                         or take the change from its new handle",
                    ));
                }
                Changed::View(_) | Changed::Source(..) | Changed::Kind(_) => {}
            }
        }
        Ok(())
    }
}

/// Applies changes as part of the operation at hand.
pub(super) fn announce(
    batch: &mut Batch<'_>,
    changes: &[Changed],
    now: Timestamp,
) -> Result<Marked> {
    let mut seeds = Vec::with_capacity(changes.len());
    let mut stamped = std::collections::BTreeSet::new();
    let mut any_revived = false;
    for change in changes {
        match change {
            Changed::Source(source, version) => {
                source_changed(batch, source, *version)?;
                let seed = Seed::Node { node: source.clone(), version: *version };
                seeds.push((seed, cause(batch, source, now)));
            }
            Changed::Kind(kind) => seeds.extend(kind_changed(batch, kind, now)?),
            Changed::View(view) => stamped.extend(stamp(batch, *view, now)),
            Changed::Records(view, scope) => {
                let (scope, revision) = (view.scope(scope.clone()), batch.revision());
                let mut announcements = view.announcements().lock();
                announcements.remember(revision, scope.clone(), Word::Invalidated, false);
                drop(announcements);
                let cause = cause(batch, &Node::view(view.id()), now);
                let revived = revive_wanted(batch, &scope)?;
                any_revived |= revived == Some(true);
                match records(batch, view, &scope)?.filter(|_| revived.is_some()) {
                    Some(found) => seeds.extend(found.into_iter().map(|concerned| {
                        let Concerned { page, slots, damaged } = concerned;
                        let seed = match damaged {
                            true => Seed::Changed { page, slots },
                            false => Seed::Marked { page, slots, colour: Colour::Stale },
                        };
                        (seed, cause.clone())
                    })),
                    None => stamped.extend(stamp(batch, view.id(), now)),
                }
            }
        }
    }
    let mut marked = batch.spread(seeds, now)?;
    marked.stamped.extend(stamped);
    marked.revived |= any_revived;
    if marked.stale + marked.suspect > 0 || !marked.stamped.is_empty() || marked.revived {
        batch.must_sync();
    }
    Ok(marked)
}

fn cause(batch: &Batch<'_>, node: &Node, since: Timestamp) -> Cause {
    Cause::new(Origin::Node(node.clone()), batch.revision(), since)
}

/// Remembers a source's change: for builds under way, and for those who have read it.
fn source_changed(batch: &mut Batch<'_>, source: &Node, version: Option<u64>) -> Result<()> {
    let revision = batch.revision();
    batch.ledger.touched.source(source, revision, version);
    let known = batch.links.source(source.as_slice())?;
    if known.is_some() || batch.links.has_readers(source.as_slice())? {
        let known = known.unwrap_or_default();
        // Who announces a source that has gone says that it is there again.
        let generation = if known.generation == SourceRow::GONE { 0 } else { known.generation };
        let row = SourceRow { changed: revision, version, generation, ..known };
        batch.links.put_source(source.as_slice(), row);
        batch.links.settle()?;
        batch.must_sync();
    }
    Ok(())
}

fn kind_changed(
    batch: &mut Batch<'_>,
    kind: &Node,
    now: Timestamp,
) -> Result<Option<(Seed, Cause)>> {
    let revision = batch.revision();
    batch.ledger.touched.kind(kind, revision);
    let NodeParts::Kind(name) = kind.parts() else { return Ok(None) };
    if !batch.links.kind_has_readers(name)? {
        return Ok(None);
    }
    batch.note_changed(kind, |row| {
        row.changed = revision;
        row.changed_whole = revision;
    })?;
    batch.must_sync();
    Ok(Some((Seed::Kind(name.to_owned()), cause(batch, kind, now))))
}

/// Stamps a view stale and those that read it suspect.
fn stamp(batch: &mut Batch<'_>, view: ViewId, now: Timestamp) -> Vec<ViewId> {
    let revision = batch.revision();
    if batch.views().by_id(view).is_none() {
        return Vec::new();
    }
    let readers = batch.stamp_readers([view], now);
    batch.views().raise_stale(view, revision, now);
    readers.into_iter().chain([view]).collect()
}

/// Marks the records of a view that is being defined whose buckets meet a stretch in which the zone
/// sets its clock otherwise than when they were stored.
pub(super) fn zone_changed(
    batch: &mut Batch<'_>,
    view: &ViewState,
    stretches: Vec<TimeRange>,
    now: Timestamp,
) -> Result<()> {
    let cause = Cause::new(Origin::Zone, batch.revision(), now);
    let Some(found) = records(batch, view, &view.scope(Scope::Meeting(stretches.into())))? else {
        stamp(batch, view.id(), now);
        return Ok(());
    };
    let mut seeds = Vec::with_capacity(found.len());
    for Concerned { page, slots, damaged } in found {
        // The walk asks live definitions what is sealed, and this one is not live yet.
        let sealed = slots.intersection(view.sealed(&page, now));
        seeds.push((Seed::Readers { page: page.clone(), slots: sealed }, cause.clone()));
        let (slots, colour) = (slots.minus(sealed), Colour::Stale);
        // What read them asked for instants, and those may lie in other buckets now: that these came
        // out as they were would prove nothing.
        seeds.push((Seed::Changed { page: page.clone(), slots }, cause.clone()));
        if !damaged {
            seeds.push((Seed::Marked { page, slots, colour }, cause.clone()));
        }
    }
    batch.spread(seeds, now).map(drop)
}

/// What was asked for in a scope and tried in vain is to be tried again. Whether there was any;
/// `None` if too much was asked for to look at it one by one.
fn revive_wanted(batch: &mut Batch<'_>, scope: &ScopeOf) -> Result<Option<bool>> {
    let (first, until) = scope.bounds();
    let keys = batch.backlog.wanted_keys(&first, &until, PAGES_IN_SCOPE_MAX + 1)?;
    if keys.len() > PAGES_IN_SCOPE_MAX {
        return Ok(None);
    }
    let mut any = false;
    for key in keys {
        let Some((_, _, number)) = PageKey::split(&key) else { continue };
        let Some(mut row) = batch.backlog.wanted(&key)? else { continue };
        let slots = row.wanted().iter().filter(|slot| scope.holds_slot(number, *slot)).collect();
        if !row.revive(slots).is_empty() {
            batch.backlog.put_wanted(&key, &row)?;
            any = true;
        }
    }
    Ok(Some(any))
}

/// The records of a scope, page by page; `None` if they are too many to be marked one by one.
fn records(
    batch: &mut Batch<'_>,
    view: &ViewState,
    scope: &ScopeOf,
) -> Result<Option<Vec<Concerned>>> {
    let (first, until) = scope.bounds();
    let keys = batch.pages.keys(&first, &until, PAGES_IN_SCOPE_MAX + 1)?;
    if keys.len() > PAGES_IN_SCOPE_MAX {
        return Ok(None);
    }
    let mut records = Vec::new();
    for key in keys {
        let Some((_, _, number)) = PageKey::split(&key) else { continue };
        if !scope.concerns(number) {
            continue;
        }
        let Some(page) = batch.pages.standing(view, &key)? else {
            // Damaged beyond reading: its records count as missing, and who read them is told.
            let slots = (0..view.page_len()).map(Slot).collect();
            records.push(Concerned { page: key, slots, damaged: true });
            continue;
        };
        let slots = scope.slots(number, &page);
        if !slots.is_empty() {
            records.push(Concerned { page: key, slots, damaged: false });
        }
    }
    Ok(Some(records))
}
