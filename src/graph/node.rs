//! What a build may read, as bytes.

use std::fmt;

use crate::error::Result;
use crate::key::{Source, check_kind, split_kind, split_source};
use crate::page::{PageKey, ViewId};

// On disk: a tag never changes and is never used for something else.
const SOURCE: u8 = 1;
const PAGE: u8 = 2;
const ENTITY: u8 = 3;
const VIEW: u8 = 4;

/// Stands where a source of a kind has its key, and stands for all of them. No key begins with it:
/// those begin with `10` at least.
const ALL_OF_KIND: u8 = 0x01;
/// Between a kind and what follows it.
const KIND_END: u8 = 0x00;

/// Something that a build may read: a source, all sources of a kind, a page, all pages of an
/// entity, a view.
///
/// On disk a tag, then: of a source its bytes (kind, `00`, key); of a kind its name, `00`, `01`; of
/// a page its key; of an entity the view's id (4 bytes, big endian) and its key; of a view its id.
/// No node's bytes begin with another's.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Node(Box<[u8]>);

/// A [`Node`] taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeParts<'a> {
    Source {
        kind: &'a str,
        /// As it is encoded.
        key: &'a [u8],
    },
    Kind(&'a str),
    /// The page's key.
    Page(&'a [u8]),
    /// The entity's key, without the view.
    Entity(ViewId, &'a [u8]),
    View(ViewId),
}

impl Node {
    pub(crate) fn source(source: &Source) -> Self {
        Self::of(SOURCE, &[source.as_bytes()])
    }

    /// All sources of a kind that applications name.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::error::ErrorKind::Input) if no kind can have this name.
    pub(crate) fn kind(kind: &str) -> Result<Self> {
        check_kind(kind)?;
        Ok(Self::of_kind(kind))
    }

    /// As [`Self::kind`], of the engine's own kinds too: the name is one.
    pub(super) fn of_kind(kind: &str) -> Self {
        Self::of(SOURCE, &[kind.as_bytes(), &[KIND_END, ALL_OF_KIND]])
    }

    /// The page of this key.
    pub(crate) fn page(key: &[u8]) -> Self {
        Self::of(PAGE, &[key])
    }

    /// All pages of the entity with this key.
    pub(crate) fn entity(view: ViewId, entity: &[u8]) -> Self {
        Self::of(ENTITY, &[&view.0.to_be_bytes(), entity])
    }

    pub(crate) fn view(view: ViewId) -> Self {
        Self::of(VIEW, &[&view.0.to_be_bytes()])
    }

    fn of(tag: u8, parts: &[&[u8]]) -> Self {
        Self([&[tag], parts.concat().as_slice()].concat().into())
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// The node that these bytes are; `None` if they are none.
    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        is_node(bytes).then(|| Self(bytes.into()))
    }

    pub(crate) fn parts(&self) -> NodeParts<'_> {
        parts(&self.0).expect("a node was made from its parts, or checked")
    }

    /// Of a source the node of its kind.
    pub(crate) fn kind_of_source(&self) -> Option<Self> {
        match self.parts() {
            NodeParts::Source { kind, .. } => Some(Self::of_kind(kind)),
            _ => None,
        }
    }

    /// The next node that holds all of this one: of a source its kind, of a page its entity, of an
    /// entity its view. `None` of a kind and of a view.
    pub(crate) fn coarser(&self) -> Option<Self> {
        match self.parts() {
            NodeParts::Source { kind, .. } => Some(Self::of_kind(kind)),
            NodeParts::Page(key) => {
                PageKey::split(key).map(|(view, entity, _)| Self::entity(view, entity))
            }
            NodeParts::Entity(view, _) => Some(Self::view(view)),
            NodeParts::Kind(_) | NodeParts::View(_) => None,
        }
    }
}

/// Without the bytes of keys: they may name a person, and debug output reaches logs.
impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            NodeParts::Source { kind, .. } => write!(f, "Source({kind:?}, ..)"),
            NodeParts::Kind(kind) => write!(f, "Kind({kind:?})"),
            NodeParts::Page(key) => match PageKey::split(key) {
                Some((view, _, number)) => write!(f, "Page({}, .., {})", view.0, number.0),
                None => write!(f, "Page(..)"),
            },
            NodeParts::Entity(view, _) => write!(f, "Entity({}, ..)", view.0),
            NodeParts::View(view) => write!(f, "View({})", view.0),
        }
    }
}

/// Told apart by tag and length alone.
fn parts(node: &[u8]) -> Option<NodeParts<'_>> {
    let (tag, bytes) = node.split_first()?;
    match *tag {
        SOURCE => match split_kind(bytes)? {
            (kind, [ALL_OF_KIND]) => Some(NodeParts::Kind(kind)),
            (kind, key) => Some(NodeParts::Source { kind, key }),
        },
        PAGE => Some(NodeParts::Page(bytes)),
        ENTITY => {
            let (view, entity) = bytes.split_first_chunk()?;
            Some(NodeParts::Entity(ViewId(u32::from_be_bytes(*view)), entity))
        }
        VIEW => Some(NodeParts::View(ViewId(u32::from_be_bytes(bytes.try_into().ok()?)))),
        _ => None,
    }
}

fn is_node(bytes: &[u8]) -> bool {
    match parts(bytes) {
        Some(NodeParts::Source { .. }) => split_source(&bytes[1..]).is_some(),
        Some(NodeParts::Page(key)) => PageKey::split(key).is_some(),
        Some(NodeParts::Kind(_) | NodeParts::Entity(..) | NodeParts::View(_)) => true,
        None => false,
    }
}

/// The key of an edge: the node's bytes, the reader's page key, and the length of that (2 bytes,
/// big endian), for only the type of an entity knows where its key ends.
///
/// The edges of a node stand together and in the order of their readers' page keys, since no page
/// key begins with another.
pub(crate) fn edge_key(node: &[u8], reader: &[u8]) -> Vec<u8> {
    let len = u16::try_from(reader.len()).expect("keys of entities end at some KiB");
    [node, reader, &len.to_be_bytes()].concat()
}

/// Takes an edge's key apart: the node's bytes and the reader's page key. `None` if it is none.
pub(crate) fn split_edge(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let (parts, len) = key.split_last_chunk()?;
    let node_len = parts.len().checked_sub(usize::from(u16::from_be_bytes(*len)))?;
    let (node, reader) = parts.split_at(node_len);
    (is_node(node) && PageKey::split(reader).is_some()).then_some((node, reader))
}

/// Where the edges of exactly this node lie: from the first key to before the second.
pub(crate) fn edge_bounds(node: &[u8]) -> (Vec<u8>, Vec<u8>) {
    (node.to_vec(), after(node))
}

/// Where the edges of a kind's node and of all its sources lie: from the first key to before the
/// second.
pub(crate) fn kind_edge_bounds(kind: &str) -> (Vec<u8>, Vec<u8>) {
    let start = [&[SOURCE], kind.as_bytes(), &[KIND_END]].concat();
    let end = after(&start);
    (start, end)
}

/// The least bytes above all that begin with these.
fn after(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            break;
        }
    }
    // The tag in front is below the highest byte, so something is always left.
    end
}
