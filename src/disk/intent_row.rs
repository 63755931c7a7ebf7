//! What the file says of a change that was begun and not ended.

use crate::graph::Node;

use super::row::RowReader;

/// The sources and kinds that such a row names; `None` if it is no row.
///
/// On disk: how many (4), and each behind its length (4); numbers little endian.
pub(super) fn intent_sources(row: &[u8]) -> Option<Vec<Node>> {
    let mut row = RowReader(row);
    let sources = (0..row.u32()?).map(|_| Node::from_slice(row.bytes()?)).collect::<Option<_>>();
    sources.filter(|_| row.0.is_empty())
}
