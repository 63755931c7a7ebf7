//! From a damaged file to a whole one.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::ops::Bound;
use std::path::Path;

use redb::Database;

use crate::disk::StorageBackend;
use crate::error::{Error, ErrorKind, Result};

use super::super::backup::{count, refuse_if_taken};
use super::super::contents::CONTENTS;
use super::super::file::{Contents, OsFile, create_new};
use super::super::scribe::Scribe;
use super::super::tables::{ALL_NAMES, FORMAT, meta};
use super::format::{Child, Commit, HEADER_BYTES, commits, table};
use super::report::{Loss, RepairReport};
use super::rows::Salvage;
use super::tree::{Met, Wreck};

/// Those that are not brought over: where every record is stale they say nothing, and a day that was
/// begun may have lost its records.
const LEFT: [&str; 7] = ["deps", "edges", "marks", "failures", "sweeps", "begun", "horizons"];
/// Memory for writing the new file.
const CACHE_BYTES: usize = 32 << 20;

/// Copies what is readable of the file at one path into a new one at another.
pub(crate) fn repair(
    from: &Path,
    to: &Path,
    progress: &mut dyn FnMut(f64),
) -> Result<RepairReport> {
    let failed = |cause| Error::system("opening", from, cause);
    let file = OpenOptions::new().read(true).open(from).and_then(OsFile::new).map_err(failed)?;
    refuse_if_taken(to)?;
    // Nobody writes to it meanwhile. Where locks are not to be had nobody is refused either.
    if let Ok(false) = file.try_lock_shared_range(Bound::Unbounded, Bound::Unbounded) {
        let message = "the file is open; close it there, and repair it then";
        return Err(Error::new(ErrorKind::Busy, message).at_file(from));
    }
    let repaired = from_backend(&file, to, progress).map_err(|error| match error.file() {
        Some(_) => error,
        None => error.at_file(from),
    });
    drop(file.close());
    repaired
}

fn from_backend(
    file: &dyn StorageBackend,
    to: &Path,
    progress: &mut dyn FnMut(f64),
) -> Result<RepairReport> {
    let mut header = vec![0; HEADER_BYTES];
    file.read(0, &mut header).map_err(|_| nothing_left("it is shorter than its header"))?;
    let (commits, flipped) = commits(&header);
    let wreck = Wreck::new(file);
    let (commit, doubt) =
        best(&wreck, &commits).ok_or_else(|| nothing_left("its header is damaged"))?;
    let tables = tables(&wreck, commit.root);
    let mut salvage = Salvage::default();
    if let Some(what) = doubt {
        let what = what.to_owned();
        salvage.report.lose(Loss { table: "meta", view: None, entity: None, page: None, what });
    }
    for name in ["meta", "views", "runs"] {
        walk(&wreck, &tables, name, &mut |met| {
            if let Met::Row(found) = met {
                salvage.learn(name, &found);
            }
            Ok(())
        })?;
    }
    check_ours(&tables, &salvage)?;
    let salvage = RefCell::new(salvage);
    let progress = RefCell::new(progress);
    let rows = RefCell::new(0);
    let lay_out = |database: &mut Database| {
        let mut salvage = salvage.borrow_mut();
        *rows.borrow_mut() =
            bring_over(&wreck, &tables, &mut salvage, database, &mut **progress.borrow_mut())?;
        Ok(())
    };
    let contents = Contents { lay_out: &lay_out, ..CONTENTS };
    create_new(to, CACHE_BYTES, contents, &|database| count(database, *rows.borrow()))?;
    let mut report = salvage.into_inner().report;
    report.rows = *rows.borrow();
    report.bits_flipped_back = flipped + wreck.flipped();
    Ok(report)
}

fn nothing_left(why: &str) -> Error {
    Error::damaged(format!(
        "nothing of the file can be read: {why}; put a backup in its place, or begin a new one"
    ))
}

/// The roots of tables, and how many rows each had.
type Tables = BTreeMap<&'static str, (Child, u64)>;

/// The tables that a root leads to. A row of a damaged page is good enough: a table's root has a
/// checksum.
fn tables(wreck: &Wreck<'_>, root: Child) -> Tables {
    let mut tables = Tables::new();
    let walked: Result<(), ()> = wreck.walk(root, &mut |met| {
        if let Met::Row(found) = met
            && let Some(name) = ALL_NAMES.into_iter().find(|name| name.as_bytes() == found.key)
            && let Some(Some(root)) = table(found.row)
        {
            tables.insert(name, root);
        }
        Ok(())
    });
    walked.expect("nothing in it fails");
    tables
}

/// The commit to go by, and what is to be said of it: the last one, unless nothing of it can be read,
/// or a later one that was not ended is there as a whole.
fn best(wreck: &Wreck<'_>, commits: &[Commit]) -> Option<(Commit, Option<&'static str>)> {
    let readable = |commit: &&Commit| !tables(wreck, commit.root).is_empty();
    let last = commits.iter().filter(readable).find(|commit| commit.is_last);
    let other = commits.iter().filter(readable).find(|commit| !commit.is_last);
    match (last, other) {
        (Some(last), Some(other)) if other.transaction > last.transaction => {
            if is_whole(wreck, other) {
                Some((*other, None))
            } else {
                Some((*last, Some("a commit after the last is not whole; nothing of it was taken")))
            }
        }
        (Some(last), _) => Some((*last, None)),
        (None, Some(other)) => {
            Some((*other, Some("the last commit is unreadable; this is the one before it")))
        }
        (None, None) => commits.first().map(|commit| (*commit, None)),
    }
}

/// Whether every page of a commit is as it was written.
fn is_whole(wreck: &Wreck<'_>, commit: &Commit) -> bool {
    let mut stop_at_damage = |met: Met<'_>| match met {
        Met::Row(_) => Ok(()),
        Met::Damage(_) => Err(()),
    };
    let tables = tables(wreck, commit.root);
    let mut roots = [commit.root].into_iter().chain(tables.values().map(|(root, _)| *root));
    roots.all(|root| wreck.walk(root, &mut stop_at_damage).is_ok())
}

fn check_ours(tables: &Tables, salvage: &Salvage) -> Result<()> {
    if !tables.contains_key("meta") && !tables.contains_key("pages") {
        return Err(nothing_left("no table of a tidetable file can be found in it"));
    }
    let format = salvage.meta.get(meta::FORMAT).and_then(|row| row.first_chunk().copied());
    match format.map(u32::from_le_bytes) {
        None | Some(FORMAT) => Ok(()),
        Some(other) => Err(Error::new(
            ErrorKind::Foreign,
            format!(
                "the file has format {other}, this release reads format {FORMAT}; use the release that \
                 wrote it"
            ),
        )),
    }
}

fn walk(
    wreck: &Wreck<'_>,
    tables: &Tables,
    name: &'static str,
    then: &mut dyn FnMut(Met<'_>) -> Result<()>,
) -> Result<()> {
    match tables.get(name) {
        Some((root, _)) => wreck.walk(*root, then),
        None => Ok(()),
    }
}

fn bring_over(
    wreck: &Wreck<'_>,
    tables: &Tables,
    salvage: &mut Salvage,
    database: &mut Database,
    progress: &mut dyn FnMut(f64),
) -> Result<u64> {
    let mut scribe = Scribe::new(database)?;
    let total: u64 = tables.values().map(|(_, rows)| *rows).sum();
    let mut met_rows = 0_u64;
    for name in ALL_NAMES.into_iter().filter(|name| !LEFT.contains(name)) {
        if name == "pages" {
            // Pages of records that stand in damaged ones of the file may be older: any that is
            // proven comes after them, in their place.
            walk(wreck, tables, name, &mut |met| match met {
                Met::Row(found) if !found.proven => salvage.take(name, &found, &mut scribe),
                _ => Ok(()),
            })?;
        }
        let mut proven = 0;
        walk(wreck, tables, name, &mut |met| {
            match met {
                Met::Row(found) => {
                    met_rows += 1;
                    proven += u64::from(found.proven);
                    if found.proven || name != "pages" {
                        salvage.take(name, &found, &mut scribe)?;
                    }
                    if met_rows.is_multiple_of(1024) {
                        progress((met_rows as f64 / total.max(1) as f64).min(1.0));
                    }
                }
                Met::Damage(at) => {
                    let what = format!("the page of the file at byte {at} is damaged");
                    salvage.report.lose(Loss {
                        table: name,
                        view: None,
                        entity: None,
                        page: None,
                        what,
                    });
                }
            }
            Ok(())
        })?;
        let rows = tables.get(name).map_or(0, |(_, rows)| *rows);
        if proven < rows {
            let what = format!(
                "{} of {rows} rows are not as they were written: lost, but for those that carry a \
                 checksum of their own",
                rows - proven
            );
            salvage.report.lose(Loss { table: name, view: None, entity: None, page: None, what });
        }
    }
    salvage.tell_doubtful();
    salvage.finish(&mut scribe)?;
    let rows = scribe.finish()?;
    progress(1.0);
    Ok(rows)
}
