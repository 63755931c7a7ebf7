//! What comes first.

use tidetable::report::Reason;
use tidetable::{Freshness, Grid, Marked, TimeRange};

use super::world::{World, done, minute};

#[test]
fn what_is_marked_is_built_page_by_page_and_upstream_first() {
    let world = World::new();
    // Defined in an order that is not the one to build in.
    let low = world.view("low");
    let above = world.sum("above", &[&low]);
    let top = world.sum("top", &[&above, &low]);
    for at in [3, 4, 12] {
        top.get(&1, minute(at)).unwrap();
    }
    assert!(world.next().is_none(), "nothing is marked");
    world.store.invalidate(("low", 1)).unwrap();
    let marked = |view, minutes: &[i64]| done(Reason::Marked, view, minutes);
    let first = world.next().unwrap();
    assert_eq!(first, marked("low", &[3, 4]));
    assert_eq!(world.next().unwrap(), marked("low", &[12]));
    // What was built is the same: the others are found right without a build, page by page.
    assert_eq!(world.next().unwrap(), marked("above", &[3, 4]));
    let builds = world.store.metrics().builds;
    assert_eq!(world.all(), [marked("above", &[12]), marked("top", &[3, 4]), marked("top", &[12])]);
    assert_eq!(world.store.metrics().builds, builds);
    assert!(top.peek(&1, minute(3)).unwrap().unwrap().is_fresh());
}

#[test]
fn what_was_asked_for_comes_before_what_was_served_and_that_before_what_is_marked() {
    let world = World::new();
    let (a, z) = (world.view("a"), world.view("z"));
    for id in 1..=3 {
        a.get(&id, minute(0)).unwrap();
        z.get(&id, minute(0)).unwrap();
        world.store.invalidate(("a", id)).unwrap();
        world.store.invalidate(("z", id)).unwrap();
    }
    let served = z.when_marked(Marked::Serve).get(&2, minute(0)).unwrap();
    assert_eq!(served.freshness(), Freshness::Stale);
    z.request(&9, minute(5)).unwrap();
    assert_eq!(world.next().unwrap(), done(Reason::Requested, "z", &[5]));
    assert_eq!(world.next().unwrap(), done(Reason::ServedMarked, "z", &[0]));
    assert!(z.peek(&2, minute(0)).unwrap().unwrap().is_fresh());
    let views: Vec<_> = world.all().into_iter().map(|(reason, view, ..)| (reason, view)).collect();
    let marked = |view: &str| (Reason::Marked, view.to_owned());
    let (a, z) = (marked("a"), marked("z"));
    assert_eq!(views, [a.clone(), a.clone(), a, z.clone(), z]);
}

#[test]
fn a_stamped_view_is_gone_through_once_and_what_is_built_meanwhile_is_left_out() {
    let world = World::new();
    let view = world.view("low");
    let range = TimeRange::new(minute(0), minute(20));
    for id in 1..=3 {
        view.fill(&id, range).unwrap().complete().unwrap();
    }
    view.invalidate_all().unwrap();
    view.get(&2, minute(4)).unwrap();
    let minutes: Vec<i64> = (0..10).collect();
    let later: Vec<i64> = (10..20).collect();
    let mut without_four = minutes.clone();
    without_four.remove(4);
    let stamped = |minutes: &[i64]| done(Reason::Stamped, "low", minutes);
    let expected = [&minutes, &later, &without_four, &later, &minutes, &later];
    assert_eq!(world.all(), expected.map(|minutes| stamped(minutes)));
    assert_eq!(view.census().unwrap().fresh, 60);
    view.invalidate_all().unwrap();
    assert_eq!(world.all().len(), 6, "a later stamp begins anew");
}

#[test]
fn a_sweep_goes_on_after_a_restart_and_a_new_version_is_swept_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sweep.tide");
    let range = TimeRange::new(minute(0), minute(10));
    {
        let world = World::open(&path);
        let view = world.view("low");
        (0..200).for_each(|id| _ = view.fill(&id, range).unwrap().complete().unwrap());
        view.invalidate_all().unwrap();
        for _ in 0..150 {
            world.next().unwrap();
        }
        world.store.close().unwrap();
    }
    let world = World::open(&path);
    assert!(world.next().is_none(), "nobody has defined the view");
    let view = world.view("low");
    let swept = |work: &&(Reason, _, _, _)| work.0 == Reason::Stamped;
    assert_eq!(world.all().iter().filter(swept).count(), 50);
    assert_eq!(view.census().unwrap().fresh, 2000);
}

#[test]
fn a_view_that_nobody_holds_is_not_built_and_goes_on_when_it_is_defined() {
    let world = World::new();
    let view = world.view("low");
    view.get(&1, minute(0)).unwrap();
    world.store.invalidate(("low", 1)).unwrap();
    drop(view);
    assert!(world.next().is_none());
    let _view = world.view("low");
    assert_eq!(world.next().unwrap(), done(Reason::Marked, "low", &[0]));
}

#[test]
fn a_handle_that_has_ended_and_outlives_the_new_one_holds_up_nobody() {
    let world = World::new();
    let old = world.view("a");
    let new = world.store.view::<u32, u64>("a").grid(Grid::minutes(1)).page_len(10).version(2);
    let new = new.build(|_, _, _| Ok(2)).unwrap();
    let other = world.view("b");
    (0..20).for_each(|id| drop((new.get(&id, minute(0)), other.get(&id, minute(0)))));
    new.invalidate_all().unwrap();
    world.store.invalidate_kind("b").unwrap();
    drop(new);
    assert_eq!(world.all().len(), 20);
    assert_eq!(other.census().unwrap().fresh, 20);
    drop(old);
}
