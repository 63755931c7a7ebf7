//! What may be believed of a record, and where it came from.

use std::fmt;

/// What may be believed of a record, decided when the read returns.
///
/// Which of these a read may answer with is a matter of its policy: by default one that is not fresh
/// is built anew first, and what is not `Fresh` comes back only where that could not be, or not soon
/// enough ([`Marked`](crate::Marked)). As text it is a word or two, to be shown to users.
///
/// ```
/// use tidetable::{Freshness, Marked, Store, Timestamp};
///
/// let store = Store::in_memory()?;
/// let sun = store.view::<u32, u64>("sun").when_marked(Marked::Serve).build(|cx, _, _| {
///     cx.depends_on(("building", 12));
///     Ok(80)
/// })?;
/// sun.get(&7, Timestamp::EPOCH)?;
/// store.invalidate(("building", 12))?;
/// let shown = match sun.get(&7, Timestamp::EPOCH)?.freshness() {
///     Freshness::Fresh | Freshness::Sealed => String::new(),
///     other => format!("being worked out anew ({other})"),
/// };
/// # assert!(shown.is_empty() || shown.contains("(stale)"));
/// # Ok::<(), tidetable::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[non_exhaustive]
pub enum Freshness {
    /// It contains every change that was announced before the read began.
    Fresh,
    /// It was built after the read began, and something it needs moved meanwhile. Reading again may
    /// find it fresh.
    Overtaken,
    /// Something further up has changed, or a whole view that it was built from: it may be right or
    /// not.
    Suspect,
    /// Something it was built from has changed, or it was invalidated itself.
    Stale,
    /// An older version of the view built it. Its bytes are of the same type.
    OldVersion,
    /// The time for which it counts, or something that it was built from, has passed: it may be right
    /// or not ([`fresh_for`](crate::ViewDefinition::fresh_for)).
    Expired,
    /// It is history: it stays as it was when its bucket was sealed, and is never rebuilt. Under the
    /// records that were built from it it counts as constant.
    Sealed,
}

impl Freshness {
    const ALL: [Self; 7] = [
        Self::Fresh,
        Self::Overtaken,
        Self::Suspect,
        Self::Stale,
        Self::OldVersion,
        Self::Expired,
        Self::Sealed,
    ];

    /// Whether it is [`Freshness::Fresh`].
    #[must_use]
    pub fn is_fresh(self) -> bool {
        self == Self::Fresh
    }

    /// Whether a change is the reason for doing something about it. That time passes is none: to what
    /// was built from it that comes with the time until which it counts.
    pub(crate) fn is_marked(self) -> bool {
        !self.stands() && self != Self::Expired
    }

    /// Whether it may be found right without being built.
    pub(crate) fn may_be_right(self) -> bool {
        matches!(self, Self::Suspect | Self::Expired)
    }

    /// Whether nothing is to be done about it.
    pub(crate) fn stands(self) -> bool {
        matches!(self, Self::Fresh | Self::Sealed)
    }
}

/// What a record is and where it came from, in two bytes: any two bytes are some, so that the
/// compiler finds no use for others and a record moves in whole words.
#[derive(Clone, Copy)]
pub(crate) struct Standing {
    freshness: u8,
    layer: u8,
}

impl Standing {
    #[inline]
    pub(crate) fn new(freshness: Freshness, layer: Layer) -> Self {
        Self { freshness: freshness as u8, layer: layer as u8 }
    }

    pub(crate) fn freshness(self) -> Freshness {
        Freshness::ALL[usize::from(self.freshness)]
    }

    pub(crate) fn layer(self) -> Layer {
        Layer::ALL[usize::from(self.layer)]
    }
}

impl fmt::Display for Freshness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fresh => "fresh",
            Self::Overtaken => "overtaken",
            Self::Suspect => "suspect",
            Self::Stale => "stale",
            Self::OldVersion => "old version",
            Self::Expired => "expired",
            Self::Sealed => "sealed",
        })
    }
}

/// Where a read found its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[non_exhaustive]
pub enum Layer {
    /// In memory.
    Memory,
    /// In the file.
    File,
    /// Nowhere: it was built for this read, or for another that this one waited with.
    Build,
}

impl Layer {
    const ALL: [Self; 3] = [Self::Memory, Self::File, Self::Build];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_gives_back_what_it_was_made_of() {
        for freshness in Freshness::ALL {
            for layer in Layer::ALL {
                let standing = Standing::new(freshness, layer);
                assert_eq!((standing.freshness(), standing.layer()), (freshness, layer));
            }
        }
    }
}
