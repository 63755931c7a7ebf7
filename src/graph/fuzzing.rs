//! What holds of every walk and of all bytes of the graph's rows, for fuzzing.

use std::collections::{BTreeMap, BTreeSet};

use super::cause::{Cause, Origin};
use super::colour::Colour;
use super::dependencies::Dependency;
use super::deps_row::DepsRow;
use super::edge::{EdgeRow, WHOLE};
use super::edge_key::{edge_key, split_edge};
use super::mark::MarkRow;
use super::naive::{Expected, IN_VAIN, Record, World, old_cause, records, view_of};
use super::node::Node;
use super::outcome::{RaisedRow, WalkOutcome};
use super::seed::Seed;
use super::tries::Tries;
use super::walk::{Graph, Walk, reachable};
use crate::grid::PageNumber;
use crate::key::Source;
use crate::page::{PageKey, Slot, SlotSet, ViewId};
use crate::revision::Revision;
use crate::time::Timestamp;

/// Makes a world of records that read each other as the bytes say, changes something, and holds
/// the walk against what comes of it record by record.
///
/// # Panics
/// If a record keeps too good a colour, or gets too bad a one without a limit.
pub fn walk_holds(data: &[u8]) {
    walk_tally(data);
}

/// Reads bytes as each row of the graph.
///
/// # Panics
/// If what is read does not return. A refusal is no fault.
pub fn rows_hold(data: &[u8]) {
    if let Some(node) = Node::from_slice(data) {
        assert_eq!(node.as_slice(), data);
        assert!(!format!("{node:?}").is_empty());
        let coarser = std::iter::successors(Some(node), Node::coarser);
        coarser.for_each(|node| assert_eq!(Node::from_slice(node.as_slice()), Some(node)));
    }
    if let Some((node, reader)) = split_edge(data) {
        assert_eq!(edge_key(node, reader).as_slice(), data);
    }
    if let Some(row) = EdgeRow::from_bytes(data) {
        assert_eq!(row.to_bytes(), data);
        let mut again = EdgeRow::default();
        for slot in row.readers().iter() {
            let spans = row.spans.iter().filter(|span| {
                (span.by.0..=span.by.1).contains(&(slot.0 as u16)) && span.version.is_none()
            });
            again.set((slot, slot), &spans.map(|span| span.read).collect::<Vec<_>>(), None);
        }
        assert_eq!(EdgeRow::from_bytes(&again.to_bytes()), Some(again));
    }
    if let Some(row) = DepsRow::from_bytes(data) {
        assert_eq!(DepsRow::from_bytes(&row.to_bytes()).as_ref(), Some(&row));
    }
    if let Some(mut row) = MarkRow::from_bytes(data) {
        assert_eq!(MarkRow::from_bytes(&row.to_bytes()).as_ref(), Some(&row));
        assert_eq!(row.stale().union(row.suspect()), row.marked());
        row.raise(SlotSet::span(Slot(0), Slot(1023)), Colour::Stale, old_cause());
        row.clear(row.stale());
        assert_eq!(row, MarkRow::default());
    }
}

/// What a run met, so that a test can tell that it met enough.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) stale: u64,
    pub(super) suspect: u64,
    pub(super) worsened: u64,
    pub(super) revived: u64,
    pub(super) through: u64,
    pub(super) limited: u64,
    pub(super) coarse: u64,
}

/// What the bytes still have to say; zeros when they have said all.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn below(&mut self, end: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first) % end
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    fn version(&mut self) -> Option<u64> {
        [None, Some(1), Some(2)][self.below(3)]
    }

    /// Where one word of a set ends and the next begins.
    fn slot(&mut self) -> u16 {
        61 + self.below(6) as u16
    }

    fn span(&mut self) -> (u16, u16) {
        let (a, b) = (self.slot(), self.slot());
        (a.min(b), a.max(b))
    }

    fn slots(&mut self) -> SlotSet {
        let (first, last) = self.span();
        SlotSet::span(Slot(first.into()), Slot(last.into()))
    }

    fn page(&mut self, pages: &[Box<[u8]>]) -> Box<[u8]> {
        self.pick(pages).clone()
    }

    fn kind(&mut self) -> &'static str {
        ["a", "aa"][self.below(2)]
    }

    fn source(&mut self) -> Node {
        let (kind, key) = (self.kind(), self.below(3));
        Node::source(&Source::new(kind, key).expect("a short source"))
    }

    /// Of the page that reads, or of any.
    fn dependency(&mut self, own: &[u8], pages: &[Box<[u8]>]) -> Dependency {
        let (mut slots, mut version) = (WHOLE, None);
        let node = match self.below(10) {
            0 | 1 => {
                version = self.version();
                self.source()
            }
            2 => Node::of_kind(self.kind()),
            3 => self.above(pages),
            4 | 5 => {
                slots = self.span();
                Node::page(own)
            }
            _ => {
                slots = self.span();
                Node::page(&self.page(pages))
            }
        };
        Dependency { node, slots, version }
    }

    /// An entity or a view.
    fn above(&mut self, pages: &[Box<[u8]>]) -> Node {
        let entity = Node::page(&self.page(pages)).coarser().expect("a page has an entity");
        if self.below(2) == 0 { entity } else { entity.coarser().expect("an entity has a view") }
    }

    fn pages(&mut self) -> Vec<Box<[u8]>> {
        let (views, entities, numbers) = (1 + self.below(6), 1 + self.below(2), 1 + self.below(2));
        let mut pages = Vec::new();
        for n in 0..views * entities * numbers {
            let (view, entity) = (ViewId((n % views) as u32), (n / views % entities) as u16);
            let number = PageNumber((n / views / entities) as i64);
            pages.push(PageKey::new(view, &entity, number).as_slice().into());
        }
        pages
    }

    fn world(&mut self, pages: &[Box<[u8]>]) -> World {
        let mut world = World::default();
        let (reads_max, marked, sealed) = (1 + self.below(3), self.below(12), self.below(3));
        for page in pages {
            for slot in 61..67 {
                let count = self.below(reads_max + 1);
                let read = (0..count).map(|_| self.dependency(page, pages)).collect();
                world.read((page.clone(), slot), read);
            }
        }
        for _ in 0..marked {
            let record = (self.page(pages), self.slot());
            if self.below(2) == 0 {
                world.tried.insert(record.clone());
            }
            world.marks.insert(record, *self.pick(&[Colour::Suspect, Colour::Stale]));
        }
        for _ in 0..sealed {
            let record = (self.page(pages), self.slot());
            world.marks.remove(&record);
            world.tried.remove(&record);
            world.sealed.insert(record);
        }
        world
    }

    fn seed(&mut self, pages: &[Box<[u8]>]) -> Seed {
        match self.below(10) {
            0 | 1 => Seed::Node { node: self.source(), version: self.version() },
            2 => Seed::Node { node: Node::of_kind(self.kind()), version: None },
            3 => Seed::Node { node: self.above(pages), version: None },
            4 => Seed::Kind(self.kind().into()),
            5 | 6 => Seed::Changed { page: self.page(pages), slots: self.slots() },
            7 => Seed::Marked {
                page: self.page(pages),
                slots: self.slots(),
                colour: *self.pick(&[Colour::Suspect, Colour::Stale]),
            },
            8 => Seed::Readers { page: self.page(pages), slots: self.slots() },
            _ => Seed::Cured { page: self.page(pages), slots: self.slots() },
        }
    }
}

pub(super) fn walk_tally(data: &[u8]) -> Tally {
    let mut bytes = Bytes(data);
    let pages = bytes.pages();
    let seeds: Vec<_> = (0..1 + bytes.below(3)).map(|_| bytes.seed(&pages)).collect();
    let limit = bytes.below(pages.len() + 1);
    let world = bytes.world(&pages);
    let mut expected = Expected::new(&world);
    seeds.iter().for_each(|seed| expected.run(&world, seed));

    let whole = walk(&world, &seeds, usize::MAX);
    let mut tally = outcome_holds(&world, &expected, &whole);
    assert!(whole.suspect_views.is_empty());
    assert_eq!(marks(&world, &whole), expected.marks);
    tally.revived = revived_hold(&world, &expected, &whole);
    tally.through = causes_hold(&world, &seeds, &whole);

    let limited = walk(&world, &seeds, limit);
    outcome_holds(&world, &expected, &limited);
    limit_holds(&world, &expected, &limited, limit, whole.rows.len());
    tally.limited = u64::from(!limited.suspect_views.is_empty());
    tally
}

fn walk(world: &World, seeds: &[Seed], limit: usize) -> WalkOutcome {
    let mut walk = Walk::new(limit);
    for (revision, seed) in (2..).zip(seeds) {
        let (revision, since) = (Revision::from_raw(revision), Timestamp::EPOCH);
        let cause = Cause { origin: Origin::Changed, revision, since, through: None };
        walk.run(world, seed.clone(), cause).expect("the world answers everything");
    }
    walk.finish()
}

/// All marks that there are after a walk.
fn marks(world: &World, outcome: &WalkOutcome) -> BTreeMap<Record, Colour> {
    let mut marks = world.marks.clone();
    for (page, RaisedRow { row, .. }) in &outcome.rows {
        for record in records(page, row.marked()) {
            let colour = row.colour(Slot(record.1.into()));
            marks.insert(record, colour);
        }
    }
    marks
}

/// What holds with a limit and without.
fn outcome_holds(world: &World, expected: &Expected, outcome: &WalkOutcome) -> Tally {
    let mut tally = Tally { coarse: outcome.coarse.len() as u64, ..Tally::default() };
    assert_eq!(outcome.coarse, expected.coarse);
    for (page, of_page) in &outcome.rows {
        let (row, stale, suspect) = (&of_page.row, of_page.stale(), of_page.suspect());
        let raised = stale.union(suspect);
        let revived = |slot: Slot| {
            let record = (page.clone(), slot.0 as u16);
            world.tried.contains(&record) && row.tries(slot) == Some(Tries::NONE)
        };
        let revived: SlotSet = row.marked().iter().filter(|slot| revived(*slot)).collect();
        assert!(!raised.union(revived).is_empty(), "a row in which nothing was raised");
        assert!(revived.is_empty() || outcome.revived || !raised.is_empty());
        assert!(records(page, revived).all(|record| expected.concerned.contains(&record)));
        assert_eq!(of_page.is_raised(), !raised.is_empty());
        for record in records(page, row.marked()) {
            let slot = Slot(record.1.into());
            let before = world.marks.get(&record).copied().unwrap_or(Colour::Fresh);
            let now = row.colour(slot);
            assert!(before <= now && now <= expected.marks[&record], "a mark that nobody expects");
            assert_eq!(stale.contains(slot), now > before && now == Colour::Stale);
            assert_eq!(suspect.contains(slot), now > before && now == Colour::Suspect);
            let cause = row.cause(slot).expect("a mark has a cause");
            assert_eq!(*cause == old_cause(), now == before);
            tally.worsened += u64::from(before == Colour::Suspect && now == Colour::Stale);
        }
        tally.stale += u64::from(stale.len());
        tally.suspect += u64::from(suspect.len());
        let counted = [Colour::Stale, Colour::Suspect].map(|colour| of_page.count(colour));
        assert_eq!(counted, [stale.len(), suspect.len()].map(u64::from));
    }
    assert_eq!((outcome.stale, outcome.suspect), (tally.stale, tally.suspect));
    tally
}

/// What was tried in vain is to be tried again exactly if the change concerns it. Answers of how
/// many that was.
fn revived_hold(world: &World, expected: &Expected, outcome: &WalkOutcome) -> u64 {
    let mut count = 0;
    for record in &world.tried {
        let row = outcome.rows.get(&record.0).map(|raised| &raised.row);
        let tries = row.map_or(Some(IN_VAIN), |row| row.tries(Slot(record.1.into())));
        let concerned = expected.concerned.contains(record);
        assert_eq!(tries, Some(if concerned { Tries::NONE } else { IN_VAIN }), "{record:?}");
        count += u64::from(concerned);
    }
    count
}

/// Each new mark came by a record that its own, or one of the same page, had read. Answers how many
/// came by one.
fn causes_hold(world: &World, seeds: &[Seed], outcome: &WalkOutcome) -> u64 {
    let mut count = 0;
    for (page, of_page) in &outcome.rows {
        for reader in records(page, of_page.stale().union(of_page.suspect())) {
            let cause = of_page.row.cause(Slot(reader.1.into())).expect("a mark has a cause");
            let seed = &seeds[cause.revision.get() as usize - 2];
            let Some(read) = cause.through.clone() else {
                let direct = matches!(seed, Seed::Node { .. } | Seed::Kind(_));
                assert!(direct || matches!(seed, Seed::Marked { page: of, .. } if of == page));
                continue;
            };
            let readers = world.readers_of(&[read]);
            assert!(readers.iter().any(|(of, _)| of == page), "a cause from nowhere");
            count += 1;
        }
    }
    count
}

/// What is not marked for want of room lies in a view that is named.
fn limit_holds(
    world: &World,
    expected: &Expected,
    outcome: &WalkOutcome,
    limit: usize,
    pages: usize,
) {
    assert!(outcome.rows.len() <= limit);
    assert!(pages > limit || outcome.suspect_views.is_empty(), "a limit that was not reached");
    let marked = marks(world, outcome);
    for (page, slot) in expected.marks.keys() {
        let named = outcome.suspect_views.contains(&view_of(page));
        assert!(named || marked.contains_key(&(page.clone(), *slot)), "a record is missing");
    }
    let readers = |view| world.readers_of_view(view);
    let above = reachable(outcome.suspect_views.iter().copied(), readers);
    assert!(above.is_subset(&outcome.suspect_views));
    let all: BTreeSet<_> = reachable(expected.first.iter().copied(), readers);
    let all = all.union(&expected.first).copied().collect();
    assert!(outcome.suspect_views.is_subset(&all), "a view that nothing leads to");
}
