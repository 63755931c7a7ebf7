//! What a build may read, as bytes.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use crate::error::Result;
use crate::key::{KeyBuf, Source, check_kind, split_kind, split_source};
use crate::page::{PageKey, ViewId};
use crate::sync::Arc;

// On disk: a tag never changes and is never used for something else.
pub(super) const SOURCE: u8 = 1;
const PAGE: u8 = 2;
const ENTITY: u8 = 3;
const VIEW: u8 = 4;

/// Stands where a source of a kind has its key, and stands for all of them. No key begins with it:
/// those begin with `10` at least.
const ALL_OF_KIND: u8 = 0x01;
/// Between a kind and what follows it.
pub(super) const KIND_END: u8 = 0x00;

/// Something that a build may read: a source, all sources of a kind, a page, all pages of an
/// entity, a view.
///
/// On disk a tag, then: of a source its bytes (kind, `00`, key); of a kind its name, `00`, `01`; of
/// a page its key; of an entity the view's id (4 bytes, big endian) and its key; of a view its id.
/// No node's bytes begin with another's.
#[derive(Clone)]
pub(crate) struct Node(Name);

/// Nodes compare as these bytes do. Most are short, and stand where the node does: one thread notes
/// them, and another lets go of them. Long ones are shared by all who have them.
#[derive(Clone)]
enum Name {
    Short(KeyBuf),
    Long(Arc<[u8]>),
}

/// A [`Node`] taken apart.
#[derive(Clone, Copy, PartialEq, Eq)]
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

    /// As [`Self::kind`], of a name that was checked already.
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
        let mut bytes = KeyBuf::new();
        bytes.push(tag);
        parts.iter().for_each(|part| bytes.extend(part));
        Self::named(bytes)
    }

    fn named(bytes: KeyBuf) -> Self {
        Self(if bytes.is_inline() {
            Name::Short(bytes)
        } else {
            Name::Long(bytes.as_slice().into())
        })
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Name::Short(bytes) => bytes.as_slice(),
            Name::Long(bytes) => bytes,
        }
    }

    /// The node that these bytes are; `None` if they are none.
    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        is_node(bytes).then(|| {
            let mut name = KeyBuf::new();
            name.extend(bytes);
            Self::named(name)
        })
    }

    pub(crate) fn parts(&self) -> NodeParts<'_> {
        parts(self.as_slice()).expect("a node was made from its parts, or checked")
    }

    /// Of a source the node of its kind.
    pub(crate) fn kind_of_source(&self) -> Option<Self> {
        match self.parts() {
            NodeParts::Source { kind, .. } => Some(Self::of_kind(kind)),
            _ => None,
        }
    }

    /// The view whose records it stands for.
    pub(crate) fn view_of_records(&self) -> Option<ViewId> {
        // Most of what is read is, and its name need not be looked at.
        if is_outside(self.as_slice()) {
            return None;
        }
        match self.parts() {
            NodeParts::Source { .. } | NodeParts::Kind(_) => None,
            NodeParts::Page(page) => PageKey::split(page).map(|(view, ..)| view),
            NodeParts::Entity(view, _) | NodeParts::View(view) => Some(view),
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

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Node {}

impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Node {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_slice().cmp(other.as_slice())
    }
}

impl Hash for Node {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_slice().hash(state);
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts().fmt(f)
    }
}

/// Without the bytes of keys: they may name a person, and debug output reaches logs.
impl fmt::Debug for NodeParts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source { kind, .. } => write!(f, "Source({kind:?}, ..)"),
            Self::Kind(kind) => write!(f, "Kind({kind:?})"),
            Self::Page(key) => match PageKey::split(key) {
                Some((view, _, number)) => write!(f, "Page({}, .., {})", view.0, number.0),
                None => f.write_str("Page(..)"),
            },
            Self::Entity(view, _) => write!(f, "Entity({}, ..)", view.0),
            Self::View(view) => write!(f, "View({})", view.0),
        }
    }
}

/// Whether a node's bytes are those of a source or a kind.
pub(crate) fn is_outside(node: &[u8]) -> bool {
    node.first() == Some(&SOURCE)
}

/// Whether a node's bytes are those of a kind.
pub(crate) fn is_kind(node: &[u8]) -> bool {
    matches!(parts(node), Some(NodeParts::Kind(_)))
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

pub(super) fn is_node(bytes: &[u8]) -> bool {
    match parts(bytes) {
        Some(NodeParts::Source { .. }) => split_source(&bytes[1..]).is_some(),
        Some(NodeParts::Page(key)) => PageKey::split(key).is_some(),
        Some(NodeParts::Kind(_) | NodeParts::Entity(..) | NodeParts::View(_)) => true,
        None => false,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::grid::PageNumber;

    pub(in crate::graph) fn page_key(view: u32, entity: &str, number: i64) -> Vec<u8> {
        PageKey::new(ViewId(view), entity, PageNumber(number)).as_slice().to_vec()
    }

    fn source(kind: &str, key: &str) -> Node {
        Node::source(&Source::new(kind, key).unwrap())
    }

    /// Nodes that lie close to each other.
    pub(in crate::graph) fn nodes() -> Vec<Node> {
        let mut nodes = vec![
            Node::kind("a").unwrap(),
            Node::kind("aa").unwrap(),
            source("a", ""),
            source("a", "a"),
            source("a", "a\u{1}"),
            source("aa", ""),
            Node::source(&Source::new("a", 7).unwrap()),
            Node::source(&Source::new("a", ()).unwrap()),
        ];
        for view in [0, 1, 256, u32::MAX - 1] {
            nodes.push(Node::view(ViewId(view)));
            for entity in ["", "a", "aa", "a\u{0}"] {
                let key = page_key(view, entity, -1);
                let (_, bytes, _) = PageKey::split(&key).unwrap();
                nodes.push(Node::entity(ViewId(view), bytes));
                nodes.push(Node::page(&key));
                nodes.push(Node::page(&page_key(view, entity, 0)));
            }
        }
        nodes
    }

    #[test]
    fn the_bytes_on_disk_are_these() {
        assert_eq!(source("cat", "x").as_slice(), b"\x01cat\0\x61x\0");
        assert_eq!(Node::kind("cat").unwrap().as_slice(), b"\x01cat\0\x01");
        let page = [&[2, 0, 0, 1, 2, b'x', 0, 0x80][..], &[0; 6], &[3]].concat();
        assert_eq!(Node::page(&page_key(258, "x", 3)).as_slice(), page);
        assert_eq!(Node::entity(ViewId(258), b"x\0").as_slice(), [3, 0, 0, 1, 2, b'x', 0]);
        assert_eq!(Node::view(ViewId(258)).as_slice(), [4, 0, 0, 1, 2]);
    }

    #[test]
    fn no_nodes_bytes_begin_with_anothers() {
        for (a, first) in nodes().iter().enumerate() {
            for (b, second) in nodes().iter().enumerate() {
                let begins = second.as_slice().starts_with(first.as_slice());
                assert_eq!(begins, a == b, "{first:?} {second:?}");
            }
        }
    }

    #[test]
    fn a_node_returns_from_its_bytes_and_from_its_parts() {
        for node in nodes() {
            assert_eq!(Node::from_slice(node.as_slice()).as_ref(), Some(&node));
            let again = match node.parts() {
                NodeParts::Source { kind, .. } => {
                    assert_eq!(node.kind_of_source(), Some(Node::of_kind(kind)));
                    continue;
                }
                NodeParts::Kind(kind) => Node::kind(kind).unwrap(),
                NodeParts::Page(key) => Node::page(key),
                NodeParts::Entity(view, entity) => Node::entity(view, entity),
                NodeParts::View(view) => Node::view(view),
            };
            assert_eq!((again, node.kind_of_source()), (node, None));
        }
    }

    #[test]
    fn what_no_node_is_written_as_is_refused() {
        for node in nodes() {
            let bytes = node.as_slice();
            let longer = [bytes, &[1]].concat();
            let open_ended = matches!(node.parts(), NodeParts::Page(_) | NodeParts::Entity(..));
            assert!(open_ended || Node::from_slice(&longer).is_none(), "{node:?} and a byte");
            if !open_ended {
                assert!(Node::from_slice(&bytes[..bytes.len() - 1]).is_none(), "{node:?} cut");
            }
        }
        let foreign: [&[u8]; 9] = [
            b"",
            b"\x00a\0\x01",
            b"\x05\0\0\0\x01",
            b"\x01\0\x01",
            b"\x01\xff\0\x01",
            b"\x01a",
            b"\x02\0\0\0\x01\0\0",
            b"\x03\0\0",
            &[&[1][..], &[b'k'; 256], &[0, 1]].concat(),
        ];
        for bytes in foreign {
            assert_eq!(Node::from_slice(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn each_node_lies_in_the_next_coarser_one() {
        let page = Node::page(&page_key(9, "x", 4));
        let entity = page.coarser().unwrap();
        assert_eq!(entity, Node::entity(ViewId(9), b"x\0"));
        assert_eq!(entity.coarser(), Some(Node::view(ViewId(9))));
        assert_eq!(Node::view(ViewId(9)).coarser(), None);
        assert_eq!(source("k", "x").coarser(), Some(Node::kind("k").unwrap()));
        assert_eq!(Node::kind("k").unwrap().coarser(), None);
    }

    #[test]
    fn a_kind_that_no_source_can_have_is_no_node() {
        for kind in ["", "a\u{0}", "\u{1}a", &"k".repeat(256)] {
            assert_eq!(Node::kind(kind).unwrap_err().kind(), ErrorKind::Input);
        }
    }

    #[test]
    fn debug_output_never_shows_the_bytes() {
        let key = page_key(1, "secret", 4);
        let entity = Node::page(&key).coarser().unwrap();
        for node in [source("kind", "secret"), Node::page(&key), entity] {
            let shown = format!("{node:?} {:?}", node.parts());
            assert!(!shown.contains("secret") && !shown.contains("115"), "{shown}");
        }
    }
}
