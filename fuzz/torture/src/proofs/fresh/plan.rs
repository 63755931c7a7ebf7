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
}

const ENOUGH_BYTES: usize = 64 << 20;
const FEW_PAGES_BYTES: usize = 96 << 10;
/// Reads of an opening. Where many of them go to the file, fewer take as long.
const READS: u64 = 1 << 21;
const READS_WITH_FEW_PAGES: u64 = 1 << 18;
const READS_WITHOUT_MEMORY: u64 = 1 << 15;

impl Plan {
    pub fn of(round: &Round<'_>) -> Self {
        let mut random = round.random();
        let mut pick = |choices: &[u64]| choices[random.below(choices.len() as u64) as usize];
        // Every eighth round has no memory at all, three have little.
        let memory = match round.number % 8 {
            7 => 0,
            1 | 2 | 4 => FEW_PAGES_BYTES << pick(&[0, 1, 2]),
            _ => ENOUGH_BYTES,
        };
        let reads = match memory {
            0 => READS_WITHOUT_MEMORY,
            ENOUGH_BYTES => READS,
            _ => READS_WITH_FEW_PAGES,
        };
        Self {
            in_file: round.number % 3 == 1,
            builders: pick(&[1, 2, 3]) as usize,
            memory_bytes: memory,
            families: pick(&[4, 8, 16]) as usize,
            readers: pick(&[2, 3]),
            long_tails: round.number % 4 >= 2,
            openings: 2,
            reads,
            // A change has some hundred records built.
            reads_per_change: pick(&[reads >> 5, reads >> 7, reads >> 9]),
            hits_in_a_row: pick(&[256, 1024, 4096]),
            seed: round.seed(),
        }
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
