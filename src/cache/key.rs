//! What a page is found by.

use xxhash_rust::xxh3::xxh3_64;

/// A page's key with its hash, which is computed once for a read and then routes it everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CacheKey<'a> {
    hash: u64,
    bytes: &'a [u8],
}

impl<'a> CacheKey<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { hash: xxh3_64(bytes), bytes }
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
