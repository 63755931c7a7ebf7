//! The rows of all tables but that of pages.

use redb::ReadableTable;

use crate::error::Result;
use crate::graph::{DepsRow, EdgeRow, MarkRow, Node, WantedRow, split_edge};
use crate::page::{Aid, PageKey, ViewId};

use super::super::backlog::Failure;
use super::super::chunk::Chunk;
use super::super::horizon_row::HorizonRow;
use super::super::intent_row::intent_sources;
use super::super::link_rows::Stands;
use super::super::run_row::{CHUNK, FAILURE, FailureRow, HEAD, RunRow, split_row_key};
use super::super::source_row::SourceRow;
use super::super::tables::{DROPPED_GOING, DROPPED_RESERVED};
use super::super::view_row::ViewRow;
use super::fault::{Fault, Remedy, page_of};
use super::finding::FindingKind;
use super::look::Look;
use super::report::Verified;

/// What is wrong with a row.
pub(super) fn check_row<T>(
    look: &Look<'_, T>,
    table: &'static str,
    key: &[u8],
    row: &[u8],
    seen: &mut Verified,
) -> Result<Option<Fault>>
where
    T: ReadableTable<&'static [u8], &'static [u8]>,
{
    let is_readable = match table {
        "edges" => {
            seen.edges += 1;
            return check_edge(look, key, row);
        }
        "deps" => DepsRow::from_bytes(row).is_some(),
        "marks" => MarkRow::from_bytes(row).is_some(),
        "wanted" => WantedRow::from_bytes(row).is_some(),
        "failures" => Failure::from_bytes(row).is_some(),
        "begun" => row.len() == size_of::<u64>(),
        "sources" => return Ok(check_source(look, key, row, seen)),
        "views" => return Ok(check_view(look, key, row)),
        "dropped" => key.len() == 4 && [DROPPED_GOING, DROPPED_RESERVED].contains(&row),
        "dictionaries" => {
            let id = key.last_chunk().map(|id| u32::from_be_bytes(*id));
            let is_readable = id.is_some_and(|id| Aid::prepare(id, row, 0).is_ok());
            if let Some(fault) = id.and_then(|id| check_aid(look, key, id, row, is_readable)) {
                return Ok(Some(fault));
            }
            is_readable
        }
        "intents" => {
            seen.intents += 1;
            key.len() == size_of::<u64>() && intent_sources(row).is_some()
        }
        "horizons" => HorizonRow::from_bytes(row).is_some(),
        "runs" => return Ok(check_run(key, row, seen)),
        // The writer and the opening ask these themselves.
        _ => true,
    };
    let view = match table {
        "horizons" | "sweeps" | "dictionaries" => first_id(key),
        _ => page_of(table, key).and_then(PageKey::split).map(|(view, ..)| view),
    };
    if needs_view(table) {
        match view {
            Some(view) if look.knows(view)? => {}
            _ => {
                let orphan =
                    Fault::new(FindingKind::Orphan, table, "a row of a view that is no more");
                return Ok(Some(orphan.mended_by(Remedy::Discard(table))));
            }
        }
    }
    // Those that go with a page: while their view is removed they go one after the other.
    if matches!(table, "deps" | "marks") && !look.has_page(key)? {
        let what = format!("a row of `{table}` of a page that is no more");
        let remedy = if is_readable { Remedy::Forget } else { Remedy::Discard(table) };
        let orphan = Fault::new(FindingKind::Orphan, table, what);
        return Ok(Some(orphan.mended_by(remedy)));
    }
    // Where their page is there, it was looked at with them.
    let is_told = matches!(table, "deps" | "marks");
    let mends_itself = matches!(table, "intents" | "dropped");
    let fault = match mends_itself {
        true => Fault::new(FindingKind::Row, table, "the row is unreadable"),
        false => Fault::unreadable(table),
    };
    Ok((!is_readable && !is_told).then_some(fault))
}

/// A dictionary or pattern against what this opening has read or written there: it never changes.
fn check_aid<T>(
    look: &Look<'_, T>,
    key: &[u8],
    id: u32,
    row: &[u8],
    is_readable: bool,
) -> Option<Fault> {
    let view = first_id(key).and_then(|view| look.shared.views.get(view))?;
    let aid = match view.packing().known_aid(id) {
        None if !is_readable => view.packing().patterns().by_id(id).map(Aid::Pattern),
        known => known,
    };
    let kept = aid.filter(|aid| aid.row() != row)?.row().to_vec();
    let what = "a dictionary or pattern is not what it was";
    Some(Fault::new(FindingKind::Row, "dictionaries", what).mended_by(Remedy::Rewrite(kept)))
}

fn needs_view(table: &str) -> bool {
    matches!(
        table,
        "deps" | "marks" | "wanted" | "failures" | "begun" | "horizons" | "sweeps" | "dictionaries"
    )
}

fn first_id(key: &[u8]) -> Option<ViewId> {
    key.first_chunk().map(|id| ViewId(u32::from_be_bytes(*id)))
}

/// An edge against what its reader says that it reads.
fn check_edge<T>(look: &Look<'_, T>, key: &[u8], row: &[u8]) -> Result<Option<Fault>>
where
    T: ReadableTable<&'static [u8], &'static [u8]>,
{
    let Some((node, reader)) = split_edge(key) else {
        return Ok(Some(Fault::unreadable("edges")));
    };
    let reads = match look.links.audit_deps(reader)? {
        Stands::Row(deps) => deps.nodes().into_iter().any(|read| read.as_slice() == node),
        // What cannot be read is told of with its page.
        Stands::Unreadable if look.has_page(reader)? => return Ok(None),
        Stands::Absent | Stands::Unreadable => false,
    };
    if reads {
        // What it says is compared where the page is.
        return Ok(None);
    }
    let readable = EdgeRow::from_bytes(row).is_some();
    let what = "something is said to be read by a page that does not read it";
    let kind = if readable { FindingKind::EdgeExtra } else { FindingKind::Row };
    Ok(Some(Fault::new(kind, "edges", what).mended_by(Remedy::Discard("edges"))))
}

fn check_source<T>(
    look: &Look<'_, T>,
    key: &[u8],
    row: &[u8],
    seen: &mut Verified,
) -> Option<Fault> {
    seen.sources += 1;
    if Node::from_slice(key).is_none() {
        return Some(Fault::unreadable("sources"));
    }
    let told = match SourceRow::from_bytes(row) {
        None => "the row is unreadable".to_owned(),
        Some(row) if row.changed.max(row.changed_whole) > look.revision => {
            format!("it has changed at revision {}, which is to come", row.changed)
        }
        Some(_) => return None,
    };
    Some(Fault::new(FindingKind::Row, "sources", told).mended_by(Remedy::Announce))
}

fn check_view<T>(look: &Look<'_, T>, key: &[u8], row: &[u8]) -> Option<Fault> {
    let fault = |what: &str| Some(Fault::new(FindingKind::Row, "views", what));
    let Ok(name) = std::str::from_utf8(key) else {
        return fault("the view's name is unreadable");
    };
    let Ok(row) = ViewRow::from_bytes(name, row) else {
        return fault("the view's row is unreadable");
    };
    if look.views.name(row.id) != Some(name) {
        return fault("two views have one number");
    }
    let is_to_come = row.stamp.raised() > look.revision;
    is_to_come.then(|| fault("the view's stamp is of a revision to come")).flatten()
}

fn check_run(key: &[u8], row: &[u8], seen: &mut Verified) -> Option<Fault> {
    let is_readable = match split_row_key(key) {
        Some((_, HEAD, _)) => {
            seen.runs += 1;
            RunRow::from_bytes(row).is_ok()
        }
        Some((_, CHUNK, _)) => Chunk::from_bytes(row).is_ok(),
        Some((_, FAILURE, _)) => FailureRow::from_bytes(row).is_ok(),
        _ => false,
    };
    let what =
        "the row is unreadable; a run ends where it meets one of its own, and can be begun again";
    (!is_readable).then(|| Fault::new(FindingKind::Row, "runs", what))
}
