//! What a file holds, counted, without anything of the application that wrote it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata};

use crate::error::Result;
use crate::graph::{Node, NodeParts};
use crate::page::{PageKey, Slot, ViewId};
use crate::time::Timestamp;

use super::backlog::open_if_there;
use super::contents::view_rows;
use super::link_rows::Stands;
use super::open_file::OpenFile;
use super::shared::Shared;
use super::tables::{ALL_NAMES, Bytes, META, VIEWS, meta};
use super::verify::{Look, PageStands, look_to_read};
use super::view_row::ViewRow;

/// What [`Store::inventory`](crate::Store::inventory) counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Inventory {
    /// Where the file is, if there is one.
    pub file: Option<PathBuf>,
    /// How long it is.
    pub file_bytes: Option<u64>,
    /// Sixteen bytes that this store and its copies have and no other, in hexadecimal digits.
    pub store_id: String,
    /// The file's format.
    pub format: u32,
    /// The revision of its last operation.
    pub revision: u64,
    /// How often it was opened to write.
    pub lives: u64,
    /// Whether the opening before this one closed it, and its seal held.
    pub closed_cleanly: bool,
    /// The tables of the file.
    pub tables: Vec<TableSize>,
    /// The views, by name.
    pub views: Vec<ViewContents>,
    /// Views that are no more and whose pages are not all gone yet.
    pub views_going: u64,
    /// Kind of sources -> how many of them have changed, or been compared, since something read them.
    pub sources: BTreeMap<String, u64>,
    /// Changes that were begun and not ended: they count as made when the file is opened to write.
    pub intents: u64,
}

/// How large a table is.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct TableSize {
    /// Its name.
    pub name: &'static str,
    /// How many rows it has.
    pub rows: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
    /// Bytes of the file that it takes, with what is free in its pages.
    pub file_bytes: u64,
}

/// What the file holds of a view.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct ViewContents {
    /// Its name.
    pub name: String,
    /// Its number in the file.
    pub number: u32,
    /// The version that defined it last.
    pub version: u32,
    /// Its grid, in words.
    pub grid: String,
    /// How many buckets its pages hold.
    pub page_len: u32,
    /// The views that read it.
    pub read_by: Vec<String>,
    /// Its pages.
    pub pages: u64,
    /// The bytes that they take in their table, keys included.
    pub bytes: u64,
    /// Pages that fail their checks; what they hold is not counted.
    pub damaged_pages: u64,
    /// Its records, built or put.
    pub records: u64,
    /// Of these, those that were put.
    pub put: u64,
    /// What retention has left of records for those that read them.
    pub tombstones: u64,
    /// Records that are marked suspect one by one.
    pub suspect: u64,
    /// Records that are marked stale one by one.
    pub stale: u64,
    /// Records that are of an older version, or stale or suspect by a mark of the whole view, and not
    /// marked by themselves.
    pub stamped: u64,
    /// When the first of those marks came, by the clock of whoever wrote it.
    pub oldest_mark: Option<Timestamp>,
    /// Records whose build began before this revision are stale.
    pub stale_before: u64,
    /// Records that were last found right before this revision are suspect.
    pub suspect_before: u64,
    /// Dictionaries that pages are compressed with.
    pub dictionaries: u64,
    /// Pages beside which those of other entities are packed.
    pub patterns: u64,
}

/// Pages looked at in one transaction.
const PAGES_AT_ONCE: usize = 256;

/// Counts what the file holds.
pub(crate) fn inventory(shared: &Shared) -> Result<Inventory> {
    let mut inventory = shared.file.read(|txn| about_the_file(shared, txn))?;
    let mut views: BTreeMap<ViewId, ViewContents> =
        shared.file.read(|txn| about_views(&shared.file, txn))?;
    let mut from = Some(Vec::new());
    while let Some(key) = from {
        from = shared
            .file
            .read(|txn| look_to_read(shared, txn, |look| pages(look, &key, &mut views)))?;
    }
    inventory.views = views.into_values().collect();
    inventory.views.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(inventory)
}

fn about_the_file(shared: &Shared, txn: &ReadTransaction) -> Result<Inventory> {
    let failed = |cause| shared.file.storage_error(cause);
    let meta_table = txn.open_table(META).map_err(|cause| shared.file.storage_error(cause))?;
    let word = |name: &[u8]| -> Result<u64> {
        let row = meta_table.get(name).map_err(failed)?;
        Ok(row.map_or(0, |row| {
            row.value().iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
        }))
    };
    let id = meta_table.get(meta::STORE_ID).map_err(failed)?;
    let id = id.map_or_else(Vec::new, |row| row.value().to_vec());
    let mut inventory = Inventory {
        file: shared.file.path().map(ToOwned::to_owned),
        file_bytes: shared.file.path().and_then(|path| Some(std::fs::metadata(path).ok()?.len())),
        store_id: id.iter().map(|byte| format!("{byte:02x}")).collect(),
        format: word(meta::FORMAT)? as u32,
        revision: word(meta::REVISION)?,
        lives: word(meta::LIFE)?,
        closed_cleanly: !shared.after_unclean_stop,
        ..Inventory::default()
    };
    for name in ALL_NAMES {
        let Some(table) = open_if_there(&shared.file, txn, Bytes::new(name))? else { continue };
        let (rows, stats) = (table.len().map_err(failed)?, table.stats().map_err(failed)?);
        let (bytes, taken) = (stats.stored_bytes(), stats.metadata_bytes());
        let file_bytes = bytes + taken + stats.fragmented_bytes();
        inventory.tables.push(TableSize { name, rows, bytes, file_bytes });
        match name {
            "intents" => inventory.intents = rows,
            "dropped" => inventory.views_going = rows,
            "sources" => {
                for entry in table.iter().map_err(failed)? {
                    let (key, _) = entry.map_err(failed)?;
                    let node = Node::from_slice(key.value());
                    if let Some(NodeParts::Source { kind, .. }) = node.as_ref().map(Node::parts) {
                        *inventory.sources.entry(kind.to_owned()).or_default() += 1;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(inventory)
}

fn about_views(file: &OpenFile, txn: &ReadTransaction) -> Result<BTreeMap<ViewId, ViewContents>> {
    let failed = |cause| file.storage_error(cause);
    let rows = txn.open_table(VIEWS).map_err(|cause| file.storage_error(cause))?;
    let rows = view_rows(&rows)?;
    let name = |id: &ViewId| {
        let found = rows.iter().find(|(_, row)| row.id == *id);
        found.map(|(name, _)| name.clone())
    };
    let mut views = BTreeMap::new();
    for (of, row) in &rows {
        let ViewRow { id, grid, page_len, stamp, readers, .. } = row;
        let contents = ViewContents {
            name: of.clone(),
            number: id.0,
            version: stamp.version,
            grid: grid.clone(),
            page_len: *page_len,
            read_by: readers.iter().filter_map(name).collect(),
            stale_before: stamp.stale_before.get(),
            suspect_before: stamp.suspect_before.get(),
            ..ViewContents::default()
        };
        views.insert(*id, contents);
    }
    let aids = open_if_there(file, txn, Bytes::new("dictionaries"))?;
    for entry in
        aids.iter().map(|table| table.iter().map_err(failed)).collect::<Result<Vec<_>>>()?
    {
        for row in entry {
            let (key, _) = row.map_err(failed)?;
            let key = key.value();
            let id = key.first_chunk().map(|id| ViewId(u32::from_be_bytes(*id)));
            let Some(view) = id.and_then(|id| views.get_mut(&id)) else { continue };
            // The highest bit of an id says that it is a pattern's.
            let is_pattern = key.get(4).is_some_and(|byte| byte & 0x80 != 0);
            *(if is_pattern { &mut view.patterns } else { &mut view.dictionaries }) += 1;
        }
    }
    Ok(views)
}

/// Counts some pages. Where to go on.
fn pages<T>(
    look: &Look<'_, T>,
    from: &[u8],
    views: &mut BTreeMap<ViewId, ViewContents>,
) -> Result<Option<Vec<u8>>>
where
    T: ReadableTable<&'static [u8], &'static [u8]>,
{
    let failed = |cause| look.shared.file.storage_error(cause);
    for (at, entry) in look.pages.range(from..).map_err(failed)?.enumerate() {
        let (key, row) = entry.map_err(failed)?;
        let (key, bytes) = (key.value(), row.value().len());
        if at == PAGES_AT_ONCE {
            return Ok(Some(key.to_vec()));
        }
        let id = PageKey::split(key).map(|(view, ..)| view);
        let of = id.and_then(|id| Some((look.views.by_id(id)?, views.get_mut(&id)?)));
        let Some((row, view)) = of else { continue };
        view.pages += 1;
        view.bytes += (key.len() + bytes) as u64;
        let page = match look.page(key)? {
            PageStands::Page(page) => page,
            PageStands::Damaged(_) => {
                view.damaged_pages += 1;
                continue;
            }
            // Told of by an audit.
            PageStands::Absent | PageStands::OfLaterFormat(_) => continue,
        };
        let marks = match look.marks(key)? {
            Stands::Row(marks) => marks,
            Stands::Absent | Stands::Unreadable => Default::default(),
        };
        for slot in (0..page.slots()).map(Slot) {
            view.records += u64::from(page.holds(slot));
            view.put += u64::from(page.was_put(slot));
            view.tombstones += u64::from(page.is_tombstone(slot));
            if page.holds(slot) && !marks.marked().contains(slot) {
                let colour = row.stamp.colour(page.facts(slot));
                view.stamped += u64::from(colour > crate::graph::Colour::Fresh);
            }
        }
        view.suspect += u64::from(marks.suspect().len());
        view.stale += u64::from(marks.stale().len());
        let oldest = marks.causes.iter().map(|cause| cause.since).min();
        view.oldest_mark = view.oldest_mark.into_iter().chain(oldest).min();
    }
    Ok(None)
}
