//! What a workload does.

use super::app::entity;
use super::recipes::{BUCKETS, ENTITIES, Place, SOURCES, SPOTS, Spot};
use crate::disk::Random;

/// One step. Each makes sense after any others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// Sources change, and that is announced.
    Change {
        first: usize,
        second: usize,
        how: Announcing,
    },
    Set {
        key: usize,
        value: Option<u32>,
    },
    Put {
        at: Spot,
        value: u32,
    },
    /// From here to the entity's last bucket.
    PutMany {
        at: Spot,
        value: u32,
    },
    /// What was made from a source, seen now or before everything.
    PutDepending {
        at: Spot,
        value: u32,
        source: usize,
        long_ago: bool,
    },
    /// A source changes; that is announced, an input set, a record put that was made from another
    /// source, and one asked for, all at once.
    Together {
        place: Place,
        at: Spot,
        value: u32,
        source: usize,
    },
    Read {
        place: Place,
        at: Spot,
        how: Reading,
    },
    Invalidate {
        place: Place,
        at: Spot,
        scope: Scope,
    },
    Delete {
        place: Place,
        at: Spot,
        scope: Deleting,
    },
    /// Background work, so many pieces.
    Work {
        pieces: usize,
    },
    Precompute {
        place: Place,
        at: Spot,
    },
    Refresh,
    /// The run that was begun last is paused, goes on or is cancelled.
    Turn {
        turn: super::truth::Turn,
    },
    Wait {
        minutes: i64,
    },
    /// Another version of a view, with pages of another length.
    Raise {
        place: Place,
    },
    /// A view that nobody reads is deleted, and defined again.
    Renew,
    Sync,
    Reopen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announcing {
    Source,
    Versioned,
    Kind,
    Both,
    /// With `Store::change`; what is done in between ends well, with an error, or in a panic.
    Change,
    ChangeFails,
    ChangePanics,
    /// Of two sources, with a read of the second's records in between.
    ChangeBoth,
    Reconcile,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    Get,
    Range,
    Fill,
    Many,
    Request,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Entity,
    Range,
    Prefix,
    Between,
    View,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleting {
    Entity,
    Range,
    Before,
    All,
}

fn one<T: Copy>(random: &mut Random, of: &[T]) -> T {
    of[random.below(of.len() as u64) as usize]
}

const BUILT: [Place; 6] =
    [Place::Leaf, Place::Coarse, Place::Total, Place::Given, Place::Kind, Place::Board];

impl Step {
    pub fn random(random: &mut Random) -> Self {
        use super::truth::Turn::{Cancelled, Going, Paused};
        let at = random.below(SPOTS as u64) as Spot;
        let source = random.below(SOURCES as u64) as usize;
        let value = 1 + random.below(200) as u32;
        let place = one(random, &BUILT);
        match random.below(33) {
            0..=6 => Self::Change {
                first: source,
                second: random.below(SOURCES as u64) as usize,
                how: one(random, &Announcing::ALL),
            },
            7 => Self::Set { key: at % ENTITIES, value: Some(value) },
            8 => Self::Set { key: at % ENTITIES, value: one(random, &[None, Some(value)]) },
            9 => Self::Put { at, value },
            10 => Self::PutMany { at, value },
            11 => Self::PutDepending { at, value, source, long_ago: random.below(4) == 0 },
            12..=17 => {
                let how = one(random, &Reading::ALL);
                Self::Read { place: one(random, &[place, Place::Total, Place::Board]), at, how }
            }
            18 | 19 => {
                let place = if random.below(5) == 0 { Place::Put } else { place };
                Self::Invalidate { place, at, scope: one(random, &Scope::ALL) }
            }
            20 | 21 => {
                let place = if random.below(3) == 0 { Place::Put } else { place };
                Self::Delete { place, at, scope: one(random, &Deleting::ALL) }
            }
            22..=24 => Self::Work { pieces: 1 + random.below(6) as usize },
            25 => Self::Precompute { place, at },
            26 => one(random, &[Self::Refresh, Self::Renew]),
            27 => Self::Turn { turn: one(random, &[Paused, Paused, Going, Cancelled]) },
            28 => Self::Wait { minutes: 1 + random.below(BUCKETS as u64) as i64 },
            29 => Self::Raise { place },
            30 => Self::Sync,
            31 => Self::Together { place, at, value, source },
            _ => Self::Reopen,
        }
    }
}

impl Announcing {
    const ALL: [Self; 9] = [
        Self::Source,
        Self::Versioned,
        Self::Kind,
        Self::Both,
        Self::Change,
        Self::ChangeFails,
        Self::ChangePanics,
        Self::ChangeBoth,
        Self::Reconcile,
    ];
}

impl Reading {
    const ALL: [Self; 5] = [Self::Get, Self::Range, Self::Fill, Self::Many, Self::Request];
}

impl Scope {
    const ALL: [Self; 5] = [Self::Entity, Self::Range, Self::Prefix, Self::Between, Self::View];

    /// Whether it means the record of a spot, if it is said of another.
    pub fn means(self, place: Place, at: Spot, spot: Spot) -> bool {
        let (of, bucket) = (spot / BUCKETS, spot % BUCKETS);
        let within = bucket >= at % BUCKETS && bucket < at % BUCKETS + 2;
        let timeless = place.is_timeless();
        match self {
            Self::Entity => of == at / BUCKETS,
            Self::Range => of == at / BUCKETS && (within || timeless),
            Self::Prefix => entity(of).0 == entity(at / BUCKETS).0,
            // A bucket without time has no start that could lie in a range.
            Self::Between => within && !timeless,
            Self::View => true,
        }
    }
}

impl Deleting {
    const ALL: [Self; 4] = [Self::Entity, Self::Range, Self::Before, Self::All];

    /// Whether it means the record of a spot, if it is said of another.
    pub fn means(self, place: Place, at: Spot, spot: Spot) -> bool {
        let (of, bucket) = (spot / BUCKETS, spot % BUCKETS);
        let within = bucket >= at % BUCKETS && bucket < at % BUCKETS + 2;
        match self {
            Self::Entity => of == at / BUCKETS,
            Self::Range => of == at / BUCKETS && (within || place.is_timeless()),
            // What has no bucket was built later than any of the workload's buckets began.
            Self::Before => bucket < at % BUCKETS && !place.is_timeless(),
            Self::All => true,
        }
    }
}
