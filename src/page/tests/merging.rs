//! New pages out of old ones: which record stays, and which facts it keeps.

use super::*;
use crate::page::merge::{Fate, Merged, import, merge, without};

fn numbers(slots: u32, records: &[(u32, u64)], facts: Facts, origin: Origin) -> Page {
    let mut page = builder::<u64>(slots);
    for (slot, value) in records {
        let bytes = serialize(value).unwrap();
        page.add(Slot(*slot), origin, facts, 5, &bytes).unwrap();
    }
    page.finish()
}

/// Facts of a build that began when `begun` was published.
fn begun(begun: u64) -> Facts {
    let zero = Revision::ZERO;
    Facts { begun: Revision::from_raw(begun), verified: zero, changed: zero, ..facts(0) }
}

fn apply(standing: Option<&Page>, given: Page, revision: u64) -> Merged {
    merge(standing, given, Revision::from_raw(revision), &RecordShape::of::<u64>()).unwrap()
}

/// How many records changed, did not, gave way.
fn counts(merged: &Merged) -> (u32, u32, u32) {
    (merged.changed.len(), merged.unchanged.len(), merged.superseded.len())
}

fn goes(goes: bool) -> Fate {
    if goes { Fate::Goes } else { Fate::Stays }
}

/// Slot, value, V, C of every record.
fn values(page: &Page) -> Vec<(u32, u64, u64, u64)> {
    let value = |slot| super::super::access::<u64>(page, slot).to_native();
    let facts = |slot| (page.facts(slot).verified.get(), page.facts(slot).changed.get());
    page.present().map(|slot| (slot.0, value(slot), facts(slot).0, facts(slot).1)).collect()
}

#[test]
fn what_is_stored_first_changed_then() {
    let given = numbers(4, &[(1, 10), (3, 30)], begun(6), Origin::Built);
    let merged = apply(None, given, 7);
    assert_eq!(values(&merged.page), [(1, 10, 7, 7), (3, 30, 7, 7)]);
    assert!(merged.as_given);
    assert_eq!(counts(&merged), (2, 0, 0));
}

#[test]
fn the_same_bytes_keep_when_they_changed_and_others_raise_it() {
    let first = numbers(4, &[(0, 1), (1, 10), (3, 30)], begun(6), Origin::Built);
    let first = apply(None, first, 7).page;
    let second = numbers(4, &[(1, 10), (2, 20), (3, 31)], begun(8), Origin::Built);
    let merged = apply(Some(&first), second, 9);
    let expected = [(0, 1, 7, 7), (1, 10, 9, 7), (2, 20, 9, 9), (3, 31, 9, 9)];
    assert_eq!(values(&merged.page), expected);
    assert_eq!(counts(&merged), (2, 1, 0));
    assert!(!merged.as_given, "slot 0 was not given");
}

#[test]
fn a_built_record_never_replaces_one_verified_after_its_build_began() {
    let standing = numbers(2, &[(0, 1), (1, 1)], begun(6), Origin::Built);
    let standing = apply(None, standing, 7).page;
    let late = numbers(2, &[(0, 2)], begun(6), Origin::Built);
    let merged = apply(Some(&standing), late, 9);
    assert_eq!(values(&merged.page), [(0, 1, 7, 7), (1, 1, 7, 7)]);
    assert_eq!((counts(&merged), merged.as_given), ((0, 0, 1), false));
    let partly = apply(None, numbers(2, &[(0, 1)], begun(6), Origin::Built), 7).page;
    let late = numbers(2, &[(1, 2)], begun(6), Origin::Built);
    let merged = apply(Some(&partly), late, 9);
    assert_eq!(values(&merged.page), [(0, 1, 7, 7), (1, 2, 9, 9)], "nothing stood there");
    let in_time = numbers(2, &[(0, 2)], begun(7), Origin::Built);
    let merged = apply(Some(&standing), in_time, 9);
    assert_eq!(values(&merged.page), [(0, 2, 9, 9), (1, 1, 7, 7)]);
}

#[test]
fn what_is_put_always_replaces() {
    let standing = apply(None, numbers(1, &[(0, 1)], begun(6), Origin::Put), 7).page;
    let put = apply(Some(&standing), numbers(1, &[(0, 2)], begun(3), Origin::Put), 9);
    assert_eq!(values(&put.page), [(0, 2, 9, 9)]);
    assert!(put.page.was_put(Slot(0)) && put.as_given);
    let built = apply(Some(&put.page), numbers(1, &[(0, 3)], begun(9), Origin::Built), 11).page;
    assert!(!built.was_put(Slot(0)));
}

#[test]
fn pages_whose_day_came_to_hold_another_number_of_buckets_merge() {
    let long = apply(None, numbers(150, &[(0, 1), (149, 2)], begun(1), Origin::Put), 2).page;
    let short = numbers(144, &[(0, 3)], begun(2), Origin::Built);
    let merged = apply(Some(&long), short, 3);
    assert_eq!(values(&merged.page), [(0, 3, 3, 3), (149, 2, 2, 2)]);
    assert!(merged.page.slots() == 150 && !merged.as_given);
    let short = apply(None, numbers(144, &[(0, 1)], begun(1), Origin::Put), 2).page;
    let merged = apply(Some(&short), numbers(150, &[(149, 2)], begun(2), Origin::Built), 3);
    assert_eq!(values(&merged.page), [(0, 1, 2, 2), (149, 2, 3, 3)]);
}

#[test]
fn behind_the_last_slot_of_a_page_nothing_was_left_whatever_its_records_are() {
    // Bytes that would say, in a slot table, that retention left facts there.
    let tombs = |slots: u32, at: u32| {
        let mut page = builder::<[u8; 16]>(slots);
        add(&mut page, at, begun(1), &[3_u8; 16]);
        page.finish()
    };
    let short = tombs(2, 0);
    assert!(!short.is_tombstone(Slot(2)) && !short.has_facts(Slot(2)));
    let shape = RecordShape::of::<[u8; 16]>();
    let merged = merge(Some(&short), tombs(4, 3), Revision::from_raw(3), &shape).unwrap();
    assert_eq!(merged.page.present().collect::<Vec<_>>(), [Slot(0), Slot(3)]);
    assert!((0..4).all(|slot| !merged.page.is_tombstone(Slot(slot))));
}

#[test]
fn import_moves_records_with_all_that_is_known_of_them() {
    let shape = RecordShape::of::<u64>();
    let from = numbers(4, &[(0, 10), (2, 12), (3, 13)], facts(8), Origin::Put);
    let moves = [(&from, Slot(0), Slot(5)), (&from, Slot(3), Slot(1))];
    let first = import(None, 8, moves.into_iter(), &shape).unwrap();
    assert_eq!(values(&first), [(1, 13, 9, 4), (5, 10, 9, 4)]);
    assert_eq!(*first.facts(Slot(5)), facts(8));
    assert!(first.was_put(Slot(5)) && first.build_micros(Slot(5)) == 5);
    let again = [(&from, Slot(2), Slot(5)), (&from, Slot(2), Slot(6))];
    let second = import(Some(&first), 8, again.into_iter(), &shape).unwrap();
    assert_eq!(values(&second), [(1, 13, 9, 4), (5, 10, 9, 4), (6, 12, 9, 4)]);
}

#[test]
fn what_a_record_read_is_not_taken_along_into_another_page() {
    let read = Facts { dependencies: 0x66, ..facts(8) };
    let from = numbers(4, &[(0, 10)], read, Origin::Built);
    let moves = [(&from, Slot(0), Slot(5))];
    let page = import(None, 8, moves.into_iter(), &RecordShape::of::<u64>()).unwrap();
    assert_eq!(*page.facts(Slot(5)), Facts { dependencies: 0, ..read });
}

#[test]
fn without_drops_what_is_named_and_keeps_the_rest_as_it_was() {
    let shape = RecordShape::of::<u64>();
    let page = numbers(4, &[(0, 10), (2, 12), (3, 13)], facts(8), Origin::Put);
    let (left, dropped) = without(&page, |slot| goes(slot.0 == 2), &shape).unwrap();
    let left = left.unwrap();
    assert_eq!((values(&left), dropped), (vec![(0, 10, 9, 4), (3, 13, 9, 4)], vec![Slot(2)]));
    assert_eq!((left.slots(), left.was_put(Slot(0))), (4, true));
    let (all, dropped) = without(&left, |slot| goes(slot.0 == 1), &shape).unwrap();
    assert_eq!((said(&all.unwrap()), dropped), (said(&left), vec![]));
    let (none, dropped) = without(&left, |_| goes(true), &shape).unwrap();
    assert!(none.is_none() && dropped.len() == 2);
}

#[test]
fn a_page_whose_facts_or_bytes_came_out_otherwise_is_not_as_given() {
    let standing = apply(None, numbers(2, &[(0, 1), (1, 1)], begun(6), Origin::Put), 7).page;
    let partly = numbers(2, &[(0, 1), (1, 2)], begun(8), Origin::Put);
    let merged = apply(Some(&standing), partly, 9);
    assert_eq!(values(&merged.page), [(0, 1, 9, 7), (1, 2, 9, 9)]);
    assert!(!merged.as_given, "the given body knows one entry of facts");
    let twice = numbers(2, &[(0, 1), (0, 2), (1, 2)], begun(8), Origin::Put);
    assert!(!apply(Some(&standing), twice, 9).as_given, "the given body is longer");
}

#[test]
fn what_is_left_of_a_record_keeps_its_facts_beside_those_of_others() {
    let mut page = builder::<u64>(4);
    for slot in 0..4 {
        let facts = Facts { dependencies: slot, ..begun(u64::from(slot) + 1) };
        add(&mut page, slot, facts, &7_u64);
    }
    let page = page.finish();
    let fate = |slot: Slot| match slot.0 {
        1 => Fate::Goes,
        2 => Fate::LeavesFacts,
        _ => Fate::Stays,
    };
    let shape = RecordShape::of::<u64>();
    let (left, gone) = without(&page, fate, &shape).unwrap();
    let left = left.unwrap();
    assert_eq!(gone, [Slot(1), Slot(2)]);
    // Once more, as it was left.
    let (again, none) = without(&left, |_| Fate::Stays, &shape).unwrap();
    assert!(none.is_empty());
    for left in [left, again.unwrap()] {
        let has_facts: Vec<u32> = (0..4).filter(|slot| left.has_facts(Slot(*slot))).collect();
        assert_eq!(has_facts, [0, 2, 3]);
        assert!(left.is_tombstone(Slot(2)) && left.holds(Slot(3)));
        assert!(has_facts.iter().all(|at| left.facts(Slot(*at)) == page.facts(Slot(*at))));
    }
}
