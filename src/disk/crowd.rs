//! The callers who wait for syncs.

use std::time::Duration;

/// How many callers may come with the next commit, and how long it is worth waiting for them.
///
/// Callers who announce one change after the other come back as soon as they are answered, one by
/// one. A commit that began with the first of them would leave the others to the next, and so on:
/// every second sync could be spared. One that comes alone is never kept waiting.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    /// Those who were answered with the last commit, and those who had come meanwhile.
    expected: usize,
    /// How long the next of them is waited for.
    patience: Duration,
}

/// They are waited for by this part of what a sync takes: most come back well within it, and one
/// that does not come has cost the others no more.
const PATIENCE: u32 = 8;
/// So many share a sync that it costs each of them little; more go on beside the writer meanwhile.
const EXPECTED_MAX: usize = 64;
/// However slow the disk is.
const PATIENCE_MAX: Duration = Duration::from_millis(2);

impl Crowd {
    /// A synced commit took so long and answers so many, while so many others have come.
    pub(super) fn synced(&mut self, took: Duration, answered: usize, waiting: usize) {
        let expected = (answered + waiting).min(EXPECTED_MAX);
        *self = Self { expected, patience: (took / PATIENCE).min(PATIENCE_MAX) };
    }

    /// How long to wait for one more when so many are there; `None` if all are.
    pub(super) fn patience(&self, there: usize) -> Option<Duration> {
        (0 < there && there < self.expected).then_some(self.patience)
    }

    /// One that was expected did not come in time.
    pub(super) fn give_up(&mut self) {
        self.expected = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYNC: Duration = Duration::from_micros(800);

    #[test]
    fn one_that_comes_alone_is_not_kept_waiting() {
        let mut crowd = Crowd::default();
        assert_eq!(crowd.patience(1), None);
        crowd.synced(SYNC, 1, 0);
        assert_eq!(crowd.patience(1), None);
    }

    #[test]
    fn those_who_were_answered_and_those_who_came_meanwhile_are_waited_for() {
        let mut crowd = Crowd::default();
        crowd.synced(SYNC, 1, 1);
        assert_eq!(crowd.patience(1), Some(SYNC / 8));
        assert_eq!(crowd.patience(2), None, "both are there");
        assert_eq!(crowd.patience(0), None, "what nobody waits for is written at once");
        crowd.synced(SYNC, 2, 0);
        assert_eq!(crowd.patience(1), Some(SYNC / 8));
    }

    #[test]
    fn where_many_are_there_nobody_is_waited_for() {
        let mut crowd = Crowd::default();
        crowd.synced(SYNC, 140, 110);
        assert_eq!(crowd.patience(EXPECTED_MAX), None);
    }

    #[test]
    fn who_does_not_come_back_is_given_up() {
        let mut crowd = Crowd::default();
        crowd.synced(SYNC, 60, 4);
        crowd.give_up();
        assert_eq!(crowd.patience(3), None);
    }

    #[test]
    fn no_disk_is_so_slow_that_one_waits_long() {
        let mut crowd = Crowd::default();
        crowd.synced(Duration::from_secs(3), 2, 0);
        assert_eq!(crowd.patience(1), Some(PATIENCE_MAX));
    }
}
