//! From a key to a page: the thread's shortcut, the cache, the file.

use std::cell::RefCell;

use crate::cache::{CacheKey, Hold, Shortcut};
use crate::disk::{Loaded, PageInMemory, Shared, ViewState, load};
use crate::error::{Error, Result};
use crate::page::{Page, PageKey, Slot};

use super::freshness::{Freshness, Layer};

thread_local! {
    static SHORTCUT: RefCell<Shortcut<Page>> = const { RefCell::new(Shortcut::new()) };
}

/// A page that was found, and where.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) hold: Hold<Page>,
    pub(super) layer: Layer,
}

/// What looking for a page came to.
#[derive(Debug)]
pub(super) enum Look {
    Found(Found),
    Absent,
    /// There is a page, but it fails its checks; it counts as missing.
    Damaged(Error),
}

impl Found {
    #[inline]
    pub(super) fn page(&self) -> &Page {
        self.hold.resident().value()
    }

    /// What may be believed of the record in a slot, which must hold one.
    #[inline]
    pub(super) fn freshness(&self, slot: Slot, view: &ViewState) -> Freshness {
        let resident = self.hold.resident();
        let facts = resident.value().facts(slot);
        // After the page: whoever raises a stamp does so before it raises the published revision, so
        // a read that began after an announcement was answered sees the stamp.
        if resident.marks().any() || facts.begun < view.stale_before() {
            return marked(resident, slot, view);
        }
        if facts.version != view.version() {
            return Freshness::OldVersion;
        }
        if facts.verified < view.suspect_before() {
            return Freshness::Suspect;
        }
        Freshness::Fresh
    }

    /// Whether a fresh record stands in a slot.
    pub(super) fn holds_fresh(&self, slot: Slot, view: &ViewState) -> bool {
        self.page().holds(slot) && self.freshness(slot, view).is_fresh()
    }

    /// Whether every record of the page is fresh, found out from what they share. Where it says no,
    /// some may be fresh all the same.
    pub(super) fn all_fresh(&self, view: &ViewState) -> bool {
        let (stale, suspect) = (view.stale_before(), view.suspect_before());
        !self.hold.resident().marks().any()
            && self.page().all_facts().iter().all(|facts| {
                facts.begun >= stale && facts.verified >= suspect && facts.version == view.version()
            })
    }
}

#[cold]
fn marked(resident: &crate::cache::Resident<Page>, slot: Slot, view: &ViewState) -> Freshness {
    use crate::graph::Colour;
    let facts = resident.value().facts(slot);
    if facts.version != view.version() {
        return Freshness::OldVersion;
    }
    if facts.begun < view.stale_before() {
        return Freshness::Stale;
    }
    match resident.marks().colour(slot.0 as usize) {
        Colour::Stale => Freshness::Stale,
        Colour::Suspect => Freshness::Suspect,
        Colour::Fresh if facts.verified < view.suspect_before() => Freshness::Suspect,
        Colour::Fresh => Freshness::Fresh,
    }
}

/// A page from memory alone.
#[inline]
pub(super) fn in_memory(shared: &Shared, key: &PageKey) -> Option<Found> {
    let key = CacheKey::new(key.as_slice());
    let hold = SHORTCUT.with_borrow_mut(|shortcut| shared.cache.get_through(shortcut, key))?;
    Some(Found { hold, layer: Layer::Memory })
}

/// A page from memory or the file.
pub(super) fn look(shared: &Shared, view: &ViewState, key: &PageKey) -> Result<Look> {
    if let Some(found) = in_memory(shared, key) {
        return Ok(Look::Found(found));
    }
    Ok(match load(shared, view, key)? {
        Loaded::Page(resident) => Look::Found(hold(resident, Layer::File)),
        Loaded::Absent => Look::Absent,
        Loaded::Damaged(error) => Look::Damaged(error),
    })
}

/// A page that somebody handed over.
pub(super) fn hold(resident: PageInMemory, layer: Layer) -> Found {
    Found { hold: Hold::Shared(resident), layer }
}
