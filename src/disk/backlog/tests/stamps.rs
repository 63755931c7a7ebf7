//! Stamped views, looked through page by page.

use super::*;
use crate::disk::Stamp;
use crate::disk::operations::NoteSweep;

fn note(it: &World, view: &View<u32, u64>, stamp: Stamp, cursor: Option<Box<[u8]>>) {
    let view = it.state(view).id();
    it.engine.writer().unwrap().run(NoteSweep { view, stamp, cursor }).unwrap();
}

fn sweep(it: &World, view: &View<u32, u64>) -> SweepState {
    sweep_of(it.shared(), &it.state(view)).unwrap()
}

fn begun_at(state: SweepState) -> (Stamp, Option<Box<[u8]>>) {
    match state {
        SweepState::At { stamp, cursor } => (stamp, cursor),
        SweepState::Done => panic!("there is something to sweep"),
    }
}

#[test]
fn what_is_not_right_by_its_views_stamps_is_due_until_it_is_built_again() {
    let it = World::new();
    for entity in 1..4 {
        it.read(&it.above, entity, 2..6);
    }
    assert_eq!((it.stamped(&it.below), it.stamped(&it.above)), (vec![], vec![]));
    it.below.invalidate_all().unwrap();
    let pages: Vec<_> =
        (1..4).flat_map(|entity| [(entity, vec![2, 3]), (entity, vec![4, 5])]).collect();
    assert_eq!((it.stamped(&it.below), it.stamped(&it.above)), (pages.clone(), pages.clone()));
    assert_eq!((it.marked(&it.below), it.marked(&it.above)), (vec![], vec![]));

    it.read(&it.below, 2, 2..5);
    let left = [(1, vec![2, 3]), (1, vec![4, 5]), (2, vec![5]), (3, vec![2, 3]), (3, vec![4, 5])];
    assert_eq!(it.stamped(&it.below), left);
    it.read(&it.above, 2, 2..6);
    assert_eq!(it.stamped(&it.above).len(), 4, "spared is right again");

    let state = it.state(&it.below);
    let look =
        |from: Option<&[u8]>, look| due_stamped(it.shared(), &state, from, NOW, look).unwrap();
    let first = look(None, 1);
    let second = look(first.next.as_deref(), 1);
    let (page, slots) = second.found.unwrap();
    assert_eq!(minutes_of(&page, slots), (1, vec![4, 5]));
    let third = look(second.next.as_deref(), 1);
    assert!(third.found.is_none() && third.next.is_some());
}

#[test]
fn records_are_found_by_their_version_from_memory_and_from_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let it = World::open(&path);
    it.read(&it.below, 1, 0..3);
    it.engine.close().unwrap();
    drop(it);

    let clock = Arc::new(ManualClock::new(NOW));
    let engine = Engine::open(&path, options(&clock)).unwrap();
    let engine = Arc::new(engine);
    let below = define_below(minutes(&engine, "below").version(2));
    let above = define_above(minutes(&engine, "above"), &below);
    let it = World { engine, clock, below, above };
    assert_eq!(it.stamped(&it.below), [(1, vec![0, 1, 2])]);
    it.read(&it.below, 1, 1..2);
    assert_eq!(it.stamped(&it.below), [(1, vec![0, 2])]);
}

#[test]
fn what_is_marked_or_wanted_or_history_is_left_out() {
    let it = World::new();
    it.clock.set(at(5));
    let view = define_below(minutes(&it.engine, "view").seal_after(Span::minutes(1)));
    it.read(&view, 1, 2..8);
    view.invalidate_range(&1, at(4)..at(5)).unwrap();
    view.invalidate_all().unwrap();
    assert_eq!(it.stamped(&view), [(1, vec![5, 6, 7])]);
    // One that failed stands among what is wanted from then on.
    it.fail(&view, 1, 6, 1, REST);
    assert_eq!(it.stamped(&view), [(1, vec![5, 7])]);
    assert_eq!((it.wanted(), it.attempts(&view, 1, 6)), (vec![], Some(1)));
    it.clock.set(at(8));
    assert_eq!(it.stamped(&view), [(1, vec![7])]);
    it.want(&view, 1, 6..7);
    assert_eq!(it.wanted(), [(1, vec![6])]);
    // What is history when it fails is right as it is.
    it.fail(&view, 1, 5, 1, NOW);
    assert_eq!(it.tries(&view, 1, 5), None);
}

#[test]
fn a_view_is_swept_once_for_its_stamps_and_anew_for_higher_ones() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let it = World::open(&path);
    it.read(&it.above, 1, 2..6);
    assert_eq!(sweep(&it, &it.below), SweepState::Done, "nothing was ever stamped");
    it.below.invalidate_all().unwrap();
    let (stamp, cursor) = begun_at(sweep(&it, &it.below));
    assert_eq!(cursor, None);
    let (page, _) = it.at(&it.below, 1, 4);
    note(&it, &it.below, stamp, Some(page.clone()));
    assert_eq!(begun_at(sweep(&it, &it.below)), (stamp, Some(page.clone())));
    it.engine.close().unwrap();
    drop(it);

    let it = World::open(&path);
    assert_eq!(begun_at(sweep(&it, &it.below)), (stamp, Some(page.clone())));
    note(&it, &it.below, stamp, None);
    assert_eq!(sweep(&it, &it.below), SweepState::Done);
    assert!(matches!(sweep(&it, &it.above), SweepState::At { cursor: None, .. }));
    assert_eq!(backlog(it.shared()).unwrap().stamped, 1);
    it.below.invalidate_all().unwrap();
    let (higher, cursor) = begun_at(sweep(&it, &it.below));
    assert!(higher != stamp && cursor.is_none());
    // A note of the sweep before says nothing about this one, and takes nothing from it.
    note(&it, &it.below, stamp, None);
    assert_eq!(begun_at(sweep(&it, &it.below)), (higher, None));
    note(&it, &it.below, higher, Some(page.clone()));
    note(&it, &it.below, stamp, None);
    assert_eq!(begun_at(sweep(&it, &it.below)), (higher, Some(page)));
}
