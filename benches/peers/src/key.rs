//! Which records there are, and what each engine calls them.

/// 2026-06-21, midnight UTC: the first bucket.
const FIRST_MILLIS: i64 = 1_782_000_000_000;
const BUCKET_MILLIS: i64 = 600_000;
/// Buckets of ten minutes that an entity has: one day.
pub const SLOTS: u32 = 144;

/// An entity and the start of a bucket in milliseconds since 1970: the key in memory.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Key {
    pub entity: u32,
    pub start: i64,
}

/// As it stands in files with a row for each record: ordered as bytes, an entity's day in one run.
pub type KeyBytes = [u8; 12];

impl Key {
    /// The key of the nth record, counted through the days of the entities.
    #[inline(always)]
    pub fn nth(nth: u32) -> Self {
        Self::at(nth / SLOTS, nth % SLOTS)
    }

    #[inline(always)]
    pub fn at(entity: u32, slot: u32) -> Self {
        Self { entity, start: start_of(slot) }
    }

    #[inline(always)]
    pub fn bytes(self) -> KeyBytes {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&self.entity.to_be_bytes());
        // Starts are after 1970, so the sign does not disturb the order.
        bytes[4..].copy_from_slice(&self.start.to_be_bytes());
        bytes
    }
}

/// The start of an entity's nth bucket, in milliseconds.
#[inline(always)]
pub fn start_of(slot: u32) -> i64 {
    FIRST_MILLIS + i64::from(slot) * BUCKET_MILLIS
}

/// Which bucket of the day starts then.
pub fn slot_of(start: i64) -> u32 {
    ((start - FIRST_MILLIS) / BUCKET_MILLIS) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_ordered_as_keys_are() {
        let keys: Vec<Key> = (0..3 * SLOTS).map(Key::nth).collect();
        assert!(keys.is_sorted() && keys.iter().map(|key| key.bytes()).is_sorted());
        assert_eq!(slot_of(keys[200].start), 200 % SLOTS);
    }
}
