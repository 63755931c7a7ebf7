//! Which records a deletion or an invalidation concerns.

use crate::grid::{Grid, PageNumber, Place};
use crate::key::{EntityPrefix, KeyBuf, after_all};
use crate::page::{Page, PageKey, Slot, SlotSet, ViewId};
use crate::time::{TimeRange, Timestamp};

/// Which records of a view.
#[derive(Clone, Debug)]
pub(crate) enum Scope {
    /// All of one entity: what its page keys begin with.
    Entity(PageKey),
    /// All of some entities, in the order of their keys, each once.
    Entities(Box<[PageKey]>),
    /// Buckets of one entity, from the first to the last place, both included.
    Buckets { entity: PageKey, first: Place, last: Place },
    /// Those of all entities whose key begins so.
    Prefix(Box<[u8]>),
    /// Of every entity the buckets that lie before this instant as a whole; of a timeless view the
    /// records built before it.
    Before(Timestamp),
    /// Of every entity the buckets that start in a range; of a timeless view all of them.
    Between(TimeRange),
    /// Of every entity the buckets that meet one of these, which are in order and apart.
    Meeting(Box<[TimeRange]>),
    /// Everything; the view stays.
    All,
}

impl Scope {
    /// All records of the entities whose key begins so.
    pub(crate) fn of_prefix<E: ?Sized, P: EntityPrefix<E> + ?Sized>(prefix: &P) -> Self {
        let mut key = KeyBuf::new();
        prefix.encode_prefix(&mut key);
        Self::Prefix(key.as_slice().into())
    }

    /// All records of entities in any order.
    pub(crate) fn of_entities(mut entities: Vec<PageKey>) -> Self {
        entities.sort_unstable_by(|one, other| one.as_slice().cmp(other.as_slice()));
        entities.dedup_by(|one, other| one.as_slice() == other.as_slice());
        Self::Entities(entities.into())
    }
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
            Scope::Entity(entity) => entity_bounds(entity),
            Scope::Entities(entities) => match &**entities {
                [] => (Vec::new(), Vec::new()),
                [first, .., last] => (entity_bounds(first).0, entity_bounds(last).1),
                [only] => entity_bounds(only),
            },
            Scope::Buckets { entity, first, last } => {
                let (first, last) =
                    (PageKey::at(entity, first.page), PageKey::at(entity, last.page));
                (whole(first), after(whole(last)))
            }
            Scope::Prefix(prefix) => {
                let (mut first, end) = PageKey::view_bounds(self.view);
                first.extend_from_slice(prefix);
                let until = after_all(&first).unwrap_or(end);
                (first, until)
            }
            Scope::Before(_) | Scope::Between(_) | Scope::Meeting(_) | Scope::All => {
                PageKey::view_bounds(self.view)
            }
        }
    }

    /// The same where what lies between is known not to be concerned, in order and apart.
    pub(crate) fn stretches(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        match &self.scope {
            Scope::Entities(entities) => entities.iter().map(entity_bounds).collect(),
            _ => vec![self.bounds()],
        }
    }

    /// Whether a key is one of those that can be concerned.
    fn reaches(&self, key: &[u8]) -> bool {
        let within = |(first, until): (Vec<u8>, Vec<u8>)| (&*first..&*until).contains(&key);
        match &self.scope {
            Scope::Entities(entities) => {
                let before = entities.partition_point(|entity| entity.as_slice() <= key);
                before.checked_sub(1).is_some_and(|at| within(entity_bounds(&entities[at])))
            }
            _ => within(self.bounds()),
        }
    }

    /// Whether a page can hold records of the scope; spares reading the others.
    pub(crate) fn concerns(&self, page: PageNumber) -> bool {
        match &self.scope {
            Scope::Before(instant) => {
                let first = self.grid.bucket_in(page, 0, self.page_len);
                first.is_none_or(|bucket| bucket.is_timeless() || bucket.start() < *instant)
            }
            Scope::Between(range) => {
                let first = self.grid.bucket_in(page, 0, self.page_len);
                first.is_none_or(|bucket| bucket.is_timeless() || bucket.start() < range.end())
            }
            Scope::Meeting(stretches) => {
                let first = self.grid.bucket_in(page, 0, self.page_len);
                let next = page.0.checked_add(1).map(PageNumber);
                let next = next.and_then(|next| self.grid.bucket_in(next, 0, self.page_len));
                stretches.iter().any(|stretch| {
                    first.is_none_or(|first| first.start() < stretch.end())
                        && next.is_none_or(|next| stretch.start() < next.start())
                })
            }
            Scope::Entity(_)
            | Scope::Entities(_)
            | Scope::Buckets { .. }
            | Scope::Prefix(_)
            | Scope::All => true,
        }
    }

    /// Whether the record in a slot of a page under a key within the bounds is one.
    pub(crate) fn holds(&self, number: PageNumber, slot: Slot, page: &Page) -> bool {
        let by_age = |instant: &Timestamp| page.facts(slot).built_at < *instant;
        self.holds_if(number, slot, by_age)
    }

    /// The same of a slot that may hold no record: what is not there is of no age.
    pub(crate) fn holds_slot(&self, number: PageNumber, slot: Slot) -> bool {
        self.holds_if(number, slot, |_| false)
    }

    fn holds_if(
        &self,
        number: PageNumber,
        slot: Slot,
        by_age: impl Fn(&Timestamp) -> bool,
    ) -> bool {
        match &self.scope {
            Scope::Entity(_) | Scope::Entities(_) | Scope::Prefix(_) | Scope::All => true,
            Scope::Buckets { first, last, .. } => {
                let at = Place { page: number, slot: slot.0 };
                *first <= at && at <= *last
            }
            Scope::Before(instant) => match self.grid.bucket_in(number, slot.0, self.page_len) {
                Some(bucket) if bucket.is_timeless() => by_age(instant),
                Some(bucket) => bucket.end() <= *instant,
                // No bucket of the grid any more; nobody can ask for it.
                None => true,
            },
            Scope::Between(range) => self
                .grid
                .bucket_in(number, slot.0, self.page_len)
                .is_none_or(|bucket| bucket.is_timeless() || range.contains(bucket.start())),
            Scope::Meeting(stretches) => {
                let bucket = self.grid.bucket_in(number, slot.0, self.page_len);
                // What is no bucket any more was one by other rules.
                bucket.is_none_or(|bucket| {
                    let meets = |stretch: &TimeRange| {
                        bucket.start() < stretch.end() && stretch.start() < bucket.end()
                    };
                    stretches.iter().any(meets)
                })
            }
        }
    }

    /// The slots of a page under a key within the bounds whose records are in the scope.
    pub(crate) fn slots(&self, number: PageNumber, page: &Page) -> SlotSet {
        page.present().filter(|slot| self.holds(number, *slot, page)).collect()
    }

    /// Whether a record under this key is one.
    pub(crate) fn covers(&self, key: &[u8], slot: Slot, page: &Page) -> bool {
        let Some((_, _, number)) = PageKey::split(key) else { return false };
        self.reaches(key) && self.holds(number, slot, page)
    }
}

/// The keys of an entity's pages: from the first to before the second.
fn entity_bounds(entity: &PageKey) -> (Vec<u8>, Vec<u8>) {
    let last = PageKey::at(entity, PageNumber(i64::MAX));
    (entity.as_slice().to_vec(), after(last.as_slice().to_vec()))
}

/// The least key after `key`.
fn after(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::{PageBuilder, RecordShape};

    const WIDTH_MS: i64 = 600_000;

    /// Of the buckets from one to before the other, those that a scope holds; each is a page.
    fn held(scope: Scope, buckets: std::ops::Range<i64>) -> Vec<i64> {
        let scope = ScopeOf { scope, view: ViewId(1), grid: Grid::minutes(10), page_len: 1 };
        let holds = |number: &i64| {
            let (number, page) =
                (PageNumber(*number), PageBuilder::new(1, RecordShape::of::<u64>()).finish());
            let holds = scope.holds(number, Slot(0), &page);
            assert_eq!(holds, scope.holds_slot(number, Slot(0)));
            assert!(scope.concerns(number) || !holds, "{number:?}");
            holds
        };
        buckets.filter(holds).collect()
    }

    /// A stretch of time in tenths of a bucket.
    fn tenths(from: i64, to: i64) -> TimeRange {
        let at = |tenth| Timestamp::from_millis(tenth * (WIDTH_MS / 10));
        (at(from)..at(to)).into()
    }

    #[test]
    fn a_bucket_meets_a_stretch_that_has_a_moment_in_it() {
        let of = |stretches: &[TimeRange]| held(Scope::Meeting(stretches.into()), -4..9);
        assert_eq!(of(&[tenths(10, 20)]), [1], "neither the one before nor the one behind");
        assert_eq!(of(&[tenths(15, 21)]), [1, 2]);
        assert_eq!(of(&[tenths(-11, -9), tenths(33, 34)]), [-2, -1, 3]);
    }

    #[test]
    fn a_bucket_is_before_an_instant_as_a_whole_and_within_a_range_by_its_start() {
        let before = |tenth| held(Scope::Before(tenths(tenth, tenth + 1).start()), -2..4);
        assert_eq!((before(10), before(9)), (vec![-2, -1, 0], vec![-2, -1]));
        let between = |from, to| held(Scope::Between(tenths(from, to)), -2..4);
        assert_eq!((between(0, 10), between(1, 11)), (vec![0], vec![1]));
    }
}
