//! The shards behind their locks.

use crate::cache::retired::Retired;
use crate::cache::shard::Shard;
use crate::cache::{Budget, CacheKey, Resident, Ticket};
use crate::revision::Life;
use crate::sync::{Arc, AtomicU64, AtomicUsize, Mutex, Ordering};

/// Pages in memory, found by key, bounded by a budget.
///
/// Every call takes the lock of one shard for a moment, or of one shard after the other; none holds
/// two. Nothing is dropped under a lock. Pages stay until the cached ones and whatever else is
/// charged to the budget weigh more than its limit.
#[derive(Debug)]
pub(crate) struct Cache<P> {
    shards: Box<[Padded<P>]>,
    budget: Arc<Budget>,
    life: Life,
    /// What threads hold in tables of their own.
    held_by_threads: Arc<Budget>,
    counts: Counts,
}

/// Away from what every hit reads: these are written whenever a page comes.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Counts {
    /// What the pages of all shards weigh.
    weight: AtomicUsize,
    evicted: AtomicU64,
    /// Pages that came in this era.
    came: AtomicUsize,
    /// Moves on when a sixty-fourth of the pages has come anew. Each hit of a thread's own table
    /// compares it, which costs nothing while no pages come.
    era: AtomicU64,
}

/// What became of a page that a reader loaded.
#[derive(Debug)]
pub(crate) enum Installed<P> {
    /// It is in the cache.
    Cached(Arc<Resident<P>>),
    /// Another reader was faster: this is its page (current, though it may have left the cache for
    /// want of room), the reader's own is gone.
    Joined(Arc<Resident<P>>),
    /// It was overtaken, or there is no room, or no reason to make room. It is right for this read
    /// and must not be kept for another: it is retired.
    Private(Arc<Resident<P>>),
}

/// What became of a page that nobody has asked for yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lodged {
    /// It is in the cache.
    In,
    /// It is there already, or was overtaken.
    Needless,
    /// Another would have to go for it.
    NoRoom,
}

/// What the writer has committed about a page.
#[derive(Debug)]
pub(crate) enum Publication<'a, P> {
    /// The page is another now.
    Replace {
        /// The new page, its marks already raised.
        resident: Arc<Resident<P>>,
        /// Whether it may enter where no page of its key is cached. A reader's own build may; what
        /// a bulk run writes only takes the place of what readers already use.
        admit: bool,
    },
    /// The page is gone.
    Remove,
    /// Slots of the page have new marks: a bitmap of each kind, as [`Marks::raise`] takes them.
    ///
    /// [`Marks::raise`]: crate::cache::Marks::raise
    Raise {
        /// Slots that are stale.
        stale: &'a [u64],
        /// Slots that are suspect.
        suspect: &'a [u64],
    },
}

/// What the cache holds. Counted shard by shard, so the numbers of a busy cache need not add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CacheStats {
    pub(crate) residents: usize,
    pub(crate) evicted: u64,
}

/// Locks of two shards never share a cache line.
#[derive(Debug)]
#[repr(align(128))]
struct Padded<P>(Mutex<Shard<P>>);

/// A shard's share is at least so large: many times a page, so that what shards cannot lend each
/// other hardly costs hits.
const SHARE_BYTES_MIN: usize = 8 << 20;
const SHARDS_MAX: usize = 64;
/// What threads may hold in their tables at least: the largest page that is let in, and a place.
const HELD_BYTES_MIN: usize = 65 << 10;
/// Eras in the time in which as many pages come as there are.
const ERAS: usize = 64;
/// So many pages more than its even part a shard may have among the hottest.
const HOTTEST_SLACK: usize = 16;

impl<P> Cache<P> {
    pub(crate) fn new(budget: Arc<Budget>, life: Life) -> Self {
        let shards = (budget.limit_bytes() / SHARE_BYTES_MIN).clamp(1, SHARDS_MAX);
        Self::with_shards(budget, life, 1 << shards.ilog2())
    }

    /// For tests and measurements; `shards` is a power of two.
    pub(crate) fn with_shards(budget: Arc<Budget>, life: Life, shards: usize) -> Self {
        assert!(shards.is_power_of_two(), "keys are routed by bits of their hash");
        let share = budget.limit_bytes() / shards;
        // So a page of up to half the budget leaves every shard enough for the pages it has, its
        // own shard included; the bytes it does not weigh are taken from all shares alike.
        let weight_max = if shards == 1 { usize::MAX } else { share / 2 };
        let shard = || Padded(Mutex::new(Shard::new(share, weight_max)));
        let held_by_threads = Budget::new((budget.limit_bytes() / 8).max(HELD_BYTES_MIN));
        Self {
            shards: (0..shards).map(|_| shard()).collect(),
            budget,
            life,
            held_by_threads,
            counts: Counts::default(),
        }
    }

    pub(crate) fn life(&self) -> Life {
        self.life
    }

    pub(crate) fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// What the threads' tables hold together, and may, themselves included: an eighth of the budget,
    /// which it is part of. So much may be missing to the cache when threads hold what nobody wants any
    /// more and never read again.
    pub(crate) fn held_by_threads(&self) -> &Arc<Budget> {
        &self.held_by_threads
    }

    /// The time, as those count it who need not be told of every hit: it moves on as pages come.
    #[inline]
    pub(crate) fn era(&self) -> u32 {
        self.counts.era.load(Ordering::Relaxed) as u32
    }

    /// The page of this key, if it is cached.
    pub(crate) fn get(&self, key: CacheKey<'_>) -> Option<Arc<Resident<P>>> {
        self.shard(key.hash()).lock().get(key)
    }

    /// The page of this key, if it is cached, without counting as a use of it.
    pub(crate) fn peek(&self, key: CacheKey<'_>) -> Option<Arc<Resident<P>>> {
        self.shard(key.hash()).lock().peek(key).map(Arc::clone)
    }

    /// Takes note that a page was used so many times without asking here.
    pub(crate) fn touch(&self, key: CacheKey<'_>, times: u64) {
        self.shard(key.hash()).lock().touch(key, times);
    }

    /// To be taken before the page is read from the disk.
    pub(crate) fn ticket(&self, key: CacheKey<'_>) -> Ticket {
        let published = self.shard(key.hash()).lock().published().count(key.hash());
        Ticket { life: self.life, hash: key.hash(), published }
    }

    /// Whether nothing was published for the ticket's key since it was taken. It may say no without
    /// reason, never yes.
    pub(crate) fn is_current(&self, ticket: Ticket) -> bool {
        let published = self.shard(ticket.hash).lock().published().count(ticket.hash);
        ticket.life == self.life && ticket.published == published
    }

    /// Offers a page that was read from the disk after the ticket was taken.
    pub(crate) fn install(&self, ticket: Ticket, resident: Resident<P>) -> Installed<P> {
        let resident = Arc::new(resident);
        let key = resident.key();
        debug_assert_eq!(ticket.hash, key.hash(), "the ticket was taken for another key");
        let joined = self.change(key.hash(), |shard, retired| {
            let overtaken = shard.published().count(ticket.hash) != ticket.published
                && !mutant!("overtaken_fills_stay_out");
            let of_another_life = ticket.life != self.life && !mutant!("tickets_know_their_life");
            if overtaken || of_another_life || shard.is_closed() {
                resident.retire();
                return None;
            }
            let joined = shard.peek(key).map(Arc::clone);
            if joined.is_none() {
                shard.insert(Arc::clone(&resident), retired);
            }
            joined
        });
        match joined {
            Some(other) => Installed::Joined(other),
            None if resident.is_retired() => Installed::Private(resident),
            None => Installed::Cached(resident),
        }
    }

    /// Offers a page that nobody has asked for yet, read from the disk after the ticket was taken. It
    /// gets in only where no other has to go for it, and stands as one that was used before all
    /// that are there.
    pub(crate) fn lodge(&self, ticket: Ticket, resident: Resident<P>) -> Lodged {
        let resident = Arc::new(resident);
        let key = resident.key();
        debug_assert_eq!(ticket.hash, key.hash(), "the ticket was taken for another key");
        // Nothing leaves for it, so no room is made.
        let mut shard = self.shard(key.hash()).lock();
        let overtaken = shard.published().count(ticket.hash) != ticket.published;
        if overtaken || ticket.life != self.life || shard.peek(key).is_some() {
            return Lodged::Needless;
        }
        let fits = !shard.is_closed() && self.budget.used_bytes() <= self.budget.limit_bytes();
        let before = shard.weight();
        // As it will be with this page among the cached ones.
        let beyond = self.beyond().saturating_sub(shard.weight_of(&resident));
        let share = self.budget.limit_bytes().saturating_sub(beyond) / self.shards.len();
        if !fits || !shard.lodge(&resident, share) {
            return Lodged::NoRoom;
        }
        self.account(before, shard.weight());
        Lodged::In
    }

    /// Whether there is room for a page that nobody has asked for.
    pub(crate) fn has_room(&self) -> bool {
        self.budget.used_bytes() < self.budget.limit_bytes()
    }

    /// The keys of the pages that are used most, at most so many, in that order as far as shards can
    /// be compared. Changes nothing, and holds each shard only for its part of them.
    pub(crate) fn hottest(&self, most: usize) -> Vec<Box<[u8]>> {
        // Hashes spread the pages evenly, so that no shard has many more of them than others.
        let part = most.min(2 * most / self.shards.len() + HOTTEST_SLACK);
        let mut hottest = Vec::new();
        for Padded(shard) in &self.shards {
            // Not under the lock.
            hottest.reserve(part);
            let shard = shard.lock();
            let key = |page: &Resident<P>| Box::<[u8]>::from(page.key().bytes());
            hottest.extend(shard.hottest().take(part).map(|(place, page)| (place, key(page))));
        }
        hottest.sort_by_key(|(place, _)| *place);
        hottest.into_iter().take(most).map(|(_, key)| key).collect()
    }

    /// Makes the cache say what was committed about a page. When this returns nobody is given the
    /// old page any more, and no fill that began before can bring it back.
    pub(crate) fn publish(&self, key: CacheKey<'_>, publication: Publication<'_, P>) {
        self.change(key.hash(), |shard, retired| {
            if !mutant!("publications_spoil_tickets") {
                shard.published().spoil(key.hash());
            }
            match &publication {
                Publication::Remove => shard.remove(key, retired),
                Publication::Raise { stale, suspect } => {
                    if let Some(resident) = shard.peek(key)
                        && !mutant!("cached_pages_are_marked")
                    {
                        resident.marks().raise(stale, suspect);
                    }
                }
                Publication::Replace { resident, admit } => {
                    debug_assert_eq!(resident.key(), key, "a page was published for another key");
                    let replaced = shard.replace(resident, retired);
                    if !replaced && *admit && !shard.is_closed() {
                        shard.insert(Arc::clone(resident), retired);
                    } else if !replaced {
                        resident.retire();
                    }
                }
            }
        });
    }

    /// Retires every page and lets none in any more: this life is over.
    pub(crate) fn retire_all(&self) {
        self.retire_each(|shard, retired| shard.close(retired));
    }

    /// Retires the pages whose key the predicate picks, and spoils all fills under way. The
    /// predicate runs under a lock: it may only look at the bytes.
    pub(crate) fn retire_where(&self, mut predicate: impl FnMut(&[u8]) -> bool) {
        self.retire_each(|shard, retired| shard.remove_where(&mut predicate, retired));
    }

    pub(crate) fn stats(&self) -> CacheStats {
        let mut stats = CacheStats::default();
        for Padded(shard) in &self.shards {
            let shard = shard.lock();
            stats.residents += shard.len();
        }
        stats.evicted = self.counts.evicted.load(Ordering::Relaxed);
        stats
    }

    /// What the cached pages are charged with. Walks over all of them.
    #[cfg(test)]
    pub(crate) fn resident_bytes(&self) -> usize {
        self.shards.iter().map(|Padded(shard)| shard.lock().bytes()).sum()
    }

    /// Changes one shard, then sees to it that all of them fit the budget.
    fn change<T>(&self, hash: u64, f: impl FnOnce(&mut Shard<P>, &mut Retired<P>) -> T) -> T {
        let at = self.route(hash);
        let (result, _) = self.in_shard(at, f);
        // Handles that hold what leaves the cache keep it charged, so one round need not do.
        while self.budget.used_bytes() > self.budget.limit_bytes() {
            let mut left = 0;
            for step in 1..=self.shards.len() {
                left += self.in_shard((at + step) % self.shards.len(), |_, _| ()).1;
            }
            if left == 0 {
                break;
            }
        }
        result
    }

    /// Changes a shard and makes it fit its share. Tells how many pages had to go for that.
    fn in_shard<T>(
        &self,
        at: usize,
        f: impl FnOnce(&mut Shard<P>, &mut Retired<P>) -> T,
    ) -> (T, usize) {
        let mut retired = Retired::new();
        let mut shard = self.shards[at].0.lock();
        let before = shard.weight();
        let result = f(&mut shard, &mut retired);
        self.account(before, shard.weight());
        self.count_era(shard.came(), shard.len() * self.shards.len());
        let (before, replaced) = (shard.weight(), retired.len());
        shard.make_room(self.share(&retired), &mut retired);
        self.account(before, shard.weight());
        drop(shard);
        let left = retired.len() - replaced;
        if left > 0 {
            self.counts.evicted.fetch_add(left as u64, Ordering::Relaxed);
        }
        drop(retired);
        (result, left)
    }

    fn retire_each(&self, mut f: impl FnMut(&mut Shard<P>, &mut Retired<P>)) {
        for at in 0..self.shards.len() {
            self.in_shard(at, |shard, retired| {
                shard.published().spoil_all();
                f(shard, retired);
            });
        }
    }

    /// Of all shards together: each for itself would come to its next era when all others do, and
    /// as many eras as there are shards would pass at once.
    fn count_era(&self, came: usize, pages: usize) {
        if came > 0 && self.counts.came.fetch_add(came, Ordering::Relaxed) + came > pages / ERAS {
            self.counts.came.store(0, Ordering::Relaxed);
            self.counts.era.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn account(&self, before: usize, after: usize) {
        if after != before {
            self.counts.weight.fetch_add(after.wrapping_sub(before), Ordering::Relaxed);
        }
    }

    /// What is charged to the budget beyond the cached pages: held by handles, or others' memory.
    fn beyond(&self) -> usize {
        self.budget.used_bytes().saturating_sub(self.counts.weight.load(Ordering::Relaxed))
    }

    /// What each shard may weigh. What is about to be dropped counts as gone, or the new page of a
    /// small cache would make room for the one it replaces.
    fn share(&self, retired: &Retired<P>) -> usize {
        let beyond = self.beyond().saturating_sub(retired.bytes());
        self.budget.limit_bytes().saturating_sub(beyond) / self.shards.len()
    }

    fn shard(&self, hash: u64) -> &Mutex<Shard<P>> {
        &self.shards[self.route(hash)].0
    }

    /// By bits in the middle: the maps inside the shards go by the lowest and the highest.
    fn route(&self, hash: u64) -> usize {
        (hash >> 32) as usize & (self.shards.len() - 1)
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn validate(&self) {
        let mut weight = 0;
        for Padded(shard) in &self.shards {
            let shard = shard.lock();
            shard.validate();
            weight += shard.weight();
        }
        assert_eq!(
            weight,
            self.counts.weight.load(Ordering::Relaxed),
            "the shards' weight is miscounted"
        );
        let used = self.budget.used_bytes();
        assert!(
            weight == 0 || used <= self.budget.limit_bytes(),
            "pages are cached beyond the budget: {used} bytes are charged"
        );
    }
}
