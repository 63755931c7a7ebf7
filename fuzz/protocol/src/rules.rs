//! The rules of the protocol, each of which a model can break to show what it is for.

/// When a build notes up to which revision it has seen the changes of what it looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Seen {
    /// The published revision is loaded, and some time later the look is taken.
    Before,
    /// Both at one instant: what is gained when nothing happens between the two.
    AtOnce,
    /// The look is taken, and some time later the published revision is loaded.
    After,
}

/// What becomes of a record whose build is older than all that the writer remembers of what was
/// touched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Forgotten {
    /// It is stored stale.
    Stale,
    /// It is stored suspect, and may be spared.
    Suspect,
    /// What was forgotten is taken for what never was.
    Ignored,
}

/// When a reader that waited for a flight may call its record fresh.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// When it was stored fresh.
    ByColour,
    /// When its build began after the read, whatever its colour.
    IfBegunAfter,
    /// Always: it has just been built.
    Always,
}

/// Every switch stands as designed in [`Rules::DESIGNED`].
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    // Colour at store.
    /// An observation's `seen` is taken before the look, never after it.
    pub seen: Seen,
    /// A record is stale where what it read has changed after what was seen of it.
    pub changes_are_compared: bool,
    /// A record is stale where what it read was there and is not, or the other way round.
    pub presence_is_compared: bool,
    /// `seen` of a coarse node is not raised to the C of a record that is met beneath it.
    pub coarse_seen_is_published: bool,
    /// A record is suspect where what it read was marked when it was read.
    pub marks_count_when_read: bool,
    /// A record is suspect where what it read is marked when it is stored.
    pub marks_count_at_store: bool,
    /// What was touched while its own build was under way is stored stale.
    pub self_touch: bool,
    /// What is older than the floor of what is remembered.
    pub forgotten: Forgotten,

    // Marking walks and stamps.
    /// A record whose content changes walks to its readers.
    pub changes_walk: bool,
    /// A record that appears or is deleted by the user walks to its readers.
    pub appearing_walks: bool,
    /// A record that is stored marked, and was not, walks to its readers.
    pub stored_marked_walks: bool,
    /// A coarse node's revision is raised by every change beneath it.
    pub coarse_is_raised: bool,
    /// A stamp on a view reaches the views that read it.
    pub stamps_reach_readers: bool,
    /// A walk that ends early stamps what it has not reached.
    pub overflow_stamps: bool,

    // Time.
    /// A record counts no longer than what its build read did when it was read.
    pub times_when_read: bool,
    /// A record counts no longer than what its build read does when it is stored.
    pub times_at_store: bool,
    /// A record that is spared counts no longer than what it was built from does now.
    pub sparing_takes_times: bool,
    /// Nor longer than it does by itself, counted from its build.
    pub sparing_keeps_own_time: bool,
    /// Evidence takes nothing that counts no more for unchanged.
    pub expired_is_no_evidence: bool,

    // Sparing.
    /// Evidence counts only if nothing in it changed after it was seen.
    pub evidence_checks_changes: bool,
    /// Evidence counts only if nothing upstream is marked now.
    pub evidence_checks_marks: bool,
    /// Evidence counts only for the record that it was gathered for, not for its successor.
    pub evidence_checks_record: bool,
    /// What was touched since evidence began to be gathered is remembered, as for flights.
    pub evidence_keeps_memory: bool,
    /// A dependency that is missing never spares.
    pub missing_never_spares: bool,
    /// Retention leaves a tombstone where a record has readers.
    pub tombstones: bool,

    // The cache.
    /// A fill installs nothing if the record was published since its ticket.
    pub tickets: bool,
    /// What leaves the cache is flagged, and a shortcut to it is not believed.
    pub retired_flag: bool,
    /// What a reader that waited for a flight may call fresh.
    pub answer: Answer,

    // Revisions, lives and crashes.
    /// Each operation has a revision of its own, also in one commit.
    pub revision_an_operation: bool,
    /// Commits that carry an invalidation are synced.
    pub synced_invalidations: bool,
    /// Commits that carry an intent are synced.
    pub synced_intents: bool,
    /// An intent that is left over at open counts as an invalidation.
    pub left_intents_count: bool,
    /// Each change has an intent of its own, also where two are of one source.
    pub intent_a_change: bool,
    /// Flights, fills and evidence of another life are discarded.
    pub lives_are_compared: bool,
    /// A clean close keeps the revision.
    pub close_keeps_revision: bool,
}

impl Rules {
    /// The protocol.
    pub const DESIGNED: Rules = Rules {
        seen: Seen::AtOnce,
        changes_are_compared: true,
        presence_is_compared: true,
        coarse_seen_is_published: true,
        marks_count_when_read: true,
        marks_count_at_store: true,
        self_touch: true,
        forgotten: Forgotten::Stale,
        changes_walk: true,
        appearing_walks: true,
        stored_marked_walks: true,
        coarse_is_raised: true,
        stamps_reach_readers: true,
        overflow_stamps: true,
        times_when_read: false,
        times_at_store: true,
        sparing_takes_times: true,
        sparing_keeps_own_time: true,
        expired_is_no_evidence: true,
        evidence_checks_changes: true,
        evidence_checks_marks: true,
        evidence_checks_record: true,
        evidence_keeps_memory: true,
        missing_never_spares: true,
        tombstones: true,
        tickets: true,
        retired_flag: true,
        answer: Answer::ByColour,
        revision_an_operation: true,
        synced_invalidations: true,
        synced_intents: true,
        left_intents_count: true,
        intent_a_change: true,
        lives_are_compared: true,
        close_keeps_revision: true,
    };
}
