//! The races of the cache, each in the smallest world that has it.

use crate::cache::{
    Budget, Cache, CacheKey, Hold, Installed, Publication, Resident, Shortcut, Weighed,
};
use crate::graph::Colour;
use crate::revision::Life;
use crate::sync::{Arc, AtomicU64, Ordering, thread};

/// A page that says which commit it was read from.
#[derive(Debug)]
struct Page(u64);

impl Weighed for Page {
    fn bytes(&self) -> usize {
        1000
    }
}

const KEY: CacheKey<'static> = CacheKey::with_hash(1, b"key");
const OTHER: CacheKey<'static> = CacheKey::with_hash(2, b"other");

/// What threads share: the disk as the number of the last commit, the cache, and the published
/// revision.
struct World {
    disk: AtomicU64,
    cache: Cache<Page>,
    published: AtomicU64,
}

impl World {
    fn new(limit_bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            disk: AtomicU64::new(0),
            cache: Cache::with_shards(Budget::new(limit_bytes), Life::begin(), 1),
            published: AtomicU64::new(0),
        })
    }

    fn page(&self, key: CacheKey<'_>, commit: u64) -> Resident<Page> {
        Resident::new(self.cache.budget(), key, Page(commit), 1)
    }

    /// A reader that missed: ticket, then disk, then install.
    fn fill(&self, key: CacheKey<'_>) -> Arc<Resident<Page>> {
        self.fill_with(key, |_, _| ())
    }

    /// The same where the commit marks the page.
    fn fill_marked(&self) -> Arc<Resident<Page>> {
        self.fill_with(KEY, |page, commit| page.marks().raise(&[commit], &[]))
    }

    fn fill_with(
        &self,
        key: CacheKey<'_>,
        mark: impl FnOnce(&Resident<Page>, u64),
    ) -> Arc<Resident<Page>> {
        let ticket = self.cache.ticket(key);
        let commit = self.disk.load(Ordering::Acquire);
        let read = self.page(key, commit);
        mark(&read, commit);
        match self.cache.install(ticket, read) {
            Installed::Cached(page) | Installed::Joined(page) | Installed::Private(page) => page,
        }
    }

    /// The writer's order: commit, cache, published revision.
    fn commit(&self, publication: Publication<'_, Page>) {
        self.disk.store(1, Ordering::Release);
        self.cache.publish(KEY, publication);
        self.published.store(1, Ordering::Release);
    }

    fn replacement(&self) -> Publication<'static, Page> {
        Publication::Replace { resident: Arc::new(self.page(KEY, 1)), admit: true }
    }
}

#[test]
fn a_fill_that_publication_overtook_does_not_bring_the_old_page_back() {
    loom::model(|| {
        let world = World::new(1 << 20);
        let reader = {
            let world = Arc::clone(&world);
            thread::spawn(move || world.fill(KEY).value().0)
        };
        world.commit(Publication::Remove);
        reader.join().unwrap();
        if let Some(page) = world.cache.get(KEY) {
            assert_eq!(page.value().0, 1, "what was read before the commit is cached after it");
        }
    });
}

#[test]
fn a_reader_that_begins_after_a_publication_never_gets_the_old_page_through_its_shortcut() {
    loom::model(|| {
        let world = World::new(1 << 20);
        world.fill(KEY);
        let reader = {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                let mut shortcut = Shortcut::new();
                for _ in 0..2 {
                    let published = world.published.load(Ordering::Acquire);
                    let lease = world.cache.get_through(&mut shortcut, KEY);
                    let commit = lease.expect("the page is always cached").resident().value().0;
                    assert!(commit >= published, "revision {published} was given page {commit}");
                }
            })
        };
        world.commit(world.replacement());
        reader.join().unwrap();
    });
}

#[test]
fn a_page_evicted_while_it_is_read_stays_whole_and_is_charged_until_it_is_dropped() {
    loom::model(|| {
        let probe = World::new(1 << 20);
        let bytes = probe.page(OTHER, 0).bytes();
        let world = World::new(bytes);
        world.fill(KEY);
        let reader = {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                let mut shortcut = Shortcut::new();
                let lease = world.cache.get_through(&mut shortcut, KEY);
                if let Some(lease) = lease {
                    assert_eq!(lease.resident().key(), KEY);
                    assert!(world.cache.budget().used_bytes() >= lease.resident().bytes());
                }
            })
        };
        world.cache.touch(OTHER, 15);
        world.fill(OTHER);
        reader.join().unwrap();
        world.cache.validate();
        world.cache.retire_all();
        assert_eq!(world.cache.budget().used_bytes(), 0);
    });
}

#[test]
fn two_fills_of_one_page_end_with_one_page_that_both_hold() {
    loom::model(|| {
        let world = World::new(1 << 20);
        let reader = {
            let world = Arc::clone(&world);
            thread::spawn(move || world.fill(KEY))
        };
        let mine = world.fill(KEY);
        let theirs = reader.join().unwrap();
        assert!(Arc::ptr_eq(&mine, &theirs));
        assert!(!mine.is_retired());
        assert_eq!(world.cache.budget().used_bytes(), mine.bytes());
    });
}

#[test]
fn a_reader_that_begins_after_a_mark_was_published_sees_it() {
    loom::model(|| {
        let world = World::new(1 << 20);
        let reader = {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                let published = world.published.load(Ordering::Acquire);
                let page = world.cache.get(KEY).unwrap_or_else(|| world.fill_marked());
                if published == 1 {
                    assert_eq!(page.marks().colour(0), Colour::Stale);
                }
            })
        };
        world.commit(Publication::Raise { stale: &[1], suspect: &[] });
        reader.join().unwrap();
        if let Some(page) = world.cache.get(KEY) {
            assert_eq!(page.marks().colour(0), Colour::Stale, "a fill lost the mark");
        }
    });
}

/// By a fill of the reader's own or of another's, by the cache, by the shortcut: as it happens.
#[test]
fn a_reader_that_begins_after_a_mark_was_published_sees_it_whichever_way_the_page_came() {
    loom::model(|| {
        let world = World::new(1 << 20);
        let other = {
            let world = Arc::clone(&world);
            thread::spawn(move || drop(world.fill_marked()))
        };
        let reader = {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                let mut shortcut = Shortcut::new();
                for _ in 0..3 {
                    let published = world.published.load(Ordering::Acquire);
                    let held = world.cache.get_through(&mut shortcut, KEY);
                    let held = held.unwrap_or_else(|| Hold::new(world.fill_marked()));
                    let colour = held.resident().marks().colour(0);
                    assert!(published == 0 || colour == Colour::Stale);
                }
            })
        };
        world.commit(Publication::Raise { stale: &[1], suspect: &[] });
        other.join().unwrap();
        reader.join().unwrap();
    });
}

#[test]
fn a_mark_raised_on_a_page_in_a_shortcut_is_seen_by_the_next_read() {
    loom::model(|| {
        let world = World::new(1 << 20);
        world.fill(KEY);
        let reader = {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                let mut shortcut = Shortcut::new();
                world.cache.get_through(&mut shortcut, KEY);
                let published = world.published.load(Ordering::Acquire);
                let lease = world.cache.get_through(&mut shortcut, KEY).unwrap();
                let colour = lease.resident().marks().colour(0);
                assert!(published == 0 || colour == Colour::Stale);
            })
        };
        world.commit(Publication::Raise { stale: &[1], suspect: &[] });
        reader.join().unwrap();
    });
}

/// Marks do not reach what has left the cache: so it must be known to have left.
#[test]
fn a_page_evicted_before_a_mark_was_raised_is_not_served_through_a_shortcut() {
    loom::model(|| {
        let bytes = World::new(1 << 20).page(OTHER, 0).bytes();
        let world = World::new(bytes);
        world.fill(KEY);
        world.cache.touch(OTHER, 15);
        let mut shortcut = Shortcut::new();
        world.cache.get_through(&mut shortcut, KEY);
        let evictor = {
            let world = Arc::clone(&world);
            thread::spawn(move || drop(world.fill(OTHER)))
        };
        let reader = {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                let published = world.published.load(Ordering::Acquire);
                if let Some(lease) = shortcut.get(&world.cache, &KEY) {
                    let colour = lease.resident().marks().colour(0);
                    assert!(published == 0 || colour == Colour::Stale);
                }
            })
        };
        world.commit(Publication::Raise { stale: &[1], suspect: &[] });
        evictor.join().unwrap();
        reader.join().unwrap();
    });
}
