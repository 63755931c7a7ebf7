//! How much is there.

use tidetable::{ErrorKind, Horizon, TimeRange};

use super::world::*;

#[test]
fn completeness_counts_exactly_day_by_day() {
    let world = World::new("2026-05-04T05:00Z");
    let sun = world.sun(three_days(), 4);
    let counts = || -> Vec<(u64, u64, u64)> {
        let days = sun.completeness().unwrap();
        days.iter().map(|day| (day.expected, day.present, day.fresh)).collect()
    };
    assert_eq!(counts(), [(292, 0, 0); 3]);
    // Three days are begun, and the first is filled.
    for _ in 0..4 {
        world.next();
    }
    assert_eq!(counts(), [(292, 292, 292), (292, 0, 0), (292, 0, 0)]);
    world.all();
    assert_eq!(counts(), [(292, 292, 292); 3]);
    world.store.invalidate(("cloud", 2_u32)).unwrap();
    assert_eq!(counts(), [(292, 292, 219); 3]);
    let tomorrow = day("2026-05-05T12:00Z");
    assert_eq!(sun.delete_range(&3, tomorrow).unwrap(), 73);
    assert_eq!(counts(), [(292, 292, 219), (292, 219, 146), (292, 292, 219)]);
    let days = sun.completeness().unwrap();
    assert_eq!(days[1].day, tomorrow);
    assert_eq!((days[1].present_ratio(), days[0].fresh_ratio()), (0.75, 0.75));
    // Counting builds nothing.
    assert!(world.built.lock().unwrap().is_empty());
}

#[test]
fn completeness_of_any_days_and_entities_can_be_asked_for() {
    let world = World::new("2026-05-04T05:00Z");
    let sun = world.build(world.definition("sun"));
    assert_eq!(sun.completeness().unwrap_err().kind(), ErrorKind::Input);
    let (first, last) = (day("2026-03-28T12:00Z"), day("2026-03-30T12:00Z"));
    sun.fill(&1, day("2026-03-29T12:00Z")).unwrap().complete().unwrap();
    let range = TimeRange::new(first.start(), last.end());
    let days = sun.completeness_of([1, 2], &open(), range).unwrap();
    let present: Vec<_> = days.iter().map(|day| (day.expected, day.present)).collect();
    assert_eq!(present, [(146, 0), (146, 73), (146, 0)]);
    assert_eq!((days[0].day, days[2].day), (first, last));
    let none = sun.completeness_of([] as [u32; 0], &open(), first).unwrap();
    assert_eq!((none.len(), none[0].present_ratio(), none[0].fresh_ratio()), (1, 1.0, 1.0));
    let empty = TimeRange::new(first.start(), first.start());
    assert!(sun.completeness_of([1], &open(), empty).unwrap().is_empty());
}

#[test]
fn what_lies_outside_the_hours_is_not_counted() {
    let world = World::new("2026-05-04T05:00Z");
    let sun = world.sun(Horizon::days(open(), 0..=0), 1);
    sun.fill(&0, day("2026-05-04T12:00Z")).unwrap().complete().unwrap();
    let days = sun.completeness().unwrap();
    assert_eq!((days.len(), days[0].expected, days[0].present), (1, 73, 73));
}

#[test]
fn what_a_status_page_shows_are_lines_in_words() {
    let world = World::new("2026-05-04T05:00Z");
    let view = world.build(world.definition("sun").horizon(three_days(), || 0..1_u32));
    world.failing.lock().unwrap().insert(0);
    world.all();
    let day = view.completeness().unwrap()[0].to_string();
    assert!(
        day.starts_with("day of 2026-05-03T22:00:00Z: 0 of 73 records, 0 fresh, 73 failed"),
        "{day}"
    );
    let run = world.store.runs().unwrap()[0].status().to_string();
    assert!(run.starts_with("run ") && run.contains("73 of 73 done, 73 failed"), "{run}");
    let status = view.status().unwrap();
    assert_eq!(status.expired, Some(0));
    let line = status.to_string();
    assert!(line.starts_with("sun (version 1, buckets of 10 min"), "{line}");
    assert!(line.ends_with(": 0 records, 0 fresh, 0 marked"), "{line}");
    let backlog = world.store.backlog().unwrap().to_string();
    assert!(backlog.starts_with("0 marked, 219 asked for, 0 views"), "{backlog}");
    let failed = &world.store.failures(1).unwrap()[0];
    assert_eq!(failed.to_string(), failed.error.to_string());
}
