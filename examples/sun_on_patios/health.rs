//! Whether the guide is well, from what the store counts.

use std::fmt;

use tidetable::Timestamp;
use tidetable::report::Metrics;

use crate::Outcome;
use crate::calendar::{clock_time, short_date};
use crate::report::percent;
use crate::world::World;

/// How the guide is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    Healthy,
    Warning,
    Critical,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Healthy => "healthy",
            Self::Warning => "warning",
            Self::Critical => "CRITICAL",
        })
    }
}

/// The figures that it is judged by.
pub(crate) struct Health {
    /// Of the records that are there, how many are fresh.
    pub(crate) freshness: f64,
    /// Of the records that should be there, how many are; of the day of which most are missing.
    pub(crate) completeness: f64,
    /// Of the guests' looks, how many found their page in memory; `None` where nobody was a guest.
    pub(crate) hit_rate: Option<f64>,
    last_run: Option<Timestamp>,
    next_run: Timestamp,
}

impl Health {
    /// As the store has it now; looks at every record. `since` is what it had counted when the guests
    /// came: builds look, too, and find nothing.
    pub(crate) fn of(world: &World, since: Option<&Metrics>) -> tidetable::Result<Self> {
        let exposure = &world.views.exposure;
        let (days, status) = (exposure.completeness()?, exposure.status()?);
        let now = world.store.metrics();
        let looks = since.map(|before| (now.hits - before.hits, now.loads - before.loads));
        let (records, fresh) = (status.records.unwrap_or(0), status.fresh.unwrap_or(0));
        let share = |some: u64, all: u64| if all == 0 { 1.0 } else { some as f64 / all as f64 };
        Ok(Self {
            freshness: share(fresh, records),
            completeness: days.iter().map(|day| day.present_ratio()).fold(1.0, f64::min),
            hit_rate: looks.map(|(hits, loads)| share(hits, hits + loads)),
            last_run: status.info.last_run.map(|run| run.ended),
            // The horizon moves on when its first day is over.
            next_run: days.first().map_or(Timestamp::MAX, |day| day.day.end()),
        })
    }

    pub(crate) fn verdict(&self) -> Verdict {
        let judge = |figure: f64, healthy: f64, critical: f64| {
            if figure >= healthy {
                Verdict::Healthy
            } else if figure >= critical {
                Verdict::Warning
            } else {
                Verdict::Critical
            }
        };
        let freshness = judge(self.freshness, 0.99, 0.5);
        let completeness = judge(self.completeness, 0.95, 0.5);
        // Where memory is cold guests wait a little longer, and are served all the same.
        let hit_rate = judge(self.hit_rate.unwrap_or(1.0), 0.85, 0.0);
        freshness.max(completeness).max(hit_rate)
    }

    /// In one line.
    pub(crate) fn shown(&self) -> Outcome<String> {
        let when = |at: Timestamp| -> Outcome<String> {
            Ok(format!("{} {}", short_date(at)?, clock_time(at)?))
        };
        let last = self.last_run.map_or(Ok("none".to_owned()), when)?;
        Ok(format!(
            "{}: fresh {}, complete {}, hits {}, last run {last}, next {}",
            self.verdict(),
            percent(self.freshness),
            percent(self.completeness),
            self.hit_rate.map_or("of nobody".to_owned(), percent),
            when(self.next_run)?,
        ))
    }
}
