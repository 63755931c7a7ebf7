//! Where a walk begins.

use crate::page::SlotSet;
use std::fmt;

use super::colour::Colour;
use super::node::{Node, NodeParts};

/// Something that walks begin with.
#[derive(Clone)]
pub(crate) enum Seed {
    /// A source or kind changed, to this version if one is named: its direct readers are stale,
    /// unless they saw exactly this version.
    Node { node: Node, version: Option<u64> },
    /// Every source of a kind changed.
    Kind(String),
    /// Records got another content, appeared or were deleted: their direct readers are stale.
    Changed { page: Box<[u8]>, slots: SlotSet },
    /// Records were invalidated, or stored while they could not be fresh: marked with `colour`;
    /// readers of those newly marked are suspect.
    Marked { page: Box<[u8]>, slots: SlotSet, colour: Colour },
    /// Records are marked already, by the caller: their readers are suspect.
    Readers { page: Box<[u8]>, slots: SlotSet },
    /// Marked records were found right, or built to the same: what was tried in vain among their
    /// direct readers may succeed now. Marks stay as they are.
    Cured { page: Box<[u8]>, slots: SlotSet },
}

/// Without the bytes of keys: an entity may be a person, and debug output reaches logs.
impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node { node, version } => write!(f, "Node({node:?}, {version:?})"),
            Self::Kind(kind) => write!(f, "Kind({kind:?})"),
            Self::Changed { page, slots } => {
                write!(f, "Changed({:?}, {slots:?})", NodeParts::Page(page))
            }
            Self::Marked { page, slots, colour } => {
                write!(f, "Marked({:?}, {slots:?}, {colour:?})", NodeParts::Page(page))
            }
            Self::Readers { page, slots } => {
                write!(f, "Readers({:?}, {slots:?})", NodeParts::Page(page))
            }
            Self::Cured { page, slots } => {
                write!(f, "Cured({:?}, {slots:?})", NodeParts::Page(page))
            }
        }
    }
}
