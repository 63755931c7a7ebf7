//! Who stays and who leaves, in one part of the cache.

use crate::cache::climb::Climb;
use crate::cache::retired::Retired;
use crate::cache::segment::Segment;
use crate::cache::sketch::Sketch;
use crate::cache::ticket::Published;
use crate::cache::{CacheKey, Resident};
use crate::sync::Arc;

/// A plain cache of pages, bounded by its share of the budget.
///
/// A new page enters the *window*. What the window pushes out must have been asked for more often
/// than the pages that would make room for it among the main ones: that is why a scan flushes
/// nothing. Of the main pages, those hit again are *protected* from those on *probation*.
#[derive(Debug)]
pub(super) struct Shard<P> {
    window: Segment<P>,
    probation: Segment<P>,
    protected: Segment<P>,
    sketch: Sketch,
    climb: Climb,
    published: Published,
    /// Pages that came and were not counted yet.
    inserted: usize,
    /// What the pages here may weigh together, as it was when room was last made.
    share: usize,
    closed: bool,
}

/// Where a page stands among those of its shard: the least is used most.
pub(super) type Place = (usize, usize);

/// Of the main pages' part, protected ones hold at most three quarters, so that what is new among
/// them has time to be asked for again.
const PROTECTED_QUARTERS: usize = 3;

/// From this count on a page from the window wins against its equals: it was asked for last. Below,
/// they stay: a scan that asks for everything once or twice flushes nothing.
const OFTEN: u64 = 3;

/// Window pages that one call moves on: when the window shrinks, many callers share the work.
const MOVES_MAX: usize = 16;

impl<P> Shard<P> {
    /// A page counts with its bytes, but with no more than `weight_max`.
    pub(super) fn new(share: usize, weight_max: usize) -> Self {
        Self {
            window: Segment::new(weight_max),
            probation: Segment::new(weight_max),
            protected: Segment::new(weight_max),
            sketch: Sketch::new(),
            climb: Climb::new(),
            published: Published::new(),
            inserted: 0,
            share,
            closed: false,
        }
    }

    pub(super) fn published(&mut self) -> &mut Published {
        &mut self.published
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed && !mutant!("closed_shards_take_nothing")
    }

    pub(super) fn len(&self) -> usize {
        self.window.len() + self.probation.len() + self.protected.len()
    }

    pub(super) fn weight(&self) -> usize {
        self.window.weight() + self.probation.weight() + self.protected.weight()
    }

    /// The page, and a note that it was asked for, found or not.
    pub(super) fn get(&mut self, key: CacheKey<'_>) -> Option<Arc<Resident<P>>> {
        self.sketch.record(key.hash(), 1);
        let found = self.promote(key);
        self.climb.record(found.is_some(), 1, self.len());
        found
    }

    /// A note that a page was found so many times elsewhere.
    pub(super) fn touch(&mut self, key: CacheKey<'_>, times: u64) {
        self.sketch.record(key.hash(), times);
        self.climb.record(true, times, self.len());
        self.promote(key);
    }

    /// How many pages came since this was last asked.
    pub(super) fn came(&mut self) -> usize {
        std::mem::take(&mut self.inserted)
    }

    /// The page, no note taken.
    pub(super) fn peek(&self, key: CacheKey<'_>) -> Option<&Arc<Resident<P>>> {
        let Self { protected, probation, window, .. } = self;
        [protected, probation, window].into_iter().find_map(|segment| segment.peek(key))
    }

    /// Adds a page whose key is not here. The next [`Shard::make_room`] may take it out again.
    pub(super) fn insert(&mut self, resident: Arc<Resident<P>>, retired: &mut Retired<P>) {
        // Another key of the same hash.
        self.remove_hash(resident.key().hash(), retired);
        self.window.insert(resident);
        self.inserted += 1;
        self.sketch.reserve(self.len());
    }

    /// Adds a page that nobody has asked for yet and that was used much in an earlier life, if that
    /// takes the shard no further than `share` and its hash is not here. It is protected as it was
    /// then, where there is room for that, and counts as used once, before all that are here.
    pub(super) fn lodge(&mut self, resident: &Arc<Resident<P>>, share: usize) -> bool {
        let hash = resident.key().hash();
        let Self { protected, probation, window, .. } = self;
        if [protected, &mut *probation, window].into_iter().any(|segment| segment.has_hash(hash))
            || self.weight() + self.weight_of(resident) > share
        {
            return false;
        }
        self.share = share;
        let protected = self.protected.weight() + self.weight_of(resident);
        let part = if protected <= self.protected_max() {
            &mut self.protected
        } else {
            &mut self.probation
        };
        part.insert_oldest(Arc::clone(resident));
        self.sketch.reserve(self.len());
        self.sketch.record(hash, 1);
        true
    }

    /// Its pages, those that are used most first, each with its place: the part of the shard that it
    /// stands in, and how many of that part were used since. Changes nothing.
    pub(super) fn hottest(&self) -> impl Iterator<Item = (Place, &Arc<Resident<P>>)> {
        let Self { protected, probation, window, .. } = self;
        let parts = [protected, probation, window].into_iter().enumerate();
        parts.flat_map(|(part, segment)| {
            segment.latest_first().enumerate().map(move |(since, page)| ((part, since), page))
        })
    }

    pub(super) fn weight_of(&self, resident: &Resident<P>) -> usize {
        self.probation.weight_of(resident)
    }

    /// Puts the page in the place of the one of its key, if that is here.
    pub(super) fn replace(
        &mut self,
        resident: &Arc<Resident<P>>,
        retired: &mut Retired<P>,
    ) -> bool {
        let Self { protected, probation, window, .. } = self;
        let old = [protected, probation, window]
            .into_iter()
            .find_map(|segment| segment.replace(resident));
        old.map(|old| retired.take(old)).is_some()
    }

    pub(super) fn remove(&mut self, key: CacheKey<'_>, retired: &mut Retired<P>) {
        if self.peek(key).is_some() {
            self.remove_hash(key.hash(), retired);
        }
    }

    pub(super) fn remove_where(
        &mut self,
        predicate: &mut dyn FnMut(&[u8]) -> bool,
        retired: &mut Retired<P>,
    ) {
        let hashes: Vec<_> = self
            .residents()
            .filter(|resident| predicate(resident.key().bytes()))
            .map(|resident| resident.key().hash())
            .collect();
        for hash in hashes {
            self.remove_hash(hash, retired);
        }
    }

    /// Takes everything out and nothing in from now on.
    pub(super) fn close(&mut self, retired: &mut Retired<P>) {
        self.closed = true;
        self.remove_where(&mut |_| true, retired);
    }

    /// Takes pages out until the rest weighs no more than `share`.
    pub(super) fn make_room(&mut self, share: usize, retired: &mut Retired<P>) {
        self.share = share;
        self.settle_protected();
        let window_max = self.climb.window_of(share);
        for _ in 0..MOVES_MAX {
            if self.window.weight() <= window_max {
                break;
            }
            let Some(candidate) = self.window.pop_oldest() else { break };
            self.admit(candidate, retired);
        }
        while self.weight() > share {
            let Some(oldest) = self.pop_oldest() else { break };
            retired.take(oldest);
        }
    }

    /// Lets a page from the window in among the main ones, or retires it.
    fn admit(&mut self, candidate: Arc<Resident<P>>, retired: &mut Retired<P>) {
        let weight = self.weight() + self.probation.weight_of(&candidate);
        let lacking = weight.saturating_sub(self.share);
        if lacking > 0 && !self.outweighs(&candidate, lacking) {
            retired.take(candidate);
            return;
        }
        while self.weight() + self.probation.weight_of(&candidate) > self.share {
            let Some(victim) = self.pop_oldest_main() else { break };
            retired.take(victim);
        }
        self.probation.insert(candidate);
    }

    /// Whether the candidate was asked for more often than all those together who would have to go
    /// for it, or often and no less. A large page must be worth the many small ones it costs.
    fn outweighs(&self, candidate: &Resident<P>, lacking: usize) -> bool {
        let mut freed = 0;
        let mut rivals = 0;
        let count = self.sketch.count(candidate.key().hash());
        for victim in self.probation.oldest_first().chain(self.protected.oldest_first()) {
            rivals += self.sketch.count(victim.key().hash());
            freed += self.probation.weight_of(victim);
            if rivals > count || rivals == count && count < OFTEN {
                return false;
            }
            if freed >= lacking {
                return true;
            }
        }
        // Not even all of them make room: what is left of the window has to, or the candidate goes.
        count > 0
    }

    fn promote(&mut self, key: CacheKey<'_>) -> Option<Arc<Resident<P>>> {
        if let Some(resident) = self.protected.get(key) {
            return Some(Arc::clone(resident));
        }
        if let Some(resident) = self.window.get(key) {
            return Some(Arc::clone(resident));
        }
        self.probation.peek(key)?;
        let resident = self.probation.remove(key.hash())?;
        self.protected.insert(Arc::clone(&resident));
        self.settle_protected();
        Some(resident)
    }

    fn settle_protected(&mut self) {
        while self.protected.weight() > self.protected_max() {
            let Some(resident) = self.protected.pop_oldest() else { break };
            self.probation.insert(resident);
        }
    }

    fn protected_max(&self) -> usize {
        let main = self.share - self.climb.window_of(self.share);
        main / 4 * PROTECTED_QUARTERS
    }

    fn pop_oldest_main(&mut self) -> Option<Arc<Resident<P>>> {
        self.probation.pop_oldest().or_else(|| self.protected.pop_oldest())
    }

    fn pop_oldest(&mut self) -> Option<Arc<Resident<P>>> {
        self.pop_oldest_main().or_else(|| self.window.pop_oldest())
    }

    fn remove_hash(&mut self, hash: u64, retired: &mut Retired<P>) {
        for segment in [&mut self.protected, &mut self.probation, &mut self.window] {
            if let Some(resident) = segment.remove(hash) {
                retired.take(resident);
            }
        }
    }

    fn residents(&self) -> impl Iterator<Item = &Arc<Resident<P>>> {
        let Self { protected, probation, window, .. } = self;
        [protected, probation, window].into_iter().flat_map(Segment::oldest_first)
    }

    /// The bytes of its pages, each in full.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.residents().map(|resident| resident.bytes()).sum()
    }

    #[cfg(any(test, fuzzing))]
    pub(super) fn validate(&self) {
        for segment in [&self.window, &self.probation, &self.protected] {
            segment.validate();
        }
        let hashes: std::collections::HashSet<_> =
            self.residents().map(|resident| resident.key().hash()).collect();
        assert_eq!(hashes.len(), self.len(), "a page lies in two segments");
        assert!(self.weight() <= self.share, "a shard weighs more than its share");
        assert!(!self.closed || self.len() == 0, "a closed shard holds pages");
    }
}
