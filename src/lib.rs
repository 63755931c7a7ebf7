//! tidetable

mod cache;
mod error;
mod grid;
mod key;
mod revision;
mod sync;
mod time;

pub use error::{BuildError, Error, ErrorKind, Result};
pub use grid::{Bucket, DailyWindow, Grid, local_day};
pub use key::{
    ENTITY_KEY_BYTES_MAX, EntityKey, IntoSource, KeyBuf, SOURCE_KEY_BYTES_MAX,
    SOURCE_KIND_BYTES_MAX, Source, SourceKey,
};
pub use revision::Revision;
pub use time::{Clock, ManualClock, Span, SystemClock, TimeRange, Timestamp};
