//! Builds that take longer than they should.

use std::time::{Duration, Instant};

use crate::common::still;
use tidetable::Span;

use super::world::{World, define, minute};

#[test]
fn a_run_over_its_deadline_is_counted_and_named() {
    let world = World::with(still::options(), |definition| definition);
    let slow = define(&world.store).version(2).build_deadline(Span::millis(1));
    let slow = slow.build(|_, _, _| {
        // Time that passes, however fast the machine is.
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(2) {
            std::hint::spin_loop();
        }
        Ok(1)
    });
    assert!(slow.unwrap().get(&1, minute(5)).is_ok());
    assert_eq!(world.store.metrics().builds_slow, 1);
    let told = world.store.last_slow().unwrap().to_string();
    assert!(told.starts_with("view 'tide', bucket 1970-01-01T00:05"), "{told}");
    assert!(told.ends_with("1 ms is what one may take"), "{told}");
}

#[test]
fn a_run_within_its_deadline_or_without_one_is_not_slow() {
    let world = World::with(still::options(), |view| view.build_deadline(Span::hours(1)));
    world.view.get(&1, minute(0)).unwrap();
    let free = World::with(still::options(), |definition| definition);
    free.view.get(&1, minute(0)).unwrap();
    for store in [world.store, free.store] {
        assert!(store.metrics().builds_slow == 0 && store.last_slow().is_none());
    }
}
