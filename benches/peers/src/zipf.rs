//! Which records are asked for: drawn once by Zipf's law, the same for every engine.

use std::cmp::Ordering;

use crate::key::SLOTS;

/// The exponent that YCSB uses.
const EXPONENT: f64 = 0.99;
const SEED: u64 = 0x2545_F491_4F6C_DD1D;

/// Records to ask for, one after the other.
pub struct Draws {
    /// By Zipf's law over all records, the popular ones scattered over the keys.
    pub zipf: Vec<u32>,
    /// All alike.
    pub uniform: Vec<u32>,
    /// The most popular alone, all alike.
    pub hottest: Vec<u32>,
    /// Entities by Zipf's law over all of them: of whom several records at once are asked for.
    pub entities: Vec<u32>,
    /// Entities, all alike.
    pub any_entities: Vec<u32>,
}

/// How many records count as the hottest.
const HOTTEST: u64 = 16;

impl Draws {
    pub fn new(draws: usize, records: u32) -> Self {
        let (law, entities) = (Zipf::new(records), (records / SLOTS).max(1));
        let by_entity = Zipf::new(entities);
        let mut random = Random(SEED);
        Self {
            zipf: (0..draws).map(|_| scattered(law.rank(random.share()), records)).collect(),
            uniform: (0..draws).map(|_| (random.share() * f64::from(records)) as u32).collect(),
            hottest: (0..draws)
                .map(|_| {
                    scattered((random.next() % HOTTEST.min(u64::from(records))) as u32, records)
                })
                .collect(),
            entities: (0..draws)
                .map(|_| scattered(by_entity.rank(random.share()), entities))
                .collect(),
            any_entities: (0..draws)
                .map(|_| (random.share() * f64::from(entities)) as u32)
                .collect(),
        }
    }
}

/// Ranks by Zipf's law: each as often as one by its number to the exponent.
struct Zipf {
    /// The share of the draws that falls on a rank or one before it.
    up_to: Vec<f64>,
}

impl Zipf {
    fn new(ranks: u32) -> Self {
        let mut sum = 0.0;
        let mut up_to: Vec<f64> = (1..=ranks)
            .map(|rank| {
                sum += f64::from(rank).powf(-EXPONENT);
                sum
            })
            .collect();
        up_to.iter_mut().for_each(|share| *share /= sum);
        Self { up_to }
    }

    fn rank(&self, share: f64) -> u32 {
        let found =
            self.up_to.binary_search_by(|at| at.partial_cmp(&share).unwrap_or(Ordering::Less));
        found.unwrap_or_else(|next| next).min(self.up_to.len() - 1) as u32
    }
}

/// Scatters ranks over the records, each to another one: neighbours in popularity are no neighbours
/// among the keys.
pub fn scattered(rank: u32, records: u32) -> u32 {
    let records = u64::from(records);
    let mut stride = 2_654_435_761 % records;
    while common_divisor(stride, records) != 1 {
        stride += 1;
    }
    ((u64::from(rank) * stride + records / 3) % records) as u32
}

fn common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

/// A small generator (xorshift) with a fixed seed.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// At least 0, below 1.
    pub fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scattering_reaches_every_record_once() {
        for records in [1, 2, 144, 1_000, 100_080] {
            let mut reached: Vec<u32> = (0..records).map(|rank| scattered(rank, records)).collect();
            reached.sort_unstable();
            assert!(reached.into_iter().eq(0..records), "{records}");
        }
    }

    #[test]
    fn the_first_rank_is_drawn_twice_as_often_as_the_second() {
        let law = Zipf::new(1_000);
        let mut random = Random(SEED);
        let mut counts = [0_u32; 1_000];
        (0..1 << 20).for_each(|_| counts[law.rank(random.share()) as usize] += 1);
        let ratio = f64::from(counts[0]) / f64::from(counts[1]);
        assert!((1.9..2.1).contains(&ratio), "{ratio}");
        assert!(counts.iter().all(|count| *count > 0));
    }
}
