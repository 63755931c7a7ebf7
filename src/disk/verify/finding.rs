//! What an audit tells of one thing that is not as it must be.

use std::fmt;

use serde::Serializer;

/// What kind of thing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingKind {
    /// A page of records fails its checks. Mended, it is as memory had it, or what it held is gone and
    /// built again.
    Page,
    /// A page of records in a form that a later release writes. An audit leaves it as it is; a read
    /// cannot use it, and what is built anew takes its place.
    LaterFormat,
    /// The revisions of records cannot be. Mended, those that were built are gone and built again, and
    /// those that were put are stale.
    Facts,
    /// What records were built from is not known any more. Mended, they are stale.
    Dependencies,
    /// Something that records were built from does not know of them: a change of it would not reach
    /// them.
    EdgeMissing,
    /// Something is said to be read by records that do not read it.
    EdgeExtra,
    /// Something that records were built from has changed or is marked, and they are not. Mended,
    /// they are stale.
    LostMark,
    /// A mark of a record that is not there.
    MarkOfNothing,
    /// A row that cannot be read.
    Row,
    /// A row of a view, or of a page, that is no more.
    Orphan,
    /// A view does not know that another one reads it: its coarse marks would not reach that.
    UnknownReader,
}

/// Something that an audit found.
#[derive(Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What kind of thing is wrong.
    pub kind: FindingKind,
    /// The table of the file in which it was met.
    pub table: &'static str,
    /// The view concerned, by name or, where it is no more, by number.
    pub view: Option<String>,
    /// The encoded key of the entity. It stays out of what is displayed: an entity may be a person.
    #[serde(serialize_with = "hexadecimal")]
    pub entity: Option<Vec<u8>>,
    /// The page's number.
    pub page: Option<i64>,
    /// The first bucket concerned, or its place in the page where the view is not defined.
    pub bucket: Option<String>,
    /// What is wrong.
    pub what: String,
    /// Whether it has been mended, or is in order by now.
    pub repaired: bool,
    /// Whether it was mended by taking a page away that nobody can read: what was put into it has to be
    /// put again.
    pub lost: bool,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.table)?;
        if let Some(view) = &self.view {
            write!(f, ", view '{view}'")?;
        }
        if let Some(page) = self.page {
            write!(f, ", page {page}")?;
        }
        if let Some(bucket) = &self.bucket {
            write!(f, ", bucket {bucket}")?;
        }
        write!(f, ": {}", self.what)?;
        f.write_str(match (self.repaired, self.lost) {
            (false, _) => "",
            (true, false) => " (mended)",
            (true, true) => " (mended: it is gone, and what was put into it is lost)",
        })
    }
}

impl fmt::Debug for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.kind)
    }
}

fn hexadecimal<S: Serializer>(entity: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
    match entity {
        None => serializer.serialize_none(),
        Some(key) => {
            let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
            serializer.serialize_str(&digits)
        }
    }
}
