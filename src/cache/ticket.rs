//! Whether a fill was overtaken by a publication.

use crate::revision::Life;

/// Taken before a page is read from the disk: what was read may enter the cache only if nothing was
/// published for its key since.
///
/// Nothing is kept for a ticket, so one that is never used costs nothing.
#[derive(Clone, Copy, Debug)]
#[must_use = "a ticket counts from the moment it is taken: take it before reading"]
pub(crate) struct Ticket {
    pub(super) life: Life,
    pub(super) hash: u64,
    pub(super) published: u64,
}

/// How many publications there were, counted in a few places by the hash of the key.
///
/// Keys that share a place spoil each other's tickets now and then, which costs the overtaken
/// reader an install and never a right answer; in return there is no table of outstanding tickets
/// that could grow or leak.
#[derive(Debug)]
pub(super) struct Published([u64; PLACES]);

const PLACES: usize = 256;

impl Published {
    pub(super) fn new() -> Self {
        Self([0; PLACES])
    }

    pub(super) fn count(&self, hash: u64) -> u64 {
        self.0[place(hash)]
    }

    /// Spoils the outstanding tickets of a key.
    pub(super) fn spoil(&mut self, hash: u64) {
        self.0[place(hash)] += 1;
    }

    pub(super) fn spoil_all(&mut self) {
        self.0.iter_mut().for_each(|count| *count += 1);
    }
}

/// From bits that neither the shard nor, mostly, the map inside it goes by.
const fn place(hash: u64) -> usize {
    (hash >> 48) as usize % PLACES
}
