//! How the tables stand and what was done about them, as data.

use serde::Serialize;
use tidetable::key::EntityKey;
use tidetable::report::{FailedBuild, RunStatus};
use tidetable::{Freshness, RunState, Span, Timestamp};

use crate::site::Site;

#[derive(Serialize)]
pub struct Status {
    pub collected_at: Option<String>,
    pub views: usize,
    pub fresh: usize,
    pub stale: usize,
    pub missing: usize,
    pub last_refresh: Option<Refreshed>,
    /// The refreshes before it, the newest first.
    pub earlier: Vec<Refreshed>,
    pub tables: Vec<TableStatus>,
}

/// A refresh, as it is logged. The store keeps the last hundred.
#[derive(Serialize)]
pub struct Refreshed {
    pub id: u64,
    pub started: String,
    pub finished: Option<String>,
    /// running, success, partial or failed.
    pub status: &'static str,
    pub refreshed: u64,
    pub failed: u64,
    pub fresh_already: u64,
    pub took_ms: Option<Span>,
    pub failures: Vec<FailedTable>,
}

#[derive(Serialize)]
pub struct FailedTable {
    pub key: String,
    pub reason: String,
}

#[derive(Serialize)]
pub struct TableStatus {
    pub key: String,
    pub freshness: Option<Freshness>,
    pub refreshed: Option<String>,
    pub age_ms: Option<Span>,
    pub took_ms: Option<f64>,
    pub collected_at: Option<String>,
}

const REFRESHES_SHOWN: usize = 10;

impl Status {
    pub fn of(site: &Site, now: Timestamp) -> tidetable::Result<Self> {
        let mut tables = Vec::new();
        for spec in site.registry.iter() {
            let table = site.peek(&spec.name)?;
            let table = table.as_ref();
            tables.push(TableStatus {
                key: spec.name.clone(),
                freshness: table.map(|table| table.freshness()),
                refreshed: table.map(|table| table.built_at().to_string()),
                age_ms: table.map(|table| table.age(now)),
                took_ms: table.map(|table| table.build_time().as_secs_f64() * 1e3),
                collected_at: table.map(|table| in_words(table.collected_at.to_native())),
            });
        }
        let mut refreshes = Vec::new();
        for run in site.store.runs()?.iter().take(REFRESHES_SHOWN) {
            let failures = run.failures()?.iter().map(FailedTable::of).collect();
            refreshes.push(Refreshed { failures, ..Refreshed::of(&run.status()) });
        }
        let mut refreshes = refreshes.into_iter();
        let missing = tables.iter().filter(|table| table.freshness.is_none()).count();
        let is_fresh = |table: &&TableStatus| table.freshness.is_some_and(|it| it.is_fresh());
        let fresh = tables.iter().filter(is_fresh).count();
        Ok(Self {
            collected_at: site.collected_at()?.map(in_words),
            views: tables.len(),
            fresh,
            stale: tables.len() - fresh - missing,
            missing,
            last_refresh: refreshes.next(),
            earlier: refreshes.collect(),
            tables,
        })
    }
}

impl Refreshed {
    pub fn of(run: &RunStatus) -> Self {
        let status = match run.state {
            RunState::Completed => "success",
            RunState::Partial => "partial",
            RunState::Failed | RunState::Cancelled => "failed",
            _ => "running",
        };
        Self {
            id: run.id,
            started: run.started.to_string(),
            finished: run.ended.map(|ended| ended.to_string()),
            status,
            refreshed: run.done - run.failed - run.already_fresh,
            failed: run.failed,
            fresh_already: run.already_fresh,
            took_ms: run.ended.map(|ended| ended.since(run.started)),
            failures: Vec::new(),
        }
    }
}

impl FailedTable {
    /// An error's message never names the entity, which elsewhere may be a person.
    fn of(failed: &FailedBuild) -> Self {
        let key = failed.error.entity().and_then(|mut key| str::decode(&mut key));
        Self { key: key.unwrap_or_default(), reason: failed.error.to_string() }
    }
}

fn in_words(millis: i64) -> String {
    Timestamp::from_millis(millis).to_string()
}

impl std::fmt::Display for Refreshed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "refresh {}: {}", self.id, self.status)?;
        write!(f, ", {} refreshed, {} failed", self.refreshed, self.failed)?;
        self.took_ms.map_or(Ok(()), |took| write!(f, ", {} ms", took.as_millis()))
    }
}
