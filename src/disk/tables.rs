//! The tables of the file. All of them exist from birth; one that a later release
//! of the same format adds is created when a file is opened to write.
//!
//! Names and layouts are on disk: they never change within a format, and no name is reused. Keys
//! compare as bytes.

use redb::{TableDefinition, WriteTransaction};

/// A table whose keys and values are bytes.
pub(crate) type Bytes = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// Name -> value: see [`meta`].
pub(crate) const META: Bytes = TableDefinition::new("meta");
/// View name -> its row (`ViewRow`).
pub(crate) const VIEWS: Bytes = TableDefinition::new("views");
/// Id that no view refers to (4 bytes, big endian) -> [`DROPPED_GOING`] or [`DROPPED_RESERVED`].
pub(crate) const DROPPED: Bytes = TableDefinition::new("dropped");
/// In [`DROPPED`]: the view is no more, its pages go in the background.
pub(crate) const DROPPED_GOING: &[u8] = &[0];
/// In [`DROPPED`]: pages are being laid out anew under the id, for a view that will claim it. At the
/// next opening nobody will any more.
pub(crate) const DROPPED_RESERVED: &[u8] = &[1];
/// View id, entity, page number -> page.
pub(crate) const PAGES: Bytes = TableDefinition::new("pages");
/// View id, dictionary id (4 bytes each, big endian) -> a zstd dictionary, or the pattern of a time.
pub(crate) const DICTIONARIES: Bytes = TableDefinition::new("dictionaries");
/// Page key -> the dependency sets of the page's records.
pub(crate) const DEPS: Bytes = TableDefinition::new("deps");
/// Node, key of a page that reads it, length of that -> which slots of the page read which of it.
pub(crate) const EDGES: Bytes = TableDefinition::new("edges");
/// Page key -> which slots are suspect or stale, and why.
pub(crate) const MARKS: Bytes = TableDefinition::new("marks");
/// Page key -> buckets that were asked for and are not yet built.
pub(crate) const WANTED: Bytes = TableDefinition::new("wanted");
/// Page key, slot (2 bytes, big endian) -> why the record could not be built in the background.
pub(crate) const FAILURES: Bytes = TableDefinition::new("failures");
/// View id (4 bytes, big endian) -> how far the view was looked through for its stamps.
pub(crate) const SWEEPS: Bytes = TableDefinition::new("sweeps");
/// Page key, slot (2 bytes, big endian) -> when the build began that an unclean stop may have ended
/// (8 bytes, little endian).
pub(crate) const BEGUN: Bytes = TableDefinition::new("begun");
/// Node -> revision of its last change, and what the application says of it (`SourceRow`).
pub(crate) const SOURCES: Bytes = TableDefinition::new("sources");
/// Unique id -> sources of a change begun and not yet finished.
pub(crate) const INTENTS: Bytes = TableDefinition::new("intents");
/// View id (4 bytes, big endian) -> the days of its horizon that were begun (`HorizonRow`).
pub(crate) const HORIZONS: Bytes = TableDefinition::new("horizons");
/// Run id, tag, number -> a run's head, a chunk of its work, or a failure (`RunRow`, `Chunk`,
/// `FailureRow`).
pub(crate) const RUNS: Bytes = TableDefinition::new("runs");

/// All tables: first those that nothing else can tell again.
pub(crate) const ALL_NAMES: [&str; 16] = [
    "meta",
    "views",
    "dropped",
    "sources",
    "intents",
    "runs",
    "dictionaries",
    "pages",
    "deps",
    "edges",
    "marks",
    "wanted",
    "failures",
    "sweeps",
    "begun",
    "horizons",
];

/// Names in the `meta` table.
pub(crate) mod meta {
    /// Format of the file (4 bytes, little endian): [`super::FORMAT`].
    pub(crate) const FORMAT: &[u8] = b"format";
    /// Sixteen bytes that name this store and no other.
    pub(crate) const STORE_ID: &[u8] = b"store_id";
    /// Revision of the last operation (8 bytes, little endian).
    pub(crate) const REVISION: &[u8] = b"revision";
    /// The next view id to give out (4 bytes, little endian).
    pub(crate) const NEXT_VIEW: &[u8] = b"next_view";
    /// How often the file was opened to write (8 bytes, little endian).
    pub(crate) const LIFE: &[u8] = b"life";
    /// The keys of the pages used most, each behind its length: a hint, at most 256 KiB.
    pub(crate) const WARM: &[u8] = b"warm";
}

/// The format of the file as a whole.
pub(crate) const FORMAT: u32 = 1;

/// Creates what is missing.
pub(crate) fn create_all(txn: &WriteTransaction) -> Result<(), redb::TableError> {
    for name in ALL_NAMES {
        txn.open_table(Bytes::new(name))?;
    }
    Ok(())
}
