//! How often keys were asked for lately, roughly, in half a byte for each counter.

/// A count-min sketch of 4-bit counters that forgets: when enough was recorded all counts halve.
///
/// A key's four counters lie in one block of a cache line, so that recording a hit costs one miss
/// of the processor's cache at most.
#[derive(Debug)]
pub(super) struct Sketch {
    blocks: Vec<Block>,
    keys: usize,
    recorded: usize,
}

#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Block([u64; WORDS]);

const WORDS: usize = 8;
/// Keys that one block serves: 64 counters for each, since ten times as many keys that come and go
/// count here too. With a quarter of that, real traces lost two hits in a hundred.
const KEYS_A_BLOCK: usize = 2;
const KEYS_MIN: usize = 64;
const COUNT_MAX: u64 = 15;
/// Requests after which counts halve, for each key: long enough to tell once from often, short
/// enough that last hour's favourites make room.
const RECORDS_A_KEY: usize = 10;

impl Sketch {
    pub(super) fn new() -> Self {
        let blocks = vec![Block([0; WORDS]); KEYS_MIN / KEYS_A_BLOCK];
        Self { blocks, keys: KEYS_MIN, recorded: 0 }
    }

    /// Makes it serve so many keys. What it knows is kept: a block's counts are copied to both
    /// blocks that its keys now fall into.
    pub(super) fn reserve(&mut self, keys: usize) {
        self.keys = self.keys.max(keys);
        while self.blocks.len() * KEYS_A_BLOCK < keys {
            self.blocks.extend_from_within(..);
        }
    }

    pub(super) fn record(&mut self, hash: u64, times: u64) {
        let (block, counters) = place(hash, self.blocks.len());
        let block = &mut self.blocks[block].0;
        for (word, shift) in counters {
            let count = (block[word] >> shift) & COUNT_MAX;
            block[word] += times.min(COUNT_MAX - count) << shift;
        }
        self.recorded += 1;
        if self.recorded >= RECORDS_A_KEY * self.keys {
            self.halve();
        }
    }

    /// How often a key was recorded lately: never too low, seldom too high, at most 15.
    pub(super) fn count(&self, hash: u64) -> u64 {
        let (block, counters) = place(hash, self.blocks.len());
        let block = &self.blocks[block].0;
        counters
            .into_iter()
            .map(|(word, shift)| (block[word] >> shift) & COUNT_MAX)
            .min()
            .expect("a key has four counters")
    }

    fn halve(&mut self) {
        for word in self.blocks.iter_mut().flat_map(|block| &mut block.0) {
            // The mask drops the bit that each counter would shift into its neighbour.
            *word = (*word >> 1) & 0x7777_7777_7777_7777;
        }
        self.recorded /= 2;
    }
}

/// The block of a key, and the word and shift of its four counters, one in each pair of words.
///
/// The multiplication makes the block's number independent of the bits that chose the shard.
fn place(hash: u64, blocks: usize) -> (usize, [(usize, u32); 4]) {
    let mixed = (hash ^ (hash >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let block = (mixed >> 32) as usize & (blocks - 1);
    let counter = |row: u32| {
        let bits = (mixed >> (row * 5)) as u32;
        ((2 * row + (bits & 1)) as usize, 4 * ((bits >> 1) & 15))
    };
    (block, [counter(0), counter(1), counter(2), counter(3)])
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use xxhash_rust::xxh3::xxh3_64;

    fn hash(key: u64) -> u64 {
        xxh3_64(&key.to_le_bytes())
    }

    #[test]
    fn a_count_is_never_too_low_and_stops_at_its_limit() {
        let mut sketch = Sketch::new();
        sketch.reserve(1000);
        for key in 0..100 {
            sketch.record(hash(key), key);
        }
        for key in 0..100 {
            let count = sketch.count(hash(key));
            assert!((key.min(15)..=15).contains(&count), "key {key} has count {count}");
        }
        let never_seen = (1000..2000).filter(|&key| sketch.count(hash(key)) > 0).count();
        assert!(never_seen < 20, "{never_seen} of 1000 keys were taken for others");
    }

    #[test]
    fn as_many_keys_as_there_is_room_for_are_told_from_those_never_seen() {
        let mut sketch = Sketch::new();
        sketch.reserve(4000);
        (0..4000).for_each(|key| sketch.record(hash(key), 1));
        assert!((0..4000).all(|key| sketch.count(hash(key)) > 0), "it is too early to halve");
        let never_seen = (4000..5000).filter(|&key| sketch.count(hash(key)) > 0).count();
        assert!(never_seen < 20, "{never_seen} of 1000 keys were taken for others");
    }

    #[test]
    fn counts_halve_when_enough_was_recorded() {
        let mut sketch = Sketch::new();
        let limit = RECORDS_A_KEY * sketch.keys;
        for _ in 0..limit - 1 {
            sketch.record(hash(1), 1);
        }
        assert_eq!(sketch.count(hash(1)), 15);
        sketch.record(hash(1), 1);
        assert_eq!(sketch.count(hash(1)), 7);
    }

    #[test]
    fn growing_forgets_nothing() {
        let mut sketch = Sketch::new();
        for key in 0..30 {
            sketch.record(hash(key), 4);
        }
        sketch.reserve(5000);
        for key in 0..30 {
            assert!(sketch.count(hash(key)) >= 4);
        }
    }
}
