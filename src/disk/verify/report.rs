//! What an audit came to.

use std::fmt;

use super::finding::Finding;

/// Findings that a report lists; it counts them all.
const LISTED_MAX: usize = 1000;

/// What [`Store::verify`](crate::Store::verify) looked at, and what it found.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct VerifyReport {
    /// What was looked at.
    pub looked_at: Verified,
    /// What is not as it must be, the first thousand of it.
    pub findings: Vec<Finding>,
    /// How much of it there is.
    pub found: u64,
    /// How much of that has been mended.
    pub repaired: u64,
    /// Of those, pages that are gone: what was put into them has to be put again.
    pub lost: u64,
}

/// What an audit looked at, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Verified {
    /// Pages of records.
    pub pages: u64,
    /// Records in them, built or put.
    pub records: u64,
    /// Of these, those that were put.
    pub put: u64,
    /// Pages of views that are not defined in this opening: their records' bytes cannot be held
    /// against their type, and what is sealed in them is not known, so that lost marks are not
    /// looked for.
    pub pages_of_undefined_views: u64,
    /// What retention has left of records for those that read them.
    pub tombstones: u64,
    /// Who reads what.
    pub edges: u64,
    /// Records that are marked suspect.
    pub suspect: u64,
    /// Records that are marked stale.
    pub stale: u64,
    /// Sources, kinds, entities and views that have changed since something read them.
    pub sources: u64,
    /// Changes that were begun and not ended.
    pub intents: u64,
    /// Runs.
    pub runs: u64,
    /// Rows of all tables.
    pub rows: u64,
}

impl VerifyReport {
    /// Whether nothing was found.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.found == 0
    }

    pub(super) fn add(&mut self, finding: Finding) {
        self.found += 1;
        self.repaired += u64::from(finding.repaired);
        self.lost += u64::from(finding.lost);
        if self.findings.len() < LISTED_MAX {
            self.findings.push(finding);
        }
    }
}

impl fmt::Display for VerifyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Verified { pages, records, edges, rows, .. } = self.looked_at;
        write!(f, "{records} records in {pages} pages, {edges} edges, {rows} rows: ")?;
        match self.found {
            0 => return f.write_str("all in order"),
            found => write!(f, "{found} not in order, {} mended", self.repaired)?,
        }
        if self.lost > 0 {
            write!(f, ", {} pages lost", self.lost)?;
        }
        for finding in &self.findings {
            write!(f, "\n{finding}")?;
        }
        let listed = self.findings.len() as u64;
        if self.found > listed {
            write!(f, "\nand {} more", self.found - listed)?;
        }
        Ok(())
    }
}
