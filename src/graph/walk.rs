//! From a change to all that it concerns.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::cause::Cause;
use super::colour::Colour;
use super::edge::EdgeRow;
use super::mark::MarkRow;
use super::node::{Node, NodeParts};
use super::outcome::{RaisedRow, WalkOutcome};
use super::seed::Seed;
use crate::error::{Error, Result};
use crate::page::{PageKey, Slot, SlotSet, ViewId};

/// What a walk asks of the file.
///
/// It asks once for what it then holds itself: marks of a page that it has raised have to be left
/// alone by others until it is finished.
pub(crate) trait Graph {
    /// Calls `then` with each reader page key and edge of a node, in key order, until it answers
    /// false.
    fn readers(&self, node: &[u8], then: &mut dyn FnMut(&[u8], &EdgeRow) -> bool) -> Result<()>;

    /// As [`Self::readers`], of the kind's node and of all its sources. A page that reads several
    /// of them comes several times.
    fn readers_of_kind(
        &self,
        kind: &str,
        then: &mut dyn FnMut(&[u8], &EdgeRow) -> bool,
    ) -> Result<()>;

    /// The views of the pages that read a node, each once.
    fn reader_views(&self, node: &[u8]) -> Result<Vec<ViewId>>;

    fn mark_row(&self, page: &[u8]) -> Result<Option<MarkRow>>;

    /// The views that read this one, directly, ever.
    fn readers_of_view(&self, view: ViewId) -> Vec<ViewId>;

    /// Slots of a page that may not be marked (sealed): walks pass through them.
    fn sealed(&self, page: &[u8]) -> SlotSet;
}

/// A walk along the edges, from what changed to its readers, to theirs, and so on.
///
/// Direct readers of what changed turn stale, all others suspect. It goes on from a record only
/// when that was newly marked: the readers of one that was marked before have their marks already.
/// So the walk ends, and no record is marked twice between two builds. What was tried in vain is to
/// be tried again when a walk comes to it, marked or not.
///
/// When it may mark no more pages, it names views instead: those of all records that were still to
/// be marked, and all views that can be reached from them.
pub(crate) struct Walk {
    pages_max: usize,
    /// Nothing more is marked, views are named.
    full: bool,
    /// Newly marked records whose readers are still to be found.
    queue: VecDeque<(Box<[u8]>, SlotSet)>,
    /// A page's key -> its sealed slots that were passed through. Nothing marks these, so they
    /// would be passed again and again where pages read each other.
    passed: BTreeMap<Box<[u8]>, SlotSet>,
    /// Whole kinds, entities and views -> the colour that their readers got: these read all of the
    /// node, whichever part of it brought the walk there.
    raised_above: BTreeMap<Node, Colour>,
    /// Whether any view reads this one.
    read: BTreeMap<ViewId, bool>,
    outcome: WalkOutcome,
}

impl Walk {
    /// A walk that marks records of at most so many pages.
    pub(crate) fn new(pages_max: usize) -> Self {
        Self {
            pages_max,
            full: false,
            queue: VecDeque::new(),
            passed: BTreeMap::new(),
            raised_above: BTreeMap::new(),
            read: BTreeMap::new(),
            outcome: WalkOutcome::default(),
        }
    }

    /// Walks from one seed to the end. The marks get this cause; what is reached through a record
    /// names that record too.
    ///
    /// # Errors
    /// Those of the graph, and `Damaged` if an edge names a reader that is no page. The walk is
    /// then worth nothing.
    pub(crate) fn run(&mut self, graph: &impl Graph, seed: Seed, cause: Cause) -> Result<()> {
        match seed {
            Seed::Node { node, version } => self.changed_node(graph, node, version, &cause)?,
            Seed::Kind(kind) => self.changed_kind(graph, &kind, &cause)?,
            Seed::Changed { page, slots } => {
                self.visit(graph, &page, slots, Colour::Stale, &cause)?;
            }
            Seed::Marked { page, slots, colour } => {
                self.reach(graph, &page, slots, colour, || cause.clone())?;
            }
            Seed::Readers { page, slots } => self.push(&page, slots),
            Seed::Cured { page, slots } => self.cured(graph, &page, slots)?,
        }
        while let Some((page, slots)) = self.queue.pop_front() {
            self.visit(graph, &page, slots, Colour::Suspect, &cause)?;
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> WalkOutcome {
        let mut outcome = self.outcome;
        for row in outcome.rows.values() {
            outcome.stale += row.count(Colour::Stale);
            outcome.suspect += row.count(Colour::Suspect);
        }
        outcome
    }

    fn changed_node(
        &mut self,
        graph: &impl Graph,
        node: Node,
        version: Option<u64>,
        cause: &Cause,
    ) -> Result<()> {
        let mut above = Some(node.clone());
        if matches!(node.parts(), NodeParts::Source { .. } | NodeParts::Page(_)) {
            self.mark_readers(graph, &node, |walk, reader, edge| {
                let slots = edge.readers_unless(version);
                walk.reach(graph, reader, slots, Colour::Stale, || cause.clone()).map(drop)
            })?;
            above = node.coarser();
        }
        while let Some(node) = above {
            above = node.coarser();
            self.mark_readers_above(graph, node, Colour::Stale, || cause.clone())?;
        }
        Ok(())
    }

    fn changed_kind(&mut self, graph: &impl Graph, kind: &str, cause: &Cause) -> Result<()> {
        let mut result = Ok(());
        graph.readers_of_kind(kind, &mut |reader, edge| {
            result = self
                .reach(graph, reader, edge.readers(), Colour::Stale, || cause.clone())
                .map(drop);
            result.is_ok()
        })?;
        result?;
        self.mark_readers_above(graph, Node::of_kind(kind), Colour::Stale, || cause.clone())
    }

    /// Has the direct readers of these records tried again. Once the walk is full, those that have no
    /// place in it rest on.
    fn cured(&mut self, graph: &impl Graph, page: &[u8], slots: SlotSet) -> Result<()> {
        let (view, entity, _) = PageKey::split(page).ok_or_else(not_a_page)?;
        if slots.is_empty() || !self.is_read(graph, view) {
            return Ok(());
        }
        let mut result = Ok(());
        graph.readers(Node::page(page).as_slice(), &mut |reader, edge| {
            result = self.revive(graph, reader, edge.readers_of(slots));
            result.is_ok()
        })?;
        for above in [Node::entity(view, entity), Node::view(view)] {
            graph.readers(above.as_slice(), &mut |reader, edge| {
                result = result.clone().and_then(|()| self.revive(graph, reader, edge.readers()));
                result.is_ok()
            })?;
        }
        result
    }

    fn revive(&mut self, graph: &impl Graph, page: &[u8], slots: SlotSet) -> Result<()> {
        if let Some(raised) = self.outcome.rows.get_mut(page) {
            self.outcome.revived |= !raised.row.revive(slots).is_empty();
            return Ok(());
        }
        let Some(mut row) = graph.mark_row(page)? else { return Ok(()) };
        if self.outcome.rows.len() < self.pages_max && !row.revive(slots).is_empty() {
            self.outcome.rows.insert(page.into(), RaisedRow::of(row));
            self.outcome.revived = true;
        }
        Ok(())
    }

    /// Marks the readers of these records.
    fn visit(
        &mut self,
        graph: &impl Graph,
        page: &[u8],
        slots: SlotSet,
        colour: Colour,
        cause: &Cause,
    ) -> Result<()> {
        let (view, entity, _) = PageKey::split(page).ok_or_else(not_a_page)?;
        if slots.is_empty() || !self.is_read(graph, view) {
            return Ok(());
        }
        if self.full && colour == Colour::Suspect && self.all_suspect(graph, view) {
            return Ok(());
        }
        let through = |slot: Option<Slot>| {
            let through = slot.map(|slot| (page.into(), slot.0 as u16));
            Cause { through, ..cause.clone() }
        };
        self.mark_readers(graph, &Node::page(page), |walk, reader, edge| {
            let cause = || through(edge.first_read(slots));
            let newly = walk.reach(graph, reader, edge.readers_of(slots), colour, cause)?;
            if reader == page && !newly.is_empty() {
                let more = edge.readers_through(newly, walk.open(graph, page)?);
                walk.reach(graph, page, more, Colour::Suspect, cause)?;
            }
            Ok(())
        })?;
        let whole = || through(slots.iter().next());
        self.mark_readers_above(graph, Node::entity(view, entity), colour, whole)?;
        self.mark_readers_above(graph, Node::view(view), colour, whole)
    }

    /// Marks the readers of a whole kind, entity or view, something of which brought the walk here.
    fn mark_readers_above(
        &mut self,
        graph: &impl Graph,
        node: Node,
        colour: Colour,
        cause: impl Fn() -> Cause,
    ) -> Result<()> {
        if self.raised_above.get(&node).is_some_and(|raised| *raised >= colour) {
            return Ok(());
        }
        let is_read = self.mark_readers(graph, &node, |walk, reader, edge| {
            walk.reach(graph, reader, edge.readers(), colour, &cause).map(drop)
        })?;
        if is_read && colour == Colour::Stale {
            self.outcome.coarse.insert(node.clone());
        }
        self.raised_above.insert(node, colour);
        Ok(())
    }

    /// Calls `mark` for each reader of a node; once the walk is full, names their views instead.
    /// Answers whether there is any.
    fn mark_readers(
        &mut self,
        graph: &impl Graph,
        node: &Node,
        mark: impl Fn(&mut Self, &[u8], &EdgeRow) -> Result<()>,
    ) -> Result<bool> {
        let (mut is_read, mut result) = (false, Ok(()));
        if !self.full {
            graph.readers(node.as_slice(), &mut |reader, edge| {
                is_read = true;
                result = mark(self, reader, edge);
                result.is_ok() && !self.full
            })?;
            result?;
        }
        if self.full {
            for view in graph.reader_views(node.as_slice())? {
                is_read = true;
                self.suspect_view(graph, view);
            }
        }
        Ok(is_read)
    }

    /// Raises marks and notes what was new for a later visit. Answers that: what was newly marked,
    /// and sealed slots on the first time that the walk comes to them.
    fn reach(
        &mut self,
        graph: &impl Graph,
        page: &[u8],
        slots: SlotSet,
        colour: Colour,
        cause: impl Fn() -> Cause,
    ) -> Result<SlotSet> {
        let (view, ..) = PageKey::split(page).ok_or_else(not_a_page)?;
        if slots.is_empty() {
            return Ok(slots);
        }
        let sealed = slots.intersection(graph.sealed(page));
        let passed = self.pass(page, sealed);
        let newly = self.raise(graph, page, view, slots.minus(sealed), colour, cause)?;
        let newly = newly.union(passed);
        // A change most often ends here: what nobody reads need not be remembered.
        if self.is_read(graph, view) {
            self.push(page, newly);
        }
        Ok(newly)
    }

    /// Those of the sealed slots that were not passed through before.
    fn pass(&mut self, page: &[u8], sealed: SlotSet) -> SlotSet {
        if sealed.is_empty() {
            return sealed;
        }
        let passed = self.passed.entry(page.into()).or_default();
        let newly = sealed.minus(*passed);
        *passed = passed.union(sealed);
        newly
    }

    fn raise(
        &mut self,
        graph: &impl Graph,
        page: &[u8],
        view: ViewId,
        slots: SlotSet,
        colour: Colour,
        cause: impl Fn() -> Cause,
    ) -> Result<SlotSet> {
        if slots.is_empty() {
            return Ok(slots);
        }
        if self.full {
            self.suspect_view(graph, view);
            return Ok(SlotSet::EMPTY);
        }
        let room = self.outcome.rows.len() < self.pages_max;
        let raised = match self.outcome.rows.get_mut(page) {
            Some(known) => known.raise(slots, colour, cause),
            None => {
                let mut row = RaisedRow::of(graph.mark_row(page)?.unwrap_or_default());
                if !room && !row.row.would_raise(slots, colour).is_nothing() {
                    self.full = true;
                    self.suspect_view(graph, view);
                    return Ok(SlotSet::EMPTY);
                }
                let raised = row.raise(slots, colour, cause);
                if !raised.is_nothing() {
                    self.outcome.rows.insert(page.into(), row);
                }
                raised
            }
        };
        self.outcome.revived |= !raised.revived.is_empty();
        Ok(raised.newly)
    }

    /// The slots of a page that [`Self::reach`] would answer.
    fn open(&self, graph: &impl Graph, page: &[u8]) -> Result<SlotSet> {
        let marked = match self.outcome.rows.get(page) {
            Some(raised) => raised.row.marked(),
            None => graph.mark_row(page)?.unwrap_or_default().marked(),
        };
        let sealed = graph.sealed(page);
        let passed = self.passed.get(page).copied().unwrap_or_default();
        let closed = marked.minus(sealed).union(passed);
        Ok(SlotSet::span(Slot(0), Slot(u32::MAX)).minus(closed))
    }

    fn push(&mut self, page: &[u8], slots: SlotSet) {
        match self.queue.back_mut() {
            _ if slots.is_empty() => {}
            Some((last, waiting)) if **last == *page => *waiting = waiting.union(slots),
            _ => self.queue.push_back((page.into(), slots)),
        }
    }

    fn is_read(&mut self, graph: &impl Graph, view: ViewId) -> bool {
        *self.read.entry(view).or_insert_with(|| !graph.readers_of_view(view).is_empty())
    }

    /// Whether nothing that reads this view could be named that was not.
    fn all_suspect(&self, graph: &impl Graph, view: ViewId) -> bool {
        graph.readers_of_view(view).iter().all(|reader| self.outcome.suspect_views.contains(reader))
    }

    /// This view, and all that can be reached from it.
    fn suspect_view(&mut self, graph: &impl Graph, view: ViewId) {
        if self.outcome.suspect_views.insert(view) {
            let above = reachable([view], |view| graph.readers_of_view(view));
            self.outcome.suspect_views.extend(above);
        }
    }
}

fn not_a_page() -> Error {
    Error::damaged("an edge leads to a reader that is no page")
}

/// The views that read these, or a view that does, and so on. One of these themselves only if it
/// reads itself that way.
pub(crate) fn reachable(
    start: impl IntoIterator<Item = ViewId>,
    readers: impl Fn(ViewId) -> Vec<ViewId>,
) -> BTreeSet<ViewId> {
    let mut reached = BTreeSet::new();
    let mut left: Vec<ViewId> = start.into_iter().collect();
    while let Some(view) = left.pop() {
        left.extend(readers(view).into_iter().filter(|reader| reached.insert(*reader)));
    }
    reached
}
