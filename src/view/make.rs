//! Making a record fresh under a lead: by finding that it still is right, or by building it.

use crate::cache::Ticket;
use crate::disk::PageInMemory;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::Bucket;
use crate::key::EntityKey;
use crate::page::{Facts, Origin, RecordType, Room, Slot, SlotSet};
use crate::rebuild::Lead;
use crate::revision::Revision;

use super::core::{BuildFunction, Core, Spot};
use super::draft::{PageDraft, RecordDraft};
use super::lookup::{Look, look_again};
use super::run::archiving;

/// A record that somebody wants fresh.
pub(super) struct Wish<'a, E: ?Sized> {
    pub(super) entity: &'a E,
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

impl<'a, E: ?Sized> Wish<'a, E> {
    /// Of whoever looked, and knows no more than that there was nothing fresh.
    pub(super) fn new(entity: &'a E, spot: &'a Spot, seen: Ticket, not_before: Revision) -> Self {
        Self { entity, spot, seen, not_before, suspect: true, absent: false }
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

/// What a page lacks: some of its slots, and the bucket of each.
struct Lacking {
    slots: SlotSet,
    buckets: Vec<Bucket>,
}

impl Lacking {
    fn iter(&self) -> impl Iterator<Item = (Slot, Bucket)> {
        debug_assert_eq!(self.slots.len() as usize, self.buckets.len());
        self.slots.iter().zip(self.buckets.iter().copied())
    }
}

impl<E: EntityKey + ?Sized, R: RecordType> Core<E, R> {
    /// Grants a wish, as far as it is for this thread to do: what is built is still to be stored.
    pub(super) fn make(&self, wish: &Wish<'_, E>, lead: &Lead<PageInMemory>) -> Result<Making> {
        if wish.suspect
            && let Some(spared) = self.spare(wish.spot, wish.not_before, lead)?
        {
            // The flight is for all of a page that is built whole, and so is the sparing.
            let standing = match self.build {
                BuildFunction::Page(_) => self.spare_others(wish, lead, spared)?,
                _ => spared,
            };
            return Ok(Making::Standing(standing));
        }
        match &self.build {
            BuildFunction::None => unreachable!("only views that build come here"),
            BuildFunction::Bucket(_) => self.build_bucket(wish, lead).map(Making::Record),
            BuildFunction::Page(_) => {
                let still_absent = wish.absent && self.shared().cache.is_current(wish.seen);
                let look = match still_absent {
                    true => Look::Absent,
                    false => look_again(self.shared(), &self.state, &wish.spot.key)?,
                };
                let lacking = self.lacking_around(wish, &look);
                let mut draft = self.draft(wish.spot);
                self.build_buckets(wish, lead, &lacking, &mut draft)?;
                Ok(Making::Page(draft))
            }
        }
    }

    /// Spares what else of a page is suspect and right.
    fn spare_others(
        &self,
        wish: &Wish<'_, E>,
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
    fn lacking_around(&self, wish: &Wish<'_, E>, look: &Look) -> Lacking {
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

    /// Runs the build function of a bucket.
    fn build_bucket(&self, wish: &Wish<'_, E>, lead: &Lead<PageInMemory>) -> Result<RecordDraft> {
        let BuildFunction::Bucket(build) = &self.build else {
            unreachable!("asked for where buckets are built one by one");
        };
        let (entity, spot, begun) = (wish.entity, wish.spot, self.begin());
        let ran = self.run(spot, lead, begun, |context| build(context, entity, spot.bucket))?;
        let mut room = Room::default();
        let archived = archiving(|| self.record_bytes(&ran.value, &mut room).map(drop));
        archived.map_err(|error| self.failed(spot, error))?;
        Ok(RecordDraft {
            origin: Origin::Built,
            facts: self.facts(&spot.key, spot.bucket, begun),
            micros: ran.micros,
            bytes: room.into_bytes(),
            reading: ran.reading,
        })
    }

    /// Runs the build function of a page for the buckets that it lacks and adds their records.
    fn build_buckets(
        &self,
        wish: &Wish<'_, E>,
        lead: &Lead<PageInMemory>,
        lacking: &Lacking,
        draft: &mut PageDraft,
    ) -> Result<()> {
        let BuildFunction::Page(build) = &self.build else {
            unreachable!("asked for where pages are built whole");
        };
        let Lacking { slots, buckets } = lacking;
        let (entity, spot, begun) = (wish.entity, wish.spot, self.begin());
        let ran = self.run(spot, lead, begun, |context| build(context, entity, buckets))?;
        let records = &ran.value;
        if records.len() != buckets.len() {
            let message = format!(
                "the build function returned {} of {} records; it must return one for each bucket",
                records.len(),
                buckets.len()
            );
            return Err(self.failed(spot, Error::new(ErrorKind::Build, message)));
        }
        let share = ran.micros / u32::try_from(records.len().max(1)).unwrap_or(u32::MAX);
        draft.reserve(records.len());
        let (dependencies, mut room) = (draft.note_reading(&ran.reading), Room::default());
        let of_one = Facts { dependencies, ..self.facts(&spot.key, spot.bucket, begun) };
        let expires = self.state.expiry().is_some();
        let facts = |bucket| match expires {
            true => Facts { dependencies, ..self.facts(&spot.key, bucket, begun) },
            // Nothing of them is the bucket's own.
            false => of_one,
        };
        let fits = self.state.shape().size() <= self.shared().options.record_bytes_max;
        let mut under_way = spot.slot();
        let added = archiving(|| {
            let facts_of_all = buckets.iter().map(|bucket| facts(*bucket));
            if fits && draft.add_built_array(*slots, facts_of_all, share, records, &mut room) {
                return Ok(());
            }
            // Which of them is refused is known when they are made one by one.
            for ((slot, bucket), record) in lacking.iter().zip(records) {
                under_way = slot;
                let bytes = self.record_bytes(record, &mut room)?;
                draft.add_built(slot, facts(bucket), share, bytes)?;
            }
            Ok(())
        });
        added.map_err(|error| {
            let at = lacking.iter().find(|(slot, _)| *slot == under_way);
            let spot = at.map_or_else(|| spot.clone(), |(slot, bucket)| spot.beside(slot, bucket));
            self.failed(&spot, error)
        })?;
        Ok(())
    }
}
