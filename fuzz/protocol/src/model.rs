//! One model: a topology, the rules it follows, how much may happen in it, and what is expected.

use crate::rules::Rules;
use crate::small::Each;
use crate::topology::{LEAVES, RECORDS, Topology};

/// What a check of the model must find.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expected {
    /// No state that breaks the contract.
    Sound,
    /// A state that breaks it, and why it must come to that.
    Violation(&'static str),
}

/// When a model is run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Size {
    /// Always.
    Small,
    /// Only where it is asked for.
    Large,
}

/// Where a model begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// With an empty file.
    Empty,
    /// With all records built from version 0 of everything, fresh, published and not cached.
    Settled,
}

/// What fills may bring into the cache.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fills {
    /// Nothing: all looks go to the file.
    None,
    /// Records that are there.
    Records,
    /// Also that a record is absent.
    Absences,
}

/// How much may happen. All that is not bounded here may happen at any time.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Where it begins.
    pub start: Start,
    /// leaf -> how often the application changes it.
    pub changes: Each<u8, LEAVES>,
    /// record -> how often it may be built.
    pub builds: Each<u8, RECORDS>,
    /// How many builds of a record may begin although it is there and fresh.
    pub needless_builds: u8,
    /// Whether a build takes a marked record for an answer; else it waits until it is fresh.
    pub builds_take_marked: bool,
    /// How many records may be spared; 0 leaves sparing out.
    pub spares: u8,
    /// What readers bring into the cache.
    pub fills: Fills,
    /// How many records may be evicted from the cache.
    pub evictions: u8,
    /// Whether a thread may keep a shortcut to what is cached.
    pub shortcuts: bool,
    /// How many readers may wait for a flight, one after the other.
    pub waiting_readers: u8,
    /// How many records retention may delete.
    pub retentions: u8,
    /// How many records the user may delete.
    pub deletions: u8,
    /// Whether a commit may carry two operations.
    pub pairs: bool,
    /// How many records one walk marks before it stamps the views that are left.
    pub walk_max: u8,
    /// How many touched things the writer remembers.
    pub touched_max: u8,
    /// Whether changes are announced by intents: begun, done, finished.
    pub intents: bool,
    /// How often the clock ticks.
    pub ticks: u8,
    /// How many crashes there may be.
    pub crashes: u8,
    /// How often the store is closed and opened in the same process.
    pub reopenings: u8,
    /// How often it is opened again after a failure that lost what was not synced.
    pub lossy_reopenings: u8,
}

impl Bounds {
    /// Nothing happens but one change of leaf 0, two builds of each record, and sparing.
    pub const LITTLE: Bounds = Bounds {
        start: Start::Empty,
        changes: Each([1, 0, 0]),
        builds: Each([2; RECORDS]),
        needless_builds: 0,
        builds_take_marked: false,
        spares: 1,
        fills: Fills::None,
        evictions: 0,
        shortcuts: false,
        waiting_readers: 0,
        retentions: 0,
        deletions: 0,
        pairs: false,
        walk_max: u8::MAX,
        touched_max: u8::MAX,
        intents: false,
        ticks: 0,
        crashes: 0,
        reopenings: 0,
        lossy_reopenings: 0,
    };
}

/// A model and what is expected of it.
pub struct Model {
    /// By what it is asked for.
    pub name: &'static str,
    /// What it shows, in a sentence.
    pub shows: &'static str,
    /// What must be found.
    pub expected: Expected,
    /// When it is run.
    pub size: Size,
    /// Who reads what.
    pub topology: Topology,
    /// How much may happen.
    pub bounds: Bounds,
    /// Which rules hold.
    pub rules: Rules,
}

impl Model {
    /// A small model of the protocol as designed, in which little happens.
    pub fn new(name: &'static str, shows: &'static str, topology: Topology) -> Model {
        Model {
            name,
            shows,
            expected: Expected::Sound,
            size: Size::Small,
            topology,
            bounds: Bounds::LITTLE,
            rules: Rules::DESIGNED,
        }
    }

    /// The same, in which this much happens.
    pub fn within(self, bounds: Bounds) -> Model {
        Model { bounds, ..self }
    }

    /// The same, with other rules that do as well.
    pub fn under(self, rules: Rules) -> Model {
        Model { rules, ..self }
    }

    /// The same, with rules that are not enough, and why not.
    pub fn broken(self, rules: Rules, why: &'static str) -> Model {
        Model { rules, expected: Expected::Violation(why), ..self }
    }

    /// The same, run only where it is asked for.
    pub fn large(self) -> Model {
        Model { size: Size::Large, ..self }
    }
}
