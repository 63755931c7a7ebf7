//! What a round is like: decided by its seed.

use std::fmt;

use crate::disk::Random;
use crate::round::Round;

/// What a round is like.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub in_file: bool,
    pub builders: usize,
    pub memory_bytes: usize,
    pub families: usize,
    pub readers: u64,
    /// Whether some pages are so long that bringing one into memory takes long.
    pub long_tails: bool,
    /// How often the store is opened.
    pub openings: u64,
    /// In each opening.
    pub reads: u64,
    /// Of all threads together, between two changes of one that changes.
    pub reads_per_change: u64,
    /// Reads of each reader that cost little, most of them of one entity, between two that may cost
    /// much.
    pub hits_in_a_row: u64,
    /// Of so many of these one is of another entity. A power of two.
    pub strays_every: u64,
}

const ENOUGH_BYTES: usize = 64 << 20;
const FEW_PAGES_BYTES: usize = 96 << 10;
/// Reads of an opening. Where many of them go to the file, fewer take as long.
const READS: u64 = 1 << 26;
const READS_WITH_FEW_PAGES: u64 = 1 << 23;
const READS_WITHOUT_MEMORY: u64 = 1 << 17;
/// Rounds of each kind of memory once. The first ones are short, so that a short run has all kinds.
const KINDS: u64 = 8;

impl Plan {
    pub fn of(round: &Round<'_>) -> Self {
        let mut random = round.random();
        let mut pick = |choices: &[u64]| choices[random.below(choices.len() as u64) as usize];
        // Every eighth round has no memory at all, three have little.
        let memory = match round.number % KINDS {
            7 => 0,
            1 | 2 | 4 => FEW_PAGES_BYTES << pick(&[0, 1, 2]),
            _ => ENOUGH_BYTES,
        };
        let (reads, strays_every) = match memory {
            0 => (READS_WITHOUT_MEMORY, 8),
            ENOUGH_BYTES => (READS, 8),
            _ => (READS_WITH_FEW_PAGES, 64),
        };
        // A change has some hundred records built: with fewer reads there are fewer of them too.
        let (reads, fewer) = if round.number < KINDS { (reads >> 5, 2) } else { (reads, 0) };
        Self {
            in_file: round.number % 3 == 1,
            builders: pick(&[1, 2, 3]) as usize,
            memory_bytes: memory,
            families: pick(&[4, 8, 16]) as usize,
            readers: pick(&[2, 3]),
            long_tails: round.number % 4 >= 2,
            openings: 2,
            reads,
            reads_per_change: reads >> (pick(&[5, 6, 8]) - fewer),
            hits_in_a_row: pick(&[256, 1024, 4096]),
            strays_every,
            seed: round.seed(),
        }
    }

    /// Whether there is memory, and less of it than all pages take.
    pub fn evicts(&self) -> bool {
        self.memory_bytes > 0 && self.memory_bytes < ENOUGH_BYTES
    }

    /// Whether loads can be held up until a change was made: there are some, of a disk that can wait.
    pub fn holds_up(&self) -> bool {
        self.evicts() && !self.in_file
    }

    /// Numbers of one thread's own.
    pub fn random(&self, opening: u64, thread: u64) -> Random {
        Random(crate::round::mix(self.seed ^ opening << 32 ^ thread) | 1)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.in_file { "in a file" } else { "in memory" };
        write!(f, "{place}, {} KiB, {} builders", self.memory_bytes >> 10, self.builders)
    }
}
