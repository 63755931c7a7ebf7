//! How a view divides time.
//!
//! A [`Grid`] divides all of time into [`Bucket`]s, half-open and abutting, and numbers them in
//! order; a run of consecutive numbers is a page. Everything here is arithmetic: no clock is read
//! and nothing is stored.
//!
//! # Local days
//! What a calendar grid calls a day of a zone begins at the first instant at which a clock on the
//! wall there has reached that date, and ends where the next one begins. So days are intervals, in
//! order, and every instant lies in exactly one:
//! - where the clock is set back over midnight, the hour that shows the old date again belongs to
//!   the new day, which had begun (or to the old one, where the clock is set back at midnight
//!   itself: then the new date had not been shown yet);
//! - where the clock is set forward over midnight, the day begins at that moment;
//! - a date that a zone skipped (Apia, 2011-12-30) would begin where the next one does: there is
//!   no such day.
//!
//! Weeks (from Monday, as ISO has them), months and years are made of such days. An hour ends at
//! each full local hour and wherever the zone's offset changes.
//!
//! Zones come from the database bundled with the program and from nowhere else, so that the same
//! program divides time alike on every machine.

mod bucket;
mod bucket_row;
mod buckets;
mod calendar;
#[cfg(any(test, fuzzing))]
mod check;
mod day;
mod define;
mod divisor;
mod fixed;
#[cfg(all(any(test, fuzzing), not(loom)))]
#[cfg_attr(not(fuzzing), expect(unreachable_pub, reason = "only fuzzing opens the door"))]
mod fuzzing;
mod hours;
mod names;
mod page_buckets;
mod page_len;
mod place;
mod window;
mod words;
mod zone;
mod zone_years;

#[cfg(test)]
#[cfg(not(loom))]
mod oracle;

pub(crate) use bucket_row::BucketRow;
pub(crate) use page_len::PageLen;
pub(crate) use place::{PageNumber, Place};
#[cfg(not(loom))]
pub(crate) use words::grid_in_words;
pub(crate) use zone_years::ZoneYears;

pub use bucket::Bucket;
pub use define::Grid;
#[cfg(all(fuzzing, not(loom)))]
pub use fuzzing::grid_holds;
pub use window::DailyWindow;
pub use zone::local_day;
