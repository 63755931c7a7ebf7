//! What a repair came to.

use std::fmt;

/// What of a damaged file could not be brought over.
#[derive(Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Loss {
    /// The table of the file that it stood in.
    pub table: &'static str,
    /// The view concerned, by name or, where that is lost too, by number.
    pub view: Option<String>,
    /// The encoded key of the entity. It stays out of what is displayed: an entity may be a person.
    #[serde(skip)]
    pub entity: Option<Vec<u8>>,
    /// The page's number.
    pub page: Option<i64>,
    /// What is lost.
    pub what: String,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.table)?;
        if let Some(view) = &self.view {
            write!(f, ", view '{view}'")?;
        }
        if let Some(page) = self.page {
            write!(f, ", page {page}")?;
        }
        write!(f, ": {}", self.what)
    }
}

impl fmt::Debug for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Losses that a report lists; it counts them all.
const LISTED_MAX: usize = 1000;

/// What [`Store::repair`](crate::Store::repair) brought over, and what it could not.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct RepairReport {
    /// Views in the new file.
    pub views: u64,
    /// Pages of records in it.
    pub pages: u64,
    /// Rows of all its tables.
    pub rows: u64,
    /// Flipped bits that could be told and were flipped back.
    pub bits_flipped_back: u64,
    /// What is lost, the first thousand of it.
    pub losses: Vec<Loss>,
    /// How much of it there is.
    pub lost: u64,
}

impl RepairReport {
    pub(super) fn lose(&mut self, loss: Loss) {
        self.lost += 1;
        if self.losses.len() < LISTED_MAX {
            self.losses.push(loss);
        }
    }
}

impl fmt::Display for RepairReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { views, pages, rows, bits_flipped_back, losses, lost } = self;
        write!(f, "{views} views, {pages} pages, {rows} rows brought over; ")?;
        write!(f, "{bits_flipped_back} bits flipped back; ")?;
        match lost {
            0 => f.write_str("nothing is lost"),
            _ => write!(f, "{lost} losses"),
        }?;
        losses.iter().try_for_each(|loss| write!(f, "\n{loss}"))?;
        let listed = losses.len() as u64;
        if *lost > listed {
            write!(f, "\nand {} more", lost - listed)?;
        }
        Ok(())
    }
}
