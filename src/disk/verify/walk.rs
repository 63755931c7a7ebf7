//! Going through the file.

use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata, TableDefinition};

use crate::error::Result;

use super::super::backlog::open_if_there;
use super::super::shared::Shared;
use super::super::tables::Bytes;
use super::fault::{Fault, Mended, Subject};
use super::finding::{Finding, FindingKind};
use super::look::{Look, look_to_read};
use super::page::check_page;
use super::report::{Verified, VerifyReport};
use super::rows::check_row;

/// Rows looked at in one transaction: it is over in some milliseconds, and pins no more of the file
/// than what is freed in those.
const ROWS_AT_ONCE: usize = 256;

/// In this order: what a page's rows say is compared where the page is, and what pages need to be read
/// is mended before they are.
const TABLES: [&str; 15] = [
    "views",
    "dropped",
    "dictionaries",
    "pages",
    "deps",
    "edges",
    "marks",
    "sources",
    "intents",
    "wanted",
    "failures",
    "begun",
    "horizons",
    "sweeps",
    "runs",
];

/// Who mends what was found, and says what became of the first of it: of as much as one operation may
/// mend.
pub(crate) type Mender<'a> = &'a dyn Fn(Vec<Subject>) -> Result<Vec<Mended>>;

/// Operations that may go by for one page or row: then the rest of it is for another audit.
const OPERATIONS_MAX: u32 = 100;

/// Looks through the whole file, and has mended what is found if anybody does.
pub(crate) fn verify(
    shared: &Shared,
    mender: Option<Mender<'_>>,
    progress: &mut dyn FnMut(f64),
) -> Result<VerifyReport> {
    let mut report = VerifyReport::default();
    let total = shared.file.read(|txn| {
        let len = |name| match open_if_there(&shared.file, txn, table(name))? {
            Some(table) => table.len().map_err(|cause| shared.file.storage_error(cause)),
            None => Ok(0),
        };
        TABLES.iter().map(|name| len(name)).sum::<Result<u64>>()
    })?;
    for name in TABLES {
        let mut from = Some(Vec::new());
        while let Some(key) = from {
            let step =
                shared.file.read(|txn| step(shared, txn, name, &key, &mut report.looked_at))?;
            mend(mender, step.found, &mut report)?;
            from = step.next;
            // Rows may have come meanwhile.
            let done = report.looked_at.rows as f64 / total.max(1) as f64;
            progress(done.min(1.0));
        }
    }
    progress(1.0);
    Ok(report)
}

pub(super) fn table(name: &'static str) -> Bytes {
    TableDefinition::new(name)
}

/// What some rows came to, and where to go on.
struct Step {
    found: Vec<(Subject, Vec<Finding>)>,
    next: Option<Vec<u8>>,
}

fn step(
    shared: &Shared,
    txn: &ReadTransaction,
    name: &'static str,
    from: &[u8],
    seen: &mut Verified,
) -> Result<Step> {
    let failed = |cause| shared.file.storage_error(cause);
    let Some(rows) = open_if_there(&shared.file, txn, table(name))? else {
        return Ok(Step { found: Vec::new(), next: None });
    };
    look_to_read(shared, txn, |look| {
        let (mut found, mut next) = (Vec::new(), None);
        for (at, entry) in rows.range(from..).map_err(failed)?.enumerate() {
            let (key, row) = entry.map_err(failed)?;
            if at == ROWS_AT_ONCE {
                next = Some(key.value().to_vec());
                break;
            }
            seen.rows += 1;
            let subject = match name {
                "pages" => Subject::Page(key.value().into()),
                _ => Subject::Row(name, key.value().into()),
            };
            let faults = check_standing(look, &subject, row.value(), seen)?;
            if !faults.is_empty() {
                let findings = faults.into_iter().map(|fault| fault.tell(&subject, look));
                let findings = findings.collect();
                found.push((subject, findings));
            }
        }
        Ok(Step { found, next })
    })
}

fn check_standing<T>(
    look: &Look<'_, T>,
    subject: &Subject,
    row: &[u8],
    seen: &mut Verified,
) -> Result<Vec<Fault>>
where
    T: ReadableTable<&'static [u8], &'static [u8]>,
{
    match subject {
        Subject::Page(key) => check_page(look, key, seen),
        Subject::Row(table, key) => {
            Ok(check_row(look, table, key, row, seen)?.into_iter().collect())
        }
    }
}

/// What is wrong with a subject now; of a row, as `row` says it is.
pub(in crate::disk) fn check<T>(
    look: &Look<'_, T>,
    subject: &Subject,
    row: &[u8],
) -> Result<Vec<Fault>>
where
    T: ReadableTable<&'static [u8], &'static [u8]>,
{
    check_standing(look, subject, row, &mut Verified::default())
}

/// Has mended what was found, and notes it.
fn mend(
    mender: Option<Mender<'_>>,
    found: Vec<(Subject, Vec<Finding>)>,
    report: &mut VerifyReport,
) -> Result<()> {
    if found.is_empty() {
        return Ok(());
    }
    let (subjects, findings): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    let (mut mended, mut without_end) = (Vec::new(), 0);
    while let (Some(mender), Some(_)) = (mender, subjects.get(mended.len())) {
        let some = mender(subjects[mended.len()..].to_vec())?;
        without_end = if some.is_empty() { without_end + 1 } else { 0 };
        mended.extend(some);
        if without_end == OPERATIONS_MAX {
            break;
        }
    }
    for (nth, findings) in findings.into_iter().enumerate() {
        for finding in findings {
            let done = mended.get(nth);
            let is_left = |done: &Mended| done.left.contains(&(finding.kind, finding.table));
            let repaired = done.is_some_and(|done| !is_left(done));
            let lost = finding.kind == FindingKind::Page && done.is_some_and(|done| done.lost);
            report.add(Finding { repaired, lost, ..finding });
        }
    }
    Ok(())
}
