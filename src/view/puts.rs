//! Records of one view that are put together.

use std::collections::BTreeMap;

use crate::disk::ViewState;
use crate::error::Result;
use crate::page::{Slot, SlotsByPage};
use crate::rebuild::FlightKey;
use crate::sync::Arc;

use super::draft::{FinishedDraft, PageDraft, RecordDraft};
use super::spot::Spot;

/// Records of one view, gathered by their pages: of several for one bucket the last stays.
pub(super) struct Puts {
    state: Arc<ViewState>,
    /// Page key -> what lies in it.
    pages: BTreeMap<Box<[u8]>, OfPage>,
}

/// Records of one page.
struct OfPage {
    /// Where one of them lies.
    spot: Spot,
    records: BTreeMap<Slot, RecordDraft>,
}

impl Puts {
    pub(super) fn new(state: &Arc<ViewState>) -> Self {
        Self { state: state.clone(), pages: BTreeMap::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    pub(super) fn add(&mut self, spot: Spot, record: RecordDraft) {
        let (page, slot) = (spot.key.as_slice().into(), spot.slot());
        let new = || OfPage { spot, records: BTreeMap::new() };
        self.pages.entry(page).or_insert_with(new).records.insert(slot, record);
    }

    /// Takes back what was added to a page.
    pub(super) fn take_back(&mut self, page: &[u8]) {
        self.pages.remove(page);
    }

    /// Where they lie.
    pub(super) fn places(&self) -> SlotsByPage {
        let slots = |of_page: &OfPage| of_page.records.keys().copied().collect();
        self.pages.iter().map(|(page, of_page)| (page.clone(), slots(of_page))).collect()
    }

    /// Their pages, put together.
    pub(super) fn finish(self) -> Result<Vec<FinishedDraft>> {
        let state = &*self.state;
        let pages = self.pages.into_values().map(|OfPage { spot, records }| {
            let mut draft = PageDraft::at(state, &spot);
            for (slot, record) in records {
                draft.add(slot, &record).map_err(|error| spot.told_of(state, error))?;
            }
            Ok(draft.finish())
        });
        pages.collect()
    }
}

/// What builds of records go by that lie here: by bucket, or by page where a view builds so.
pub(super) fn flights_at(places: &SlotsByPage) -> impl Iterator<Item = FlightKey> {
    places.iter().flat_map(|(page, slots)| {
        let slots = slots.iter().map(|slot| Some(slot.0)).chain([None]);
        slots.map(|slot| FlightKey { page: page.clone(), slot })
    })
}
