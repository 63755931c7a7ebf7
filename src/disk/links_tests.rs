//! What the dependency graph on disk says, and what becomes of an operation that cannot read it.

use crate::error::{Error, ErrorKind, Result};
use crate::graph::{EdgeRow, Graph, Node, WHOLE, edge_key};
use crate::grid::PageNumber;
use crate::key::Source;
use crate::page::{PageKey, Slot, ViewId};
use crate::rebuild::Engine;
use crate::sync::Arc;
use crate::sync::channel::bounded;
use crate::time::Timestamp;
use crate::view::ViewDefinition;

use super::batch::Batch;
use super::known_readers::Readers;
use super::operation::Speed;
use super::sight::Sight;
use super::tables::{self, Bytes};
use super::writer_tests::{engine, of};

const NOW: Timestamp = Timestamp::EPOCH;
/// No row of any table.
const GARBAGE: &[u8] = &[0xff; 3];

/// A store with two views whose records read one thing outside, and a third that reads nothing.
struct World {
    engine: Arc<Engine>,
    readers: [ViewId; 2],
    /// A page of the first.
    page: PageKey,
}

fn outside() -> Node {
    Node::source(&Source::new("outside", 1).unwrap())
}

impl World {
    fn new() -> Self {
        let engine = Arc::new(engine());
        let define = |name: &str, reads: bool| {
            let view = ViewDefinition::<u32, u64>::new(engine.clone(), name);
            let view = view.build(move |cx, _, _| {
                if reads {
                    cx.depends_on(("outside", 1));
                }
                Ok(7)
            });
            let view = view.unwrap();
            (1..=3).for_each(|entity| drop(view.get(&entity, NOW).unwrap()));
            engine.view_id(name).unwrap()
        };
        let readers = [define("first", true), define("second", true)];
        define("third", false);
        let state = engine.shared().views.get(readers[0]).unwrap();
        let place = state.grid().place(state.grid().bucket_at(NOW).unwrap(), 1).unwrap();
        let page = PageKey::new(readers[0], &1_u32, place.page);
        Self { engine, readers, page }
    }

    /// Puts garbage into a table, as a fault of the disk that no checksum has seen would.
    fn spoil(&self, table: Bytes, key: &[u8]) {
        let spoiled = self.engine.shared().file.with_database(|database| {
            let txn = database.begin_write().unwrap();
            txn.open_table(table).unwrap().insert(key, GARBAGE).unwrap();
            txn.commit().unwrap();
            Ok(())
        });
        spoiled.unwrap();
    }

    /// What the writer says of an operation.
    fn run(
        &self,
        apply: impl FnOnce(&mut Batch<'_>) -> Result<()> + Clone + Send + 'static,
    ) -> Result<()> {
        self.engine.writer()?.run(of(&self.engine, Speed::Derived, apply)).map(drop)
    }
}

#[test]
fn the_views_that_read_something_are_found_each_once() {
    let (world, (tell, told)) = (World::new(), bounded(2));
    let find = move |batch: &mut Batch<'_>| {
        let found = batch.links.reader_views(outside().as_slice())?;
        let (shared, views) = (batch.shared(), &batch.ledger.views);
        let sight = Sight { shared, links: &batch.links, views, now: NOW };
        assert_eq!(sight.reader_views(outside().as_slice())?, found, "as walks see it");
        tell.send(found).unwrap();
        let other = Node::source(&Source::new("outside", 2).unwrap());
        tell.send(batch.links.reader_views(other.as_slice())?).unwrap();
        Ok(())
    };
    world.run(find).unwrap();
    assert_eq!(told.recv().unwrap(), world.readers);
    assert_eq!(told.recv().unwrap(), [], "nobody reads the other");
}

/// Who reads a node, as is asked twice: what was found is kept in mind, or not.
fn readers(batch: &Batch<'_>, node: &Node) -> Result<Vec<Box<[u8]>>> {
    let ask = || {
        let mut readers = Vec::new();
        let has_any = batch.links.has_readers(node.as_slice())?;
        batch.links.readers(node.as_slice(), |reader, _| {
            readers.push(Box::<[u8]>::from(reader));
            true
        })?;
        assert_eq!(has_any, !readers.is_empty());
        Ok::<_, Error>(readers)
    };
    let first = ask()?;
    assert_eq!(ask()?, first);
    let mut one = 0;
    batch.links.readers(node.as_slice(), |_, _| {
        one += 1;
        false
    })?;
    assert_eq!(one, first.len().min(1), "it ends where it is told to");
    Ok(first)
}

/// What is kept in mind of who reads a node.
fn kept(batch: &Batch<'_>, node: &Node) -> Option<Readers> {
    batch.links.known_readers.of(node.as_slice(), batch.links.edges.changes())
}

#[test]
fn who_reads_is_kept_of_what_is_outside_until_there_is_no_room() {
    let world = World::new();
    let page = Node::page(world.page.as_slice());
    let ask = move |batch: &mut Batch<'_>| {
        let keeps = |node: &Node| {
            readers(batch, node)?;
            Ok::<_, Error>(kept(batch, node).is_some())
        };
        assert!(!keeps(&page)?);
        let source = |key: u32| Node::source(&Source::new("other", key).unwrap());
        for key in 0..256 {
            assert!(keeps(&source(key))?, "source {key}");
        }
        assert!(!keeps(&outside())?);
        assert!(keeps(&Node::kind("other")?)?, "kinds have room beside them");
        assert!(batch.links.has_readers(outside().as_slice())?, "it is asked all the same");
        Ok(())
    };
    world.run(ask).unwrap();
}

#[test]
fn who_reads_a_source_is_asked_anew_when_an_edge_has_changed() {
    let (world, source) = (World::new(), Source::new("outside", 2).unwrap());
    let kind = Node::kind("outside").unwrap();
    let (page, view) = (world.page.clone(), world.readers[0]);
    let ask = move |batch: &mut Batch<'_>| {
        for node in [Node::source(&source), kind] {
            let readers = |batch: &Batch<'_>| readers(batch, &node);
            let mut edge = EdgeRow::default();
            edge.set((Slot(0), Slot(0)), &[WHOLE], None);
            for _ in 0..2 {
                assert!(readers(batch)?.is_empty());
                batch.links.put_edge(node.as_slice(), page.as_slice(), &edge);
                assert_eq!(readers(batch)?, [page.as_slice().into()]);
                batch.links.put_edge(node.as_slice(), page.as_slice(), &EdgeRow::default());
            }
            // More than are kept in mind.
            for entity in 10..20_u32 {
                let reader = PageKey::new(view, &entity, PageNumber(0));
                batch.links.put_edge(node.as_slice(), reader.as_slice(), &edge);
                assert_eq!(readers(batch)?.len() as u32, entity - 9);
                let is_kept = match kept(batch, &node) {
                    Some(Readers::Few(few)) => few.len() as u32 == entity - 9 && entity < 14,
                    Some(Readers::Many) => entity >= 14,
                    None => false,
                };
                assert!(is_kept, "{} readers", entity - 9);
            }
        }
        Ok(())
    };
    world.run(ask).unwrap();
}

#[test]
fn who_reads_a_source_is_asked_anew_when_a_page_is_forgotten_and_told_alike_when_rows_are_written()
{
    let world = World::new();
    let (views, number) = (world.readers, PageKey::split(world.page.as_slice()).unwrap().2);
    let ask = move |batch: &mut Batch<'_>| {
        let pages = views.iter().flat_map(|view| {
            (1..=3_u32).map(|entity| PageKey::new(*view, &entity, number).as_slice().into())
        });
        let mut pages: Vec<Box<[u8]>> = pages.collect();
        while let Some(page) = pages.pop() {
            assert_eq!(readers(batch, &outside())?.last(), Some(&page));
            batch.links.forget(&page)?;
            assert_eq!(readers(batch, &outside())?, pages);
            if pages.len().is_multiple_of(2) {
                batch.links.write()?;
                assert_eq!(readers(batch, &outside())?, pages);
            }
        }
        Ok(())
    };
    world.run(ask).unwrap();
}

#[test]
fn a_row_that_cannot_be_read_voids_all_that_was_done_beside_it() {
    type Read = fn(&mut Batch<'_>, &PageKey) -> Result<()>;
    let reads: [(Bytes, Read); 5] = [
        (tables::DEPS, |batch, page| batch.links.deps(page.as_slice()).map(drop)),
        (tables::MARKS, |batch, page| batch.links.marks(page.as_slice()).map(drop)),
        (tables::SOURCES, |batch, _| batch.links.source(outside().as_slice()).map(drop)),
        (tables::EDGES, |batch, page| {
            batch.links.edge(outside().as_slice(), page.as_slice()).map(drop)
        }),
        (tables::EDGES, |batch, _| batch.links.read_slots(outside().as_slice(), 1).map(drop)),
    ];
    for (number, (table, read)) in reads.into_iter().enumerate() {
        for is_heeded in [true, false] {
            let world = World::new();
            let page = world.page.clone();
            let key = match number {
                0 | 1 => page.as_slice().to_vec(),
                2 => outside().as_slice().to_vec(),
                _ => edge_key(outside().as_slice(), page.as_slice()).as_slice().to_vec(),
            };
            world.spoil(table, &key);
            let apply = move |batch: &mut Batch<'_>| {
                let read = read(batch, &page);
                assert_eq!(read.as_ref().unwrap_err().kind(), ErrorKind::Damaged);
                if is_heeded { read } else { Ok(()) }
            };
            let failed = world.run(apply).unwrap_err();
            assert!(failed.to_string().contains("is unreadable"), "{number}: {failed}");
            let refused = world.run(|_| Ok(())).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Reopen, "{number}: {refused}");
        }
    }
}
