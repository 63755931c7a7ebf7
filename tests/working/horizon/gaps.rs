//! What is said of what is not built yet.

use tidetable::{ErrorKind, Horizon, Missing, Span};

use super::world::*;

#[test]
fn what_is_not_built_yet_is_said_to_be_exactly_that_while_days_are_filled() {
    let world = World::new("2026-05-04T10:00Z");
    let sun = world.sun(Horizon::days(open(), -1..=1), 2).when_missing(Missing::Miss);
    let noons = ["2026-05-03T12:00Z", "2026-05-04T12:00Z", "2026-05-05T12:00Z"];
    let all: Vec<_> = noons.iter().flat_map(|noon| starts(day(noon))).collect();
    let mut steps = 0;
    loop {
        let built = world.built.lock().unwrap().clone();
        for (patio, start) in each(0..2, &all) {
            let (there, inside) = (built.contains(&(patio, start)), Span::minutes(5));
            let instant = start.checked_add(inside).unwrap();
            let peeked = sun.peek(&patio, instant).unwrap();
            assert_eq!(peeked.is_some(), there, "{patio} {start}");
            match sun.get(&patio, instant) {
                Ok(record) => assert!(there && record.bucket().start() == start),
                Err(error) => assert!(!there && error.kind() == ErrorKind::Absent),
            }
            let near = sun.nearest(&patio, start, Span::minutes(4)).unwrap();
            assert_eq!(near.map(|record| record.bucket().start()), there.then_some(start));
        }
        for patio in 0..2 {
            let timeline = sun.range(&patio, at("2026-05-02T00:00Z")..at("2026-05-08T00:00Z"));
            let found: Vec<_> =
                timeline.unwrap().iter().map(|(bucket, _)| (patio, bucket.start())).collect();
            let mut of_patio: Vec<_> = built.iter().copied().filter(|it| it.0 == patio).collect();
            of_patio.sort_unstable();
            assert_eq!(found, of_patio);
        }
        if world.next().is_none() {
            break;
        }
        steps += 1;
    }
    assert!(steps > 3, "{steps}");
    assert_eq!(world.built.lock().unwrap().len(), 2 * all.len());
}
