//! Random operations against a naive model of what is committed.

use std::collections::HashMap;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;
use crate::cache::Ticket;
use crate::graph::Colour;

#[derive(Clone, Debug)]
enum Operation {
    Get(u8),
    /// A reader misses, and has read the page by the time it returns.
    Read(u8),
    /// A reader that missed earlier installs what it read then.
    Install(usize),
    Replace {
        key: u8,
        kilobytes: usize,
        admit: bool,
    },
    Remove(u8),
    Raise {
        key: u8,
        slot: usize,
        stale: bool,
    },
    RetireWhere {
        odd: bool,
    },
    /// A handle lives on.
    Hold(u8),
    LetGo(usize),
    ChargeElsewhere(usize),
}

/// What the disk says.
#[derive(Clone, Default)]
struct Committed {
    version: u64,
    kilobytes: usize,
    stale: [u64; 2],
    suspect: [u64; 2],
}

struct World {
    cache: Cache<Page>,
    committed: HashMap<u8, Committed>,
    readers: Vec<(Ticket, Resident<Page>)>,
    handles: Vec<Arc<Resident<Page>>>,
    elsewhere: Option<crate::cache::Charge>,
    versions: u64,
    hashes: u64,
}

impl World {
    fn new(limit_bytes: usize, shards: usize, hashes: u64) -> Self {
        Self {
            cache: Cache::with_shards(Budget::new(limit_bytes), Life::begin(), shards),
            committed: (0..16)
                .map(|key| {
                    (key, Committed { kilobytes: 1 + usize::from(key), ..Default::default() })
                })
                .collect(),
            readers: Vec::new(),
            handles: Vec::new(),
            elsewhere: None,
            versions: 0,
            hashes,
        }
    }

    fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::Get(key) => drop(self.get(key)),
            Operation::Read(key) => {
                let bytes = [key];
                let ticket = self.cache.ticket(self.key(&bytes));
                let now = &self.committed[&key];
                let read = page(&self.cache, self.key(&bytes), now.version, now.kilobytes << 10);
                read.marks().raise(&now.stale, &now.suspect);
                self.readers.push((ticket, read));
            }
            Operation::Install(nth) if !self.readers.is_empty() => {
                let (ticket, read) = self.readers.swap_remove(nth % self.readers.len());
                match self.cache.install(ticket, read) {
                    Installed::Cached(resident) => assert!(!resident.is_retired()),
                    Installed::Joined(resident) => self.check(&resident),
                    Installed::Private(resident) => assert!(resident.is_retired()),
                }
            }
            Operation::Replace { key, kilobytes, admit } => {
                self.versions += 1;
                let version = self.versions;
                let now = Committed { version, kilobytes, ..Default::default() };
                self.committed.insert(key, now);
                replace(&self.cache, self.key(&[key]), version, kilobytes << 10, admit);
            }
            Operation::Remove(key) => {
                self.versions += 1;
                self.committed
                    .insert(key, Committed { version: self.versions, ..Default::default() });
                self.cache.publish(self.key(&[key]), Publication::Remove);
            }
            Operation::Raise { key, slot, stale } => self.raise(key, slot, stale),
            Operation::RetireWhere { odd } => {
                let picked = |key: u8| key % 2 == u8::from(odd);
                self.versions += 1;
                for key in (0..16).filter(|&key| picked(key)) {
                    self.committed.get_mut(&key).expect("it was committed").version = self.versions;
                }
                self.cache.retire_where(|bytes| picked(bytes[0]));
            }
            Operation::Hold(key) => self.handles.extend(self.get(key)),
            Operation::LetGo(nth) if !self.handles.is_empty() => {
                self.handles.swap_remove(nth % self.handles.len());
            }
            Operation::ChargeElsewhere(bytes) => {
                self.elsewhere = None;
                self.elsewhere = Some(Budget::charge(self.cache.budget(), bytes));
            }
            Operation::Install(_) | Operation::LetGo(_) => {}
        }
    }

    fn raise(&mut self, key: u8, slot: usize, stale: bool) {
        let mut bits = [[0; 2]; 2];
        bits[usize::from(stale)][slot / 64] |= 1 << (slot % 64);
        let [suspect, stale] = &bits;
        let now = self.committed.get_mut(&key).expect("it was committed");
        for word in 0..2 {
            now.stale[word] |= stale[word];
            now.suspect[word] |= suspect[word];
        }
        self.cache.publish(self.key(&[key]), Publication::Raise { stale, suspect });
    }

    /// With few hashes keys collide, as they might once in a lifetime.
    fn key<'a>(&self, bytes: &'a [u8]) -> CacheKey<'a> {
        let hash = CacheKey::new(&[bytes[0] % self.hashes as u8]).hash();
        CacheKey::with_hash(hash, bytes)
    }

    fn get(&self, key: u8) -> Option<Arc<Resident<Page>>> {
        let found = self.cache.get(self.key(&[key]))?;
        assert_eq!(found.key().bytes(), [key]);
        assert!(!found.is_retired());
        self.check(&found);
        Some(found)
    }

    /// A page that is handed out is what was committed last, marks included.
    fn check(&self, resident: &Resident<Page>) {
        let now = &self.committed[&resident.key().bytes()[0]];
        assert_eq!(resident.value().version, now.version);
        for slot in 0..SLOTS {
            let set = |map: &[u64; 2]| map[slot / 64] & (1 << (slot % 64)) != 0;
            let expected = match (set(&now.stale), set(&now.suspect)) {
                (true, _) => Colour::Stale,
                (false, true) => Colour::Suspect,
                (false, false) => Colour::Fresh,
            };
            assert_eq!(resident.marks().colour(slot), expected, "slot {slot}");
        }
    }

    /// Readers hold pages that nobody made room for yet, and charges elsewhere come unannounced:
    /// the budget is asked to hold when the cache has had a chance to see them.
    fn validate(&self) {
        let nobody = CacheKey::new(b"nobody");
        self.cache.publish(nobody, Publication::Remove);
        self.cache.validate();
        for handle in self.handles.iter().filter(|handle| !handle.is_retired()) {
            let cached = self.cache.get(handle.key()).expect("an unretired page left the cache");
            assert!(Arc::ptr_eq(handle, &cached));
        }
    }
}

fn operation() -> impl Strategy<Value = Operation> {
    let key = || 0_u8..16;
    prop_oneof![
        4 => key().prop_map(Operation::Get),
        4 => key().prop_map(Operation::Read),
        4 => (0_usize..8).prop_map(Operation::Install),
        2 => (key(), 0_usize..20, any::<bool>())
            .prop_map(|(key, kilobytes, admit)| Operation::Replace { key, kilobytes, admit }),
        1 => key().prop_map(Operation::Remove),
        2 => (key(), 0..SLOTS, any::<bool>())
            .prop_map(|(key, slot, stale)| Operation::Raise { key, slot, stale }),
        1 => any::<bool>().prop_map(|odd| Operation::RetireWhere { odd }),
        2 => key().prop_map(Operation::Hold),
        2 => (0_usize..8).prop_map(Operation::LetGo),
        1 => (0_usize..80_000).prop_map(Operation::ChargeElsewhere),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20_26),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_page_handed_out_is_the_committed_one_and_bytes_are_exact(
        operations in proptest::collection::vec(operation(), 1..200),
        limit_bytes in prop_oneof![Just(0), Just(12_000), 40_000_usize..120_000],
        shards in prop_oneof![Just(1_usize), Just(4)],
        hashes in prop_oneof![Just(16_u64), Just(5)],
    ) {
        let mut world = World::new(limit_bytes, shards, hashes);
        for operation in operations {
            world.apply(operation);
            world.validate();
        }
        let budget = Arc::clone(world.cache.budget());
        world.cache.retire_all();
        prop_assert_eq!(world.cache.stats().residents, 0);
        drop(world);
        prop_assert_eq!(budget.used_bytes(), 0, "bytes are charged that nobody holds");
    }
}
