//! How much of a shard is its window: found by trying.

/// A hill climber over the window's part of a shard.
///
/// A workload that asks again soon wants a large window, one of lasting favourites a small one, and
/// no fixed part suits both. So it goes one way as long as the hit ratio rises, and turns
/// when it falls.
#[derive(Debug)]
pub(super) struct Climb {
    part: f64,
    step: f64,
    ratio_before: f64,
    hits: u32,
    requests: u32,
}

const PART_MIN: f64 = 0.01;
const PART_MAX: f64 = 0.80;
/// Small at first: a large cache turns seldom, and most are best with a small window.
const STEP_FIRST: f64 = 0.02;
const STEP: f64 = 0.04;
/// Steps shrink so that a steady workload comes to rest.
const STEP_DECAY: f64 = 0.98;
/// A change of the hit ratio beyond this is another workload: take full steps again.
const RATIO_JUMP: f64 = 0.05;
/// So many that the hit ratio tells of the window and not of chance: with half of them real traces had
/// it turn to and fro.
const REQUESTS_A_PAGE: usize = 20;
const REQUESTS_MIN: usize = 1000;

impl Climb {
    pub(super) fn new() -> Self {
        Self { part: PART_MIN, step: STEP_FIRST, ratio_before: 0.0, hits: 0, requests: 0 }
    }

    /// How much of a share is the window's.
    pub(super) fn window_of(&self, share: usize) -> usize {
        (share as f64 * self.part) as usize
    }

    pub(super) fn record(&mut self, hit: bool, times: u64, pages: usize) {
        let times = u32::try_from(times).unwrap_or(u32::MAX);
        self.hits = self.hits.saturating_add(if hit { times } else { 0 });
        self.requests = self.requests.saturating_add(times);
        if self.requests as usize >= (REQUESTS_A_PAGE * pages).max(REQUESTS_MIN) {
            self.turn();
        }
    }

    fn turn(&mut self) {
        let ratio = f64::from(self.hits) / f64::from(self.requests);
        let change = ratio - self.ratio_before;
        if change < 0.0 {
            self.step = -self.step;
        }
        self.part = (self.part + self.step).clamp(PART_MIN, PART_MAX);
        self.step = if change.abs() >= RATIO_JUMP {
            STEP.copysign(self.step)
        } else {
            self.step * STEP_DECAY
        };
        self.ratio_before = ratio;
        (self.hits, self.requests) = (0, 0);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const SHARE: usize = 1_000_000;

    /// A turn's requests, so many of a hundred of which are hits, and the window after it.
    fn turn(climb: &mut Climb, hits: u64) -> usize {
        climb.record(true, 10 * hits, 0);
        climb.record(false, 10 * (100 - hits), 0);
        climb.window_of(SHARE)
    }

    #[test]
    fn the_window_goes_one_way_while_hits_rise_and_turns_when_they_fall() {
        let mut climb = Climb::new();
        assert_eq!(climb.window_of(SHARE), 10_000);
        let turns = [
            // Of a hundred, and parts of a million: from nothing to half is a jump, a full step next.
            (50, 30_000),
            (54, 70_000),
            // Smaller steps while it changes little.
            (58, 109_200),
            (56, 70_784),
            (58, 33_136),
            // No further than to the least; a jump, and a full step next.
            (70, 10_000),
            (60, 50_000),
        ];
        for (hits, expected) in turns {
            let window = turn(&mut climb, hits);
            assert!(window.abs_diff(expected) <= 1, "{window} after {hits}, not {expected}");
        }
    }

    #[test]
    fn the_window_goes_on_while_hits_stay_as_they_are() {
        let mut climb = Climb::new();
        let windows: Vec<usize> = (0..4).map(|_| turn(&mut climb, 50)).collect();
        assert!(windows.is_sorted_by(|before, after| before < after), "{windows:?}");
    }

    #[test]
    fn a_larger_shard_looks_at_more_requests_before_it_turns() {
        let mut climb = Climb::new();
        climb.record(true, 3_999, 200);
        assert_eq!(climb.window_of(SHARE), 10_000);
        climb.record(true, 1, 200);
        assert!(climb.window_of(SHARE) > 10_000);
    }
}
