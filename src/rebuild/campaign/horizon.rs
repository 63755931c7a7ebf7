//! Beginning the runs that keep views filled.

use crate::cache::CacheKey;
use crate::disk::operations::BegunDay;
use crate::disk::{Item, RunKind, Shared, ViewState, closed};
use crate::error::{Error, ErrorKind, Result};
use crate::events::Event;
use crate::grid::PageNumber;
use crate::page::{PageKey, ViewId};
use crate::rebuild::engine::Engine;
use crate::rebuild::horizons::Coming;
use crate::rebuild::rebuilders::Rebuilder;
use crate::rebuild::runs::Live;
use crate::rebuild::work::{Reason, Worked};
use crate::rebuild::workshop::{Next, Workshop};
use crate::schedule::Horizon;
use crate::sync::Arc;
use crate::time::{TimeRange, Timestamp};

use super::run::Run;
use super::spool::Spool;

/// A view that is kept filled, and the instant for which that is said.
struct Filling<'a> {
    view: &'a ViewState,
    rebuilder: &'a Arc<dyn Rebuilder>,
    horizon: &'a Horizon,
    now: Timestamp,
}

/// Some hours of a day, with how many buckets start in them.
struct Hours {
    range: TimeRange,
    buckets: u64,
}

impl Workshop {
    /// Begins a day of some view's horizon on the calling thread, if there is one to be begun; else,
    /// when there will be.
    pub(in crate::rebuild) fn begin_a_day(&self) -> Result<Next> {
        let mut until: Option<Timestamp> = None;
        if self.shared().options.read_only {
            return Ok(Next::Nothing { until });
        }
        for (id, rebuilder) in self.rebuilders().all() {
            let (Some(horizon), Some(view)) = (rebuilder.horizon(), self.shared().views.get(id))
            else {
                continue;
            };
            let now = self.shared().options.clock.now();
            match self.horizons().take(self.shared(), id, horizon, now)? {
                Coming::Later(at) => until = Some(until.map_or(at, |until| until.min(at))),
                Coming::Day(day) => {
                    let filling = Filling { view: &view, rebuilder: &rebuilder, horizon, now };
                    let begun = self.begin_day(&filling, day);
                    self.horizons().lay_down(id);
                    return self.after_beginning(&filling, begun.map(drop));
                }
            }
        }
        Ok(Next::Nothing { until })
    }

    fn after_beginning(&self, filling: &Filling<'_>, begun: Result<()>) -> Result<Next> {
        let mut worked = Worked::other(Reason::Run);
        worked.view = Some(filling.view.name().to_string());
        match begun {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Reopen => return Err(error),
            Err(error) => {
                let (retry, view) = (filling.view.governor().conduct().retry, filling.view.name());
                let moves_on = filling.horizon.moves_on(filling.now)?;
                let id = filling.view.id();
                let until = self.horizons().put_off(id, retry, moves_on, filling.now);
                let event = Event::HorizonFailed { view, error: &error, until };
                self.shared().events.tell(&event);
                worked.failed.push(error);
            }
        }
        Ok(Next::Worked(worked))
    }

    /// Starts a run that fills a day: what is to come before what is over, and of both those
    /// entities first that somebody reads.
    fn begin_day(&self, filling: &Filling<'_>, day: i64) -> Result<Arc<Live>> {
        let Filling { view, rebuilder, horizon, now } = *filling;
        let (id, words) = (view.id(), horizon.to_string());
        let nothing = TimeRange::new(now, now);
        let whole = horizon.hours_of(day)?.unwrap_or(nothing);
        let mut spool = Spool::new(self, RunKind::Horizon, view.name(), vec![id], whole);
        let ends = horizon.ends(now)?;
        spool.begins(BegunDay { view: id, horizon: words.clone(), day, ends });
        let parts = filling.parts(whole)?;
        if !parts.is_empty() {
            let read_lately = filling.pages_read_lately(day)?;
            rebuilder.clone().name_entities(&mut |entity| {
                // Naming may take long, and closing waits for it.
                if self.is_closing() {
                    return Err(closed());
                }
                let cold = !is_in_memory(self.shared(), id, entity, &read_lately);
                for (place, hours) in parts.iter().enumerate() {
                    let item = match &*parts {
                        [_] => Item::Entity(entity.into()),
                        _ => Item::Within(entity.into(), hours.range),
                    };
                    spool.add_to(2 * place + usize::from(cold), id, item, hours.buckets)?;
                }
                Ok(())
            })?;
        }
        let live = spool.start(false)?;
        self.horizons().note_begun(id, &words, day);
        Ok(live)
    }
}

impl Filling<'_> {
    /// A day's hours as they are to be filled: first what is to come, then what is over. None without
    /// buckets.
    fn parts(&self, whole: TimeRange) -> Result<Vec<Hours>> {
        let bucket = self.view.grid().bucket_at(self.now)?;
        // The bucket that it is now is still to come.
        let since = bucket.start().clamp(whole.start(), whole.end());
        let ranges = [TimeRange::new(since, whole.end()), TimeRange::new(whole.start(), since)];
        let mut parts = Vec::new();
        for range in ranges {
            let buckets = self.rebuilder.buckets(range)?;
            if buckets > 0 {
                parts.push(Hours { range, buckets });
            }
        }
        if let [only] = &mut *parts {
            only.range = whole;
        }
        Ok(parts)
    }

    /// The pages by which an entity is known to be read: those of yesterday, today and the day that
    /// is filled. What was built is in memory once somebody has read it.
    fn pages_read_lately(&self, day: i64) -> Result<Vec<PageNumber>> {
        let today = self.horizon.today(self.now)?;
        let mut numbers = Vec::new();
        for day in [today - 1, today, day] {
            let Some(hours) = self.horizon.hours_of(day)? else { continue };
            for (page, _) in self.rebuilder.pages(&[], hours)? {
                numbers.extend(PageKey::split(&page).map(|(.., number)| number));
            }
        }
        numbers.dedup();
        Ok(numbers)
    }
}

fn is_in_memory(shared: &Shared, view: ViewId, entity: &[u8], pages: &[PageNumber]) -> bool {
    pages.iter().any(|number| {
        let key = PageKey::of_parts(view, entity, *number);
        shared.cache.peek(CacheKey::new(key.as_slice())).is_some()
    })
}

/// Begins a run for each day of a view's horizon, whatever was begun before.
pub(crate) fn fill_horizon(
    engine: &Arc<Engine>,
    view: &ViewState,
    rebuilder: &Arc<dyn Rebuilder>,
) -> Result<Vec<Run>> {
    let Some(horizon) = rebuilder.horizon() else {
        let message = "the view has no horizon to fill; define it with one";
        return Err(Error::input(message));
    };
    let workshop = engine.workshop();
    workshop.writer()?;
    let now = engine.shared().options.clock.now();
    let filling = Filling { view, rebuilder, horizon, now };
    let mut runs = Vec::new();
    for day in horizon.nearest_first(now)? {
        if horizon.hours_of(day)?.is_some() {
            runs.push(Run::new(engine.clone(), workshop.begin_day(&filling, day)?));
        }
    }
    Ok(runs)
}
