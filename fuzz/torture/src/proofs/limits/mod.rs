//! Every limit, one below, at and one above it.

use crate::proof::{Cores, Proof};
use crate::round::Round;

pub const PROOF: Proof = Proof {
    name: "limits",
    about: "every limit, one below, at and one above it",
    rounds: Some(LIMITS.len() as u64),
    cores: Cores::One,
    share: 1,
    round,
};

type Limit = fn(&Round<'_>);

const LIMITS: &[Limit] = &[options];

fn round(round: &Round<'_>) {
    LIMITS[round.number as usize](round);
}

/// How many threads may build.
fn options(round: &Round<'_>) {
    for (builders, may) in [(0, true), (1, true), (63, true), (64, true), (65, false)] {
        round.case(|| {
            let options = tidetable::Options { builders, ..tidetable::Options::default() };
            let opened = tidetable::Store::in_memory_with(options);
            match opened.is_ok() == may {
                true => Ok(()),
                false => Err(format!("{builders} builders: {:?}", opened.err())),
            }
        });
    }
}
