//! Which records a deletion concerns.

use crate::grid::{Grid, PageNumber, Place};
use crate::page::{Page, PageKey, Slot, ViewId};
use crate::time::Timestamp;

/// Which records go.
#[derive(Clone, Debug)]
pub(crate) enum Scope {
    /// All of one entity: what its page keys begin with.
    Entity(PageKey),
    /// Buckets of one entity, from the first to the last place, both included.
    Buckets { entity: PageKey, first: Place, last: Place },
    /// Of every entity the buckets that lie before this instant as a whole; of a timeless view the
    /// records built before it.
    Before(Timestamp),
    /// Everything; the view stays.
    All,
}

/// A scope within one view.
#[derive(Clone, Debug)]
pub(crate) struct ScopeOf {
    pub(crate) scope: Scope,
    pub(crate) view: ViewId,
    pub(crate) grid: Grid,
    pub(crate) page_len: u32,
}

impl ScopeOf {
    /// The keys that can be concerned: from the first to before the second.
    pub(crate) fn bounds(&self) -> (Vec<u8>, Vec<u8>) {
        let whole = |key: PageKey| key.as_slice().to_vec();
        match &self.scope {
            Scope::Entity(entity) => {
                (whole(entity.clone()), after(whole(PageKey::at(entity, PageNumber(i64::MAX)))))
            }
            Scope::Buckets { entity, first, last } => {
                let (first, last) =
                    (PageKey::at(entity, first.page), PageKey::at(entity, last.page));
                (whole(first), after(whole(last)))
            }
            Scope::Before(_) | Scope::All => PageKey::view_bounds(self.view),
        }
    }

    /// Whether a page can hold records that go; spares reading the others.
    pub(crate) fn concerns(&self, page: PageNumber) -> bool {
        match &self.scope {
            Scope::Before(instant) => {
                let first = self.grid.bucket_in(page, 0, self.page_len);
                first.is_none_or(|bucket| bucket.is_timeless() || bucket.start() < *instant)
            }
            Scope::Entity(_) | Scope::Buckets { .. } | Scope::All => true,
        }
    }

    /// Whether the record in a slot of a page goes.
    pub(crate) fn drops(&self, number: PageNumber, slot: Slot, page: &Page) -> bool {
        match &self.scope {
            Scope::Entity(_) | Scope::All => true,
            Scope::Buckets { first, last, .. } => {
                let at = Place { page: number, slot: slot.0 };
                *first <= at && at <= *last
            }
            Scope::Before(instant) => match self.grid.bucket_in(number, slot.0, self.page_len) {
                Some(bucket) if bucket.is_timeless() => page.facts(slot).built_at < *instant,
                Some(bucket) => bucket.end() <= *instant,
                // No bucket of the grid any more; nobody can ask for it.
                None => true,
            },
        }
    }

    /// Whether a record under this key goes.
    pub(crate) fn covers(&self, key: &[u8], slot: Slot, page: &Page) -> bool {
        let (first, until) = self.bounds();
        let Some((_, _, number)) = PageKey::split(key) else { return false };
        (&*first..&*until).contains(&key) && self.drops(number, slot, page)
    }
}

/// The least key after `key`.
fn after(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}
