//! Who reads what: the application's data, the records that are made of it, and the build functions.

use crate::small::Each;
use crate::time::Left;

/// How many leaves, records and views a topology may have.
pub const LEAVES: usize = 3;
/// See [`LEAVES`].
pub const RECORDS: usize = 4;
/// See [`LEAVES`].
pub const VIEWS: usize = 4;

/// What a record or a leaf says. Always small: the values a record may have are kept as bits.
pub type Value = u8;

/// What a build sees where it finds no record and takes that for an answer.
pub const ABSENT: Value = 63;

/// Something that the application changes and then announces. Its versions are 0, 1, 2, ...
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Leaf {
    /// Not there.
    Unused,
    /// Data that builds declare to read, announced by invalidating the source.
    Source,
    /// Whatever all records of a view depend on, announced by invalidating the whole view.
    Code(u8),
    /// Whatever one record depends on, announced by invalidating the record.
    Itself(u8),
    /// A record that the application writes; it has no build function.
    Put(u8),
    /// What one record looks at and what changes without being announced: the record expires.
    Silent(u8),
}

/// The next thing that a build function asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ask {
    /// The data behind a source.
    Source(u8),
    /// A record that must be there: the build waits until it is.
    Record(u8),
    /// A record of a range: that it is absent is an answer, and is depended on.
    Peek(u8),
    /// A record that is met in a walk through all of a view. The dependency is the view's.
    Scan {
        /// Whose membership and contents are read.
        view: u8,
        /// The place that is looked at.
        record: u8,
    },
}

/// What can be depended on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Node {
    /// A source, by its leaf.
    Source(u8),
    /// A record, present or absent.
    Record(u8),
    /// A coarse node: which records a view has, and what they say.
    View(u8),
}

impl Default for Node {
    fn default() -> Node {
        Node::Source(0)
    }
}

/// A set of nodes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Nodes(u16);

impl Nodes {
    /// Whether `node` is in it.
    pub fn has(self, node: Node) -> bool {
        self.0 & Nodes::bit(node) != 0
    }

    /// Takes `node` in.
    pub fn add(&mut self, node: Node) {
        self.0 |= Nodes::bit(node);
    }

    /// Lets `node` go.
    pub fn remove(&mut self, node: Node) {
        self.0 &= !Nodes::bit(node);
    }

    /// What is in it: sources, then records, then views.
    pub fn iter(self) -> impl Iterator<Item = Node> {
        let sources = (0..4).map(Node::Source);
        let records = (0..4).map(Node::Record);
        let views = (0..4).map(Node::View);
        sources.chain(records).chain(views).filter(move |&node| self.has(node))
    }

    fn bit(node: Node) -> u16 {
        match node {
            Node::Source(leaf) => 1 << leaf,
            Node::Record(record) => 1 << (4 + record),
            Node::View(view) => 1 << (8 + view),
        }
    }
}

/// A small world of leaves, records and build functions.
pub struct Topology {
    /// How many records there are, numbered from 0.
    pub records: u8,
    /// leaf -> what it is.
    pub leaves: Each<Leaf, LEAVES>,
    /// record -> its view.
    pub view_of: Each<u8, RECORDS>,
    /// view -> the views whose builds read it, directly.
    pub read_by: Each<&'static [u8], VIEWS>,
    /// What a record's build asks for next, after what it was told so far. None: it is done.
    pub asks: fn(u8, &[Value]) -> Option<Ask>,
    /// A record's value, from all that it was told; the version of its own leaf, if any, is last.
    pub value: fn(u8, &[Value]) -> Value,
}

impl Topology {
    /// The leaf that belongs to a record beside what it reads.
    pub fn own_leaf(&self, record: u8) -> Option<u8> {
        let view = self.view_of[record];
        (0..LEAVES as u8).find(|&leaf| match self.leaves[leaf] {
            Leaf::Code(of) => of == view,
            Leaf::Itself(of) | Leaf::Put(of) | Leaf::Silent(of) => of == record,
            Leaf::Unused | Leaf::Source => false,
        })
    }

    /// Whether a record is written by the application, not built.
    pub fn is_put(&self, record: u8) -> bool {
        self.own_leaf(record).is_some_and(|leaf| matches!(self.leaves[leaf], Leaf::Put(_)))
    }

    /// How long a record counts that is built now, whatever it reads.
    pub fn own_time(&self, record: u8) -> Left {
        let leaf = self.own_leaf(record);
        if leaf.is_some_and(|leaf| matches!(self.leaves[leaf], Leaf::Silent(_))) {
            Left::A_TICK
        } else {
            Left::default()
        }
    }

    /// The records of a view.
    pub fn members(&self, view: u8) -> impl Iterator<Item = u8> {
        (0..self.records).filter(move |&record| self.view_of[record] == view)
    }

    /// The views that read `view`, directly or through others.
    pub fn views_downstream(&self, view: u8) -> Vec<u8> {
        let mut found: Vec<u8> = self.read_by[view].to_vec();
        let mut next = 0;
        while let Some(&reached) = found.get(next) {
            for &reader in self.read_by[reached] {
                if !found.contains(&reader) {
                    found.push(reader);
                }
            }
            next += 1;
        }
        found
    }
}
