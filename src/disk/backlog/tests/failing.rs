//! What could not be built: when it is tried again, and what is said of it.

use super::*;
use crate::disk::operations::PAGES_IN_SCOPE_MAX;

#[test]
fn what_failed_is_due_again_at_its_time_and_the_earliest_is_told() {
    let it = World::new();
    it.want(&it.below, 1, 0..6);
    it.read(&it.below, 2, 0..2);
    it.invalidate(2);
    let later = |seconds| NOW.checked_add(Span::seconds(seconds)).unwrap();
    it.fail(&it.below, 1, 0, 1, later(5));
    it.fail(&it.below, 1, 4, 1, later(3));
    it.fail(&it.below, 1, 5, 1, REST);
    it.fail(&it.below, 2, 0, 1, later(4));
    assert_eq!(it.wanted(), [(1, vec![1, 2, 3])]);
    assert_eq!(it.marked(&it.below), [(2, vec![1])]);
    let (page, _) = it.at(&it.below, 1, 4);
    let due = due_wanted(it.shared(), Some(&page), NOW, 64).unwrap();
    assert_eq!((due.found, due.earliest), (None, Some(later(3))));
    let due = due_wanted(it.shared(), None, later(4), 64).unwrap();
    assert_eq!(due.earliest, Some(later(5)));
    let marks = due_marks(it.shared(), it.state(&it.below).id(), None, NOW, 64).unwrap();
    assert_eq!(marks.earliest, Some(later(4)));

    it.clock.set(later(5));
    assert_eq!(it.wanted(), [(1, vec![0, 1, 2, 3]), (1, vec![4])]);
    assert_eq!(it.marked(&it.below), [(2, vec![0, 1])]);
    assert_eq!(backlog(it.shared()).unwrap().resting, 1);
}

#[test]
fn what_rests_is_due_again_when_it_is_asked_for() {
    let it = World::new();
    it.read(&it.below, 1, 0..2);
    it.invalidate(1);
    it.want(&it.below, 1, 4..6);
    for minute in [0, 1, 4, 5] {
        it.fail(&it.below, 1, minute, 1, REST);
    }
    assert_eq!((it.marked(&it.below), it.wanted()), (vec![], vec![]));
    let asked = it.want(&it.below, 1, 1..5);
    assert_eq!(asked, Asked { newly: 2, known: 1, standing: 1, revived: 2 });
    assert_eq!(it.marked(&it.below), [(1, vec![1])]);
    assert_eq!(it.wanted(), [(1, vec![2, 3]), (1, vec![4])]);
    assert_eq!(it.attempts(&it.below, 1, 1), Some(0));
    assert!(it.tries(&it.below, 1, 1).unwrap().failure.is_some(), "it is still told why");
}

#[test]
fn what_rests_is_due_again_when_it_is_invalidated_in_any_way() {
    type Word = fn(&World);
    let words: [(&str, Word, bool); 7] = [
        ("source", |it| it.invalidate(1), false),
        ("kind", |it| drop(Changes::new().kind("outside").announce(&it.engine).unwrap()), false),
        ("entity", |it| drop(it.below.invalidate(&1).unwrap()), true),
        ("range", |it| drop(it.below.invalidate_range(&1, at(0)..at(9)).unwrap()), true),
        ("between", |it| drop(it.below.invalidate_between(at(0)..at(9)).unwrap()), true),
        ("all of it", |it| drop(it.below.invalidate_all().unwrap()), true),
        ("nothing", |it| it.invalidate(7), false),
    ];
    for (name, say, gaps_too) in words {
        let it = World::new();
        it.read(&it.above, 1, 0..2);
        it.invalidate(1);
        it.want(&it.below, 1, 4..5);
        it.fail(&it.below, 1, 0, 1, REST);
        it.fail(&it.below, 1, 4, 1, REST);
        it.fail(&it.above, 1, 1, 1, REST);
        say(&it);
        let nothing = name == "nothing";
        let marked = if nothing { vec![1] } else { vec![0, 1] };
        assert_eq!(it.marked(&it.below), [(1, marked)], "{name}");
        let wanted = if gaps_too { vec![(1, vec![4])] } else { vec![] };
        assert_eq!(it.wanted(), wanted, "{name}");
        // What is marked further down already is no news to those above.
        let above = if name == "all of it" { vec![0, 1] } else { vec![0] };
        assert_eq!(it.marked(&it.above), [(1, above)], "{name}");
    }
}

#[test]
fn what_rests_is_due_again_when_its_view_is_stamped_unless_it_fails_once_more() {
    let it = World::new();
    it.read(&it.below, 1, 0..1);
    it.invalidate(1);
    it.want(&it.below, 1, 1..2);
    let rest = |it: &World, attempts| {
        it.fail(&it.below, 1, 0, attempts, REST);
        it.fail(&it.below, 1, 1, attempts, REST);
    };
    rest(&it, 1);
    let before = it.shared().published();
    it.below.invalidate_all().unwrap();
    assert_eq!((it.marked(&it.below), it.wanted()), (vec![(1, vec![0])], vec![(1, vec![1])]));
    // A try that began before the view was stamped tells nothing about what is now.
    it.fail_begun(before, &it.below, (1, 1), 2, REST);
    assert_eq!(it.wanted(), [(1, vec![1])]);
    it.fail(&it.below, 1, 0, 2, REST);
    it.fail(&it.below, 1, 1, 3, REST);
    assert_eq!((it.marked(&it.below), it.wanted()), (vec![], vec![]));
    assert_eq!(it.stamped(&it.below), [], "and is found in no other place");
}

#[test]
fn what_is_invalidated_while_it_is_tried_is_tried_again_at_once() {
    let it = World::new();
    it.read(&it.below, 1, 0..1);
    it.invalidate(1);
    (1..5).for_each(|attempts| it.fail(&it.below, 1, 0, attempts, NOW));
    // The fifth try is under way.
    it.invalidate(1);
    it.fail(&it.below, 1, 0, 5, REST);
    assert_eq!(it.attempts(&it.below, 1, 0), Some(1));
    assert_eq!(it.marked(&it.below), [(1, vec![0])]);

    // So is one that was marked after its first try began.
    let begun = it.shared().published();
    it.read(&it.below, 2, 0..1);
    it.invalidate(2);
    it.fail_begun(begun, &it.below, (2, 0), 1, REST);
    assert_eq!(it.marked(&it.below), [(1, vec![0]), (2, vec![0])]);
}

#[test]
fn what_nobody_asked_for_and_failed_is_not_tried_again_at_once() {
    let it = World::new();
    it.fail(&it.below, 1, 3, 1, REST);
    assert_eq!(it.attempts(&it.below, 1, 3), Some(1));
    assert!(it.wanted().is_empty());
    it.want(&it.below, 1, 3..4);
    assert_eq!(it.wanted(), [(1, vec![3])]);
}

#[test]
fn a_failure_is_not_noted_of_a_record_that_is_right_by_now() {
    let it = World::new();
    it.read(&it.below, 1, 3..4);
    it.fail(&it.below, 1, 3, 1, REST);
    assert_eq!(it.tries(&it.below, 1, 3), None);
    assert_eq!(last_failures(it.shared(), 9).unwrap(), []);
}

#[test]
fn a_failure_is_told_until_the_record_is_built_or_spared_or_gone() {
    let it = World::new();
    it.read(&it.above, 1, 0..2);
    it.invalidate(1);
    it.fail(&it.below, 1, 0, 1, REST);
    it.clock.advance(Span::seconds(1));
    it.fail(&it.above, 1, 0, 2, REST);
    it.fail(&it.above, 1, 1, 1, NOW);
    it.clock.advance(Span::seconds(1));
    it.fail(&it.below, 1, 9, 3, REST);
    let told = it.tries(&it.below, 1, 0).unwrap().failure.unwrap();
    assert_eq!((told.kind, &*told.message, told.at), (ErrorKind::Build, "no tide", NOW));
    let attempts = |most| {
        let failures = last_failures(it.shared(), most).unwrap();
        failures.iter().map(|noted| noted.failure.attempts).collect::<Vec<_>>()
    };
    assert_eq!((attempts(9), attempts(1)), (vec![3, 1, 1, 1], vec![3]));

    // Both of these are spared: what is below came out as it was.
    it.read(&it.above, 1, 0..2);
    assert!(it.shared().metrics().records_spared > 0);
    assert_eq!(attempts(9), [3]);
    it.below.delete_range(&1, at(9)..at(10)).unwrap();
    it.read(&it.below, 2, 0..2);
    it.invalidate(2);
    it.fail(&it.below, 2, 0, 1, REST);
    assert_eq!(attempts(9), [1]);
    it.below.delete_range(&2, at(0)..at(1)).unwrap();
    assert_eq!(attempts(9), [0_u16; 0]);
    it.read(&it.below, 2, 1..2);
    assert_eq!(backlog(it.shared()).unwrap(), BacklogCounts::default());
}

#[test]
fn nothing_is_noted_of_a_view_that_is_no_more() {
    let it = World::new();
    let (page, slot) = it.at(&it.below, 1, 0);
    let page = [&9u32.to_be_bytes()[..], &page[4..]].concat().into();
    let tries = Tries { attempts: 1, next_attempt: REST };
    let failed = vec![Failed { slot, error: Error::input("no tide"), tries }];
    let begun = it.shared().published();
    let note = NoteFailures { page, failed, begun, now: NOW };
    it.engine.writer().unwrap().run(note).unwrap();
    assert_eq!(backlog(it.shared()).unwrap(), BacklogCounts::default());
}

#[test]
fn what_rests_is_due_again_when_what_it_read_is_found_right_after_a_stamp() {
    let it = World::new();
    it.read(&it.above, 1, 0..2);
    it.above.invalidate(&1).unwrap();
    it.below.invalidate_all().unwrap();
    (0..2).for_each(|minute| it.fail(&it.above, 1, minute, 1, REST));
    assert_eq!(it.marked(&it.above), []);
    // What it came out as is what it was, so that nobody is told of a change.
    it.read(&it.below, 1, 1..2);
    assert_eq!(it.marked(&it.above), [(1, vec![1])]);
}

#[test]
fn what_rests_is_due_again_when_what_it_read_is_spared() {
    let it = World::new();
    let top = define_above(minutes(&it.engine, "top"), &it.above);
    it.read(&top, 1, 0..2);
    it.invalidate(1);
    (0..2).for_each(|minute| it.fail(&top, 1, minute, 1, REST));
    it.read(&it.below, 1, 0..2);
    assert_eq!(it.marked(&top), [], "what it has read is suspect still");
    let spared = it.shared().metrics().records_spared;
    it.read(&it.above, 1, 1..2);
    assert_eq!(it.shared().metrics().records_spared, spared + 1);
    assert_eq!(it.marked(&top), [(1, vec![1])]);
}

#[test]
fn at_the_instant_at_which_it_expires_a_record_is_not_right_any_more() {
    let it = World::new();
    let view = minutes(&it.engine, "expiring").fresh_for(Span::seconds(5)).expire_past();
    let view = define_below(view);
    it.read(&view, 1, 0..1);
    let expired = view.explain(&1, at(0)).unwrap().built.unwrap().fresh_until.unwrap();
    let want = |now| {
        let (view, pages) = (it.state(&view), it.pages(&view, 1, 0..1));
        it.engine.writer().unwrap().run(Want { view, pages, now }).unwrap()
    };
    it.clock.set(expired.checked_sub(Span::millis(1)).unwrap());
    it.fail(&view, 1, 0, 1, REST);
    assert_eq!(it.tries(&view, 1, 0), None);
    assert_eq!(want(it.now()).standing, 1);
    it.clock.set(expired);
    it.fail(&view, 1, 0, 1, REST);
    assert_eq!(it.attempts(&view, 1, 0), Some(1));
    assert_eq!(want(it.now()).standing, 0);
}

#[test]
#[ignore = "takes some seconds without optimisation"]
fn what_rests_is_due_again_however_much_of_a_scope_was_asked_for() {
    let it = World::new();
    let last = 4 * i64::try_from(PAGES_IN_SCOPE_MAX).unwrap();
    it.want(&it.below, 1, 0..last + 1);
    it.fail(&it.below, 1, last, 1, REST);
    let is_due = |it: &World| {
        let (page, _) = it.at(&it.below, 1, last);
        due_wanted(it.shared(), Some(&page), NOW, 64).unwrap().found.is_some()
    };
    assert!(!is_due(&it));
    let before = it.state(&it.below).stamp();
    it.below.invalidate(&1).unwrap();
    assert!(is_due(&it));
    assert_ne!(it.state(&it.below).stamp(), before, "by a stamp of the whole view");
}
