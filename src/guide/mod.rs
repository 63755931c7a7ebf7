//! What people do with it, page by page, each with programs that run.
//!
//! The ideas are told in [the crate's own page](crate); read that first.
//!
//! | you have | page |
//! |---|---|
//! | a slow function of a thing and a day | [`slow_functions`] |
//! | a table that is worked out anew after each load of data | [`loaded_tables`] |
//! | sums of hours, days and months | [`rollups`] |
//! | a ranking over everybody | [`rankings`] |
//! | documents that are made from content | [`documents`] |
//! | a database that is too slow to be asked each time | [`databases`] |
//!
//! | you want | page |
//! |---|---|
//! | to choose a page length, a policy, a budget | [`choosing`] |
//! | to read and write in futures | [`async_programs`] |
//! | to test with the clock in hand | [`testing`] |
//! | to see whether all is well | [`status_page`] |
//! | to delete all that is known of a person | [`deleting_a_person`] |
//! | to get over a damaged file | [`damage`] |
//! | to know what becomes of what you did with moka, Redis, SQL or salsa | [`coming_from`] |
//!
//! Whole applications lie under `examples/` in a clone of the repository:
//!
//! | `cargo run --release --example …` | shows |
//! |---|---|
//! | `sun_on_patios` | a city's shadows ahead of the clock: horizon, progress, a stop, a new version |
//! | `ranking_tables` | 67 tables refreshed after each load, with its log and its status |
//! | `documents` | documents made in the background: pending, progress, waiting, restart, budget |

#[doc = include_str!("slow_functions.md")]
pub mod slow_functions {}

#[doc = include_str!("loaded_tables.md")]
pub mod loaded_tables {}

#[doc = include_str!("rollups.md")]
pub mod rollups {}

#[doc = include_str!("rankings.md")]
pub mod rankings {}

#[doc = include_str!("documents.md")]
pub mod documents {}

#[doc = include_str!("databases.md")]
pub mod databases {}

#[doc = include_str!("choosing.md")]
pub mod choosing {}

#[doc = include_str!("async_programs.md")]
pub mod async_programs {}

#[doc = include_str!("testing.md")]
pub mod testing {}

#[doc = include_str!("status_page.md")]
pub mod status_page {}

#[doc = include_str!("deleting_a_person.md")]
pub mod deleting_a_person {}

#[doc = include_str!("damage.md")]
pub mod damage {}

#[doc = include_str!("coming_from.md")]
pub mod coming_from {}
