//! What was asked for, until it is built or taken back.

use super::*;
use crate::disk::operations::Sweep;

#[test]
fn what_was_asked_for_is_due_until_it_is_built() {
    let it = World::new();
    it.read(&it.below, 2, 5..6);
    let asked = it.want(&it.below, 2, 3..7);
    assert_eq!(asked, Asked { newly: 3, standing: 1, ..Asked::default() });
    let asked = it.want(&it.below, 2, 2..7);
    assert_eq!(asked, Asked { newly: 1, known: 3, standing: 1, revived: 0 });
    it.want(&it.above, 1, 0..1);
    assert_eq!(it.wanted(), [(2, vec![2, 3]), (2, vec![4, 6]), (1, vec![0])]);
    it.read(&it.below, 2, 3..5);
    assert_eq!(it.wanted(), [(2, vec![2]), (2, vec![6]), (1, vec![0])]);
    // Of a fill too, whose records are stored page by page.
    it.below.fill(&2, at(0)..at(8)).unwrap().complete().unwrap();
    it.read(&it.above, 1, 0..1);
    assert!(it.wanted().is_empty());
    assert_eq!(backlog(it.shared()).unwrap(), BacklogCounts::default());
}

#[test]
fn a_record_that_is_built_and_marked_at_once_answers_the_request_all_the_same() {
    let it = World::new();
    it.want(&it.above, 1, 0..1);
    let below = it.below.clone();
    let engine = it.engine.clone();
    // Announced while it is built, so that it is stale when it is stored.
    let above = ViewDefinition::new(it.engine.clone(), "overtaken").grid(Grid::minutes(1));
    let above = above.page_len(4).build(move |cx, entity: &u32, bucket| {
        let read = cx.get(&below, entity, bucket.start())?.to_native();
        let source = Source::new("outside", *entity).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| Changes::new().source(source).announce(&engine).unwrap());
        });
        Ok(read)
    });
    let above: View<u32, u64> = above.unwrap();
    it.want(&above, 1, 0..1);
    above.get(&1, at(0)).unwrap();
    assert_eq!(it.wanted(), [(1, vec![0])], "of the other view");
    assert_eq!(it.marked(&above), [(1, vec![0])]);
}

#[test]
fn a_look_goes_on_where_the_last_one_ended_and_looks_at_no_more_than_it_may() {
    let it = World::new();
    for entity in 0..10 {
        it.want(&it.below, entity, 0..1);
        it.fail(&it.below, entity, 0, 1, REST);
    }
    it.want(&it.below, 7, 0..1);
    it.want(&it.above, 3, 0..1);
    let look = |from: Option<&[u8]>, look| due_wanted(it.shared(), from, NOW, look).unwrap();
    let first = look(None, 4);
    assert_eq!(first.found, None);
    let second = look(first.next.as_deref(), 4);
    let (page, slots) = second.found.unwrap();
    assert_eq!(minutes_of(&page, slots), (7, vec![0]));
    let third = look(second.next.as_deref(), 3);
    let (page, slots) = third.found.unwrap();
    assert_eq!((minutes_of(&page, slots), third.next), ((3, vec![0]), None));
    // A cursor names the first row to look at, whether it is there or not.
    assert_eq!(look(Some(&page), 1).found.unwrap().0, page);
    assert!(look(Some(&[&*page, &[0]].concat()), 1).found.is_none());
    let none = look(None, 0);
    assert!(none.found.is_none() && none.next.is_some());
}

#[test]
fn what_is_wanted_of_a_view_without_a_definition_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let it = World::open(&path);
    it.want(&it.below, 1, 0..3);
    it.want(&it.above, 1, 4..5);
    it.engine.close().unwrap();
    drop(it);

    let clock = Arc::new(ManualClock::new(NOW));
    let engine = Arc::new(Engine::open(&path, options(&clock)).unwrap());
    let due = due_wanted(engine.shared(), None, NOW, 64).unwrap();
    assert!(due.found.is_none() && due.next.is_none());
    assert_eq!(backlog(engine.shared()).unwrap().wanted, 4);
    let below = define_below(minutes(&engine, "below"));
    let due = due_wanted(engine.shared(), None, NOW, 64).unwrap();
    let (page, slots) = due.found.unwrap();
    assert_eq!(minutes_of(&page, slots), (1, vec![0, 1, 2]));
    define_above(minutes(&engine, "above"), &below);
    let due = due_wanted(engine.shared(), due.next.as_deref(), NOW, 64).unwrap();
    let (page, slots) = due.found.unwrap();
    assert_eq!(minutes_of(&page, slots), (1, vec![4]));
}

#[test]
fn a_request_that_is_taken_back_is_due_no_more() {
    let it = World::new();
    it.want(&it.below, 1, 0..6);
    it.fail(&it.below, 1, 1, 1, REST);
    assert_eq!(it.unwant(&it.below, 1, 1..5), 4);
    assert_eq!(it.unwant(&it.below, 1, 1..5), 0);
    assert_eq!(it.wanted(), [(1, vec![0]), (1, vec![5])]);
    assert_eq!(last_failures(it.shared(), 9).unwrap(), []);
}

#[test]
fn what_was_found_to_be_there_and_is_not_any_more_stays_wanted() {
    let it = World::new();
    it.read(&it.below, 1, 0..1);
    it.fail(&it.below, 1, 1, 1, REST);
    it.want(&it.below, 1, 0..3);
    // Somebody found minutes 0 and 1; they were deleted, and asked for again, before he said so.
    let (view, pages) = (it.state(&it.below), it.pages(&it.below, 1, 0..2));
    let unwant = Unwant { view, pages, why: Unwanted::Found };
    assert_eq!(it.engine.writer().unwrap().run(unwant).unwrap(), 0);
    assert_eq!(it.wanted(), [(1, vec![1, 2])]);
}

#[test]
fn pages_of_another_view_are_refused_and_nothing_is_staged() {
    let it = World::new();
    let mut pages = it.pages(&it.below, 1, 0..1);
    pages.extend(it.pages(&it.above, 1, 0..1));
    let refused =
        it.engine.writer().unwrap().run(Want { view: it.state(&it.below), pages, now: NOW });
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Damaged);
    assert!(it.wanted().is_empty());
}

#[test]
fn slots_beyond_the_page_are_no_buckets() {
    let it = World::new();
    let (page, _) = it.at(&it.below, 1, 0);
    let pages = vec![(page, SlotSet::span(Slot(2), Slot(900)))];
    let asked = it
        .engine
        .writer()
        .unwrap()
        .run(Want { view: it.state(&it.below), pages, now: NOW })
        .unwrap();
    assert_eq!((asked.newly, it.wanted()), (2, vec![(1, vec![2, 3])]));
    it.unwant(&it.below, 1, 2..4);

    // The day on which the clocks are set forward has 23 hours.
    let hours = ViewDefinition::<u32, u64>::new(it.engine.clone(), "hours");
    let hours = hours.grid(Grid::minutes(60).pages_by_day("Europe/Stockholm"));
    let hours = it.state(&define_below(hours));
    let noon = Timestamp::from_seconds(1_743_336_000);
    let place =
        hours.grid().place(hours.grid().bucket_at(noon).unwrap(), hours.page_len()).unwrap();
    let page = PageKey::new(hours.id(), &1, place.page).as_slice().into();
    let pages = vec![(page, SlotSet::span(Slot(0), Slot(1023)))];
    let asked = it.engine.writer().unwrap().run(Want { view: hours, pages, now: NOW }).unwrap();
    assert_eq!(asked.newly, 23);
}

#[test]
fn a_deletion_takes_back_what_was_asked_for_in_its_scope() {
    let it = World::new();
    it.read(&it.below, 1, 0..2);
    for entity in 1..4 {
        it.want(&it.below, entity, 0..10);
    }
    it.want(&it.above, 1, 0..1);
    it.below.delete_range(&1, at(1)..at(5)).unwrap();
    let ones = |it: &World| {
        let wanted =
            it.wanted().into_iter().filter(|(entity, minutes)| *entity == 1 && *minutes != [0]);
        wanted.flat_map(|(_, minutes)| minutes).collect::<Vec<_>>()
    };
    assert_eq!(ones(&it), [5, 6, 7, 8, 9]);
    it.below.delete_before(at(7)).unwrap();
    assert_eq!(ones(&it), [7, 8, 9]);
    it.below.delete(&1).unwrap();
    assert_eq!(ones(&it), [0_i64; 0]);
    let left = [(2, vec![7]), (2, vec![8, 9]), (3, vec![7]), (3, vec![8, 9]), (1, vec![0])];
    assert_eq!(it.wanted(), left);
    it.below.clear().unwrap();
    assert_eq!(it.wanted(), [(1, vec![0])], "of the other view");
}

#[test]
fn a_deletion_finds_all_that_was_asked_for_however_many_pages_that_is() {
    let it = World::new();
    (0..1300).for_each(|entity| {
        let (view, pages) = (it.state(&it.below), it.pages(&it.below, entity, 0..1));
        let want = it.engine.writer().unwrap().submit(Want { view, pages, now: NOW }).unwrap();
        if entity == 1299 {
            want.wait().unwrap();
        }
    });
    it.read(&it.below, 700, 1..2);
    assert_eq!(backlog(it.shared()).unwrap().wanted, 1300);
    assert_eq!(it.below.clear().unwrap(), 1);
    assert_eq!(backlog(it.shared()).unwrap().wanted, 0);
}

#[test]
fn what_was_asked_for_goes_with_its_view() {
    let it = World::new();
    for entity in 0..5000 {
        let (view, pages) = (it.state(&it.below), it.pages(&it.below, entity, 0..1));
        let want = it.engine.writer().unwrap().submit(Want { view, pages, now: NOW }).unwrap();
        if entity == 4999 {
            want.wait().unwrap();
        }
    }
    it.fail(&it.below, 0, 0, 1, REST);
    it.want(&it.above, 1, 0..1);
    let now = it.now();
    let name = "below".to_owned();
    let writer = it.engine.writer().unwrap();
    let drop = || writer.run(crate::disk::operations::DropView { name: "below".into(), now });
    assert!(it.engine.catalog().delete(it.shared(), &name, drop).unwrap());
    while writer.run(Sweep).unwrap() {}
    assert_eq!(it.wanted(), [(1, vec![0])]);
    let counts = backlog(it.shared()).unwrap();
    assert_eq!((counts.wanted, counts.resting), (1, 0));
    assert_eq!(last_failures(it.shared(), 9).unwrap(), []);
}

#[test]
fn what_was_asked_for_is_kept_when_pages_get_another_length() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let it = World::open(&path);
    it.read(&it.below, 1, 2..3);
    it.want(&it.below, 1, 0..10);
    it.fail(&it.below, 1, 3, 5, REST);
    it.engine.close().unwrap();
    drop(it);

    let clock = Arc::new(ManualClock::new(NOW));
    let engine = Arc::new(Engine::open(&path, options(&clock)).unwrap());
    let definition = ViewDefinition::new(engine.clone(), "below").grid(Grid::minutes(1));
    let below = define_below(definition.page_len(6).version(2));
    let (mut slots, mut from) = (Vec::new(), None::<Box<[u8]>>);
    loop {
        let due = due_wanted(engine.shared(), from.as_deref(), NOW, 1).unwrap();
        slots.extend(
            due.found.map(|(_, slots)| slots.iter().map(|slot| slot.0).collect::<Vec<_>>()),
        );
        from = due.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(slots, [vec![0, 1, 3, 4, 5], vec![0, 1, 2, 3]]);
    below.fill(&1, at(0)..at(10)).unwrap().complete().unwrap();
    while engine.writer().unwrap().run(Sweep).unwrap() {}
    assert_eq!(backlog(engine.shared()).unwrap().wanted, 0);
}
