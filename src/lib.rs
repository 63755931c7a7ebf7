//! tidetable

mod error;
mod grid;
mod revision;
mod sync;
mod time;

pub use error::{BuildError, Error, ErrorKind, Result};
pub use grid::{Bucket, DailyWindow, Grid, local_day};
pub use revision::Revision;
pub use time::{Clock, ManualClock, Span, SystemClock, TimeRange, Timestamp};
