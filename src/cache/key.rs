//! What a page is found by.

use xxhash_rust::xxh3::xxh3_64;

/// A page's key with its hash, which is computed once for a read and then routes it everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CacheKey<'a> {
    hash: u64,
    bytes: &'a [u8],
}

/// The same key as the parts that a reader has in hand: four bytes, some, and eight.
///
/// Putting them together would cost more than all else that a hit does: bytes that were just written
/// one by one can only be read back in one piece when they have left the processor's store buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyParts<'a> {
    hash: u64,
    first: [u8; FIRST],
    middle: &'a [u8],
    last: [u8; LAST],
}

/// Something that a page can be looked for by.
pub(crate) trait Names {
    fn hash(&self) -> u64;
    /// Whether the key consists of these bytes: what a hash alone does not prove.
    fn names(&self, bytes: &[u8]) -> bool;
}

const FIRST: usize = 4;
const LAST: usize = 8;

impl<'a> CacheKey<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { hash: hash_of(bytes), bytes }
    }

    /// For a caller that kept the hash. Equal bytes must always come with equal hashes.
    pub(crate) const fn with_hash(hash: u64, bytes: &'a [u8]) -> Self {
        Self { hash, bytes }
    }

    pub(crate) const fn hash(self) -> u64 {
        self.hash
    }

    pub(crate) const fn bytes(self) -> &'a [u8] {
        self.bytes
    }
}

impl<'a> KeyParts<'a> {
    #[inline]
    pub(crate) fn new(first: [u8; FIRST], middle: &'a [u8], last: [u8; LAST]) -> Self {
        Self { hash: hash_of_parts(first, middle, last), first, middle, last }
    }
}

impl Names for CacheKey<'_> {
    fn hash(&self) -> u64 {
        self.hash
    }

    fn names(&self, bytes: &[u8]) -> bool {
        self.bytes == bytes
    }
}

impl Names for KeyParts<'_> {
    #[inline]
    fn hash(&self) -> u64 {
        self.hash
    }

    #[inline]
    fn names(&self, bytes: &[u8]) -> bool {
        let Some((first, rest)) = bytes.split_first_chunk() else { return false };
        let Some((middle, last)) = rest.split_last_chunk() else { return false };
        *first == self.first && *last == self.last && are_equal(middle, self.middle)
    }
}

fn hash_of(bytes: &[u8]) -> u64 {
    let parts = bytes.split_first_chunk().and_then(|(first, rest)| {
        let (middle, last) = rest.split_last_chunk()?;
        Some(hash_of_parts(*first, middle, *last))
    });
    parts.unwrap_or_else(|| xxh3_64(bytes))
}

/// The ends count as numbers, which keeps them in registers: two multiplications spread their bits
/// over all of the hash. A short middle, as integers have, is a number as well.
#[inline]
fn hash_of_parts(first: [u8; FIRST], middle: &[u8], last: [u8; LAST]) -> u64 {
    const ODD: [u64; 3] = [0x9E37_79B9_7F4A_7C15, 0xD6E8_FEB8_6659_FD93, 0xA076_1D64_78BD_642F];
    let middle = match (middle.first_chunk(), middle.first_chunk()) {
        (Some(four), _) if middle.len() == 4 => u32::from_le_bytes(*four).into(),
        (_, Some(eight)) if middle.len() == 8 => u64::from_le_bytes(*eight),
        _ => xxh3_64(middle),
    };
    let first = u64::from(u32::from_le_bytes(first)) << 32;
    let inner = fold(middle ^ ODD[0], first ^ ODD[1]);
    fold(inner ^ u64::from_le_bytes(last), ODD[2])
}

/// Multiplies and folds the upper half onto the lower one.
#[inline]
const fn fold(a: u64, b: u64) -> u64 {
    let wide = a as u128 * b as u128;
    wide as u64 ^ (wide >> 64) as u64
}

/// Compares without a call what is as short as numbers are.
#[inline]
fn are_equal(a: &[u8], b: &[u8]) -> bool {
    match (a.len(), b.len()) {
        (4, 4) => a.first_chunk::<4>() == b.first_chunk(),
        (8, 8) => a.first_chunk::<8>() == b.first_chunk(),
        _ => a == b,
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_that_begin_alike_have_hashes_of_their_own() {
        let names = ["four", "fours", "four of", "four of ", "four of t", "four of them"];
        let of = |name: &&str| KeyParts::new(*b"head", name.as_bytes(), *b"the tail").hash();
        assert_eq!(names.iter().map(of).collect::<HashSet<_>>().len(), names.len());
    }

    #[test]
    fn parts_have_the_hash_of_the_whole_and_name_it_alone() {
        for middle in [&b""[..], b"a", b"four", b"eight by", b"a longer name of something"] {
            let whole = [b"head", middle, b"the tail"].concat();
            let parts = KeyParts::new(*b"head", middle, *b"the tail");
            assert_eq!(parts.hash(), CacheKey::new(&whole).hash());
            assert!(parts.names(&whole));
            for at in 0..whole.len() {
                let mut other = whole.clone();
                other[at] ^= 1;
                assert!(!parts.names(&other), "byte {at} of {}", whole.len());
            }
            assert!(!parts.names(&whole[1..]) && !parts.names(&[&whole[..], b"x"].concat()));
            assert!(!parts.names(b"short"));
        }
    }

    #[test]
    fn neighbours_in_each_part_spread_over_the_bits_that_maps_and_shards_go_by() {
        let hashes: Vec<u64> = (0..1 << 15)
            .map(|n: u32| {
                let (view, entity, page) = (n % 8, n / 8 % 64, u64::from(n / 512));
                let middle = entity.to_be_bytes();
                KeyParts::new(view.to_be_bytes(), &middle, page.to_be_bytes()).hash()
            })
            .collect();
        for shift in [0, 8, 32, 48, 57] {
            let mut counts = [0_usize; 64];
            hashes.iter().for_each(|hash| counts[(hash >> shift) as usize % 64] += 1);
            let expected = hashes.len() / 64;
            let even = counts.iter().all(|count| count.abs_diff(expected) < expected / 4);
            assert!(even, "{shift}: {counts:?}");
        }
        assert_eq!(hashes.iter().collect::<HashSet<_>>().len(), hashes.len());
    }
}
