//! Builders that fill days by themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use tidetable::{Grid, Horizon, ManualClock, Options, RunState, Store};

use super::world::*;

#[test]
fn builders_begin_each_day_once_and_fill_it() {
    let clock = Arc::new(ManualClock::new(at("2026-05-04T05:00Z")));
    let options = Options { clock, builders: 3, background_share: 1.0, ..Options::default() };
    let store = Store::in_memory_with(options).unwrap();
    let built = Arc::new(AtomicU64::new(0));
    let counted = built.clone();
    let definition = store.view::<u32, u64>("sun").grid(Grid::minutes(10));
    let definition = definition.horizon(Horizon::days(open(), 0..=2), || 0..40_u32);
    let sun = definition.build(move |_, patio, _| {
        counted.fetch_add(1, SeqCst);
        Ok(u64::from(*patio))
    });
    let sun = sun.unwrap();
    let expected = 40 * 73;
    while sun.completeness().unwrap().iter().any(|day| day.fresh < expected) {
        std::thread::yield_now();
    }
    assert_eq!(built.load(SeqCst), 3 * expected);
    let runs = store.runs().unwrap();
    assert_eq!(runs.len(), 3);
    assert!(runs.iter().all(|run| run.wait().unwrap().state == RunState::Completed));
}
