//! Why a record may not be believed.

use std::fmt;

use super::bytes::{put_short, take_i64, take_short, take_u8, take_u16, take_u64};
use super::node::{Node, NodeParts};
use crate::page::PageKey;
use crate::revision::Revision;
use crate::time::Timestamp;

/// Why records are marked.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Cause {
    pub(crate) origin: Origin,
    /// Of the operation that it began with.
    pub(crate) revision: Revision,
    pub(crate) since: Timestamp,
    /// The page and slot of the record by which the mark came here; among records of one page that
    /// read each other, the one by which it came to the first. `None` where nothing lies between
    /// the origin and the record.
    pub(crate) through: Option<(Box<[u8]>, u16)>,
}

impl Cause {
    /// Of records between which and the origin nothing lies.
    pub(crate) fn new(origin: Origin, revision: Revision, since: Timestamp) -> Self {
        Self { origin, revision, since, through: None }
    }
}

/// What a mark began with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A source, kind, entity or view that was invalidated.
    Node(Node),
    /// A record got another content.
    Changed,
    /// A record came to be where there was none.
    Appeared,
    /// A record was deleted.
    Deleted,
    /// It was stored after something that its build had read had moved.
    Overtaken,
    /// It was stored while something that its build had read was marked.
    Upstream,
    /// The file lost history.
    History,
    /// The rules of the grid's time zone changed.
    Zone,
    /// The view was given a higher version.
    Version,
}

// On disk: a tag never changes and is never used for something else.
const NODE: u8 = 1;
const CHANGED: u8 = 2;
const APPEARED: u8 = 3;
const DELETED: u8 = 4;
const OVERTAKEN: u8 = 5;
const UPSTREAM: u8 = 6;
const HISTORY: u8 = 7;
const ZONE: u8 = 8;
const VERSION: u8 = 9;

/// On disk: the origin (a tag of 1 byte, and behind that of a node its length (2) and bytes), the
/// revision (8), since when (8), and through which record: the length of a page's key (2; 0 if
/// there is none), the key, the slot (2).
pub(super) fn put_cause(bytes: &mut Vec<u8>, cause: &Cause) {
    bytes.push(match cause.origin {
        Origin::Node(_) => NODE,
        Origin::Changed => CHANGED,
        Origin::Appeared => APPEARED,
        Origin::Deleted => DELETED,
        Origin::Overtaken => OVERTAKEN,
        Origin::Upstream => UPSTREAM,
        Origin::History => HISTORY,
        Origin::Zone => ZONE,
        Origin::Version => VERSION,
    });
    if let Origin::Node(node) = &cause.origin {
        put_short(bytes, node.as_slice());
    }
    bytes.extend_from_slice(&cause.revision.get().to_le_bytes());
    bytes.extend_from_slice(&cause.since.as_millis().to_le_bytes());
    match &cause.through {
        Some((page, slot)) => {
            put_short(bytes, page);
            bytes.extend_from_slice(&slot.to_le_bytes());
        }
        None => put_short(bytes, &[]),
    }
}

pub(super) fn take_cause(bytes: &mut &[u8]) -> Option<Cause> {
    let origin = match take_u8(bytes)? {
        NODE => Origin::Node(Node::from_slice(take_short(bytes)?)?),
        CHANGED => Origin::Changed,
        APPEARED => Origin::Appeared,
        DELETED => Origin::Deleted,
        OVERTAKEN => Origin::Overtaken,
        UPSTREAM => Origin::Upstream,
        HISTORY => Origin::History,
        ZONE => Origin::Zone,
        VERSION => Origin::Version,
        _ => return None,
    };
    let revision = Revision::from_raw(take_u64(bytes)?);
    let since = Timestamp::from_millis(take_i64(bytes)?);
    let through = match take_short(bytes)? {
        [] => None,
        page => {
            PageKey::split(page)?;
            Some((page.into(), take_u16(bytes)?))
        }
    };
    Some(Cause { origin, revision, since, through })
}

/// Without the bytes of the page's key: an entity may be a person, and debug output reaches logs.
impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {}, {}", self.origin, self.revision, self.since)?;
        match &self.through {
            Some((page, slot)) => write!(f, ", through {:?} {slot}", NodeParts::Page(page)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::PageNumber;
    use crate::page::ViewId;

    fn causes() -> Vec<Cause> {
        let page = PageKey::new(ViewId(1), "secret", PageNumber(2));
        let node = Node::page(page.as_slice());
        let through = Some((page.as_slice().into(), 7));
        let origins = [
            Origin::Node(node),
            Origin::Changed,
            Origin::Appeared,
            Origin::Deleted,
            Origin::Overtaken,
            Origin::Upstream,
            Origin::History,
            Origin::Zone,
            Origin::Version,
        ];
        let cause = |origin, through| Cause {
            origin,
            revision: Revision::from_raw(5),
            since: Timestamp::from_millis(-6),
            through,
        };
        let plain = origins.iter().cloned().map(|origin| cause(origin, None));
        plain.chain(origins.iter().cloned().map(|origin| cause(origin, through.clone()))).collect()
    }

    #[test]
    fn the_bytes_on_disk_are_these() {
        let mut bytes = Vec::new();
        put_cause(&mut bytes, &causes()[1]);
        let since = (-6_i64).to_le_bytes();
        assert_eq!(bytes, [&[2, 5, 0, 0, 0, 0, 0, 0, 0][..], &since, &[0, 0]].concat());
        let tags: Vec<u8> = causes()
            .iter()
            .map(|cause| {
                let mut bytes = Vec::new();
                put_cause(&mut bytes, cause);
                bytes[0]
            })
            .collect();
        assert_eq!(tags[..9], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn every_cause_returns_and_none_that_was_cut_off() {
        for cause in causes() {
            let mut bytes = Vec::new();
            put_cause(&mut bytes, &cause);
            for len in 0..bytes.len() {
                assert_eq!(take_cause(&mut &bytes[..len]), None, "{len} bytes of {cause:?}");
            }
            bytes.push(9);
            let mut rest = &bytes[..];
            assert_eq!(take_cause(&mut rest), Some(cause));
            assert_eq!(rest, [9]);
        }
    }

    #[test]
    fn debug_output_never_shows_the_bytes() {
        for cause in causes() {
            let shown = format!("{cause:?}");
            assert!(!shown.contains("secret") && !shown.contains("115"), "{shown}");
        }
        let last = format!("{:?}", causes().pop().unwrap());
        assert_eq!(last, "Version at r5, 1969-12-31T23:59:59.994Z, through Page(1, .., 2) 7");
    }
}
