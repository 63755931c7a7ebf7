//! Making a record fresh under a lead: by finding that it still is right, or by building it.

use crate::cache::Ticket;
use crate::disk::PageInMemory;
use crate::error::Result;
use crate::grid::Bucket;
use crate::page::{Slot, SlotSet};
use crate::rebuild::Lead;
use crate::revision::Revision;

use super::any_view::{AnyView, Makes};
use super::draft::{PageDraft, RecordDraft};
use super::lacking::Lacking;
use super::lookup::{Look, look_again};
use super::maker::Maker;
use super::spot::Spot;

/// A record that somebody wants fresh.
#[derive(Clone, Copy)]
pub(super) struct Wish<'a> {
    /// Builds records of its entity.
    pub(super) maker: &'a dyn Maker,
    pub(super) spot: &'a Spot,
    /// Taken before that one looked and found nothing fresh.
    pub(super) seen: Ticket,
    /// What began before is not good enough, fresh or not.
    pub(super) not_before: Revision,
    /// There may be a record, and it may be right as it is.
    pub(super) suspect: bool,
    /// There was no page for it.
    pub(super) absent: bool,
}

impl<'a> Wish<'a> {
    /// Of whoever looked, and knows no more than that there was nothing fresh.
    pub(super) fn new(
        maker: &'a dyn Maker,
        spot: &'a Spot,
        seen: Ticket,
        not_before: Revision,
    ) -> Self {
        Self { maker, spot, seen, not_before, suspect: true, absent: false }
    }
}

/// What making a record came to.
pub(super) enum Making {
    Record(RecordDraft),
    /// All that its page lacked, where pages are built whole.
    Page(PageDraft),
    /// It stands as it is.
    Standing(PageInMemory),
}

impl AnyView {
    /// Grants a wish, as far as it is for this thread to do: what is built is still to be stored.
    pub(super) fn make(&self, wish: &Wish<'_>, lead: &Lead<PageInMemory>) -> Result<Making> {
        if wish.suspect
            && let Some(spared) = self.spare(wish.spot, wish.not_before, lead)?
        {
            // The flight is for all of a page that is built whole, and so is the sparing.
            let standing = match self.makes {
                Makes::Pages => self.spare_others(wish, lead, spared)?,
                _ => spared,
            };
            return Ok(Making::Standing(standing));
        }
        match self.makes {
            Makes::Nothing => unreachable!("only views that build come here"),
            Makes::Buckets => wish.maker.build_bucket(wish.spot, lead).map(Making::Record),
            Makes::Pages => {
                let still_absent = wish.absent && self.shared().cache.is_current(wish.seen);
                let look = match still_absent {
                    true => Look::Absent,
                    false => look_again(self.shared(), &self.state, &wish.spot.key)?,
                };
                let lacking = self.lacking_around(wish, &look);
                let mut draft = self.draft(wish.spot);
                wish.maker.build_buckets(wish.spot, lead, &lacking, &mut draft)?;
                Ok(Making::Page(draft))
            }
        }
    }

    /// Spares what else of a page is suspect and right.
    fn spare_others(
        &self,
        wish: &Wish<'_>,
        lead: &Lead<PageInMemory>,
        mut page: PageInMemory,
    ) -> Result<PageInMemory> {
        let look = look_again(self.shared(), &self.state, &wish.spot.key)?;
        for (slot, bucket) in self.lacking_around(wish, &look).iter() {
            let spot = wish.spot.beside(slot, bucket);
            page = self.spare(&spot, wish.not_before, lead)?.unwrap_or(page);
        }
        Ok(page)
    }

    /// What a page lacks that was found so, for a view whose pages are built whole.
    fn lacking_around(&self, wish: &Wish<'_>, look: &Look) -> Lacking {
        let spot = wish.spot;
        // What is retired is not made for a build that reads; the one asked for is known not to be.
        let retires = self.state.retain().is_some();
        let stands = |slot: Slot, bucket: Bucket| match look {
            Look::Found(found) if found.page().holds(slot) => {
                self.record_stands(found, slot, bucket)
                    && found.page().facts(slot).begun >= wish.not_before
            }
            _ => retires && slot != spot.slot() && self.is_retired(bucket),
        };
        let (place, page_len) = (spot.place, self.state.page_len());
        let buckets = self.state.grid().page_buckets(place.page, place.slot, page_len);
        let last = buckets.slots().saturating_sub(1);
        // All of it, where nothing of the page is there; most often.
        if !retires
            && matches!(look, Look::Absent)
            && let Some(row) = buckets.row(0, last)
        {
            let all = (0..row.len()).map(|nth| row.get(nth)).collect();
            return Lacking { slots: SlotSet::span(Slot(0), Slot(last)), buckets: all };
        }
        let most = Vec::with_capacity(buckets.slots() as usize);
        let mut lacking = Lacking { slots: SlotSet::EMPTY, buckets: most };
        for slot in (0..buckets.slots()).map(Slot) {
            if let Some(bucket) = buckets.get(slot.0)
                && !stands(slot, bucket)
            {
                lacking.slots.insert(slot);
                lacking.buckets.push(bucket);
            }
        }
        lacking
    }
}
