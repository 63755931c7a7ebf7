//! The engines, each behind the same few calls.
//!
//! Loops stand in the provided methods, which are compiled for each engine by itself: one call
//! through a trait object a batch, none an operation.

mod fjall;
mod foyer;
mod lmdb;
mod moka;
mod moka_sqlite_json;
mod quick_cache;
mod redb;
#[cfg(feature = "rocksdb")]
mod rocksdb;
mod sqlite;
mod tidetable;

use std::ops::Range;
use std::path::Path;

use crate::data::Data;
use crate::key::Key;
use crate::record::RecordBytes;

pub use self::redb::{RedbPages, compact as compact_redb};
pub use self::tidetable::{Sources, Tidetable, building, store_options};

/// The subject of it all.
pub const TIDETABLE: &str = "tidetable";

/// What holds the records, in memory or in a file.
pub trait Engine: Send + Sync {
    fn name(&self) -> &'static str;

    /// Gives `work` what one thread reads through: a handle, prepared statements.
    fn read(&self, work: &mut dyn FnMut(&mut dyn Reader));
}

/// How one thread reads. Each call is a request by itself, as an application serves them: it answers
/// from all that was acknowledged before it began, so no transaction stays open from one to the next.
pub trait Reader {
    /// Finds a record and looks at it; `None` if there is none.
    fn get(&mut self, key: Key) -> Option<u64>;

    /// Looks at an entity's records of those buckets.
    fn timeline(&mut self, entity: u32, slots: Range<u32>) -> u64;

    /// Looks at the records of many entities at one time.
    fn many(&mut self, entities: &[u32], slot: u32) -> u64 {
        entities.iter().fold(0, |sum, entity| {
            let seen = self.get(Key::at(*entity, slot)).unwrap_or(0);
            sum.wrapping_add(seen)
        })
    }

    /// All of a record, to compare with what others hold.
    fn record(&mut self, key: Key) -> Option<RecordBytes>;

    /// One record after the other.
    fn gets(&mut self, nths: &[u32]) -> u64 {
        nths.iter().fold(0, |sum, nth| sum.wrapping_add(self.get(Key::nth(*nth)).unwrap_or(0)))
    }

    /// How many of these are not there.
    fn misses(&mut self, keys: &[Key]) -> usize {
        keys.iter().filter(|key| self.get(**key).is_none()).count()
    }

    /// One timeline after the other.
    fn timelines(&mut self, entities: &[u32], slots: Range<u32>) -> u64 {
        entities
            .iter()
            .fold(0, |sum, entity| sum.wrapping_add(self.timeline(*entity, slots.clone())))
    }
}

/// What holds the records in a file.
pub trait FileEngine: Engine {
    /// Stores all records, in order, the way that its authors advise for much at once; synced, once,
    /// when it returns.
    fn load(&self, data: &Data);

    /// Gives `work` what one thread writes through.
    fn write(&self, work: &mut dyn FnMut(&mut dyn Writer));

    /// Ends it cleanly. What is on disk then is all that there is.
    fn close(self: Box<Self>);
}

/// How one thread writes, and reads what was written before.
pub trait Writer: Reader {
    /// Stores records over those that are there: one transaction, synced when it returns.
    fn put(&mut self, data: &Data, nths: &[u32]);
}

/// How a file is opened: in a folder, with so much memory.
#[derive(Clone, Copy)]
pub struct FilePeer {
    pub name: &'static str,
    pub open: fn(&Path, usize) -> Box<dyn FileEngine>,
}

/// Those with a file, in the order of the first round.
pub fn file_peers() -> Vec<FilePeer> {
    vec![
        FilePeer { name: TIDETABLE, open: tidetable::open },
        FilePeer { name: "redb", open: redb::open },
        FilePeer { name: "lmdb", open: lmdb::open },
        FilePeer { name: "fjall", open: fjall::open },
        FilePeer { name: "sqlite", open: sqlite::open },
        #[cfg(feature = "rocksdb")]
        FilePeer { name: "rocksdb", open: rocksdb::open },
        FilePeer { name: "moka_sqlite_json", open: moka_sqlite_json::open },
    ]
}

/// Those that hold everything in memory, with all records in them.
#[derive(Clone, Copy)]
pub struct MemoryPeer {
    pub name: &'static str,
    pub load: fn(&Data) -> Box<dyn Engine>,
}

pub fn memory_peers() -> Vec<MemoryPeer> {
    vec![
        MemoryPeer { name: "quick_cache", load: quick_cache::load },
        MemoryPeer { name: "moka", load: moka::load },
        MemoryPeer { name: "foyer", load: foyer::load },
    ]
}
