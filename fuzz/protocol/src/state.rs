//! All that a state of the model consists of.

use crate::small::{Each, Few, Set};
use crate::time::Left;
use crate::topology::{LEAVES, Node, Nodes, RECORDS, VIEWS, Value};

/// The store's logical clock. 0 is before everything.
pub type Revision = u8;

/// A record's explicit mark.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub enum Mark {
    /// None.
    #[default]
    Fresh,
    /// Something upstream may have changed.
    Suspect,
    /// Something that was read has changed.
    Stale,
}

/// A record in the file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Record {
    /// What it says.
    pub value: Value,
    /// S: published when its build began.
    pub s: Revision,
    /// V: of the operation that last found it right.
    pub v: Revision,
    /// C: at which its content last changed.
    pub c: Revision,
    /// What its build read.
    pub read: Nodes,
    /// Deleted by retention; its readers still need what it read.
    pub tombstone: bool,
    /// How long it counts by itself.
    pub own: Left,
    /// How long it counts: not longer than that, nor than what it was built from.
    pub left: Left,
}

/// The stamps of all views.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Stamps {
    /// view -> below which S a record of it is stale.
    pub stale_before: Each<Revision, VIEWS>,
    /// view -> below which V a record of it is suspect.
    pub suspect_before: Each<Revision, VIEWS>,
}

impl Stamps {
    /// How a view's stamps colour a record of it.
    pub fn colour(&self, view: u8, record: &Record) -> Mark {
        if record.s < self.stale_before[view] {
            Mark::Stale
        } else if record.v < self.suspect_before[view] {
            Mark::Suspect
        } else {
            Mark::Fresh
        }
    }
}

/// The file, as a transaction sees it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Disk {
    /// The last revision given out.
    pub revision: Revision,
    /// leaf -> of the last change of that source.
    pub sources: Each<Revision, LEAVES>,
    /// record -> what is stored.
    pub records: Each<Option<Record>, RECORDS>,
    /// record -> its mark; fresh where there is no record.
    pub marks: Each<Mark, RECORDS>,
    /// view -> of the last change of its coarse node.
    pub coarse: Each<Revision, VIEWS>,
    /// Of all views.
    pub stamps: Stamps,
    /// leaf -> changes begun and not finished.
    pub intents: Each<u8, LEAVES>,
}

impl Disk {
    /// The record, if it is there and no tombstone.
    pub fn present(&self, record: u8) -> Option<&Record> {
        self.records[record].as_ref().filter(|record| !record.tombstone)
    }

    /// Who has read `node`, and is still there.
    pub fn readers(&self, node: Node) -> Set {
        let mut readers = Set::default();
        for record in 0..RECORDS as u8 {
            if self.records[record].is_some_and(|record| record.read.has(node)) {
                readers.add(record);
            }
        }
        readers
    }
}

/// What readers may rely on: raised at the end of a commit, all at once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Published {
    /// The published revision.
    pub revision: Revision,
    /// The stamps as of then.
    pub stamps: Stamps,
    /// The records that were there.
    pub present: Set,
}

/// A page with one place for a record, in memory.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Cached {
    /// What is in the place.
    pub record: Option<Record>,
    /// Its mark.
    pub mark: Mark,
}

/// A thread's own way to a page.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Held {
    /// The page that is in the cache: its marks are raised there.
    Shared,
    /// A page that the cache has let go of, not flagged.
    Alone(Cached),
}

/// What a build saw of one thing, or what evidence notes of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Observation {
    /// Of what.
    pub node: Node,
    /// What it said.
    pub value: Value,
    /// Up to which revision all changes of it are contained in what was seen.
    pub seen: Revision,
    /// Whether `seen` is still to be noted.
    pub unnoted: bool,
    /// Whether it was there.
    pub present: bool,
    /// Whether it was marked.
    pub marked: bool,
    /// How long it counted.
    pub left: Left,
}

/// A flight: a build under way.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Build {
    /// S.
    pub s: Revision,
    /// Begun before the store was opened anew.
    pub old_life: bool,
    /// How long what it makes counts by itself.
    pub own: Left,
    /// The published revision that was loaded for the next look.
    pub noted: Option<Revision>,
    /// What it saw, in order.
    pub seen: Few<Observation, 3>,
    /// What it made, when it is done.
    pub made: Option<Value>,
}

/// What is gathered outside the writer to spare a suspect record.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Evidence {
    /// Which one.
    pub record: u8,
    /// Its S when it was looked at; with V it tells it from its successors.
    pub s: Revision,
    /// Its V when it was looked at.
    pub v: Revision,
    /// Gathered before the store was opened anew.
    pub old_life: bool,
    /// What is still to be looked at.
    pub left: Nodes,
    /// What was looked at.
    pub seen: Few<Observation, 3>,
}

/// A reader that missed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fill {
    /// What it wants.
    pub record: u8,
    /// Published since the ticket was taken.
    pub overtaken: bool,
    /// The ticket is of an earlier life.
    pub old_life: bool,
    /// What it has read from the file.
    pub read: Option<Cached>,
}

/// A stretch of time in which no version was changed, announced or published.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Moment {
    /// leaf -> the version that everybody must see: its announcement has returned.
    pub acked: Each<Value, LEAVES>,
    /// leaf -> the version that there is.
    pub version: Each<Value, LEAVES>,
    /// The records that may be taken for absent.
    pub may_be_absent: Set,
    /// The records that may be taken for present.
    pub may_be_present: Set,
}

/// A reader that waits for a flight.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reader {
    /// What it wants.
    pub record: u8,
    /// Published when the read began.
    pub began: Revision,
    /// What it was told is fresh.
    pub answer: Option<Value>,
    /// Every moment since the read began.
    pub moments: Few<Moment, 8>,
}

/// What the caller of an operation learns when it is published.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Ack {
    /// The leaf's change, up to this version, is announced.
    Announced(u8, Value),
    /// The intent is kept: the leaf may be changed.
    Begun(u8),
}

impl Default for Ack {
    fn default() -> Ack {
        Ack::Begun(0)
    }
}

/// A commit that is not yet published.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Commit {
    /// The records whose pages are to be replaced or marked.
    pub publish: Set,
    /// Who is to be answered then.
    pub acks: Few<Ack, 2>,
}

/// What the writer remembers of what was touched since the oldest flight or evidence began.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Touched {
    /// leaf -> of the last invalidation of that source.
    pub sources: Each<Revision, LEAVES>,
    /// record -> of the last invalidation or deletion of the record itself.
    pub records: Each<Revision, RECORDS>,
    /// All that was forgotten is not above this.
    pub floor: Revision,
}

/// The application.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Application {
    /// leaf -> changes for which an intent was acknowledged.
    pub begun: Each<Value, LEAVES>,
    /// leaf -> the version that its data has.
    pub version: Each<Value, LEAVES>,
    /// leaf -> changes whose announcement was committed.
    pub announced: Each<Value, LEAVES>,
    /// leaf -> the version whose announcement has returned.
    pub acked: Each<Value, LEAVES>,
}

/// How much of the bounds is used up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Spent {
    /// record -> builds begun.
    pub builds: Each<u8, RECORDS>,
    /// Records spared.
    pub spares: u8,
    /// Pages evicted.
    pub evictions: u8,
    /// Readers that waited.
    pub readers: u8,
    /// Deletions by retention.
    pub retentions: u8,
    /// Deletions by the user.
    pub deletions: u8,
    /// Ticks of the clock.
    pub ticks: u8,
    /// Crashes.
    pub crashes: u8,
    /// Reopenings.
    pub reopenings: u8,
    /// Reopenings that lost what was not synced.
    pub lossy_reopenings: u8,
}

/// Everything.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct State {
    /// The application and its data.
    pub application: Application,
    /// What the last commit left.
    pub disk: Disk,
    /// What a crash would leave.
    pub durable: Disk,
    /// What readers may rely on.
    pub published: Published,
    /// What the writer is about.
    pub commit: Option<Commit>,
    /// The writer's memory.
    pub touched: Touched,
    /// record -> its page in memory.
    pub cache: Each<Option<Cached>, RECORDS>,
    /// A thread's way to the page of a record.
    pub shortcut: Option<(u8, Held)>,
    /// One reader that loads.
    pub fill: Option<Fill>,
    /// record -> its flight.
    pub builds: Each<Option<Build>, RECORDS>,
    /// One verification outside the writer.
    pub evidence: Option<Evidence>,
    /// One reader that waits.
    pub reader: Option<Reader>,
    /// What has happened.
    pub spent: Spent,
}
