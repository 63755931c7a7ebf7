//! The views by whose definitions pages are read in this opening.

use std::collections::{BTreeSet, HashMap};

use crate::page::ViewId;
use crate::sync::{Arc, Mutex, RwLock};

use super::view_state::ViewState;

/// The live definitions, by the number that pages name their view by; and which of them, in a file
/// that this opening cannot stamp, have nothing fresh.
#[derive(Debug)]
pub(crate) struct LiveViews {
    /// Id -> the view's live definition: what a page of another view is read by.
    views: RwLock<HashMap<ViewId, Arc<ViewState>>>,
    /// Nothing read from this file counts as fresh: history may be missing.
    all_distrusted: bool,
    /// Views of a store open to read that read what has changed.
    distrusted: Mutex<BTreeSet<ViewId>>,
}

impl LiveViews {
    pub(super) fn new(all_distrusted: bool) -> Self {
        Self { views: RwLock::default(), all_distrusted, distrusted: Mutex::default() }
    }

    /// The live definition of the view that a page belongs to.
    pub(crate) fn get(&self, id: ViewId) -> Option<Arc<ViewState>> {
        self.views.read().get(&id).cloned()
    }

    /// A definition that readers are about to get: from here on its pages can be read by their key.
    pub(super) fn enlist(&self, view: &Arc<ViewState>) {
        self.views.write().insert(view.id(), view.clone());
    }

    /// Nobody reads pages of this view any more.
    pub(super) fn dismiss(&self, id: ViewId) {
        self.views.write().remove(&id);
    }

    /// Those that keep their records for a time only.
    pub(crate) fn retaining(&self) -> Vec<Arc<ViewState>> {
        self.views.read().values().filter(|view| view.retain().is_some()).cloned().collect()
    }

    /// Whether nothing of a view may be called fresh.
    pub(super) fn is_distrusted(&self, view: ViewId) -> bool {
        self.all_distrusted || self.distrusted.lock().contains(&view)
    }

    /// Nothing of these is fresh in this opening, which cannot stamp them, whether they are defined
    /// already or will be.
    pub(super) fn distrust(&self, views: BTreeSet<ViewId>) {
        views.iter().filter_map(|view| self.get(*view)).for_each(|view| {
            view.live_stamp().distrust_all();
        });
        self.distrusted.lock().extend(views);
    }
}
