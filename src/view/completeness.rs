//! How much of a day is there.

use std::borrow::Borrow;
use std::fmt;

use crate::disk::tries_in;
use crate::error::{Error, Result};
use crate::grid::{DailyWindow, PageNumber};
use crate::key::EntityKey;
use crate::page::{PageKey, RecordType, SlotSet};
use crate::rebuild::Rebuilder;
use crate::time::TimeRange;

use super::any_view::AnyView;
use super::core::Core;
use super::handle::View;
use super::lookup::{Look, look_aside};

/// How much of what should be there of a local day is there, counted.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Completeness {
    /// The day, from midnight to midnight.
    pub day: TimeRange,
    /// The records that should be there: those of each entity for the buckets that start in the day's
    /// hours.
    pub expected: u64,
    /// Those of them that are there.
    pub present: u64,
    /// Those of them that are fresh, or sealed.
    pub fresh: u64,
    /// Those that are not, because they failed, and are tried again.
    pub failed: u64,
    /// Those that are not and failed so often that they are not tried again by themselves.
    pub resting: u64,
}

/// A line of a status page.
impl fmt::Display for Completeness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { day, expected, present, fresh, failed, resting } = self;
        write!(f, "day of {}: {present} of {expected} records, {fresh} fresh", day.start())?;
        if failed + resting > 0 {
            write!(f, ", {failed} failed, {resting} not tried again")?;
        }
        Ok(())
    }
}

impl Completeness {
    /// Present of expected, from 0 to 1; 1 where nothing is expected.
    #[must_use]
    pub fn present_ratio(&self) -> f64 {
        ratio(self.present, self.expected)
    }

    /// Fresh of present, from 0 to 1; 1 where nothing is present.
    #[must_use]
    pub fn fresh_ratio(&self) -> f64 {
        ratio(self.fresh, self.present)
    }
}

fn ratio(some: u64, all: u64) -> f64 {
    if all == 0 { 1.0 } else { some as f64 / all as f64 }
}

/// The most days that are counted at once.
const DAYS_MAX: usize = 10_000;

/// A day that is counted.
struct Day {
    count: Completeness,
    /// Where its records stand, of any entity.
    pages: Vec<(PageNumber, SlotSet)>,
}

impl<E: EntityKey + ?Sized, R: RecordType> View<E, R> {
    /// How complete the days of the view's [horizon](crate::ViewDefinition::horizon) are, the earliest
    /// first. Builds nothing, and may be asked while they are being filled.
    ///
    /// It names the entities and looks at every page of each: from memory some hundred nanoseconds,
    /// from the file some tens of microseconds; at what the file says of failures only where something
    /// is not fresh. It brings nothing into memory, and no page counts as read. An entity that is named
    /// twice counts twice.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) for a view without a horizon and for an entity out of bounds;
    /// [`Build`](crate::ErrorKind::Build) if naming the entities panicked; and
    /// [the file's errors](crate#errors).
    pub fn completeness(&self) -> Result<Vec<Completeness>> {
        let core = &self.core;
        core.state.check()?;
        let horizon = core.horizon().ok_or_else(|| {
            let message =
                "the view has no horizon; say which days and entities with completeness_of";
            core.named(Error::input(message))
        })?;
        let (first, last) = horizon.ends(core.shared().options.clock.now())?;
        let mut days = Vec::new();
        for day in first..=last {
            days.extend(core.day(horizon.local_day(day)?, horizon.hours_of(day)?)?);
        }
        core.each_to_fill(&mut |entity| core.count(&core.prefix(entity), &mut days))?;
        Ok(days.into_iter().map(|day| day.count).collect())
    }

    /// The same for any entities and the same hours of every local day that overlaps a range, whether
    /// or not the view has a horizon.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) for an entity or range out of bounds; and
    /// [the file's errors](crate#errors).
    pub fn completeness_of<K: Borrow<E>>(
        &self,
        entities: impl IntoIterator<Item = K>,
        window: &DailyWindow,
        range: impl Into<TimeRange>,
    ) -> Result<Vec<Completeness>> {
        let (core, range) = (&self.core, range.into());
        core.state.check()?;
        core.check_extent(range)?;
        let mut days = Vec::new();
        let mut day = window.day_at(range.start())?;
        while !range.is_empty() && window.midnight(day)? < range.end() {
            if days.len() == DAYS_MAX {
                let message = format!(
                    "the range {range} holds more days than the {DAYS_MAX} that are \
                                       counted at once; take it in pieces"
                );
                return Err(core.named(Error::input(message)));
            }
            days.extend(core.day(window.local_day(day)?, window.on(day)?)?);
            day += 1;
        }
        for entity in entities {
            core.count(&core.prefix(entity.borrow()), &mut days)?;
        }
        Ok(days.into_iter().map(|day| day.count).collect())
    }
}

impl<E: EntityKey + ?Sized, R: RecordType> Core<E, R> {
    /// A day with nothing counted; none if the zone skipped its date.
    fn day(&self, day: Option<TimeRange>, hours: Option<TimeRange>) -> Result<Option<Day>> {
        let (Some(day), Some(hours)) = (day, hours) else { return Ok(None) };
        let count = Completeness { day, expected: 0, present: 0, fresh: 0, failed: 0, resting: 0 };
        let pages = self.pages(&[], hours)?.into_iter();
        let number = |page: &[u8]| PageKey::split(page).map(|(.., number)| number);
        let pages = pages.filter_map(|(page, slots)| Some((number(&page)?, slots))).collect();
        Ok(Some(Day { count, pages }))
    }
}

impl AnyView {
    fn count(&self, entity: &PageKey, days: &mut [Day]) -> Result<()> {
        self.check_entity(entity)?;
        for day in days {
            for (number, slots) in &day.pages {
                let key =
                    PageKey::of_parts(self.state.id(), PageKey::entity_bytes(entity), *number);
                self.count_page(&key, *number, *slots, &mut day.count)?;
            }
        }
        Ok(())
    }

    fn count_page(
        &self,
        key: &PageKey,
        number: PageNumber,
        slots: SlotSet,
        count: &mut Completeness,
    ) -> Result<()> {
        let mut lacking = slots;
        // What is damaged counts as missing.
        if let Look::Found(found) = look_aside(self.shared(), &self.state, key)? {
            let present = slots.iter().filter(|slot| found.page().holds(*slot));
            for slot in present {
                let bucket = self.state.grid().bucket_in(number, slot.0, self.state.page_len());
                count.present += 1;
                if bucket.is_some_and(|bucket| self.record_stands(&found, slot, bucket)) {
                    count.fresh += 1;
                    lacking = lacking.minus(SlotSet::one(slot));
                }
            }
        }
        count.expected += u64::from(slots.len());
        if !lacking.is_empty() {
            let tried = tries_in(self.shared(), key.as_slice(), lacking)?;
            for tries in tried.into_iter().filter(|tries| tries.attempts > 0) {
                count.resting += u64::from(tries.rests());
                count.failed += u64::from(!tries.rests());
            }
        }
        Ok(())
    }
}
