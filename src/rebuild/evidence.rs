//! Looking again at what a suspect record has read, so that it need not be built again.

use crate::cache::CacheKey;
use crate::disk::{Links, Loaded, OpenFile, PageInMemory, Shared, ViewState, load};
use crate::error::Result;
use crate::graph::{Dependency, NodeParts, Observation, Reading};
use crate::grid::Bucket;
use crate::page::{PageKey, Slot};
use crate::revision::Revision;

use super::engine::Engine;

/// What a record that was last found right at `verified` has read, observed again: everything
/// unchanged since then. `None` if something is not, or is missing, or cannot be made fresh: then
/// the record has to be built.
///
/// Goes in the order in which the build read, and stops at the first change: what was read after it
/// may have been read only because of it. Records further up that are not fresh are made so first,
/// on this thread: those that are only expired, too.
pub(crate) fn gather(
    engine: &Engine,
    page: &PageKey,
    set: u32,
    verified: Revision,
) -> Result<Option<Reading>> {
    let shared = engine.shared();
    if set == 0 {
        return Ok(Some(Reading::nothing()));
    }
    let deps = shared.file.read(|txn| Links::to_read(&shared.file, txn)?.deps(page.as_slice()))?;
    let Some(set) = deps.as_ref().and_then(|deps| deps.get(set)) else {
        return Ok(None);
    };
    let mut observations = Vec::with_capacity(set.0.len());
    for dependency in &set.0 {
        match observe(engine, dependency, verified)? {
            Some(observation) => observations.push(observation),
            None => return Ok(None),
        }
    }
    // What was read stays as it was noted.
    Ok(Some(Reading::of(observations, set.clone())))
}

fn observe(
    engine: &Engine,
    dependency: &Dependency,
    verified: Revision,
) -> Result<Option<Observation>> {
    match dependency.node.parts() {
        NodeParts::Page(key) => return observe_page(engine, key, dependency, verified),
        // Which of the records beneath were read is not known, so whether those are fresh cannot be
        // said without making all of them so.
        NodeParts::Entity(..) | NodeParts::View(_) => return Ok(None),
        NodeParts::Source { .. } | NodeParts::Kind(_) => {}
    }
    // Whatever is announced after this is found by the writer.
    let shared = engine.shared();
    let seen = shared.published();
    if changed_since(&shared.file, dependency, verified)? {
        return Ok(None);
    }
    let Dependency { node, version, .. } = dependency.clone();
    Ok(Some(Observation { version, ..Observation::whole(node, seen) }))
}

/// Whether a source, or any source of a kind, has changed since.
fn changed_since(file: &OpenFile, dependency: &Dependency, verified: Revision) -> Result<bool> {
    let node = &dependency.node;
    file.read(|txn| {
        let links = Links::to_read(file, txn)?;
        let row = links.source(node.as_slice())?.unwrap_or_default();
        let same_version = dependency.version.is_some() && row.version == dependency.version;
        let itself = row.changed > verified && !same_version;
        let kind = match node.kind_of_source() {
            Some(kind) => links.source(kind.as_slice())?.unwrap_or_default().changed_whole,
            None => Revision::ZERO,
        };
        Ok(itself || kind > verified)
    })
}

/// Makes records of a page fresh and says what is there; `None` if one is missing or has changed.
fn observe_page(
    engine: &Engine,
    key: &[u8],
    dependency: &Dependency,
    verified: Revision,
) -> Result<Option<Observation>> {
    let shared = engine.shared();
    let Some((id, entity, number)) = PageKey::split(key) else { return Ok(None) };
    let Some(view) = shared.views.get(id) else { return Ok(None) };
    let key = PageKey::of_parts(id, entity, number);
    let (first, last) = dependency.slots;
    // Some grids leave slots of their pages empty for ever.
    let bucket = |slot: Slot| view.grid().bucket_in(number, slot.0, view.page_len());
    let all = (u32::from(first)..=u32::from(last)).map(Slot);
    let slots: Vec<_> = all.filter_map(|slot| Some((slot, bucket(slot)?))).collect();
    let Some(page) = page_at(shared, &view, &key)? else { return Ok(None) };
    let stands = |page: &PageInMemory, slot: Slot, bucket: Bucket| {
        let now = || shared.options.clock.now();
        page.value().holds(slot) && view.freshness_at(page, slot, bucket, now).stands()
    };
    // Missing never spares.
    if slots.iter().any(|(slot, _)| !page.value().holds(*slot)) {
        return Ok(None);
    }
    for (slot, _) in slots.iter().filter(|(slot, bucket)| !stands(&page, *slot, *bucket)) {
        let Some(rebuilder) = engine.rebuilder(id) else { return Ok(None) };
        rebuilder.make_fresh(key.as_slice(), slot.0)?;
    }
    let mut seen = shared.published();
    let Some(page) = page_at(shared, &view, &key)? else { return Ok(None) };
    for (slot, bucket) in &slots {
        if !stands(&page, *slot, *bucket) {
            return Ok(None);
        }
        let changed = page.value().facts(*slot).changed;
        if changed > verified {
            return Ok(None);
        }
        seen = seen.max(changed);
    }
    let present = slots.len() as u16;
    let Dependency { node, slots, version } = dependency.clone();
    Ok(Some(Observation { slots, present, version, ..Observation::whole(node, seen) }))
}

fn page_at(shared: &Shared, view: &ViewState, key: &PageKey) -> Result<Option<PageInMemory>> {
    if let Some(page) = shared.cache.get(CacheKey::new(key.as_slice())) {
        return Ok(Some(page));
    }
    Ok(match load(shared, view, key)? {
        Loaded::Page(page) => Some(page),
        Loaded::Absent | Loaded::Damaged(_) => None,
    })
}
