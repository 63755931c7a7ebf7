//! Why a record is as it is.

use std::fmt;
use std::time::Duration;

use crate::freshness::Freshness;
use crate::revision::Revision;
use crate::time::Timestamp;

/// What is known of a record: see [`View::explain`](crate::View::explain).
///
/// What may be believed of it and why, what it was built from, what was built from it. As text it is
/// for people:
///
/// ```
/// # use tidetable::{Store, Timestamp};
/// # const NOW: Timestamp = Timestamp::EPOCH;
/// # let store = Store::in_memory_with(tidetable::Options { builders: 0, ..Default::default() })?;
/// # let shade = store.view::<u32, u64>("shade").build(|cx, _, _| {
/// #     cx.depends_on(("tree", 3));
/// #     Ok(1)
/// # })?;
/// # let sun = store.view::<u32, u64>("sun");
/// # let sun = sun.build(move |cx, patio, _| Ok(cx.get(&shade, patio, NOW)?.to_native()))?;
/// # sun.get(&7, NOW)?;
/// store.invalidate(("tree", 3))?;
/// println!("{}", sun.explain(&7, NOW)?);
/// # let told = sun.explain(&7, NOW)?.to_string();
/// # assert!(told.starts_with("sun[00000007] timeless: suspect\n  because (\"tree\", 3) changed (r"));
/// # assert!(told.contains("), which shade[00000007] timeless read\n  built at "));
/// # assert!(told.contains("\n  read shade[00000007] timeless (changed r"));
/// # Ok::<(), tidetable::Error>(())
/// ```
/// ```text
/// sun[00000007] timeless: suspect
///   because ("tree", 3) changed (r5, 2026-06-21T10:00:00Z), which shade[00000007] timeless read
///   built at 2026-06-21T09:12:08Z in 692µs by version 1; begun r2, found right r4, changed r4
///   read shade[00000007] timeless (changed r3)
/// ```
///
/// It names sources with their keys and, as bytes, the entities of other records: it is made for
/// those who look after the application.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The record.
    pub record: RecordName,
    /// What may be believed of it; `None` if there is no record.
    pub freshness: Option<Freshness>,
    /// Why it is not fresh: from the record back to what changed, as far as that is known.
    pub causes: Vec<ExplainedCause>,
    /// How it came to be; `None` if there is no record.
    pub built: Option<ExplainedBuild>,
    /// What it was built from, in the order in which its build read.
    pub reads: Vec<ExplainedRead>,
    /// Records that were built from it, the first hundred.
    pub readers: Vec<RecordName>,
    /// How many pages hold records that were built from it, from all of its entity, or from all of
    /// its view.
    pub reader_pages: u64,
}

/// A record, by view, entity and bucket.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct RecordName {
    /// The view's name; its number in the file where it is not known any more.
    pub view: String,
    /// The entity's key, encoded.
    pub entity: Vec<u8>,
    /// The bucket in words, or a place in a page where the view is not defined in this run.
    pub bucket: String,
}

/// How a record came to be.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct ExplainedBuild {
    /// Whether it was put rather than built.
    pub put: bool,
    /// The view's version that made it.
    pub version: u32,
    /// When its build began.
    pub at: Timestamp,
    /// How long that took.
    pub took: Duration,
    /// Everything announced up to here was in what it read.
    pub begun: Revision,
    /// When it was last found right.
    pub verified: Revision,
    /// When its content last changed.
    pub changed: Revision,
    /// From when on it is expired; `None` for never.
    pub fresh_until: Option<Timestamp>,
}

/// One step of the way from a record back to what changed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct ExplainedCause {
    /// What it began with, in words.
    pub what: String,
    /// The revision of the change.
    pub revision: Revision,
    /// When that was.
    pub since: Timestamp,
    /// The record through which the mark came; `None` where nothing lies between.
    pub through: Option<RecordName>,
}

/// Something that a record was built from.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct ExplainedRead {
    /// What was read, in words.
    pub what: String,
    /// The application's version of it that was seen.
    pub version: Option<u64>,
    /// When it last changed, as far as the file knows.
    pub changed: Option<Revision>,
    /// Whether that was after the record was last found right.
    pub has_changed: bool,
}

impl fmt::Display for RecordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}] {}", self.view, self.entity_in_words(), self.bucket)
    }
}

impl RecordName {
    /// The entity's key as text where it is text, and its bytes otherwise.
    fn entity_in_words(&self) -> String {
        let text = self.entity.strip_suffix(&[0]).and_then(|text| str::from_utf8(text).ok());
        match text.filter(|text| !text.chars().any(char::is_control)) {
            Some(text) => text.to_owned(),
            None => self.entity.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}

impl ExplainedCause {
    fn is_same_change(&self, other: &Self) -> bool {
        (&self.what, self.revision, self.since) == (&other.what, other.revision, other.since)
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { record, freshness, causes, built, reads, readers, reader_pages } = self;
        match freshness {
            Some(freshness) => writeln!(f, "{record}: {freshness}")?,
            None => writeln!(f, "{record}: not built")?,
        }
        // Each record on the way back names the same change: it is told once, and then the way.
        for way in causes.chunk_by(ExplainedCause::is_same_change) {
            write!(f, "  because {} ({}, {})", way[0].what, way[0].revision, way[0].since)?;
            let mut through = way.iter().rev().filter_map(|cause| cause.through.as_ref());
            if let Some(first) = through.next() {
                write!(f, ", which {first} read")?;
            }
            through.try_for_each(|next| write!(f, ", and {next} that"))?;
            writeln!(f)?;
        }
        if let Some(built) = built {
            let how = if built.put { "put" } else { "built" };
            write!(
                f,
                "  {how} at {} in {:?} by version {}; begun {}, found right {}, changed {}",
                built.at, built.took, built.version, built.begun, built.verified, built.changed
            )?;
            match built.fresh_until {
                Some(at) => writeln!(f, "; fresh until {at}")?,
                None => writeln!(f)?,
            }
        }
        if built.is_some() && reads.is_empty() {
            writeln!(f, "  read nothing that it declared")?;
        }
        for read in reads {
            write!(f, "  read {}", read.what)?;
            if let Some(version) = read.version {
                write!(f, " at version {version}")?;
            }
            if let Some(changed) = read.changed {
                let since = if read.has_changed { ", since" } else { "" };
                write!(f, " (changed {changed}{since})")?;
            }
            writeln!(f)?;
        }
        for reader in readers {
            writeln!(f, "  read by {reader}")?;
        }
        if *reader_pages > readers.len() as u64 {
            writeln!(f, "  read by records of {reader_pages} pages in all")?;
        }
        Ok(())
    }
}
