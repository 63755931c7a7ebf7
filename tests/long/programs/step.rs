//! What a random program does.

use super::plan::{BUCKETS, ENTITIES, Plan, SOURCES};
use crate::common::disk::Random;

/// One step. Each makes sense after any others, so that steps may be left out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Changes a source and says nothing of it.
    Alter {
        source: usize,
        value: u64,
    },
    /// Announces a source, with its version or without.
    Announce {
        source: usize,
        versioned: bool,
    },
    /// Announces two at once.
    AnnounceBoth {
        first: usize,
        second: usize,
    },
    AnnounceKind,
    /// Changes a source and announces it.
    Change {
        source: usize,
        value: u64,
        how: Announcing,
    },
    /// A source becomes what it was before its last change, and its version too.
    Return {
        source: usize,
        value: u64,
    },
    Reconcile,
    Set {
        key: usize,
        value: u64,
    },
    Unset {
        key: usize,
    },
    Put {
        entity: usize,
        bucket: usize,
        value: u64,
    },
    PutMany {
        entity: usize,
        bucket: usize,
        value: u64,
    },
    /// Puts what was made from a source, seen now or long ago.
    PutDepending {
        entity: usize,
        bucket: usize,
        source: usize,
        long_ago: bool,
    },
    /// A source changes; that is announced, an input set, a record put and another asked for, all at
    /// once.
    Together {
        place: usize,
        entity: usize,
        bucket: usize,
        source: usize,
        value: u64,
    },
    Read {
        place: usize,
        entity: usize,
        bucket: usize,
        how: Reading,
    },
    /// Something happens while the read builds, after so many reads of its builds.
    ReadWhile {
        place: usize,
        entity: usize,
        bucket: usize,
        how: Reading,
        after: u64,
        event: Event,
    },
    Invalidate {
        place: usize,
        entity: usize,
        bucket: usize,
        scope: Scope,
    },
    Delete {
        place: usize,
        entity: usize,
        bucket: usize,
        scope: Deleting,
    },
    Wait {
        minutes: i64,
    },
    Redefine {
        place: usize,
        page_len: u32,
    },
    Sync,
    Reopen {
        memory_bytes: usize,
    },
    Crash {
        torn: Option<u64>,
    },
    /// Peeks at everything.
    Check,
    /// Asks for a record without waiting for it.
    Request {
        place: usize,
        entity: usize,
        bucket: usize,
    },
    /// Begins a run that builds what is not there or not fresh.
    Precompute {
        place: usize,
        entity: usize,
        bucket: usize,
    },
    /// Does so many pieces of background work.
    Work {
        pieces: u64,
    },
    /// Something happens while one is done, after so many reads of its builds.
    WorkWhile {
        after: u64,
        event: Event,
    },
    /// Does all that there is.
    WorkAll,
}

/// What happens in the midst of builds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    Change { source: usize, value: u64 },
    Invalidate { place: usize, entity: usize, bucket: usize },
    Stamp { place: usize },
    Delete { place: usize, entity: usize, bucket: usize },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Announcing {
    Plainly,
    Versioned,
    AsAChange,
    WithTheKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    Get,
    Serve,
    Miss,
    Range,
    Fill,
    Many,
    Scan,
    Prefetch,
    /// Leaves it to the builders, and does not wait for them.
    Within,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Entity,
    Range,
    Prefix,
    Between,
    View,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deleting {
    Entity,
    Range,
    Expired,
    All,
}

fn one_of<T: Copy>(random: &mut Random, all: &[T]) -> T {
    all[random.below(all.len() as u64) as usize]
}

impl Step {
    pub(crate) fn random(random: &mut Random, plan: &Plan) -> Self {
        let below = |random: &mut Random, bound: usize| random.below(bound as u64) as usize;
        let source = below(random, SOURCES);
        let entity = below(random, ENTITIES);
        let bucket = below(random, BUCKETS);
        let place = below(random, plan.views.len());
        let value = random.below(16);
        match random.below(129) {
            0..4 => Self::Alter { source, value },
            4..6 => Self::Announce { source, versioned: random.below(2) == 0 },
            6..8 => Self::AnnounceBoth { first: source, second: below(random, SOURCES) },
            8..9 => Self::AnnounceKind,
            9..22 => {
                use Announcing::{AsAChange, Plainly, Versioned, WithTheKind};
                let how = one_of(random, &[Plainly, Plainly, Versioned, AsAChange, WithTheKind]);
                Self::Change { source, value, how }
            }
            22..24 => Self::Return { source, value },
            24..26 => Self::Reconcile,
            26..30 => Self::Set { key: entity, value },
            30..31 => Self::Unset { key: entity },
            31..35 => Self::Put { entity, bucket, value },
            35..36 => Self::PutMany { entity, bucket, value },
            36..38 => {
                let long_ago = random.below(2) == 0;
                Self::PutDepending { entity, bucket, source, long_ago }
            }
            38..46 => {
                use Reading::{Fill, Get, Many, Range, Scan};
                let how = one_of(random, &[Get, Get, Get, Range, Fill, Many, Scan]);
                let event = Event::random(random, plan);
                let after = random.below(12);
                let place = place.max(below(random, plan.views.len()));
                Self::ReadWhile { place, entity, bucket, how, after, event }
            }
            46..70 => {
                use Reading::{Fill, Get, Many, Miss, Prefetch, Range, Scan, Serve, Within};
                let all = [Get, Get, Get, Range, Range, Fill, Many, Scan, Serve, Miss, Prefetch];
                let how = one_of(random, &[all.as_slice(), &[Serve, Within, Within]].concat());
                // What reads most is most worth reading.
                let place = place.max(below(random, plan.views.len()));
                Self::Read { place, entity, bucket, how }
            }
            70..75 => {
                use Scope::{Between, Entity, Prefix, Range, View};
                let scope = one_of(random, &[Entity, Range, Range, Prefix, Between, View]);
                Self::Invalidate { place, entity, bucket, scope }
            }
            75..81 => {
                use Deleting::{All, Entity, Expired, Range};
                let scope = one_of(random, &[Entity, Range, Range, Expired, Expired, Expired, All]);
                Self::Delete { place, entity, bucket, scope }
            }
            81..83 => Self::Wait { minutes: 1 + random.below(3) as i64 },
            83..85 => Self::Redefine { place, page_len: 1 + random.below(4) as u32 },
            85..87 => Self::Sync,
            87..89 => Self::Reopen { memory_bytes: one_of(random, &[0, 8 << 20]) },
            89..91 => Self::Crash { torn: (random.below(2) == 0).then(|| random.next()) },
            91..100 => Self::Check,
            100..106 => Self::Request { place, entity, bucket },
            106..108 => Self::Precompute { place, entity, bucket },
            108..116 => Self::Work { pieces: 1 + random.below(6) },
            116..120 => {
                Self::WorkWhile { after: random.below(12), event: Event::random(random, plan) }
            }
            120..125 => Self::WorkAll,
            _ => Self::Together { place, entity, bucket, source, value },
        }
    }
}

impl Event {
    fn random(random: &mut Random, plan: &Plan) -> Self {
        let source = random.below(SOURCES as u64) as usize;
        let entity = random.below(ENTITIES as u64) as usize;
        let bucket = random.below(BUCKETS as u64) as usize;
        // What is put stays as it is.
        let place = 1 + random.below(plan.views.len() as u64 - 1) as usize;
        match random.below(6) {
            0..3 => Self::Change { source, value: random.below(16) },
            3 => Self::Invalidate { place, entity, bucket },
            4 => Self::Stamp { place },
            _ => Self::Delete { place, entity, bucket },
        }
    }
}
