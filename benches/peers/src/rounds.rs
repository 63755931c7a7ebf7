//! Rounds in turns: every engine once, then all again, each round begun by another one. What the
//! machine does meanwhile falls on all of them.

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
            let next = (round + turn) % count;
            samples[next].push((contenders[next].round)());
        }
    }
    let spreads = samples.into_iter().map(Spread::of);
    contenders.iter().map(|contender| contender.engine).zip(spreads).collect()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn each_round_is_begun_by_another() {
        let order = RefCell::new(String::new());
        let contender = |name: &'static str| {
            let order = &order;
            Contender::new(name, move || {
                order.borrow_mut().push_str(name);
                1.0
            })
        };
        let spreads = alternate_cold(3, vec![contender("a"), contender("b"), contender("c")]);
        assert_eq!(*order.borrow(), "abcbcacab");
        assert_eq!(spreads.len(), 3);
    }
}
