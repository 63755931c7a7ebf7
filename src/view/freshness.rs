//! What may be believed of a record, and where it came from.

use std::fmt;

/// What may be believed of a record, decided when the read returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[non_exhaustive]
pub enum Freshness {
    /// It contains every change that was announced before the read began.
    Fresh,
    /// It was built after the read began, and something it needs moved meanwhile.
    Overtaken,
    /// Something it was built from may have changed.
    Suspect,
    /// Something it was built from has changed.
    Stale,
    /// An older version of the view built it.
    OldVersion,
    /// The time for which it counts has passed.
    Expired,
    /// It is history: it is never rebuilt.
    Sealed,
}

impl Freshness {
    /// Whether it is [`Freshness::Fresh`].
    #[must_use]
    pub fn is_fresh(self) -> bool {
        self == Self::Fresh
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
