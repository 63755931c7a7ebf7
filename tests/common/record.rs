//! A record that says where it belongs, so that one in the wrong place gives itself away.

use tidetable::{Grid, Options, Result, Span, Store, Timestamp, View};

/// What every record of these tests holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, rkyv::Archive, rkyv::Serialize)]
#[rkyv(compare(PartialEq), derive(Debug))]
pub(crate) struct Cell {
    pub(crate) view: u32,
    pub(crate) entity: u32,
    pub(crate) bucket: i64,
    pub(crate) value: u64,
}

/// The width of a bucket.
pub(crate) const WIDTH_MS: i64 = 60_000;

/// The start of a bucket.
pub(crate) fn at(bucket: i64) -> Timestamp {
    Timestamp::from_millis(bucket * WIDTH_MS)
}

/// Buckets from the first to before the last.
pub(crate) fn buckets(range: std::ops::Range<i64>) -> std::ops::Range<Timestamp> {
    at(range.start)..at(range.end)
}

/// The grid of the tests' views.
pub(crate) fn grid() -> Grid {
    Grid::minutes(1)
}

/// A view of which every record is put.
pub(crate) fn put_view(store: &Store, name: &str) -> Result<View<u32, Cell>> {
    store.view(name).grid(grid()).page_len(4).without_build()
}

/// A view whose records are built: their value is the view's version.
pub(crate) fn built_view(store: &Store, name: &str) -> Result<View<u32, Cell>> {
    store.view(name).grid(grid()).page_len(4).build(|context, &entity, bucket| {
        let bucket = bucket.start().as_millis() / WIDTH_MS;
        Ok(Cell { view: 0, entity, bucket, value: u64::from(context.version()) })
    })
}

/// A record of view 0.
pub(crate) fn cell(entity: u32, bucket: i64, value: u64) -> Cell {
    Cell { view: 0, entity, bucket, value }
}

/// Nothing is synced but what asks for it, and nothing comes into memory but what is read, so that
/// both can be counted.
pub(crate) fn patient() -> Options {
    let unsynced_age_max = Span::hours(1);
    Options { unsynced_age_max, warm_up: false, ..super::still::options() }
}
