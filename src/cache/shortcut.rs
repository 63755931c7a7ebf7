//! The pages that one thread used lately.

use crate::cache::{Budget, Cache, CacheKey, Charge, Names, Resident};
use crate::revision::Life;
use crate::sync::Arc;

/// A table of one thread's own, in front of the cache: a hit here takes no lock and writes to no
/// memory that another thread reads.
///
/// It may hold what the cache has let go of, and then refuses it: a page that left is flagged
/// before anything can be read in its place. For a thread-local, keep one in a `RefCell` and hand
/// it to [`Cache::get_through`].
///
/// It grows with what its thread uses. What all tables of a store hold is bounded together
/// ([`Cache::held_by_threads`]), for it stays in memory until its thread asks again: a page counts
/// once, however many threads hold it, and so do the tables themselves, of which there may be many.
#[derive(Debug)]
pub(crate) struct Shortcut<P> {
    /// Pairs: a page stands in one of the two places that its hash names. None until the first.
    slots: Vec<Option<Slot<P>>>,
    /// Pages that found no free place since room was last made.
    crowded: usize,
    /// What the slots take, of what tables may hold and of the budget; nothing for the first few.
    charge: Option<[Charge; 2]>,
}

/// A reader's hold on a page: it stays in memory until the last one goes.
///
/// One that comes from a thread's table counts with that thread's own: the page's count, which all
/// threads share, is left alone.
#[derive(Debug)]
pub(crate) struct Hold<P>(Arc<Lease<P>>);

/// What holds of one origin share. With its count it is as long as two cache lines, so that the
/// counts of two threads, which are written on every hit, never lie in one.
#[derive(Debug)]
struct Lease<P> {
    resident: Arc<Resident<P>>,
    _apart: [u64; 13],
}

/// One line of the processor's cache, so that a look costs one.
#[derive(Debug)]
#[repr(align(64))]
struct Slot<P> {
    hash: u64,
    life: Life,
    /// Here too, so that the page is on its way while the hold's count is still being looked for.
    resident: Arc<Resident<P>>,
    hold: Hold<P>,
    /// The cache's era when it was last told of hits here, and those that it was not told of.
    era: u32,
    hits: u32,
    /// Whether it was used since another page wanted its place.
    used: bool,
    /// What the hold takes of what tables may hold.
    charge: Charge,
}

const SLOTS_FIRST: usize = 16;
/// It grows when this part of its slots is in use. One whose pages find no place because threads
/// may hold no more would grow in vain.
const USED_TO_GROW: usize = 4;
/// A quarter of a megabyte for a thread that uses so many pages.
const SLOTS_MAX: usize = 4096;
/// No larger pages: few of them would be all that tables may hold.
const BYTES_MAX: usize = 64 << 10;
/// Of so many pages that find both their places taken one may take a place, so that a thread which
/// uses more pages than fit does not spend its time on exchanging them.
const TURNS_TO_ENTER: usize = 8;

impl<P> Cache<P> {
    /// The page of this key, from the thread's own table if it is there.
    #[inline]
    pub(crate) fn get_through(
        &self,
        shortcut: &mut Shortcut<P>,
        key: CacheKey<'_>,
    ) -> Option<Hold<P>> {
        shortcut.get(self, &key).or_else(|| {
            let hold = Hold::new(self.get(key)?);
            shortcut.keep(self, &hold);
            Some(hold)
        })
    }
}

impl<P> Shortcut<P> {
    pub(crate) const fn new() -> Self {
        Self { slots: Vec::new(), crowded: 0, charge: None }
    }

    /// The page, if this thread used it lately and the cache still stands for it.
    pub(crate) fn get(&mut self, cache: &Cache<P>, key: &impl Names) -> Option<Hold<P>> {
        self.get_if(cache, key, |_| true)
    }

    /// The same, if the page serves its reader, who looks at it before it is held: what he will read
    /// first can be asked for from memory meanwhile.
    #[inline]
    pub(crate) fn get_if(
        &mut self,
        cache: &Cache<P>,
        key: &impl Names,
        serves: impl FnOnce(&Resident<P>) -> bool,
    ) -> Option<Hold<P>> {
        let hash = key.hash();
        let pair = pair(hash, self.slots.len());
        let [first, second] = self.slots.get_mut(pair..)?.first_chunk_mut()?;
        let is_it = |place: &Option<Slot<P>>| place.as_ref().is_some_and(|slot| slot.hash == hash);
        let place = if is_it(first) { first } else { second };
        let slot = place.as_mut().filter(|slot| {
            let same_life = slot.life == cache.life() || mutant!("shortcuts_know_their_life");
            slot.hash == hash && same_life
        })?;
        slot.hold.fetch_count();
        if slot.resident.is_retired() && !mutant!("retired_pages_are_left") {
            // If it left for want of hits, these bring it back to stay.
            place.take().into_iter().for_each(|mut left| left.tell(cache));
            return None;
        }
        if !key.names(slot.resident.key().bytes()) || !serves(&slot.resident) {
            return None;
        }
        slot.used = true;
        slot.hits = slot.hits.saturating_add(1);
        if slot.era != cache.era() {
            slot.tell(cache);
        }
        Some(slot.hold.clone())
    }

    /// Remembers a small page, if there is a place for it.
    fn keep(&mut self, cache: &Cache<P>, hold: &Hold<P>) {
        let resident = hold.resident();
        if resident.bytes() > BYTES_MAX {
            return;
        }
        if self.slots.is_empty() {
            self.grow(SLOTS_FIRST);
        }
        self.make_room(cache);
        let Some(place) = self.place_for(resident.key().hash()) else { return };
        if let Some(mut left) = self.slots[place].take() {
            left.tell(cache);
        }
        match Slot::try_new(cache, hold) {
            Some(slot) => self.slots[place] = Some(slot),
            None => self.crowded += 1,
        }
    }

    /// A place that is free, or now and then one whose page was not used since another wanted it.
    fn place_for(&mut self, hash: u64) -> Option<usize> {
        let pair = pair(hash, self.slots.len());
        let slots = &mut self.slots[pair..pair + 2];
        let is_free = |slot: &Slot<P>| slot.hash == hash || slot.is_left();
        if let Some(free) = slots.iter().position(|place| place.as_ref().is_none_or(is_free)) {
            return Some(pair + free);
        }
        self.crowded += 1;
        if !self.crowded.is_multiple_of(TURNS_TO_ENTER) {
            return None;
        }
        let mut taken = slots.iter_mut().flatten();
        taken.position(|slot| !std::mem::take(&mut slot.used)).map(|at| pair + at)
    }

    /// Makes room when many pages found none: for all if the table may grow, and of pages that left
    /// the cache and that nobody asked for since.
    fn make_room(&mut self, cache: &Cache<P>) {
        let slots = self.slots.len();
        // Not before a turn has come to enter, which would else come in no small table.
        if self.crowded <= (slots / 4).max(TURNS_TO_ENTER) {
            return;
        }
        self.crowded = 0;
        for place in self.slots.iter_mut().filter(|p| p.as_ref().is_some_and(Slot::is_left)) {
            place.take().into_iter().for_each(|mut left| left.tell(cache));
        }
        let used = self.slots.iter().flatten().count();
        if slots == SLOTS_MAX || used < slots / USED_TO_GROW {
            return;
        }
        let bytes = 2 * slots * size_of::<Option<Slot<P>>>();
        if let Some(held) = Budget::try_charge(cache.held_by_threads(), bytes) {
            self.grow(2 * slots);
            self.charge = Some([held, Budget::charge(cache.budget(), bytes)]);
        }
    }

    /// How many slots it has.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    fn grow(&mut self, slots: usize) {
        let old = std::mem::take(&mut self.slots);
        self.slots.resize_with(slots, || None);
        for slot in old.into_iter().flatten() {
            let pair = pair(slot.hash, slots);
            // Both halves of a pair that is split have room for all that were in it.
            if let Some(place) = self.slots[pair..pair + 2].iter_mut().find(|s| s.is_none()) {
                *place = Some(slot);
            }
        }
    }
}

impl<P> Slot<P> {
    /// A slot with that page, if tables may hold so much.
    fn try_new(cache: &Cache<P>, hold: &Hold<P>) -> Option<Self> {
        let charge = Budget::charge(cache.held_by_threads(), size_of::<Lease<P>>());
        let slot = Self {
            hash: hold.resident().key().hash(),
            life: cache.life(),
            resident: Arc::clone(hold.resident()),
            hold: hold.clone(),
            era: cache.era(),
            hits: 0,
            used: false,
            charge,
        };
        // From here on it is taken off when the slot goes, by whoever is the last to hold the page.
        if slot.resident.enters_table() {
            slot.charge.budget().add(slot.resident.bytes());
        }
        cache.held_by_threads().is_kept().then_some(slot)
    }

    /// Whether the cache has let go of its page.
    fn is_left(&self) -> bool {
        self.resident.is_retired()
    }

    /// Tells the cache of the hits here. It has to know them only when others come and go: then it
    /// chooses by them who stays.
    #[cold]
    fn tell(&mut self, cache: &Cache<P>) {
        let hits = std::mem::take(&mut self.hits);
        if hits > 0 && self.life == cache.life() {
            cache.touch(self.resident.key(), hits.into());
        }
        self.era = cache.era();
    }
}

impl<P> Drop for Slot<P> {
    fn drop(&mut self) {
        if self.resident.leaves_table() {
            self.charge.budget().take_off(self.resident.bytes());
        }
    }
}

impl<P> Hold<P> {
    /// A hold that is the first of its origin.
    pub(crate) fn new(resident: Arc<Resident<P>>) -> Self {
        Self(Arc::new(Lease { resident, _apart: [0; 13] }))
    }

    /// Looks at its count, so that it comes from memory while the page is checked that it is to hold:
    /// an atomic addition asks for it only when its turn has come. A model has nothing to wait for, and
    /// would only have one more step to try in every order.
    #[inline]
    fn fetch_count(&self) {
        if !cfg!(loom) {
            _ = Arc::strong_count(&self.0);
        }
    }

    #[inline]
    pub(crate) fn resident(&self) -> &Arc<Resident<P>> {
        &self.0.resident
    }
}

impl<P> Clone for Hold<P> {
    #[inline]
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// The first place of the pair that a hash names, in a table of so many; by bits that neither the
/// shard nor the map inside it goes by most.
#[inline]
const fn pair(hash: u64, slots: usize) -> usize {
    (hash >> 8) as usize & slots.wrapping_sub(1) & !1
}
