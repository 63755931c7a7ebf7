//! Rounds in turns: every engine once, then all again, each round begun by another one and each engine
//! behind another one. What the machine does meanwhile falls on all of them, and so does what an engine
//! leaves to the next: memory that was in use, a disk that is busy with files that are gone.

use crate::spread::Spread;

/// One engine at one work: does a round of it and says what it came to.
pub struct Contender<'a> {
    pub engine: &'static str,
    round: Box<dyn FnMut() -> f64 + 'a>,
}

impl<'a> Contender<'a> {
    pub fn new(engine: &'static str, round: impl FnMut() -> f64 + 'a) -> Self {
        Self { engine, round: Box::new(round) }
    }
}

/// Lets all of them do so many rounds, after one that does not count.
pub fn alternate(rounds: usize, contenders: Vec<Contender<'_>>) -> Vec<(&'static str, Spread)> {
    run(rounds, true, contenders)
}

/// The same without a round before: for works that begin anew each time, or that wear out what they
/// work on.
pub fn alternate_cold(
    rounds: usize,
    contenders: Vec<Contender<'_>>,
) -> Vec<(&'static str, Spread)> {
    run(rounds, false, contenders)
}

fn run(
    rounds: usize,
    warm: bool,
    mut contenders: Vec<Contender<'_>>,
) -> Vec<(&'static str, Spread)> {
    if warm {
        contenders.iter_mut().for_each(|contender| _ = (contender.round)());
    }
    let count = contenders.len();
    let mut samples = vec![Vec::new(); count];
    for round in 0..rounds {
        for turn in 0..count {
            let next = (round + zigzag(turn, count)) % count;
            samples[next].push((contenders[next].round)());
        }
    }
    let spreads = samples.into_iter().map(Spread::of);
    contenders.iter().map(|contender| contender.engine).zip(spreads).collect()
}

/// 0, 1, -1, 2, -2 and so on, of so many: no two neighbours are as far apart as two others.
fn zigzag(turn: usize, count: usize) -> usize {
    if turn.is_multiple_of(2) { count - turn / 2 } else { turn.div_ceil(2) }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// In which order so many are asked in so many rounds.
    fn order(rounds: usize, engines: &[&'static str]) -> String {
        let order = RefCell::new(String::new());
        let contender = |name: &&'static str| {
            let (name, order) = (*name, &order);
            Contender::new(name, move || {
                order.borrow_mut().push_str(name);
                1.0
            })
        };
        let spreads = alternate_cold(rounds, engines.iter().map(contender).collect());
        assert_eq!(spreads.len(), engines.len());
        order.into_inner()
    }

    #[test]
    fn each_round_is_begun_by_another() {
        assert_eq!(order(3, &["a", "b", "c"]), "abcbcacab");
    }

    #[test]
    fn none_is_always_behind_the_same() {
        let order = order(6, &["a", "b", "c", "d", "e", "f"]);
        let rounds = order.as_bytes().chunks(6);
        let mut pairs: Vec<&[u8]> = rounds.clone().flat_map(|round| round.windows(2)).collect();
        pairs.sort_unstable();
        pairs.dedup();
        assert_eq!(pairs.len(), 6 * 5, "each behind each other once");
        assert!(rounds.into_iter().all(|round| (b'a'..=b'f').all(|name| round.contains(&name))));
    }
}
