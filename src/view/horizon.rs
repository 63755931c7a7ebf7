//! Keeping days filled.

use std::borrow::Borrow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, ErrorKind, Result};
use crate::key::EntityKey;
use crate::page::RecordType;
use crate::rebuild::{Run, fill_horizon, refuse_inside_build};
use crate::schedule::Horizon;
use crate::sync::Arc;

use super::core::Core;
use super::definition::ViewDefinition;
use super::entities::Entities;
use super::filling::{Each, Filling, Of};
use super::handle::View;
use super::run::panic_message;

impl<E: EntityKey + ?Sized, R: RecordType> ViewDefinition<E, R> {
    /// The view keeps a moving window of days filled by itself, for these entities: what is missing or
    /// not fresh in a day is built when the day enters the window, at midnight in the horizon's zone
    /// by the store's clock. The nearest day goes first; of today what is to come, then what is over;
    /// of both those entities that are in memory because somebody reads them, then the others. What
    /// leaves the window stays until [`retain`](Self::retain) has it go.
    ///
    /// Each day is a [`Run`], listed by [`Store::runs`](crate::Store::runs), with its progress in the
    /// file: it goes on after a restart, and no day is gone through twice by itself, also not one that was
    /// cancelled. What is left of a day that is over waits for the others. A record that fails is tried
    /// again as [`retry`](Self::retry) says and rests in the end. All of it is work for builders, after
    /// everything that is marked; without builders [`Store::build_next`](crate::Store::build_next) does
    /// it piece by piece. Another horizon than the one before begins with all its days.
    ///
    /// `entities` is called in a builder's thread each time that a day is begun, with no lock held; what
    /// it names is written down as it comes, so it may be long. While it runs, closing the store waits
    /// for the next one that it names. If it panics, an
    /// [observer](crate::Options::observer) is [told](crate::Event::HorizonFailed) and it is called
    /// again some minutes later. For entities that are new today there is [`View::fill_horizon`].
    ///
    /// ```
    /// use tidetable::{DailyWindow, Grid, Horizon, Store, Timestamp};
    ///
    /// let store = Store::in_memory()?;
    /// let open = DailyWindow::through("08:00", "20:00", "Europe/Stockholm")?;
    /// let sun = store.view::<u32, u64>("sun").grid(Grid::minutes(10));
    /// let sun = sun.horizon(Horizon::days(open, 0..=2), || 0..100_u32);
    /// let sun = sun.build(|_, patio, _| Ok(u64::from(*patio)))?;
    /// for run in sun.fill_horizon()? {
    ///     assert_eq!(run.wait()?.total, 7300);
    /// }
    /// assert!(sun.completeness()?.iter().all(|day| day.present == 7300));
    /// # Ok::<(), tidetable::Error>(())
    /// ```
    /// A horizon fills what is missing, and what is marked is built anew by itself; what *expires*
    /// ([`fresh_for`](Self::fresh_for), here or further up) waits for a reader. Where such days are to be
    /// fresh when the first one comes, call [`Store::refresh`](crate::Store::refresh) with
    /// [`Refresh::lacking`](crate::Refresh::lacking) every now and then.
    pub fn horizon<I, K>(
        mut self,
        horizon: Horizon,
        entities: impl Fn() -> I + Send + Sync + 'static,
    ) -> Self
    where
        I: IntoIterator<Item = K>,
        K: Borrow<E>,
    {
        let of = Of::Named(Box::new(move |each| {
            entities().into_iter().try_for_each(|entity| each(entity.borrow()))
        }));
        self.filling = Some(Filling { horizon, of });
        self
    }

    /// The same for the entities of which the view holds records when a day is begun.
    pub fn horizon_of_held(mut self, horizon: Horizon) -> Self {
        self.filling = Some(Filling { horizon, of: Of::Held });
        self
    }

    /// The same for the entities of which another view holds records when a day is begun.
    pub fn horizon_of_view<Q: RecordType>(mut self, horizon: Horizon, other: &View<E, Q>) -> Self {
        let other = other.core.clone();
        let of = Of::Named(Box::new(move |each| {
            Entities::unobserved(other.clone()).try_for_each(|entity| each(entity?.borrow()))
        }));
        self.filling = Some(Filling { horizon, of });
        self
    }
}

impl<E: EntityKey + ?Sized, R: RecordType> Core<E, R> {
    /// Calls a function with each entity of the view's horizon.
    pub(super) fn each_to_fill(self: &Arc<Self>, each: &mut Each<'_, E>) -> Result<()> {
        match self.filling.as_ref().map(|filling| &filling.of) {
            None => Ok(()),
            Some(Of::Held) => {
                Entities::unobserved(self.clone()).try_for_each(|entity| each(entity?.borrow()))
            }
            Some(Of::Named(name)) => {
                catch_unwind(AssertUnwindSafe(|| name(each))).unwrap_or_else(|panic| {
                    let why = panic_message(&*panic);
                    let message = format!("naming the entities of the horizon panicked: {why}");
                    Err(self.named(Error::new(ErrorKind::Build, message)))
                })
            }
        }
    }
}

impl<E: EntityKey + ?Sized, R: RecordType> View<E, R> {
    /// Goes through all days of the view's [horizon](crate::ViewDefinition::horizon) at once, for entities
    /// that are new: begins a run for each, the nearest day first. What is there and fresh is not built
    /// again. The entities are named in this thread, once for each day.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) for a view without a horizon, inside a build, in a store
    /// opened to read only, and for an entity out of bounds; [`Build`](crate::ErrorKind::Build) if
    /// naming the entities panicked; and [the file's errors](crate#errors). Runs of nearer days may have
    /// begun then.
    pub fn fill_horizon(&self) -> Result<Vec<Run>> {
        refuse_inside_build("filling a horizon")?;
        self.core.state.check()?;
        fill_horizon(&self.core.engine, &self.core.state, &self.core.rebuilder())
            .map_err(|error| self.core.named(error))
    }
}

#[cfg(test)]
mod tests {
    use crate::disk::horizon_row;
    use crate::grid::Grid;
    use crate::options::Options;
    use crate::rebuild::{Engine, Next};
    use crate::time::{ManualClock, Span, Timestamp};

    use super::*;

    fn at(instant: &str) -> Timestamp {
        instant.parse::<jiff::Timestamp>().unwrap().into()
    }

    #[test]
    fn builders_sleep_until_the_next_local_midnight_of_whichever_horizon_comes_first() {
        let clock = Arc::new(ManualClock::new(at("2026-05-04T12:00Z")));
        let options = Options { clock: clock.clone(), builders: 0, ..Options::default() };
        let engine = Arc::new(Engine::in_memory(options).unwrap());
        let define = |name, zone| {
            let definition = ViewDefinition::<u32, u64>::new(engine.clone(), name);
            let horizon = Horizon::whole_days(zone, 0..=2).unwrap();
            let definition = definition.grid(Grid::hours(6)).horizon(horizon, || [1_u32]);
            definition.build(|_, patio, _| Ok(u64::from(*patio))).unwrap()
        };
        let next = || loop {
            if let Next::Nothing { until } = engine.workshop().work_one().unwrap() {
                return until;
            }
        };
        assert_eq!(next(), None);
        let _sun = define("sun", "Europe/Stockholm");
        assert_eq!(next(), Some(at("2026-05-04T22:00Z")));
        let moon = define("moon", "Asia/Tokyo");
        assert_eq!(next(), Some(at("2026-05-04T15:00Z")));
        clock.advance(Span::hours(4));
        assert_eq!(next(), Some(at("2026-05-04T22:00Z")));
        clock.advance(Span::hours(6));
        assert_eq!(next(), Some(at("2026-05-05T15:00Z")));
        drop(moon);
        assert_eq!(next(), Some(at("2026-05-05T22:00Z")));
    }

    #[test]
    fn the_file_keeps_the_days_of_the_window_and_no_others() {
        let clock = Arc::new(ManualClock::new(at("2026-05-04T12:00Z")));
        let options = Options { clock: clock.clone(), builders: 0, ..Options::default() };
        let engine = Arc::new(Engine::in_memory(options).unwrap());
        let definition = ViewDefinition::<u32, u64>::new(engine.clone(), "sun");
        let horizon = Horizon::whole_days("UTC", -1..=1).unwrap();
        let definition = definition.grid(Grid::hours(6)).horizon(horizon, || [1_u32]);
        let view = definition.build(|_, patio, _| Ok(u64::from(*patio))).unwrap();
        let first = at("2026-05-04T12:00Z").as_millis() / 86_400_000 - 1;
        for day in 0..5 {
            while let Next::Worked(_) = engine.workshop().work_one().unwrap() {}
            let row = horizon_row(engine.shared(), view.core.state.id()).unwrap();
            assert!(row.begun.into_iter().eq(first + day..first + day + 3), "{day}");
            clock.advance(Span::days(1));
        }
    }
}
