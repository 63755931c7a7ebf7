//! What builders sleep on.

use std::time::Instant;

use crate::sync::{Condvar, Mutex};

/// Rung whenever there may be work that was not there before. It counts, so that whoever looked
/// for work before a ring and found none does not sleep through it.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rings: Mutex<Heard>,
    rung: Condvar,
}

/// How often it had rung when somebody listened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Every ring.
    all: u64,
    /// Those for which somebody waits.
    urgent: u64,
}

impl Bell {
    /// There may be work.
    pub(crate) fn ring(&self) {
        self.rings.lock().all += 1;
        self.rung.notify_all();
    }

    /// There is work that somebody waits for, or everything ends: who rests between two pieces of
    /// work is woken too.
    pub(crate) fn call(&self) {
        let mut rings = self.rings.lock();
        rings.all += 1;
        rings.urgent += 1;
        drop(rings);
        self.rung.notify_all();
    }

    /// To be asked before looking for work.
    pub(crate) fn heard(&self) -> Heard {
        *self.rings.lock()
    }

    /// Sleeps until it has rung since, or until an instant.
    pub(crate) fn wait(&self, since: Heard, until: Option<Instant>) {
        self.wait_while(until, |now| now.all == since.all);
    }

    /// Sleeps until an instant, or until it was rung for somebody who waits.
    pub(crate) fn rest(&self, since: Heard, until: Instant) {
        self.wait_while(Some(until), |now| now.urgent == since.urgent);
    }

    /// Takes turns until all is over. Each is given what was heard before it was asked whether it is
    /// over, so that no turn sleeps through the last ring, nor through a call that came during it.
    pub(crate) fn attend(&self, is_over: impl Fn() -> bool, mut turn: impl FnMut(Heard)) {
        loop {
            let heard = self.heard();
            if is_over() {
                return;
            }
            turn(heard);
        }
    }

    fn wait_while(&self, until: Option<Instant>, silent: impl Fn(Heard) -> bool) {
        let mut rings = self.rings.lock();
        while silent(*rings) || mutant!("rings_are_counted") {
            match until {
                None => self.rung.wait(&mut rings),
                Some(until) => {
                    if self.rung.wait_until(&mut rings, until).timed_out() {
                        return;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::sync::thread;

    #[test]
    fn who_looked_before_a_ring_does_not_sleep_through_it() {
        let bell = Bell::default();
        let heard = bell.heard();
        bell.ring();
        bell.wait(heard, None);
        assert_ne!(bell.heard(), heard);
    }

    #[test]
    fn an_instant_that_has_passed_ends_the_sleep() {
        let bell = Bell::default();
        bell.wait(bell.heard(), Some(Instant::now()));
        bell.rest(bell.heard(), Instant::now());
    }

    #[test]
    fn who_rests_is_woken_only_for_somebody_who_waits() {
        let bell = Bell::default();
        let heard = bell.heard();
        bell.ring();
        // Would return before the instant if any ring woke it.
        bell.rest(heard, Instant::now());
        assert_eq!(bell.heard().urgent, heard.urgent);
        let far = Instant::now() + std::time::Duration::from_secs(3600);
        thread::scope(|scope| {
            let resting = scope.spawn(|| bell.rest(heard, far));
            bell.call();
            resting.join().unwrap();
        });
    }
}
