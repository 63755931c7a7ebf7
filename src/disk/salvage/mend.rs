//! From a damaged file to a whole one.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::ops::Bound;
use std::path::Path;

use redb::Database;

use crate::disk::StorageBackend;
use crate::error::{Error, ErrorKind, Result};

use super::super::backup::{count, refuse_if_taken};
use super::super::contents::CONTENTS;
use super::super::file::{Contents, HEADER_BYTES, OsFile, create_new};
use super::super::scribe::Scribe;
use super::super::tables::{ALL_NAMES, FORMAT, meta};
use super::format::{Child, Commit, commits, table};
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
    let tables = Tables::beneath(&wreck, commit.root);
    let mut salvage = Salvage::default();
    let mut tell = |table, what: &str| {
        let what = what.to_owned();
        salvage.report.lose(Loss { table, view: None, entity: None, page: None, what });
    };
    doubt.into_iter().for_each(|what| tell("meta", what));
    for name in &tables.doubtful {
        tell(*name, "a damaged page of the file names it: all of it may be of an earlier time");
    }
    for name in ["meta", "dropped", "views", "runs"] {
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

/// The tables that a commit's root leads to.
#[derive(Default)]
struct Tables {
    /// Name -> the root, and how many rows the table had; of those that had any.
    roots: BTreeMap<&'static str, (Child, u64)>,
    /// Names that were met, of empty tables too.
    names: BTreeSet<&'static str>,
    /// Those that a damaged page names. That is good enough to find them, since a table's root has a
    /// checksum; but the page may have been left from before.
    doubtful: BTreeSet<&'static str>,
    /// Whether the tree of tables is as it was written.
    whole: bool,
}

impl Tables {
    fn beneath(wreck: &Wreck<'_>, root: Child) -> Self {
        let mut tables = Self { whole: true, ..Self::default() };
        let walked: Result<(), ()> = wreck.walk(root, &mut |met| {
            tables.meet(met);
            Ok(())
        });
        walked.expect("nothing in it fails");
        tables
    }

    fn meet(&mut self, met: Met<'_>) {
        let Met::Row(found) = met else {
            self.whole = false;
            return;
        };
        let name = ALL_NAMES.into_iter().find(|name| name.as_bytes() == found.key);
        if let (Some(name), Some(root)) = (name, table(found.row)) {
            self.names.insert(name);
            if let Some(root) = root {
                self.roots.insert(name, root);
                if !found.proven {
                    self.doubtful.insert(name);
                }
            }
        }
    }

    fn rows(&self, name: &str) -> u64 {
        self.roots.get(name).map_or(0, |(_, rows)| *rows)
    }
}

/// The commit to go by, and what is to be said of it: the last one, unless nothing of it can be read,
/// or a later one that was not ended is there as a whole.
fn best(wreck: &Wreck<'_>, commits: &[Commit]) -> Option<(Commit, Option<&'static str>)> {
    let readable = |commit: &&Commit| !Tables::beneath(wreck, commit.root).roots.is_empty();
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
    let tables = Tables::beneath(wreck, commit.root);
    let mut roots = [commit.root].into_iter().chain(tables.roots.values().map(|(root, _)| *root));
    roots.all(|root| wreck.walk(root, &mut stop_at_damage).is_ok())
}

/// Refuses a file of another program, or of another format. Where what would say so is damaged the
/// names of its tables have to do.
fn check_ours(tables: &Tables, salvage: &Salvage) -> Result<()> {
    let format = salvage.meta.get(meta::FORMAT).and_then(|row| row.first_chunk().copied());
    match format.map(u32::from_le_bytes) {
        None if tables.whole && salvage.meta.len() as u64 == tables.rows("meta") => {
            let message = "this is a redb database of another program, not a tidetable file";
            Err(Error::new(ErrorKind::Foreign, message))
        }
        None if tables.names.len() < ALL_NAMES.len() / 2 => {
            Err(nothing_left("it cannot be told for a tidetable file"))
        }
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
    match tables.roots.get(name) {
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
    let total: u64 = tables.roots.values().map(|(_, rows)| *rows).sum();
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
        let rows = tables.rows(name);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::tables::Bytes;
    use redb::backends::InMemoryBackend;

    const KEY: &[u8] = b"key";

    /// The bytes of a file in use, after a commit of "old" and one of "new".
    fn two_commits() -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let database = Database::create(&path).unwrap();
        for value in [&b"old"[..], b"new"] {
            let mut txn = database.begin_write().unwrap();
            txn.set_two_phase_commit(true);
            txn.open_table(Bytes::new("meta")).unwrap().insert(KEY, value).unwrap();
            txn.commit().unwrap();
        }
        std::fs::read(&path).unwrap()
    }

    fn with<R>(bytes: &[u8], look: impl FnOnce(&Wreck<'_>, &[Commit]) -> R) -> R {
        let backend = InMemoryBackend::new();
        backend.set_len(bytes.len() as u64).unwrap();
        backend.write(0, bytes).unwrap();
        look(&Wreck::new(&backend), &commits(&bytes[..HEADER_BYTES]).0)
    }

    /// What the chosen commit says, and what is said of the choice.
    fn chosen(bytes: &[u8]) -> (String, Option<&'static str>) {
        with(bytes, |wreck, commits| {
            let (commit, doubt) = best(wreck, commits).unwrap();
            let tables = Tables::beneath(wreck, commit.root);
            let mut said = String::new();
            walk(wreck, &tables, "meta", &mut |met| {
                if let Met::Row(found) = met {
                    said = String::from_utf8_lossy(found.row).into_owned();
                }
                Ok(())
            })
            .unwrap();
            (said, doubt)
        })
    }

    /// Where the root page of the table stands, by the later of the commits or the other, and where
    /// the page that names it does.
    fn places(bytes: &[u8], later: bool) -> [usize; 2] {
        with(bytes, |wreck, commits| {
            let of = |commit: &&Commit| commit.transaction;
            let commit =
                if later { commits.iter().max_by_key(of) } else { commits.iter().min_by_key(of) };
            let root = commit.unwrap().root;
            let table = Tables::beneath(wreck, root).roots["meta"].0;
            [table, root].map(|child| usize::try_from(child.place().unwrap().0).unwrap())
        })
    }

    fn spoilt(bytes: &[u8], at: usize) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        bytes[at..][..64].fill(0xA5);
        bytes
    }

    /// The header calls the other commit the last.
    fn not_ended(bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        bytes[9] ^= 1;
        bytes
    }

    #[test]
    fn the_last_commit_is_taken_or_a_later_one_that_is_whole() {
        let bytes = two_commits();
        assert_eq!(chosen(&bytes), ("new".to_owned(), None));
        assert_eq!(chosen(&not_ended(&bytes)), ("new".to_owned(), None), "it lacks only its end");
    }

    #[test]
    fn of_a_later_commit_that_was_not_ended_and_is_not_whole_nothing_is_taken() {
        let bytes = two_commits();
        for at in places(&bytes, true) {
            let (said, doubt) = chosen(&not_ended(&spoilt(&bytes, at)));
            assert_eq!(said, "old");
            let nothing_to_read = at == places(&bytes, true)[1];
            assert_eq!(doubt.is_none(), nothing_to_read, "{doubt:?}");
        }
    }

    #[test]
    fn the_commit_before_the_last_is_taken_only_if_nothing_of_the_last_can_be_read() {
        let bytes = two_commits();
        let [table, root] = places(&bytes, true);
        let (said, doubt) = chosen(&spoilt(&bytes, root));
        assert_eq!(said, "old");
        assert!(doubt.is_some_and(|doubt| doubt.contains("the one before it")), "{doubt:?}");
        // Of a table that is damaged in the last, nothing older is taken for it.
        assert_eq!(chosen(&spoilt(&bytes, table)), (String::new(), None));
        // Nor if its place in the header is gone.
        let last = usize::from(bytes[9] & 1);
        let (said, doubt) = chosen(&spoilt(&bytes, [64, 192][last]));
        assert_eq!((said.as_str(), doubt.is_some()), ("old", true));
    }

    #[test]
    fn a_database_of_another_program_is_refused_though_its_tables_have_such_names() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("file"), folder.path().join("to"));
        let database = Database::create(&from).unwrap();
        let txn = database.begin_write().unwrap();
        for name in ["meta", "pages"] {
            txn.open_table(Bytes::new(name)).unwrap().insert(KEY, KEY).unwrap();
        }
        txn.commit().unwrap();
        drop(database);
        let error = repair(&from, &to, &mut |_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Foreign, "{error}");
        assert_eq!(error.file(), Some(&*from));
        assert!(!to.exists());
    }
}
