//! Every limit, one below, at and one above it, on a store in a file.
//!
//! Below a limit and at it everything works, and reads back the same after closing and opening again.
//! Above it the call is refused with an error that names the limit, nothing of it is in the store, and
//! the store goes on. Limits that nobody is told of (how many marks of a walk stand by themselves, how
//! long a list is) are passed unnoticed: what is answered is as right above them as below.
//!
//! A round is a limit or a few of one kind. A test holds the rounds against the source: no constant that
//! says a limit may be left out of both [`LIMITS`] and the list of those that need none, with its reason.

mod dependencies;
mod empty;
mod keys;
mod large;
mod lists;
mod memory;
#[cfg(test)]
mod named;
mod names;
mod nesting;
mod options;
mod pages;
mod place;
mod ranges;
mod records;
mod retention;
mod settings;
mod sources;
mod time;
mod walks;

use crate::proof::{Cores, Proof};
use crate::round::Round;

pub const PROOF: Proof = Proof {
    name: "limits",
    about: "every limit, one below, at and one above it",
    rounds: Some(LIMITS.len() as u64),
    cores: Cores::One,
    share: 3,
    round,
};

/// A limit, or a few of one kind.
struct Limit {
    /// The constants in `src` that say it, each behind its file there: read by the test below alone.
    #[cfg_attr(not(test), expect(dead_code))]
    constants: &'static [&'static str],
    hold: fn(&Round<'_>),
}

fn round(round: &Round<'_>) {
    (LIMITS[round.number as usize].hold)(round);
}

/// The longest come first, so that no core waits for another at the end.
const LIMITS: &[Limit] = &[
    Limit { constants: &[], hold: large::a_file_of_a_gibibyte },
    Limit { constants: &["rebuild/errand.rs RECORDS_DEEP_MAX"], hold: nesting::records_deep },
    Limit { constants: &["disk/marking.rs PAGES_MARKED_MAX"], hold: walks::pages_marked },
    Limit {
        constants: &["disk/operations/invalidate.rs PAGES_IN_SCOPE_MAX"],
        hold: walks::pages_in_scope,
    },
    Limit { constants: &["options.rs RECORD_BYTES_MAX"], hold: records::sizes },
    Limit { constants: &[], hold: records::of_no_bytes },
    Limit { constants: &["page/mod.rs PAGE_BYTES_MAX"], hold: pages::bytes },
    Limit {
        constants: &["page/mod.rs PAGE_LEN_MAX", "cache/marks.rs SLOTS_MAX"],
        hold: pages::lengths,
    },
    Limit { constants: &["graph/dependencies.rs DEPENDENCIES_MAX"], hold: dependencies::sources },
    Limit { constants: &["graph/dependencies.rs DEPENDENCIES_MAX"], hold: dependencies::records },
    Limit { constants: &["graph/dependencies.rs DEPENDENCIES_MAX"], hold: dependencies::kinds },
    Limit { constants: &["key/entity.rs ENTITY_KEY_BYTES_MAX"], hold: keys::entities },
    Limit { constants: &["key/source.rs SOURCE_KEY_BYTES_MAX"], hold: sources::keys },
    Limit { constants: &["key/source.rs SOURCE_KIND_BYTES_MAX"], hold: sources::kinds },
    Limit {
        constants: &["key/source.rs INTEGER_MIN", "key/source.rs INTEGER_MAX"],
        hold: sources::integers,
    },
    Limit {
        constants: &["time/timestamp.rs MIN", "time/timestamp.rs MAX"],
        hold: time::fixed_grids,
    },
    Limit { constants: &["time/timestamp.rs MIN", "time/timestamp.rs MAX"], hold: time::calendars },
    Limit { constants: &["time/timestamp.rs MIN", "time/timestamp.rs MAX"], hold: time::clocks },
    Limit { constants: &["view/range.rs BUCKETS_MAX"], hold: ranges::buckets },
    Limit { constants: &["view/get.rs NEAREST_BUCKETS_MAX"], hold: ranges::nearest },
    Limit { constants: &["view/completeness.rs DAYS_MAX"], hold: ranges::days },
    Limit {
        constants: &["rebuild/chain.rs DEPTH_MAX", "rebuild/errand.rs WANTED_MAX"],
        hold: nesting::depth,
    },
    Limit { constants: &["view/flight.rs FLIGHTS_MAX"], hold: nesting::overtaken },
    Limit {
        constants: &[
            "options.rs BUILDERS_MAX",
            "options.rs QUEUE_LEN_MAX",
            "options.rs BUILDS_MAX",
        ],
        hold: options::counts,
    },
    Limit { constants: &[], hold: options::spans_and_shares },
    Limit { constants: &["schedule/horizon.rs DAYS_MAX"], hold: settings::horizons },
    Limit { constants: &[], hold: settings::definitions },
    Limit { constants: &["view/settings.rs NAME_BYTES_MAX"], hold: names::lengths },
    Limit { constants: &[], hold: names::many_views },
    Limit {
        constants: &["cache/cache.rs HELD_BYTES_MIN", "cache/cache.rs SHARE_BYTES_MIN"],
        hold: memory::budgets,
    },
    Limit { constants: &[], hold: memory::a_queue_of_one },
    Limit {
        constants: &["disk/intake.rs OPERATIONS_MAX", "disk/intake.rs BYTES_MAX"],
        hold: memory::one_commit,
    },
    Limit {
        constants: &["disk/announcements.rs REMEMBERED_MAX", "disk/shared.rs NOTICED_MAX"],
        hold: lists::announcements,
    },
    Limit {
        constants: &["disk/run_row.rs FAILURES_LISTED_MAX", "disk/error_row.rs MESSAGE_MAX"],
        hold: lists::failures,
    },
    Limit {
        constants: &["schedule/page_list.rs PAGES_MAX", "schedule/page_list.rs BYTES_MAX"],
        hold: lists::warming,
    },
    Limit {
        constants: &["view/explain.rs READERS_MAX", "view/explain.rs CAUSES_MAX"],
        hold: lists::explanations,
    },
    Limit {
        constants: &[
            "rebuild/campaign/spool.rs ITEMS_MAX",
            "rebuild/campaign/spool.rs BUCKETS_MAX",
            "rebuild/campaign/convoy.rs PIECES_MAX",
            "view/spans.rs SPANS_MAX",
        ],
        hold: lists::runs,
    },
    Limit { constants: &[], hold: empty::many_of_none },
    Limit { constants: &[], hold: empty::runs_of_nothing },
    Limit { constants: &[], hold: retention::to_the_millisecond },
    Limit { constants: &[], hold: retention::seals_and_expiry },
];
