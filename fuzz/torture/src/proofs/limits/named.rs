//! Holds the rounds against the constants of the source.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::LIMITS;

/// Limits that no round tries, each with the test that does, or with why none is needed.
const LEFT_OUT: &[(&str, &str)] = &[
    ("cache/cache.rs SHARDS_MAX", "into how many parts a cache falls changes no answer"),
    (
        "cache/climb.rs PART_MIN",
        "a share of the cache between two bounds, of which no answer depends",
    ),
    ("cache/climb.rs PART_MAX", "as the least share"),
    ("cache/climb.rs REQUESTS_MIN", "how often that share is looked at"),
    ("cache/shard.rs MOVES_MAX", "what one request moves; the next goes on"),
    ("cache/shortcut.rs SLOTS_MAX", "`a_table_whose_pages_may_not_be_held_does_not_grow`"),
    ("cache/shortcut.rs BYTES_MAX", "`large_pages_stay_out_of_shortcuts`"),
    ("cache/sketch.rs KEYS_MIN", "the least size of an estimate"),
    ("cache/sketch.rs COUNT_MAX", "`a_count_is_never_too_low_and_stops_at_its_limit`"),
    (
        "disk/crowd.rs EXPECTED_MAX",
        "how long callers are waited for, never whether they are served",
    ),
    ("disk/crowd.rs PATIENCE_MAX", "`no_disk_is_so_slow_that_one_waits_long`"),
    (
        "disk/patterns.rs PATTERNS_MAX",
        "`a_run_over_more_times_than_patterns_has_the_first_ones_and_later_times_take_turns`",
    ),
    ("disk/known_readers.rs NODES_MAX", "of how many nodes it is kept in mind who reads them"),
    ("disk/known_readers.rs KINDS_MAX", "of how many kinds it is, beside those"),
    ("disk/readers.rs FEW_MAX", "`who_reads_a_source_is_asked_anew_when_an_edge_has_changed`"),
    ("disk/in_order.rs APART_MAX", "how often it is looked for rows beside each other"),
    ("disk/patterns.rs TIMES_MAX", "how many times are counted; without one a page stands alone"),
    (
        "disk/live_stamp.rs RAISED_MAX",
        "from when staleness is counted, at the earliest; never what is stale",
    ),
    (
        "disk/file/behind.rs HELD_BYTES_MAX",
        "`no_more_is_held_than_eight_megabytes_or_than_there_is_memory_for`",
    ),
    ("disk/file/behind.rs RUN_BYTES_MAX", "`what_is_long_by_itself_is_not_held`"),
    ("disk/writer.rs WAITING_MAX", "when the writer is left a core, never what it does"),
    ("disk/staged_rows.rs STAGED_BYTES_MAX", "`what_is_staged_is_written_when_it_is_much`"),
    ("disk/touched.rs NAMES_BYTES_MAX", "`long_names_are_forgotten_sooner`"),
    (
        "disk/packing.rs AIDS_MAX",
        "what is kept in mind of the file, and read again where it is not",
    ),
    ("disk/writer.rs PASSED_OVER_MAX", "when the writer cleans up, never what it answers"),
    (
        "events/observer.rs LATE_MAX",
        "`what_is_kept_is_told_once_in_order_and_what_is_too_much_is_counted`",
    ),
    ("grid/names.rs LENGTH_MAX", "`a_misspelt_zone_a_bare_city_and_a_wrong_case_find_the_zone`"),
    ("page/build.rs RESERVED_BYTES_MAX", "what is reserved ahead; more is grown"),
    ("page/dictionary.rs SAMPLES_MIN", "`many_small_records_of_one_kind_shrink_by_a_dictionary`"),
    (
        "page/dictionary.rs SCRATCH_BYTES_MAX",
        "what a thread keeps of its scratch; more is allocated anew",
    ),
    ("page/even.rs PACKED_RECORDS_MIN", "`records_of_every_length_come_back_in_every_form`"),
    (
        "page/even.rs PATTERN_BYTES_MAX",
        "`pages_of_another_length_are_packed_without_it`, and larger ones likewise",
    ),
    ("page/layout.rs SIZE_MAX", "how many sizes of a type are tried to name it in a message"),
    ("page/shape.rs ALIGN_MAX", "`records_of_every_size_stand_aligned`"),
    ("page/unpack.rs FEW_MAX", "`what_jumps_among_few_is_told_by_which`"),
    ("page/unpack.rs LEAST_HALF", "`steps_of_every_width_come_back`"),
    ("page/unpack.rs WIDTH_MAX", "`steps_of_every_width_come_back`"),
    ("rebuild/builders.rs NAP_MAX", "how long a builder sleeps at most before it looks again"),
    (
        "rebuild/campaign/spool.rs LANES_MAX",
        "`what_is_spooled_to_a_lane_comes_before_all_of_the_next`",
    ),
    ("rebuild/crew.rs GIVEN_UP_MAX", "`only_so_many_are_replaced`"),
    (
        "rebuild/errand.rs MADE_MAX",
        "`a_record_that_is_deleted_whenever_it_was_made_ends_in_an_error`",
    ),
    ("rebuild/flights/mod.rs NAMES_MAX", "`a_circle_of_any_length_is_named`"),
    ("time/span.rs MAX", "`spans_are_reckoned_with_and_never_leave_their_bounds`"),
    ("schedule/pace.rs PAUSE_MAX", "`no_rest_is_longer_than_ten_seconds`"),
    (
        "disk/salvage/bits.rs BYTES_MAX",
        "beyond it a flipped bit is not looked for; the page is lost",
    ),
    (
        "disk/salvage/format.rs ORDER_MAX",
        "pages larger than any of ours; `hostile_bytes_end_in_an_error_or_a_file_in_order` meets it",
    ),
    ("disk/salvage/report.rs LISTED_MAX", "what is lost beyond it is counted, not listed"),
    ("disk/salvage/tree.rs DEPTH_MAX", "deeper than a tree of any file can be"),
    ("disk/salvage/tree.rs SEARCHED_MAX", "how much a repair looks for flipped bits"),
    ("disk/verify/look.rs AIDS_MAX", "what an audit keeps in mind changes no answer"),
    ("disk/verify/walk.rs OPERATIONS_MAX", "what one audit leaves of a page is for the next one"),
    ("disk/verify/report.rs LISTED_MAX", "what is found beyond it is counted, not listed"),
];

#[test]
fn each_limit_of_the_source_is_tried_by_a_round_or_left_out_with_a_reason() {
    let tried: BTreeSet<&str> =
        LIMITS.iter().flat_map(|limit| limit.constants.iter().copied()).collect();
    let left_out: BTreeSet<&str> = LEFT_OUT.iter().map(|(constant, _)| *constant).collect();
    let both: Vec<_> = tried.intersection(&left_out).collect();
    assert!(both.is_empty(), "tried and left out: {both:?}");
    let known: BTreeSet<&str> = tried.union(&left_out).copied().collect();
    let found = constants();
    let missing: Vec<_> = found.iter().filter(|name| !known.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "no round tries these, and none says why: {missing:#?}");
    let gone: Vec<_> = known.iter().filter(|name| !found.contains(**name)).collect();
    assert!(gone.is_empty(), "the source has none of these: {gone:#?}");
}

/// All constants that are named as a limit, behind their files.
fn constants() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src");
    let mut found = BTreeSet::new();
    for file in files(&root) {
        let path =
            file.strip_prefix(&root).expect("it lies below").to_string_lossy().replace('\\', "/");
        let text = fs::read_to_string(&file).expect("source is text");
        let tests = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
        for line in text[..tests].lines() {
            let Some((_, named)) = line.split_once("const ") else { continue };
            let name = named.split(':').next().unwrap_or_default();
            let parts: Vec<&str> = name.split('_').collect();
            if parts.iter().any(|part| ["MAX", "MIN", "LIMIT", "MOST", "LEAST"].contains(part)) {
                found.insert(format!("{path} {name}"));
            }
        }
    }
    assert!(found.len() > 30, "only {} were found", found.len());
    found
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of the source") {
        let path = entry.expect("it can be listed").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && !["tests", "loom_tests"].contains(&name) {
            files.extend(self::files(&path));
        } else if name.ends_with(".rs")
            && !name.ends_with("tests.rs")
            && !name.ends_with("oracle.rs")
        {
            files.push(path);
        }
    }
    files
}
