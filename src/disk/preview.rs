//! What an invalidation would mark, without marking anything.

use crate::error::Result;
use crate::graph::{Cause, Colour, Node, NodeParts, Origin, Seed, Walk, reachable};
use crate::page::ViewId;
use crate::time::Timestamp;

use super::contents::view_rows;
use super::links::Links;
use super::load::{Loaded, load_aside};
use super::marking::{Marked, PAGES_MARKED_MAX};
use super::operations::{Changed, PAGES_IN_SCOPE_MAX};
use super::page_walk::PageWalk;
use super::scope::ScopeOf;
use super::shared::Shared;
use super::sight::Sight;
use super::tables::VIEWS;
use super::view_state::ViewState;
use super::view_table::ViewTable;

/// Walks the graph as the file has it now.
pub(crate) fn preview(shared: &Shared, changes: &[Changed], now: Timestamp) -> Result<Marked> {
    let mut seeds = Vec::new();
    let mut stamped = Vec::new();
    for change in changes {
        match change {
            Changed::Source(node, version) => {
                seeds.push(Seed::Node { node: node.clone(), version: *version });
            }
            Changed::Kind(node) => {
                if let NodeParts::Kind(kind) = node.parts() {
                    seeds.push(Seed::Kind(kind.to_owned()));
                }
            }
            Changed::View(view) => stamped.push(*view),
            Changed::Records(view, scope) => {
                match in_scope(shared, view, &view.scope(scope.clone()))? {
                    Some(found) => seeds.extend(found),
                    None => stamped.push(view.id()),
                }
            }
        }
    }
    shared.file.read(|txn| {
        let table = txn.open_table(VIEWS).map_err(|cause| shared.file.storage_error(cause))?;
        let revision = shared.published();
        let views = ViewTable::new(view_rows(&table)?, revision);
        let links = Links::to_read(&shared.file, txn)?;
        let (links, views) = (&links, &views);
        let sight = Sight { shared, links, views, now };
        let mut walk = Walk::new(PAGES_MARKED_MAX);
        for seed in seeds {
            let origin = Origin::Node(Node::view(ViewId(0)));
            walk.run(&sight, seed, Cause::new(origin, revision, now))?;
        }
        let mut marked = Marked::of(&walk.finish(), |key| shared.is_cached(key));
        let above = reachable(stamped.iter().copied(), |view| views.readers(view).to_vec());
        marked.stamped.extend(above);
        marked.stamped.extend(stamped.iter().copied());
        Ok(marked)
    })
}

/// The records of a scope; `None` if they are too many to be marked one by one.
fn in_scope(shared: &Shared, view: &ViewState, scope: &ScopeOf) -> Result<Option<Vec<Seed>>> {
    let mut walk = PageWalk::new(&shared.file, scope, PAGES_IN_SCOPE_MAX);
    let mut seeds = Vec::new();
    while let Some((key, number)) = walk.next()? {
        let Loaded::Page(found) = load_aside(shared, view, &key)? else { continue };
        let slots = scope.slots(number, found.value());
        if !slots.is_empty() {
            let page = key.as_slice().into();
            seeds.push(Seed::Marked { page, slots, colour: Colour::Stale });
        }
    }
    Ok(walk.rest()?.is_none().then_some(seeds))
}
