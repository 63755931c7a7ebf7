//! Walks over worlds made at random, and over some made by hand.

use std::cell::Cell;

use super::fuzzing::{Tally, rows_hold, walk_tally};
use super::naive::{IN_VAIN, World};
use super::*;
use crate::corpus::replay;
use crate::error::{ErrorKind, Result};
use crate::grid::PageNumber;
use crate::key::Source;
use crate::page::{PageKey, Slot, SlotSet, ViewId};
use crate::revision::Revision;
use crate::time::Timestamp;

struct Random(u64);

impl Random {
    fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut next = || {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 32) as u8
        };
        (0..len).map(|_| next()).collect()
    }
}

#[test]
fn what_fuzzing_found_of_walks_holds() {
    replay("walk", |bytes| {
        walk_tally(bytes);
        rows_hold(bytes);
    });
}

#[test]
fn a_walk_marks_what_a_naive_one_marks_or_names_its_view() {
    let mut met = Tally::default();
    for seed in 1..=3000 {
        let bytes = Random(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed)).bytes(1200);
        let run = std::panic::catch_unwind(|| walk_tally(&bytes));
        let tally = run.unwrap_or_else(|_| panic!("with seed {seed}"));
        met.stale += tally.stale;
        met.suspect += tally.suspect;
        met.worsened += tally.worsened;
        met.revived += tally.revived;
        met.through += tally.through;
        met.limited += tally.limited;
        met.coarse += tally.coarse;
    }
    let enough = [met.stale, met.suspect, met.through].iter().all(|count| *count > 10_000);
    assert!(
        enough
            && met.worsened > 500
            && met.revived > 2000
            && met.limited > 1000
            && met.coarse > 1000,
        "{met:?}"
    );
}

#[test]
fn whatever_the_bytes_are_a_row_returns_or_is_refused() {
    let mut random = Random(7);
    for len in (0..40).cycle().take(20_000) {
        let mut bytes = random.bytes(len);
        // Small numbers, or next to nothing would be read.
        bytes.iter_mut().for_each(|byte| *byte %= 5);
        rows_hold(&bytes);
    }
}

/// A world that counts what it is asked.
struct Counted {
    world: World,
    readers: Cell<u64>,
    mark_rows: Cell<u64>,
}

impl Counted {
    fn new(world: World) -> Self {
        Self { world, readers: Cell::new(0), mark_rows: Cell::new(0) }
    }
}

impl Graph for Counted {
    fn readers(&self, node: &[u8], then: &mut dyn FnMut(&[u8], &EdgeRow) -> bool) -> Result<()> {
        self.readers.set(self.readers.get() + 1);
        self.world.readers(node, then)
    }

    fn readers_of_kind(
        &self,
        kind: &str,
        then: &mut dyn FnMut(&[u8], &EdgeRow) -> bool,
    ) -> Result<()> {
        self.world.readers_of_kind(kind, then)
    }

    fn reader_views(&self, node: &[u8]) -> Result<Vec<ViewId>> {
        self.world.reader_views(node)
    }

    fn mark_row(&self, page: &[u8]) -> Result<Option<MarkRow>> {
        self.mark_rows.set(self.mark_rows.get() + 1);
        self.world.mark_row(page)
    }

    fn readers_of_view(&self, view: ViewId) -> Vec<ViewId> {
        self.world.readers_of_view(view)
    }

    fn sealed(&self, page: &[u8]) -> SlotSet {
        self.world.sealed(page)
    }
}

fn page(view: u32, entity: u32) -> Box<[u8]> {
    PageKey::new(ViewId(view), &entity, PageNumber(0)).as_slice().into()
}

fn on(node: Node, slots: (u16, u16)) -> Dependency {
    Dependency { node, slots, version: None }
}

fn source() -> Node {
    Node::source(&Source::new("k", 1).expect("a short source"))
}

fn slots(first: u32, last: u32) -> SlotSet {
    SlotSet::span(Slot(first), Slot(last))
}

fn cause() -> Cause {
    let (revision, since) = (Revision::from_raw(3), Timestamp::EPOCH);
    Cause { origin: Origin::Node(source()), revision, since, through: None }
}

fn run(graph: &impl Graph, limit: usize, seeds: impl IntoIterator<Item = Seed>) -> WalkOutcome {
    let mut walk = Walk::new(limit);
    seeds.into_iter().for_each(|seed| walk.run(graph, seed, cause()).expect("an answer"));
    walk.finish()
}

fn changed(node: Node) -> Seed {
    Seed::Node { node, version: None }
}

#[test]
fn a_page_that_no_view_reads_ends_there_without_a_look_up() {
    let mut world = World::default();
    (0..144).for_each(|slot| world.read((page(1, 7), slot), vec![on(source(), WHOLE)]));
    let graph = Counted::new(world);
    let outcome = run(&graph, 10, [changed(source())]);
    assert_eq!((outcome.stale, outcome.suspect), (144, 0));
    // Of the source and of its kind.
    assert_eq!((graph.readers.get(), graph.mark_rows.get()), (2, 1));
}

#[test]
fn a_running_total_is_walked_to_its_end_in_few_look_ups() {
    let mut world = World::default();
    world.read((page(1, 7), 0), vec![on(source(), WHOLE)]);
    for slot in 1..1024 {
        world.read((page(1, 7), slot), vec![on(Node::page(&page(1, 7)), (slot - 1, slot - 1))]);
    }
    let graph = Counted::new(world);
    let outcome = run(&graph, 10, [changed(source())]);
    assert_eq!((outcome.stale, outcome.suspect), (1, 1023));
    let row = &outcome.rows[&page(1, 7)].row;
    assert_eq!(row.causes.len(), 2);
    assert_eq!(row.cause(Slot(900)).unwrap().through, Some((page(1, 7), 0)));
    assert!(graph.readers.get() <= 8, "{} look-ups", graph.readers.get());
}

#[test]
fn who_reads_a_whole_entity_or_view_is_looked_up_once_for_each_colour() {
    let mut world = World::default();
    let entity = Node::page(&page(1, 7)).coarser().unwrap();
    world.read((page(2, 0), 0), vec![on(entity.clone(), WHOLE)]);
    world.read((page(3, 0), 0), vec![on(Node::view(ViewId(1)), WHOLE)]);
    let graph = Counted::new(world);
    let many = (0..100).map(|slot| Seed::Changed { page: page(1, 7), slots: slots(slot, slot) });
    let outcome = run(&graph, 10, many);
    assert_eq!(outcome.stale, 2);
    assert_eq!(outcome.coarse, [entity, Node::view(ViewId(1))].into());
    assert_eq!(graph.readers.get(), 100 + 2);
}

#[test]
fn a_mark_says_by_which_record_it_came() {
    let mut world = World::default();
    world.read((page(1, 7), 5), vec![on(source(), WHOLE)]);
    world.read((page(2, 7), 9), vec![on(Node::page(&page(1, 7)), (0, 143))]);
    let outcome = run(&world, 10, [changed(source())]);
    let cause_of = |at: &[u8], slot| outcome.rows[at].row.cause(Slot(slot)).unwrap().clone();
    assert_eq!(cause_of(&page(1, 7), 5), cause());
    let through = Some((page(1, 7), 5));
    assert_eq!(cause_of(&page(2, 7), 9), Cause { through, ..cause() });
}

#[test]
fn pages_that_read_each_other_through_sealed_slots_are_passed_once() {
    let mut world = World::default();
    for (reader, read) in [(1, 2), (2, 1)] {
        world.read((page(reader, 7), 0), vec![on(Node::page(&page(read, 7)), (0, 0))]);
        world.sealed.insert((page(reader, 7), 0));
    }
    world.read((page(3, 7), 0), vec![on(Node::page(&page(1, 7)), (0, 0))]);
    let changed = Seed::Changed { page: page(2, 7), slots: slots(0, 0) };
    let outcome = run(&world, 10, [changed]);
    assert_eq!((outcome.stale, outcome.suspect), (0, 1));
    assert_eq!(outcome.rows.keys().collect::<Vec<_>>(), [&page(3, 7)]);
}

#[test]
fn beyond_the_limit_all_views_that_can_be_reached_are_named() {
    let mut world = World::default();
    for entity in 0..5 {
        world.read((page(1, entity), 0), vec![on(source(), WHOLE)]);
    }
    world.read((page(2, 0), 0), vec![on(Node::page(&page(1, 0)), (0, 0))]);
    world.read((page(3, 0), 0), vec![on(Node::page(&page(2, 0)), (0, 0))]);
    world.read((page(4, 0), 0), vec![on(Node::view(ViewId(9)), WHOLE)]);
    let outcome = run(&world, 2, [changed(source())]);
    assert_eq!((outcome.stale, outcome.rows.len()), (2, 2));
    assert_eq!(outcome.suspect_views, [1, 2, 3].map(ViewId).into());
    let outcome = run(&world, 5, [changed(source())]);
    assert_eq!((outcome.stale, outcome.suspect_views), (5, [2, 3].map(ViewId).into()));
    let outcome = run(&world, 7, [changed(source())]);
    assert_eq!((outcome.stale, outcome.suspect), (5, 2));
    assert!(outcome.suspect_views.is_empty());
}

#[test]
fn a_change_of_no_record_reaches_nobody() {
    let mut world = World::default();
    world.read((page(2, 7), 0), vec![on(Node::view(ViewId(1)), WHOLE)]);
    let outcome = run(&world, 10, [Seed::Changed { page: page(1, 7), slots: SlotSet::EMPTY }]);
    assert_eq!((outcome.stale, outcome.suspect), (0, 0));
    assert!(outcome.coarse.is_empty());
}

#[test]
fn who_reads_what_is_cured_is_as_if_it_had_not_been_tried() {
    let mut world = World::default();
    let whole = Node::page(&page(1, 7)).coarser().unwrap();
    let readers = [(page(2, 7), 4), (page(3, 7), 5), (page(4, 7), 6)];
    world.read(readers[0].clone(), vec![on(Node::page(&page(1, 7)), (0, 0))]);
    world.read(readers[1].clone(), vec![on(whole.clone(), WHOLE)]);
    world.read(readers[2].clone(), vec![on(whole, WHOLE)]);
    world.marks.extend(readers.clone().map(|reader| (reader, Colour::Stale)));
    // The last one is marked, and was not tried.
    world.tried.extend(readers[..2].iter().cloned());
    let cured = |slots| run(&world, 10, [Seed::Cured { page: page(1, 7), slots }]);
    let all = cured(slots(0, 0));
    assert!(all.revived);
    assert!(all.rows.keys().eq([&page(2, 7), &page(3, 7)]));
    assert_ne!(all.rows[&page(2, 7)].row.tries(Slot(4)), Some(IN_VAIN));
    assert!(cured(slots(1, 1)).rows.keys().eq([&page(3, 7)]), "the other reads slot 0 alone");
    let none = cured(SlotSet::EMPTY);
    assert!(!none.revived && none.rows.is_empty());
    world.tried.clear();
    let rested = run(&world, 10, [Seed::Cured { page: page(1, 7), slots: slots(0, 0) }]);
    assert!(!rested.revived && rested.rows.is_empty());
}

#[test]
fn who_is_no_page_is_damage_and_no_panic() {
    struct Damaged;
    impl Graph for Damaged {
        fn readers(&self, _: &[u8], then: &mut dyn FnMut(&[u8], &EdgeRow) -> bool) -> Result<()> {
            let mut row = EdgeRow::default();
            row.set((Slot(1), Slot(1)), &[WHOLE], None);
            // One that is sound comes after it, and makes nothing good.
            let _ = then(b"short", &row) && then(&page(2, 7), &row);
            Ok(())
        }

        fn readers_of_kind(
            &self,
            _: &str,
            then: &mut dyn FnMut(&[u8], &EdgeRow) -> bool,
        ) -> Result<()> {
            self.readers(b"", then)
        }

        fn reader_views(&self, _: &[u8]) -> Result<Vec<ViewId>> {
            Ok(Vec::new())
        }

        fn mark_row(&self, _: &[u8]) -> Result<Option<MarkRow>> {
            Ok(None)
        }

        fn readers_of_view(&self, _: ViewId) -> Vec<ViewId> {
            vec![ViewId(1)]
        }

        fn sealed(&self, _: &[u8]) -> SlotSet {
            SlotSet::EMPTY
        }
    }
    let seeds = [
        changed(source()),
        Seed::Kind("k".into()),
        Seed::Changed { page: page(1, 7), slots: slots(0, 0) },
        Seed::Changed { page: (*b"short").into(), slots: slots(0, 0) },
    ];
    for seed in seeds {
        let error = Walk::new(9).run(&Damaged, seed, cause()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged);
    }
}

#[test]
fn a_view_is_among_those_that_it_reaches_only_in_a_circle() {
    let readers = |view: ViewId| match view.0 {
        1 => vec![ViewId(2), ViewId(3)],
        2 | 3 => vec![ViewId(4)],
        5 => vec![ViewId(5)],
        6 => vec![ViewId(7)],
        7 => vec![ViewId(6)],
        _ => Vec::new(),
    };
    let reached = |start: u32| reachable([ViewId(start)], readers).into_iter().map(|view| view.0);
    assert!(reached(1).eq([2, 3, 4]) && reached(4).count() == 0);
    assert!(reached(5).eq([5]) && reached(6).eq([6, 7]));
}

#[test]
fn debug_output_of_a_walk_never_shows_the_bytes() {
    let secret: Box<[u8]> = PageKey::new(ViewId(1), "secret", PageNumber(0)).as_slice().into();
    let (colour, marked) = (Colour::Stale, slots(0, 3));
    let seed = Seed::Marked { page: secret, slots: marked, colour };
    let outcome = run(&World::default(), 9, [seed.clone()]);
    let shown = format!("{seed:?} {outcome:?}");
    assert!(
        shown.contains("0-3") && !shown.contains("secret") && !shown.contains("115"),
        "{shown}"
    );
}

#[test]
fn an_observation_leaves_what_a_record_depends_on() {
    let (node, seen) = (source(), Revision::from_raw(4));
    let version = Some(3);
    let slots = WHOLE;
    let read = Observation {
        node: node.clone(),
        slots,
        seen,
        present: 1,
        marked: true,
        version,
        fresh_until: Timestamp::MAX,
    };
    assert_eq!(read.dependency(), Dependency { node, slots, version });
}
