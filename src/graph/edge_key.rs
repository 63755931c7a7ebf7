//! Where the edges of a node stand: their keys.

use crate::key::{KeyBuf, after_all};
use crate::page::PageKey;

use super::node::{KIND_END, SOURCE, is_node};

/// The key of an edge: the node's bytes, the reader's page key, and the length of that (2 bytes,
/// big endian), for only the type of an entity knows where its key ends.
///
/// The edges of a node stand together and in the order of their readers' page keys, since no page
/// key begins with another.
pub(crate) fn edge_key(node: &[u8], reader: &[u8]) -> KeyBuf {
    let len = u16::try_from(reader.len()).expect("keys of entities end at some KiB");
    let mut key = KeyBuf::new();
    key.extend(node);
    key.extend(reader);
    key.extend(&len.to_be_bytes());
    key
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
    after_all(prefix).expect("the tag in front is below the highest byte")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::node::NodeParts;
    use crate::graph::node::tests::{nodes, page_key};

    #[test]
    fn the_bytes_on_disk_are_these() {
        assert_eq!(edge_key(b"\x04abcd", b"pq").as_slice(), b"\x04abcdpq\0\x02");
    }

    #[test]
    fn the_edges_of_a_node_lie_together_and_in_the_order_of_their_readers() {
        let nodes = nodes();
        let readers = [page_key(0, "", 0), page_key(1, "a", -1), page_key(1, "aa", 0)];
        for node in &nodes {
            let key = |reader: &Vec<u8>| edge_key(node.as_slice(), reader).as_slice().to_vec();
            let keys: Vec<_> = readers.iter().map(key).collect();
            assert!(keys.is_sorted());
            for (key, reader) in keys.iter().zip(&readers) {
                assert_eq!(split_edge(key), Some((node.as_slice(), &reader[..])));
                for other in &nodes {
                    let (start, end) = edge_bounds(other.as_slice());
                    assert_eq!((start..end).contains(key), node == other, "{node:?} {other:?}");
                }
                for kind in ["a", "aa", "\u{1}a"] {
                    let (start, end) = kind_edge_bounds(kind);
                    let of_kind = match node.parts() {
                        NodeParts::Source { kind: of, .. } | NodeParts::Kind(of) => of == kind,
                        _ => false,
                    };
                    assert_eq!((start..end).contains(key), of_kind, "{node:?} {kind:?}");
                }
            }
        }
    }

    #[test]
    fn what_no_edge_is_written_as_is_refused() {
        let key = edge_key(b"\x04abcd", &page_key(1, "", 0));
        let key = key.as_slice();
        assert!(split_edge(key).is_some());
        for foreign in [&[][..], &[1], &key[1..], &key[..key.len() - 1], &[key, &[0]].concat()] {
            assert_eq!(split_edge(foreign), None, "{foreign:?}");
        }
        assert_eq!(split_edge(edge_key(b"\x04abcd", b"short").as_slice()), None);
        assert_eq!(split_edge(edge_key(b"\x04abc", &page_key(1, "", 0)).as_slice()), None);
    }
}
