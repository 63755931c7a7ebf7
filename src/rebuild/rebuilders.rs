//! Views by number, for builds that are asked for by key.

use std::collections::HashMap;

use crate::disk::PageInMemory;
use crate::error::Result;
use crate::page::ViewId;
use crate::sync::{Arc, Mutex, Weak};

use super::flights::Lead;

/// The flight that an attempt leads.
pub(crate) type Held = Option<Lead<PageInMemory>>;

/// A view that builds, its types forgotten: a record is known by its page's key and its slot.
pub(crate) trait Rebuilder: Send + Sync {
    /// Makes a record fresh on the calling thread: finds it so, waits for whoever builds it, or
    /// builds it.
    fn make_fresh(&self, page: &[u8], slot: u32) -> Result<()>;

    /// The same without working off what nests too deep: an attempt that is unwound leaves the
    /// flight that it led in `held`, and the next goes on with it.
    fn attempt(&self, page: &[u8], slot: u32, held: &mut Held) -> Result<()>;
}

/// The views that build, as far as somebody holds a handle on them.
#[derive(Default)]
pub(crate) struct Rebuilders {
    /// View -> its definitions of this opening, the latest last. Those of one view build alike.
    views: Mutex<HashMap<ViewId, Vec<Weak<dyn Rebuilder>>>>,
}

impl Rebuilders {
    pub(super) fn add(&self, view: ViewId, rebuilder: Weak<dyn Rebuilder>) {
        let mut views = self.views.lock();
        views.retain(|_, known| {
            known.retain(|rebuilder| rebuilder.strong_count() > 0);
            !known.is_empty()
        });
        views.entry(view).or_default().push(rebuilder);
    }

    pub(super) fn find(&self, view: ViewId) -> Option<Arc<dyn Rebuilder>> {
        self.views.lock().get(&view)?.iter().rev().find_map(Weak::upgrade)
    }
}

impl std::fmt::Debug for Rebuilders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rebuilders({} views)", self.views.lock().len())
    }
}
