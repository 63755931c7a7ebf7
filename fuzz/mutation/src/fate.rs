//! What becomes of a mutant.

use std::time::{Duration, Instant};

use crate::mutant::Mutant;
use crate::suite::{Ended, Suite, Test};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// A test failed.
    Noticed,
    /// Tests did not come to their end, or not in their time.
    Stopped,
    /// So many tests that come by it passed, of so many.
    Alive { passed: usize, of: usize },
}

/// Tries one mutant: the tests that come by it, in growing portions, until one fails or the time is
/// over that one mutant may take.
pub fn of(number: u32, mutant: &Mutant, suite: &Suite, time: Duration) -> Fate {
    let mut tests: Vec<&Test> =
        suite.tests.iter().filter(|test| test.reaches.contains(&number)).collect();
    // Those of its own part know it best.
    let part = mutant.file.split('/').nth(1).unwrap_or_default();
    let own = format!("{}::", part.trim_end_matches(".rs"));
    tests.sort_by_key(|test| (test.program > 0, !test.name.starts_with(&own)));
    let (began, mut passed) = (Instant::now(), 0);
    for portion in portions(&tests) {
        if began.elapsed() > time {
            break;
        }
        let takes: Duration = portion.iter().map(|test| test.took).sum();
        match suite.broken(portion, number, SLOWER * takes + STARTING) {
            Ended::Passed => passed += portion.len(),
            Ended::Failed => return Fate::Noticed,
            Ended::Stopped => return Fate::Stopped,
        }
    }
    Fate::Alive { passed, of: tests.len() }
}

/// A test that takes so many times as long waits for what does not come.
const SLOWER: u32 = 10;
const STARTING: Duration = Duration::from_secs(4);
/// No further test begins a process after this, but for the next ones together.
const PORTION: Duration = Duration::from_millis(1000);

/// One test, then two, then four, of one program each, and none for too long.
fn portions<'a, 'b>(mut tests: &'a [&'b Test]) -> Vec<&'a [&'b Test]> {
    let (mut portions, mut most) = (Vec::new(), 1);
    while let [first, ..] = tests {
        let mut takes = Duration::ZERO;
        let fits = |test: &&&Test| {
            takes += test.took;
            test.program == first.program && takes <= PORTION
        };
        let many = tests.iter().take(most).take_while(fits).count().max(1);
        let (portion, rest) = tests.split_at(many);
        portions.push(portion);
        (tests, most) = (rest, 2 * most);
    }
    portions
}
