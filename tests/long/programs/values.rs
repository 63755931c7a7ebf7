//! Sets of values, as the bits of a word.

use super::plan::VALUES;

/// Which values are possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Values(u64);

impl Values {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) fn one(value: u64) -> Self {
        Self(1 << (value % VALUES))
    }

    pub(crate) fn contains(self, value: u64) -> bool {
        value < VALUES && self.0 >> value & 1 == 1
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = u64> {
        (0..VALUES).filter(move |value| self.contains(*value))
    }

    pub(crate) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn map(self, change: impl Fn(u64) -> u64) -> Self {
        self.iter().fold(Self::NONE, |all, value| all.or(Self::one(change(value))))
    }

    /// Every sum of a value of one and a value of the other.
    pub(crate) fn plus(self, other: Self) -> Self {
        self.iter().fold(Self::NONE, |all, mine| all.or(other.map(|theirs| mine + theirs)))
    }
}

impl std::fmt::Display for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
