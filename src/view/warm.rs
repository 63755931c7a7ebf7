//! Pages asked for ahead of their readers.

use std::borrow::Borrow;

use crate::error::Result;
use crate::grid::PageNumber;
use crate::key::EntityKey;
use crate::page::{PageKey, RecordType};
use crate::time::TimeRange;

use super::any_view::AnyView;
use super::core::Core;
use super::handle::View;

/// What [`View::warm`] has left to the builders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warming {
    /// How many pages were taken on the list.
    pub taken: u64,
    /// Whether that was all: `false` where the list was full.
    pub complete: bool,
}

impl<E: EntityKey + ?Sized, R: RecordType> View<E, R> {
    /// Has the pages of a range brought into memory in the background, so that later reads hit: as
    /// [`prefetch`](Self::prefetch) does, but at once back. Never builds, and stops where another page
    /// would have to leave memory.
    ///
    /// At most 4,096 pages (or 256 KiB of their keys) of all views wait at a time; the answer says how
    /// many of these were taken.
    ///
    /// # Errors
    /// [`Input`](crate::ErrorKind::Input) as for [`range`](Self::range); what was named before is
    /// brought in all the same.
    pub fn warm<K: Borrow<E>>(
        &self,
        entities: impl IntoIterator<Item = K>,
        range: impl Into<TimeRange>,
    ) -> Result<Warming> {
        self.core.warm(entities, range.into())
    }
}

impl<E: EntityKey + ?Sized, R: RecordType> Core<E, R> {
    fn warm<K: Borrow<E>>(
        &self,
        entities: impl IntoIterator<Item = K>,
        range: TimeRange,
    ) -> Result<Warming> {
        let mut warming = Warming { taken: 0, complete: true };
        let mut ended = Ok(());
        for entity in entities {
            ended = self.warm_one(&self.prefix(entity.borrow()), range, &mut warming);
            if ended.is_err() || !warming.complete {
                break;
            }
        }
        // Also after an error: what was named before it is on the list.
        if warming.taken > 0 {
            self.shared().bell.ring();
        }
        ended.map(|()| warming)
    }
}

impl AnyView {
    fn warm_one(&self, entity: &PageKey, range: TimeRange, warming: &mut Warming) -> Result<()> {
        let workshop = self.engine.workshop();
        self.state.check()?;
        self.check_entity(entity)?;
        let Some((first, last)) = self.places(range)? else { return Ok(()) };
        for number in (first.page.0..=last.page.0).map(PageNumber) {
            if !workshop.ask_to_warm(PageKey::at(entity, number).as_slice()) {
                warming.complete = false;
                return Ok(());
            }
            warming.taken += 1;
        }
        Ok(())
    }
}
