//! What is told of the views of a store.

use std::fmt;

use crate::disk::{
    NotedFailure, Scope, ViewRow, backlog_of, known_views, last_failures, run_heads,
};
use crate::error::{Error, ErrorKind, Result};
use crate::freshness::Freshness;
use crate::grid::grid_in_words;
use crate::key::EntityKey;
use crate::page::{PageKey, RecordType, ViewId};
use crate::rebuild::{Engine, FailedBuild, RunSummary};
use crate::time::Timestamp;

use super::handle::View;
use super::survey::survey;

/// What the file says of a view.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct ViewInfo {
    /// Its name.
    pub name: String,
    /// The version that defined it last.
    pub version: u32,
    /// Its grid, in words.
    pub grid: String,
    /// How many buckets its pages hold.
    pub page_len: u32,
    /// The last run about it that has ended and was not pruned.
    pub last_run: Option<RunSummary>,
}

/// How a view stands, counted.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct ViewStatus {
    /// What the file says of it.
    #[serde(flatten)]
    pub info: ViewInfo,
    /// How many records it holds; `None` for a view that is not defined in this opening.
    pub records: Option<u64>,
    /// How many of them are fresh, or sealed; `None` for a view that is not defined in this opening.
    pub fresh: Option<u64>,
    /// How many are [`Expired`](Freshness::Expired): they are built anew when they are read, and by a
    /// [`refresh`](crate::Store::refresh). `None` for a view that is not defined in this opening.
    pub expired: Option<u64>,
    /// How many are marked one by one, with those that retention has deleted and others were built
    /// from. Where the view was [stamped](crate#what-a-record-was-built-from) as a whole its records are
    /// not marked so: they are among those that are not fresh.
    pub marked: u64,
    /// How many, marked or asked for, failed so often that they are not tried again by themselves.
    pub resting: u64,
    /// When the first of those marks came, by the store's clock: how far building lags behind.
    pub oldest_mark: Option<Timestamp>,
}

/// The last records that could not be built in the background and still are not, the latest first.
pub(crate) fn failures(engine: &Engine, most: usize) -> Result<Vec<FailedBuild>> {
    let names = engine.view_names()?;
    let shared = engine.shared();
    let failed = |NotedFailure { page, slot, failure }: NotedFailure| {
        let (view, entity, number) = PageKey::split(&page)?;
        let why = (failure.kind, failure.message);
        Some(FailedBuild::new(shared, &names, (view, entity, number, slot.0), why))
    };
    Ok(last_failures(shared, most)?.into_iter().filter_map(failed).collect())
}

/// The views that the file knows, by name.
pub(crate) fn views(engine: &Engine) -> Result<Vec<ViewInfo>> {
    Ok(rows(engine)?.into_iter().map(|(_, info)| info).collect())
}

/// The same, counted.
pub(crate) fn statuses(engine: &Engine) -> Result<Vec<ViewStatus>> {
    rows(engine)?.into_iter().map(|(id, info)| status(engine, id, info)).collect()
}

fn rows(engine: &Engine) -> Result<Vec<(ViewId, ViewInfo)>> {
    let shared = engine.shared();
    let rows = known_views(shared)?;
    let runs = run_heads(shared)?;
    let info = |(name, row): (String, ViewRow)| {
        let mut of_view = runs.iter().rev().filter(|(_, run)| run.views.contains(&row.id));
        let last_run = of_view.find_map(|(id, run)| RunSummary::of(*id, run));
        let ViewRow { id, stamp, grid, page_len, .. } = row;
        let grid = grid_in_words(&grid);
        (id, ViewInfo { name, version: stamp.version, grid, page_len, last_run })
    };
    Ok(rows.into_iter().map(info).collect())
}

fn status(engine: &Engine, id: ViewId, info: ViewInfo) -> Result<ViewStatus> {
    let shared = engine.shared();
    let backlog = backlog_of(shared, id)?;
    let (mut records, mut fresh, mut expired) = (None, None, None);
    if let Some(view) = shared.views.get(id) {
        let (mut all, mut standing, mut over) = (0, 0, 0);
        survey(shared, &view, Scope::All, |page| {
            let freshness = page.slots.iter().filter_map(|slot| page.freshness(shared, slot));
            for freshness in freshness {
                all += 1;
                standing += u64::from(freshness.stands());
                over += u64::from(freshness == Freshness::Expired);
            }
            Ok(())
        })?;
        (records, fresh, expired) = (Some(all), Some(standing), Some(over));
    }
    Ok(ViewStatus {
        info,
        records,
        fresh,
        expired,
        marked: backlog.marked,
        resting: backlog.resting,
        oldest_mark: backlog.oldest_mark,
    })
}

/// A line of a status page.
impl fmt::Display for ViewStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { info, records, fresh, expired, marked, resting, oldest_mark } = self;
        write!(f, "{} (version {}, {})", info.name, info.version, info.grid)?;
        if let (Some(records), Some(fresh)) = (records, fresh) {
            write!(f, ": {records} records, {fresh} fresh, ")?;
        } else {
            f.write_str(": not defined in this opening, ")?;
        }
        write!(f, "{marked} marked")?;
        if let Some(since) = oldest_mark {
            write!(f, " since {since}")?;
        }
        if let Some(expired) = expired.filter(|expired| *expired > 0) {
            write!(f, ", {expired} expired")?;
        }
        if *resting > 0 {
            write!(f, ", {resting} not tried again")?;
        }
        Ok(())
    }
}

impl<E: EntityKey + ?Sized, R: RecordType> View<E, R> {
    /// How the view stands, counted. Looks at every page of it, and at every page that is marked.
    ///
    /// # Errors
    /// [The file's errors](crate#errors).
    pub fn status(&self) -> Result<ViewStatus> {
        let engine = &self.core.engine;
        self.core.state.check()?;
        let id = self.core.state.id();
        let info = rows(engine)?.into_iter().find(|(known, _)| *known == id);
        let info = info.ok_or_else(|| {
            let message = "the view was deleted meanwhile";
            self.core.named(Error::new(ErrorKind::Definition, message))
        })?;
        status(engine, id, info.1)
    }
}
