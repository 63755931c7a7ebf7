//! Rounds in turns: every engine once, then all again, each round begun by another one and each engine
//! behind another one. What the machine does meanwhile falls on all of them, and so does what an engine
//! leaves to the next: memory that was in use, a disk that is busy with files that are gone.

use crate::spread::Spread;

/// One engine at one work: does a round of it and says what it came to.
pub struct Contender<'a, T = f64> {
    pub engine: &'static str,
    round: Box<dyn FnMut() -> T + 'a>,
}

impl<'a, T> Contender<'a, T> {
    pub fn new(engine: &'static str, round: impl FnMut() -> T + 'a) -> Self {
        Self { engine, round: Box::new(round) }
    }
}

/// What the rounds of each engine came to.
pub struct Done<T>(Vec<(&'static str, Vec<T>)>);

impl<T> Done<T> {
    /// One figure of each engine's rounds; of those alone that have it.
    pub fn spreads(&self, figure: impl Fn(&T) -> Option<f64>) -> Vec<(&'static str, Spread)> {
        let of = |(engine, rounds): &(&'static str, Vec<T>)| {
            let samples: Option<Vec<f64>> = rounds.iter().map(&figure).collect();
            samples.map(|samples| (*engine, Spread::of(samples)))
        };
        self.0.iter().filter_map(of).collect()
    }
}

/// Lets all of them do so many rounds, after one that does not count.
pub fn alternate(rounds: usize, contenders: Vec<Contender<'_>>) -> Vec<(&'static str, Spread)> {
    alternate_warm(rounds, contenders).spreads(|sample| Some(*sample))
}

/// The same without a round before: for works that begin anew each time, or that wear out what they
/// work on.
pub fn alternate_cold(
    rounds: usize,
    contenders: Vec<Contender<'_>>,
) -> Vec<(&'static str, Spread)> {
    run(rounds, contenders).spreads(|sample| Some(*sample))
}

/// As [`alternate`], of rounds that come to more than one figure.
pub fn alternate_warm<T>(rounds: usize, mut contenders: Vec<Contender<'_, T>>) -> Done<T> {
    contenders.iter_mut().for_each(|contender| _ = (contender.round)());
    run(rounds, contenders)
}

/// As [`alternate_cold`], of rounds that come to more than one figure.
pub fn run<T>(rounds: usize, mut contenders: Vec<Contender<'_, T>>) -> Done<T> {
    let count = contenders.len();
    let mut samples: Vec<Vec<T>> = (0..count).map(|_| Vec::new()).collect();
    for round in 0..rounds {
        for turn in 0..count {
            let next = (round + zigzag(turn, count)) % count;
            samples[next].push((contenders[next].round)());
        }
    }
    Done(contenders.iter().map(|contender| contender.engine).zip(samples).collect())
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
