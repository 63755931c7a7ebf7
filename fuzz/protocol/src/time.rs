//! Time: ticks of a clock, which come between any two steps, and records that count for one of them.

use crate::state::{Cached, Disk, Held, Record, State};
use crate::topology::{LEAVES, Leaf, Topology};

/// How long something still counts: for ever, until the next tick, or no more. A clock that is only
/// ever compared needs no numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Left(Option<u8>);

impl Left {
    /// Until the next tick.
    pub const A_TICK: Left = Left(Some(1));

    /// Whether it counts no more.
    pub fn is_over(self) -> bool {
        self.0 == Some(0)
    }

    /// The shorter of two.
    pub fn least(self, other: Left) -> Left {
        match (self.0, other.0) {
            (Some(one), Some(two)) => Left(Some(one.min(two))),
            (one, two) => Left(one.or(two)),
        }
    }

    fn tick(&mut self) {
        self.0 = self.0.map(|left| left.saturating_sub(1));
    }
}

/// The clock ticks. From here on what changes silently must be seen as it is by now.
pub fn tick(topology: &Topology, state: &mut State) {
    state.spent.ticks += 1;
    for leaf in 0..LEAVES as u8 {
        if matches!(topology.leaves[leaf], Leaf::Silent(_)) {
            let application = &mut state.application;
            application.announced[leaf] = application.version[leaf];
            application.acked[leaf] = application.version[leaf];
        }
    }
    for disk in [&mut state.disk, &mut state.durable] {
        of_disk(disk);
    }
    state.cache.0.iter_mut().flatten().for_each(of_page);
    if let Some((_, Held::Alone(page))) = &mut state.shortcut {
        of_page(page);
    }
    if let Some(page) = state.fill.as_mut().and_then(|fill| fill.read.as_mut()) {
        of_page(page);
    }
    for build in state.builds.0.iter_mut().flatten() {
        build.own.tick();
        build.seen.iter_mut().for_each(|seen| seen.left.tick());
    }
    if let Some(evidence) = &mut state.evidence {
        evidence.seen.iter_mut().for_each(|seen| seen.left.tick());
    }
}

fn of_disk(disk: &mut Disk) {
    disk.records.0.iter_mut().flatten().for_each(of_record);
}

fn of_page(page: &mut Cached) {
    page.record.iter_mut().for_each(of_record);
}

fn of_record(record: &mut Record) {
    record.own.tick();
    record.left.tick();
}
