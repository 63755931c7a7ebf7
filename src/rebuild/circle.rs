//! Builds that would wait for each other for ever.
//!
//! A build is done only when all that it reads is: what it builds itself, on its own thread or on
//! others that work for it, and what it waits for. So every wait holds up the whole path of builds
//! that led to it, and a wait for a flight on such a path closes a circle. The thread on which a
//! flight is built does not matter, and two threads of one build may well wait for one another's
//! records.

use crate::revision::Life;

use super::name::BuildName;

/// A build under way, as a step on the way to what it reads.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The number of its flight.
    pub(crate) flight: u64,
    /// The opening of the store that it builds for.
    pub(crate) life: Life,
    pub(crate) name: BuildName,
}

/// A wait: the builds that it holds up, outermost first, and the flight that it is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting<'a> {
    pub(super) path: &'a [Step],
    pub(super) flight: u64,
}

/// A flight that the one wanted waits for.
struct Reached<'a> {
    flight: u64,
    /// Where in the list stands the flight that waits for it, and the builds from there to the wait.
    through: Option<(usize, &'a [Step])>,
}

/// Whether a wait for the flight `wanted` at the end of `path` would never end: then the builds from
/// the one wanted round to the end of `path`.
pub(super) fn circle(
    wanted: u64,
    path: &[Step],
    waiting: &[Waiting<'_>],
) -> Option<Vec<BuildName>> {
    let mut reached = vec![Reached { flight: wanted, through: None }];
    let mut at = 0;
    while at < reached.len() {
        let flight = reached[at].flight;
        if let Some(closing) = from(path, flight) {
            return Some(names(&reached, at, closing));
        }
        for wait in waiting {
            if let Some(through) = from(wait.path, flight)
                && reached.iter().all(|known| known.flight != wait.flight)
            {
                reached.push(Reached { flight: wait.flight, through: Some((at, through)) });
            }
        }
        at += 1;
    }
    None
}

/// The part of a path that begins with a flight.
fn from(path: &[Step], flight: u64) -> Option<&[Step]> {
    let first = path.iter().position(|step| step.flight == flight)?;
    Some(&path[first..])
}

fn names(reached: &[Reached<'_>], last: usize, closing: &[Step]) -> Vec<BuildName> {
    let mut parts = vec![closing];
    let mut at = last;
    while let Some((before, through)) = reached[at].through {
        parts.push(through);
        at = before;
    }
    parts.into_iter().rev().flatten().map(|step| step.name.clone()).collect()
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use crate::grid::Grid;
    use crate::time::Timestamp;

    use super::*;

    fn path(flights: &[u64]) -> Vec<Step> {
        let bucket = Grid::timeless().bucket_at(Timestamp::EPOCH).unwrap();
        let step = |flight: u64| {
            let name = BuildName { view: flight.to_string().into(), bucket };
            Step { flight, life: Life::begin(), name }
        };
        flights.iter().copied().map(step).collect()
    }

    /// The numbers in a circle that a wait for `wanted` closes, with these waits there already.
    fn closes(wanted: u64, mine: &[u64], waits: &[(&[u64], u64)]) -> Option<Vec<u64>> {
        let paths: Vec<_> = waits.iter().map(|(flights, _)| path(flights)).collect();
        let waiting: Vec<_> = paths
            .iter()
            .zip(waits)
            .map(|(path, (_, flight))| Waiting { path, flight: *flight })
            .collect();
        let names = circle(wanted, &path(mine), &waiting)?;
        Some(names.iter().map(|name| name.view.parse().unwrap()).collect())
    }

    #[test]
    fn a_wait_for_what_the_path_went_through_is_a_circle() {
        assert_eq!(closes(1, &[1], &[]), Some(vec![1]));
        assert_eq!(closes(2, &[1, 2, 3], &[]), Some(vec![2, 3]));
        assert_eq!(closes(4, &[1, 2, 3], &[]), None);
    }

    #[test]
    fn a_circle_through_others_names_all_that_lie_on_it() {
        let waits: [(&[u64], u64); 3] = [(&[4, 5, 6], 7), (&[7, 8], 2), (&[5], 9)];
        assert_eq!(closes(5, &[1, 2, 3], &waits), Some(vec![5, 6, 7, 8, 2, 3]));
        assert_eq!(closes(5, &[1, 3], &waits), None);
    }

    #[test]
    fn threads_of_one_build_may_wait_for_one_another() {
        // Build 1 reads 2 and 3 at once, on two threads; 2 reads 3.
        assert_eq!(closes(3, &[1, 2], &[]), None);
        // And another reader's 4, which reads 3, while 2 waits for it.
        assert_eq!(closes(3, &[4], &[(&[1, 2], 4)]), None);
        // But 3 needs nothing of 2.
        assert_eq!(closes(2, &[1, 3], &[(&[1, 2], 3)]), Some(vec![2, 3]));
    }
}
