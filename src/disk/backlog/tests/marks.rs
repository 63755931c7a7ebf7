//! Looking for work among the marks, and in which order.

use super::*;
use crate::disk::batch::Batch;
use crate::disk::committed::Committed;
use crate::disk::operation::Operation;
use crate::error::Result;

#[test]
fn what_is_marked_is_due_page_by_page_in_its_own_view_alone() {
    let it = World::new();
    for entity in 1..4 {
        it.read(&it.above, entity, 2..6);
        it.invalidate(entity);
    }
    let pages: Vec<_> =
        (1..4).flat_map(|entity| [(entity, vec![2, 3]), (entity, vec![4, 5])]).collect();
    assert_eq!((it.marked(&it.below), it.marked(&it.above)), (pages.clone(), pages));
    let (below, above) = (it.state(&it.below).id(), it.state(&it.above).id());
    let look = |from: Option<&[u8]>, look| due_marks(it.shared(), below, from, NOW, look).unwrap();
    let first = look(None, 1);
    let second = look(first.next.as_deref(), 1);
    let (page, slots) = second.found.unwrap();
    assert_eq!(minutes_of(&page, slots), (1, vec![4, 5]));
    let (last, _) = it.at(&it.below, 3, 4);
    assert_eq!(look(Some(&last), 9).next, None, "the view's end");
    // A cursor of another view finds nothing.
    let (foreign, _) = it.at(&it.above, 3, 4);
    assert!(above > below && look(Some(&foreign), 9).found.is_none());
    it.read(&it.below, 2, 2..6);
    assert_eq!(it.marked(&it.below).len(), 4);
}

#[test]
fn what_is_history_by_now_is_not_due() {
    let it = World::new();
    let sealing = define_below(minutes(&it.engine, "sealing").seal_after(Span::minutes(1)));
    it.clock.set(at(5));
    it.read(&sealing, 1, 0..8);
    it.invalidate(1);
    assert_eq!(it.marked(&sealing), [(1, vec![4, 5, 6, 7])]);
    it.clock.set(at(8));
    assert_eq!(it.marked(&sealing), [(1, vec![7])]);
    it.clock.set(at(9));
    assert_eq!(it.marked(&sealing), []);
}

#[test]
fn what_retention_has_left_of_a_record_is_marked_and_not_due() {
    let it = World::new();
    let kept = define_below(minutes(&it.engine, "kept").retain(Span::minutes(10)));
    let reader = define_above(minutes(&it.engine, "reader"), &kept);
    it.clock.set(at(0));
    it.read(&reader, 1, 0..4);
    it.clock.set(at(13));
    assert_eq!(kept.apply_retention().unwrap(), 3);
    it.invalidate(1);
    assert_eq!(backlog_of(it.shared(), it.state(&kept).id()).unwrap().marked, 4);
    assert_eq!(it.marked(&kept), [(1, vec![3])]);
    assert_eq!(it.marked(&reader), [(1, vec![0, 1, 2, 3])], "these are records");
}

#[test]
fn a_row_without_its_page_is_passed_over() {
    let it = World::new();
    it.read(&it.below, 1, 0..1);
    it.invalidate(1);
    let (key, _) = it.at(&it.below, 1, 0);
    it.shared().cache.retire_all();
    it.engine.writer().unwrap().run(RemovePage(key)).unwrap();
    assert_eq!(it.marked(&it.below), []);
}

/// Takes a page away and leaves its marks, as damage may.
struct RemovePage(Box<[u8]>);

impl Operation for RemovePage {
    type Applied = ();
    type Answer = ();

    fn speed(&self) -> Speed {
        Speed::Derived
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<()> {
        let view =
            PageKey::split(&self.0).and_then(|(id, ..)| batch.shared().views.get(id)).unwrap();
        batch.pages.stage(&view, &self.0, None, None, false);
        Ok(())
    }

    fn answer(self, (): (), _: &Committed) {}
}

#[test]
fn counts_are_of_all_views_or_of_one() {
    let it = World::new();
    it.read(&it.above, 1, 0..3);
    it.invalidate(1);
    it.want(&it.above, 2, 0..2);
    it.fail(&it.above, 2, 0, 1, REST);
    it.fail(&it.below, 1, 0, 1, REST);
    it.fail(&it.below, 1, 1, 1, NOW);
    let oldest_mark = Some(it.shared().options.clock.now());
    let all = BacklogCounts { marked: 6, wanted: 2, resting: 2, stamped: 0, oldest_mark };
    assert_eq!(backlog(it.shared()).unwrap(), all);
    let below = BacklogCounts { marked: 3, wanted: 0, resting: 1, stamped: 0, oldest_mark };
    assert_eq!(backlog_of(it.shared(), it.state(&it.below).id()).unwrap(), below);
    let apart = define_above(minutes(&it.engine, "apart"), &it.above);
    let stamped = |view| backlog_of(it.shared(), it.state(view).id()).unwrap().stamped;
    it.below.invalidate_all().unwrap();
    assert_eq!(backlog(it.shared()).unwrap(), BacklogCounts { stamped: 2, ..all });
    // It has read nothing yet.
    assert_eq!([&it.below, &it.above, &apart].map(stamped), [1, 1, 0]);
}

#[test]
fn what_others_are_built_from_comes_before_them() {
    let it = World::new();
    let top = define_above(minutes(&it.engine, "a top"), &it.above);
    it.read(&top, 1, 0..1);
    let id = |view| it.state(view).id();
    let expected = [(id(&it.below), 0), (id(&it.above), 1), (id(&top), 2)];
    assert_eq!(levels(it.shared()).unwrap(), expected);
}
