//! The guards: what each keeps, where it stands, and who notices when it is gone.

/// A guard that can be taken out.
pub(crate) struct Guard {
    /// As the code and the environment name it.
    pub(crate) name: &'static str,
    pub(crate) file: &'static str,
    /// What it keeps.
    pub(crate) keeps: &'static str,
    pub(crate) killer: Killer,
}

/// Who notices that a guard is gone.
pub(crate) enum Killer {
    /// A model under loom.
    Model(&'static str),
    /// A test of the crate.
    Unit(&'static str),
    /// A test of a program in `tests`.
    Program(&'static str, &'static str),
}

/// What the tests of the crate itself are called among the programs, under loom and without.
pub(crate) const MODELS: &str = "loom";
pub(crate) const UNITS: &str = "crate";

impl Killer {
    /// Which program it is a test of.
    pub(crate) fn program(&self) -> &'static str {
        match self {
            Model(_) => MODELS,
            Unit(_) => UNITS,
            Program(name, _) => name,
        }
    }

    /// The test's name in its program.
    pub(crate) fn test(&self) -> &'static str {
        match self {
            Model(test) | Unit(test) | Program(_, test) => test,
        }
    }
}

use Killer::{Model, Program, Unit};

const fn guard(
    name: &'static str,
    file: &'static str,
    keeps: &'static str,
    killer: Killer,
) -> Guard {
    Guard { name, file, keeps, killer }
}

/// Where `fuzz/protocol` knows the rule too, its switch is named in brackets.
#[rustfmt::skip]
pub(crate) const GUARDS: &[Guard] = &[
    // The cache.
    guard("publications_spoil_tickets", "src/cache/cache.rs",
        "a publication is seen by fills that began before it [tickets]",
        Model("cache::loom_tests::a_fill_that_publication_overtook_does_not_bring_the_old_page_back")),
    guard("overtaken_fills_stay_out", "src/cache/cache.rs",
        "a fill that was overtaken installs nothing [tickets]",
        Model("cache::loom_tests::a_fill_that_publication_overtook_does_not_bring_the_old_page_back")),
    guard("cached_pages_are_marked", "src/cache/cache.rs",
        "a mark reaches the page in memory",
        Model("cache::loom_tests::a_reader_that_begins_after_a_mark_was_published_sees_it")),
    guard("retired_pages_are_left", "src/cache/shortcut.rs",
        "a shortcut does not believe a page that left the cache [retired_flag]",
        Model("cache::loom_tests::a_reader_that_begins_after_a_publication_never_gets_the_old_page_through_\
its_shortcut")),
    guard("what_leaves_is_retired", "src/cache/retired.rs",
        "what leaves the cache says so before the lock is let go [retired_flag]",
        Model("cache::loom_tests::a_page_evicted_before_a_mark_was_raised_is_not_served_through_a_shortcut")),
    guard("tickets_know_their_life", "src/cache/cache.rs",
        "a ticket of another opening installs nothing [lives_are_compared]",
        Unit("cache::tests::shortcuts::a_ticket_of_another_life_installs_nothing")),
    guard("shortcuts_know_their_life", "src/cache/shortcut.rs",
        "a shortcut of another opening serves nothing [lives_are_compared]",
        Unit("cache::tests::shortcuts::a_shortcut_serves_only_the_life_it_was_filled_in")),
    guard("closed_shards_take_nothing", "src/cache/shard.rs",
        "nothing enters a cache that was closed",
        Unit("cache::tests::shortcuts::nothing_enters_a_life_that_is_over")),
    guard("old_looks_are_not_kept", "src/disk/latest.rs",
        "a look at the file from before a commit is given to nobody after it",
        Unit("disk::latest::tests::what_was_opened_before_a_commit_and_brought_after_it_is_given_to_\
no_other")),
    // Commits: what is synced, shown and answered, and when.
    guard("what_cannot_be_built_again_is_synced", "src/disk/writer.rs",
        "what an application puts is synced before it is acknowledged",
        Unit("disk::writer_tests::what_cannot_be_built_again_is_synced_and_so_is_what_must_not_be_lost")),
    guard("what_must_not_be_lost_is_synced", "src/disk/writer.rs",
        "an announcement is synced before it is acknowledged [synced_invalidations]",
        Program("changes", "durability::an_announcement_that_returned_is_there_after_every_cut")),
    guard("marks_before_are_synced", "src/disk/writer.rs",
        "an announcement that marks nothing new syncs the marks that were there unsynced",
        Program("changes", "durability::an_announcement_of_what_only_unsynced_commits_have_marked_\
outlives_a_crash")),
    guard("marks_beside_are_synced", "src/disk/writer.rs",
        "the same where those marks come in its own transaction",
        Unit("disk::writer_tests::what_is_announced_beside_new_marks_in_one_transaction_syncs_them")),
    guard("synced_commits_have_two_phases", "src/disk/writer.rs",
        "a bit that flips takes no acknowledged commit back without a word",
        Program("files", "durability::cuts::a_bit_that_flips_in_what_was_committed_last_is_an_error_and_\
            no_loss")),
    guard("marks_come_before_published", "src/disk/shared.rs",
        "the cache says what was committed before the revision is published",
        Unit("disk::writer_tests::what_a_commit_changed_is_shown_before_its_revision")),
    guard("answers_come_after_publishing", "src/disk/writer.rs",
        "who was answered reads what he was answered for",
        Unit("disk::writer_tests::an_operation_is_answered_when_its_revision_is_published")),
    guard("unknown_commits_mark", "src/disk/writer.rs",
        "what a failed commit would have marked is not fresh any more",
        Program("freshness", "contract::after_an_invalidation_that_failed_to_sync_nothing_it_concerns_\
            is_fresh")),
    guard("failed_commits_latch", "src/disk/writer.rs",
        "after a commit that failed nothing is written, even where the file would take it",
        Unit("disk::writer_tests::after_a_commit_that_failed_nothing_is_written_though_the_file_would_\
take_it")),
    // Colour at store, sparing, builds.
    guard("builds_begin_at_published", "src/view/context.rs",
        "a build begins at what was published before its code runs [seen]",
        Program("freshness", "dependencies::an_invalidation_during_a_build_makes_what_it_built_stale")),
    guard("touched_sources_colour", "src/disk/colour.rs",
        "a source that was announced during a build makes its record stale [changes_are_compared]",
        Program("freshness", "dependencies::an_invalidation_during_a_build_makes_what_it_built_stale")),
    guard("changed_content_colours", "src/disk/colour.rs",
        "what was read and has other bytes by now makes the record stale [changes_are_compared]",
        Program("reading", "flights::a_record_built_from_what_was_replaced_meanwhile_is_not_fresh")),
    guard("marks_when_read_colour", "src/disk/colour.rs",
        "what was missing because its build failed makes the record suspect",
        Program("freshness", "contract::a_build_that_goes_on_after_a_failed_range_is_not_fresh")),
    guard("marks_at_store_colour", "src/disk/colour.rs",
        "what is marked when the record is stored makes it suspect [marks_count_at_store]",
        Program("freshness", "dependencies::the_lower_of_a_diamond_never_calls_new_beside_old_fresh")),
    guard("evidence_is_judged", "src/disk/operations/spare.rs",
        "evidence is held against what changed since it was seen [evidence_checks_changes]",
        Program("freshness", "dependencies::evidence_that_was_overtaken_while_it_was_gathered_spares_\
            nothing")),
    guard("evidence_is_of_the_record", "src/disk/operations/spare.rs",
        "evidence spares the record that it was gathered for [evidence_checks_record]",
        Unit("disk::sparing_tests::evidence_spares_the_record_that_it_was_gathered_for_and_no_other")),
    guard("deletions_are_heeded", "src/disk/operations/store_records.rs",
        "a build does not bring back what was deleted meanwhile",
        Program("reading", "flights::a_record_deleted_while_it_is_filled_stays_deleted")),
    guard("landed_is_looked_at_again", "src/view/build.rs",
        "who waited for a build looks whether what landed still stands [answer]",
        Program("reading", "flights::what_was_stored_and_then_deleted_is_not_served_by_the_fill_that_\
            made_it")),
    // Flights and those who wait.
    guard("one_leads", "src/rebuild/flights/mod.rs",
        "a record has one build at a time",
        Model("rebuild::loom_tests::flights::readers_who_come_at_any_time_lead_one_at_a_time_or_are_given_\
what_was_built_for_them")),
    guard("lost_leads_land", "src/rebuild/flights/mod.rs",
        "a build that is given up tells those who wait",
        Model("rebuild::loom_tests::flights::those_who_wait_for_a_leader_that_is_lost_are_told")),
    guard("circles_are_found", "src/rebuild/flights/mod.rs",
        "a wait that would close a circle is refused",
        Model("rebuild::loom_tests::flights::of_two_builds_that_need_each_other_one_is_told_and_no_value_\
goes_astray")),
    guard("watchers_are_told", "src/rebuild/flights/mod.rs",
        "whoever watches a build hears that it has landed",
        Model("rebuild::loom_tests::watchers::who_watches_before_looking_hears_of_whatever_lands_\
afterwards")),
    guard("rings_are_counted", "src/schedule/bell.rs",
        "a ring between looking and sleeping is heard",
        Model("schedule::loom_tests::who_looked_for_work_before_a_ring_does_not_sleep_through_it")),
    guard("sleepers_are_known", "src/schedule/receipt.rs",
        "who was answered in his sleep is woken",
        Model("schedule::loom_tests::all_who_are_answered_together_get_their_answers_whoever_wakes_them")),
    guard("first_answers_stay", "src/schedule/answer.rs",
        "a second answer changes nothing",
        Model("schedule::loom_tests::of_two_answers_all_get_the_same")),
    guard("closed_orders_refuse", "src/schedule/orders.rs",
        "no order is placed that nobody will take",
        Model("schedule::loom_tests::every_order_is_answered_or_refused_once_whichever_way_it_meets_\
the_end")),
    guard("places_are_counted_at_once", "src/schedule/admission.rs",
        "no more build than may",
        Model("schedule::loom_tests::never_more_are_in_than_may_be_and_whoever_leaves_makes_room")),
    // Changes that cannot be forgotten, and the file.
    guard("left_intents_are_announced", "src/disk/operations/change.rs",
        "a change that was begun and not finished counts as made [left_intents_count]",
        Program("changes", "change::a_change_cut_short_by_a_crash_is_announced_by_the_next_opening")),
    guard("readers_distrust_what_they_cannot_settle", "src/rebuild/engine.rs",
        "who may only read calls nothing fresh where changes were begun and not finished",
        Program("changes", "change::a_file_left_by_a_crash_within_a_change_is_fresh_in_nothing_to_those_\
who_only_read")),
    guard("lost_revisions_never_come_again", "src/disk/life.rs",
        "a revision that was given out and lost in a crash is no other operation's",
        Program("changes", "durability::no_revision_that_was_given_out_and_lost_in_a_crash_comes_again")),
    guard("rolled_back_is_not_believed", "src/disk/life.rs",
        "where the file lost a commit nothing in it is fresh",
        Program("files", "opening::damage::where_a_commit_may_have_been_given_up_nothing_is_fresh")),
    guard("held_pages_are_read", "src/disk/file/behind.rs",
        "a page that is not written yet is read as it will be",
        Unit("disk::file::tests::behind::what_cannot_be_written_to_make_room_leaves_what_came_where_it_\
was")),
    guard("held_pages_are_synced", "src/disk/file/behind.rs",
        "a sync writes what is held first",
        Unit("disk::file::tests::behind::pages_are_written_by_the_sync_in_order_and_neighbours_together")),
    guard("seals_go_first", "src/disk/file/sealed.rs",
        "the seal is gone before anything is written",
        Unit("disk::file::tests::sealing::the_seal_lies_behind_the_data_unseen_and_goes_before_the_first_\
write")),
    guard("seals_go_for_good", "src/disk/file/sealed.rs",
        "and no cut brings it back",
        Unit("disk::file::tests::sealing::the_seal_lies_behind_the_data_unseen_and_goes_before_the_first_\
write")),
    guard("later_commits_are_tried", "src/disk/file/settle.rs",
        "a damaged bit of an unclosed file's header passes over no commit",
        Unit("disk::file::tests::crash::a_flipped_choice_between_two_commits_loses_none_that_was_\
acknowledged")),
    guard("errors_leave_no_seal", "src/disk/file/sealed.rs",
        "a file that met an error is not sealed",
        Unit("disk::file::tests::sealing::after_any_failed_call_there_is_no_seal")),
];
