//! A proof, as data.

use crate::round::Round;

/// A proof: rounds of cases. A static table of them is in `proofs`.
#[derive(Clone, Copy)]
pub struct Proof {
    /// As `--only` names it.
    pub name: &'static str,
    /// What it tries, in a line.
    pub about: &'static str,
    /// How many rounds there are, if they come to an end.
    pub rounds: Option<u64>,
    pub cores: Cores,
    /// Of the seconds that all proofs have together, how large a part is this one's.
    pub share: u32,
    /// A round: what it does follows from the round's seed and number alone.
    pub round: fn(&Round<'_>),
}

/// How rounds use the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cores {
    /// A round is one thread's: as many go on at once as there are cores.
    One,
    /// A round has threads or processes of its own: one goes on at a time.
    All,
}
