//! The callers who wait for syncs.

use std::time::Duration;

/// How many callers may come with the next commit, and how long it is worth waiting for them.
///
/// Callers who announce one change after the other come back as soon as they are answered, one by
/// one. A commit that began with the first of them would leave the others to the next, and so on:
/// every second sync could be spared. One that was alone before is not kept waiting.
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
/// All of them together are waited for so many times as long, which is two syncs: what those who are
/// there would save is spent then.
const PATIENCES: u32 = 2 * PATIENCE;
/// However slow the disk is.
const PATIENCE_MAX: Duration = Duration::from_millis(2);

impl Crowd {
    /// A synced commit took so long and answers so many, while so many others have come.
    pub(super) fn synced(&mut self, took: Duration, answered: usize, waiting: usize) {
        let expected = (answered + waiting).min(EXPECTED_MAX);
        *self = Self { expected, patience: (took / PATIENCE).min(PATIENCE_MAX) };
    }

    /// How long to wait for one more when so many are there and were waited for so long; `None` if
    /// all are, or if it is enough.
    pub(super) fn patience(&self, there: usize, waited: Duration) -> Option<Duration> {
        let left = (self.patience * PATIENCES).saturating_sub(waited);
        let waits = 0 < there && there < self.expected && !left.is_zero();
        waits.then(|| self.patience.min(left))
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

    /// How long the first that may come is waited for.
    fn patience(crowd: &Crowd, there: usize) -> Option<Duration> {
        crowd.patience(there, Duration::ZERO)
    }

    #[test]
    fn one_that_comes_alone_is_not_kept_waiting() {
        let mut crowd = Crowd::default();
        assert_eq!(patience(&crowd, 1), None);
        crowd.synced(SYNC, 1, 0);
        assert_eq!(patience(&crowd, 1), None);
    }

    #[test]
    fn those_who_were_answered_and_those_who_came_meanwhile_are_waited_for() {
        let mut crowd = Crowd::default();
        crowd.synced(SYNC, 1, 1);
        assert_eq!(patience(&crowd, 1), Some(SYNC / 8));
        assert_eq!(patience(&crowd, 2), None, "both are there");
        assert_eq!(patience(&crowd, 0), None, "what nobody waits for is written at once");
        crowd.synced(SYNC, 2, 0);
        assert_eq!(patience(&crowd, 1), Some(SYNC / 8));
    }

    #[test]
    fn where_many_are_there_nobody_is_waited_for() {
        let mut crowd = Crowd::default();
        crowd.synced(SYNC, 140, 110);
        assert_eq!(patience(&crowd, EXPECTED_MAX), None);
    }

    #[test]
    fn who_does_not_come_back_is_given_up() {
        let mut crowd = Crowd::default();
        crowd.synced(SYNC, 60, 4);
        crowd.give_up();
        assert_eq!(patience(&crowd, 3), None);
    }

    #[test]
    fn no_disk_is_so_slow_that_one_waits_long() {
        let mut crowd = Crowd::default();
        crowd.synced(Duration::from_secs(3), 2, 0);
        assert_eq!(patience(&crowd, 1), Some(PATIENCE_MAX));
    }

    #[test]
    fn callers_who_drip_in_one_by_one_are_waited_for_two_syncs_and_no_longer() {
        let mut crowd = Crowd::default();
        crowd.synced(SYNC, 64, 0);
        let mut waited = Duration::ZERO;
        // Each comes in the last moment of the time that it is given.
        for there in 1.. {
            let Some(patience) = crowd.patience(there, waited) else { break };
            waited += patience;
        }
        assert_eq!(waited, 2 * SYNC);
    }
}
