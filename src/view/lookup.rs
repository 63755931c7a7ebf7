//! From a key to a page: the thread's shortcut, the cache, the file.

use std::cell::RefCell;

use crate::cache::{CacheKey, Hold, KeyParts, Resident, Shortcut};
use crate::disk::{Loaded, PageInMemory, Shared, ViewState, load, load_aside};
use crate::error::{Error, Result};
use crate::freshness::Layer;
use crate::page::{Page, PageKey};
use crate::sync::thread_local;

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

/// One of the ways to look for a page.
pub(super) type LookFor = fn(&Shared, &ViewState, &PageKey) -> Result<Look>;

impl Found {
    #[inline]
    pub(super) fn page(&self) -> &Page {
        self.hold.resident().value()
    }
}

/// A page from memory alone.
#[inline]
pub(super) fn in_memory(shared: &Shared, key: &PageKey) -> Option<Found> {
    let key = CacheKey::new(key.as_slice());
    let through = |shortcut: &RefCell<_>| shared.cache.get_through(&mut shortcut.borrow_mut(), key);
    // A thread that ends may read still when its table is gone.
    let hold =
        SHORTCUT.try_with(through).unwrap_or_else(|_| shared.cache.get(key).map(Hold::new))?;
    Some(Found { hold, layer: Layer::Memory })
}

/// A page that this thread used lately, by the parts of its key, if it serves.
#[inline]
pub(super) fn in_hand(
    shared: &Shared,
    key: &KeyParts<'_>,
    serves: impl FnOnce(&Resident<Page>) -> bool,
) -> Option<Hold<Page>> {
    SHORTCUT.try_with(|shortcut| shortcut.borrow_mut().get_if(&shared.cache, key, serves)).ok()?
}

/// A page from memory or the file.
pub(super) fn look(shared: &Shared, view: &ViewState, key: &PageKey) -> Result<Look> {
    if let Some(found) = in_memory(shared, key) {
        return Ok(Look::Found(found));
    }
    load(shared, view, key).map(from_file)
}

/// The same for a read that has asked for the page in memory already and looks once more. That it
/// asked counts once: if every miss counted twice, what is asked for once would push out what is
/// asked for again.
pub(super) fn look_again(shared: &Shared, view: &ViewState, key: &PageKey) -> Result<Look> {
    match peeked(shared, key) {
        Some(found) => Ok(Look::Found(found)),
        None => load(shared, view, key).map(from_file),
    }
}

/// The same without a trace: it counts as no use of the page and brings none into memory.
pub(super) fn look_aside(shared: &Shared, view: &ViewState, key: &PageKey) -> Result<Look> {
    match peeked(shared, key) {
        Some(found) => Ok(Look::Found(found)),
        None => load_aside(shared, view, key).map(from_file),
    }
}

fn peeked(shared: &Shared, key: &PageKey) -> Option<Found> {
    let resident = shared.cache.peek(CacheKey::new(key.as_slice()))?;
    Some(hold(resident, Layer::Memory))
}

fn from_file(loaded: Loaded) -> Look {
    match loaded {
        Loaded::Page(resident) => Look::Found(hold(resident, Layer::File)),
        Loaded::Absent => Look::Absent,
        Loaded::Damaged(error) => Look::Damaged(error),
    }
}

/// A page that somebody handed over.
pub(super) fn hold(resident: PageInMemory, layer: Layer) -> Found {
    Found { hold: Hold::new(resident), layer }
}
