//! Something that is not as it must be, with what would mend it.

use redb::ReadableTable;

use crate::graph::{EdgeRow, Node, Origin, split_edge};
use crate::page::{PageKey, SlotSet, ViewId};

use super::finding::{Finding, FindingKind};
use super::look::Look;

/// What is looked at as one, and looked at again by who mends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// What stands under a page's key: the page, what it reads, its marks.
    Page(Box<[u8]>),
    /// A row of a table.
    Row(&'static str, Box<[u8]>),
}

/// What became of a subject that was to be mended.
#[derive(Debug, Default)]
pub(crate) struct Mended {
    /// What is still wrong with it, and in which table.
    pub(in crate::disk) left: Vec<(FindingKind, &'static str)>,
    /// Whether a page of it went, and nobody knows what was put into that.
    pub(in crate::disk) lost: bool,
}

/// A fault of a subject.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::disk) struct Fault {
    pub(in crate::disk) kind: FindingKind,
    pub(in crate::disk) table: &'static str,
    pub(super) slots: SlotSet,
    pub(super) what: String,
    pub(in crate::disk) remedy: Remedy,
}

/// What would mend a fault.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::disk) enum Remedy {
    /// The page goes; its readers are told.
    RemovePage,
    /// These records go; their readers are told.
    DropRecords(SlotSet),
    /// These records, which were put, get revisions of now, and are stale.
    Redate(SlotSet),
    /// These records have read nothing that is known, and are stale.
    Unbind(SlotSet),
    /// These records are stale, whatever the row of their marks said.
    MarkStale(SlotSet, Origin),
    /// These slots have no marks.
    ClearMarks(SlotSet),
    /// This is how the page reads a node; these records may have missed what was announced of it.
    SetEdge(Node, EdgeRow, SlotSet),
    /// The view is read by the page's view.
    NoteReader(ViewId),
    /// The row goes.
    Discard(&'static str),
    /// The row says this, as memory has it.
    Rewrite(Vec<u8>),
    /// What is known of a page that is not there goes.
    Forget,
    /// The source counts as changed, and its row is written anew.
    Announce,
    /// Nothing here: a repair of the whole file may.
    None,
}

impl Fault {
    pub(super) fn new(kind: FindingKind, table: &'static str, what: impl Into<String>) -> Self {
        Self { kind, table, slots: SlotSet::EMPTY, what: what.into(), remedy: Remedy::None }
    }

    pub(super) fn of(self, slots: SlotSet) -> Self {
        Self { slots, ..self }
    }

    pub(super) fn mended_by(self, remedy: Remedy) -> Self {
        Self { remedy, ..self }
    }

    /// A row that cannot be read, and goes.
    pub(super) fn unreadable(table: &'static str) -> Self {
        Self::new(FindingKind::Row, table, "the row is unreadable")
            .mended_by(Remedy::Discard(table))
    }

    pub(super) fn tell<T>(self, subject: &Subject, look: &Look<'_, T>) -> Finding
    where
        T: ReadableTable<&'static [u8], &'static [u8]>,
    {
        let key = match subject {
            Subject::Page(key) => Some(&**key),
            Subject::Row(table, key) => page_of(table, key),
        };
        let parts = key.and_then(PageKey::split);
        let bucket = self.slots.iter().next().map(|slot| {
            let live = parts.and_then(|(id, _, number)| Some((look.shared.views.get(id)?, number)));
            let bucket = live
                .and_then(|(view, number)| view.grid().bucket_in(number, slot.0, view.page_len()));
            bucket.map_or_else(|| format!("{} of its page", slot.0), |bucket| bucket.to_string())
        });
        let name = |id: ViewId| match look.views.name(id) {
            Some(name) => name.to_owned(),
            None => format!("number {}", id.0),
        };
        Finding {
            kind: self.kind,
            table: self.table,
            view: parts.map(|(id, ..)| name(id)),
            entity: parts.map(|(_, entity, _)| entity.to_vec()),
            page: parts.map(|(_, _, number)| number.0),
            bucket,
            what: self.what,
            repaired: false,
            lost: false,
        }
    }
}

/// The key of the page that a row of a table is about.
pub(super) fn page_of<'k>(table: &str, key: &'k [u8]) -> Option<&'k [u8]> {
    match table {
        "pages" | "deps" | "marks" | "wanted" => Some(key),
        "failures" | "begun" => key.split_last_chunk::<2>().map(|(page, _)| page),
        "edges" => split_edge(key).map(|(_, reader)| reader),
        _ => None,
    }
}
