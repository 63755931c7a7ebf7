//! Which pages and slots a stretch of time lies in.

use crate::error::{Error, Result};
use crate::grid::{Bucket, PageNumber};
use crate::page::{Slot, SlotSet};
use crate::sync::{Arc, Mutex};
use crate::time::TimeRange;

use super::any_view::AnyView;
use super::spot::Spot;

/// The pages that a stretch of time lies in, and which of their slots, for whatever entity.
pub(super) type Spans = Arc<[(PageNumber, SlotSet)]>;

/// The range that runs asked for last, and the pages and slots that it lies in: if not too many. A
/// run asks for the same again and again.
#[derive(Default)]
pub(super) struct LastSpans(Mutex<Option<(TimeRange, Spans)>>);

/// What lies in more pages is worked out each time, rather than kept in memory: half a megabyte.
const SPANS_MAX: usize = 4096;

impl LastSpans {
    /// What a range lies in.
    pub(super) fn of(&self, view: &AnyView, range: TimeRange) -> Result<Spans> {
        if let Some((_, spans)) = self.0.lock().as_ref().filter(|(asked, _)| *asked == range) {
            return Ok(spans.clone());
        }
        let spans = view.spans(range)?;
        if spans.len() <= SPANS_MAX {
            *self.0.lock() = Some((range, spans.clone()));
        }
        Ok(spans)
    }
}

impl AnyView {
    fn spans(&self, range: TimeRange) -> Result<Spans> {
        self.check_extent(range)?;
        let mut spans: Vec<(PageNumber, SlotSet)> = Vec::new();
        for bucket in self.state.grid().buckets(range) {
            let bucket = bucket.map_err(|error| self.named(error))?;
            let place = self.state.grid().place(bucket, self.state.page_len());
            let place = place.map_err(|error| self.named(error))?;
            let slot = SlotSet::one(Slot(place.slot));
            match spans.last_mut().filter(|(number, _)| *number == place.page) {
                Some((_, slots)) => *slots = slots.union(slot),
                None => spans.push((place.page, slot)),
            }
        }
        Ok(Spans::from(spans))
    }

    /// The spots of some slots of a page, in order.
    pub(super) fn spots(&self, of: &Spot, slots: SlotSet) -> Result<Vec<Spot>> {
        let spot = |slot: Slot| {
            self.bucket_in(of.place.page, slot.0).map(|bucket| of.beside(slot, bucket))
        };
        slots.iter().map(spot).collect()
    }

    pub(super) fn bucket_in(&self, page: PageNumber, slot: u32) -> Result<Bucket> {
        let bucket = self.state.grid().bucket_in(page, slot, self.state.page_len());
        let message = "a record is wanted of a slot in which no bucket stands";
        bucket.ok_or_else(|| self.named(Error::damaged(message)))
    }
}
