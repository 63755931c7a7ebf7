//! What builds records, and knows of which types they are.

use crate::disk::PageInMemory;
use crate::error::{Error, ErrorKind, Result};
use crate::key::EntityKey;
use crate::page::{Facts, Origin, PageKey, RecordType, Room};
use crate::rebuild::Lead;

use super::core::{BuildFunction, Core};
use super::draft::{PageDraft, RecordDraft};
use super::lacking::Lacking;
use super::run::archiving;
use super::spot::Spot;

/// A view's build function for one entity, by what is asked of it where the types are not known.
pub(super) trait Maker {
    /// Makes the record of one bucket.
    fn build_bucket(&self, spot: &Spot, lead: &Lead<PageInMemory>) -> Result<RecordDraft>;

    /// Makes what a page lacks, and adds it to a draft of the page.
    fn build_buckets(
        &self,
        spot: &Spot,
        lead: &Lead<PageInMemory>,
        lacking: &Lacking,
        draft: &mut PageDraft,
    ) -> Result<()>;
}

/// An entity of a view: what the keys of its pages begin with, not checked yet, and what builds its
/// records.
pub(super) struct OfEntity<'a> {
    pub(super) prefix: PageKey,
    pub(super) maker: &'a dyn Maker,
}

/// A view's build function for one entity, with its types.
pub(super) struct MakerOf<'a, E: ?Sized, R> {
    core: &'a Core<E, R>,
    entity: &'a E,
}

impl<E: EntityKey + ?Sized, R: RecordType> Maker for MakerOf<'_, E, R> {
    fn build_bucket(&self, spot: &Spot, lead: &Lead<PageInMemory>) -> Result<RecordDraft> {
        let Self { core, entity } = *self;
        let BuildFunction::Bucket(build) = &core.build else {
            unreachable!("asked for where buckets are built one by one");
        };
        let (begun, mut made) = (core.begin(), None);
        let ran = core.run(spot, lead, begun, &mut |context| {
            made = Some(build(context, entity, spot.bucket)?);
            Ok(())
        })?;
        let (made, mut room) = (made.expect("it ran to its end"), Room::default());
        let archived = archiving(&mut || core.record_bytes(&made, &mut room).map(drop));
        archived.map_err(|error| core.failed(spot, error))?;
        Ok(RecordDraft {
            origin: Origin::Built,
            facts: core.facts(&spot.key, spot.bucket, begun),
            micros: ran.micros,
            bytes: room.into_bytes(),
            reading: ran.reading,
        })
    }

    fn build_buckets(
        &self,
        spot: &Spot,
        lead: &Lead<PageInMemory>,
        lacking: &Lacking,
        draft: &mut PageDraft,
    ) -> Result<()> {
        let Self { core, entity } = *self;
        let BuildFunction::Page(build) = &core.build else {
            unreachable!("asked for where pages are built whole");
        };
        let Lacking { slots, buckets } = lacking;
        let (begun, mut made) = (core.begin(), Vec::new());
        let ran = core.run(spot, lead, begun, &mut |context| {
            made = build(context, entity, buckets)?;
            Ok(())
        })?;
        let records = &made;
        if records.len() != buckets.len() {
            let message = format!(
                "the build function returned {} of {} records; it must return one for each bucket",
                records.len(),
                buckets.len()
            );
            return Err(core.failed(spot, Error::new(ErrorKind::Build, message)));
        }
        let share = ran.micros / u32::try_from(records.len().max(1)).unwrap_or(u32::MAX);
        draft.reserve(records.len());
        let (dependencies, mut room) = (draft.note_reading(&ran.reading), Room::default());
        let of_one = Facts { dependencies, ..core.facts(&spot.key, spot.bucket, begun) };
        let expires = core.state.expiry().is_some();
        let facts = |bucket| match expires {
            true => Facts { dependencies, ..core.facts(&spot.key, bucket, begun) },
            // Nothing of them is the bucket's own.
            false => of_one,
        };
        let fits = core.state.shape().size() <= core.shared().options.record_bytes_max;
        let mut under_way = spot.slot();
        let added = archiving(&mut || {
            let facts_of_all = buckets.iter().map(|bucket| facts(*bucket));
            if fits && draft.add_built_array(*slots, facts_of_all, share, records, &mut room) {
                return Ok(());
            }
            // Which of them is refused is known when they are made one by one.
            for ((slot, bucket), record) in lacking.iter().zip(records) {
                under_way = slot;
                let bytes = core.record_bytes(record, &mut room)?;
                draft.add_built(slot, facts(bucket), share, bytes)?;
            }
            Ok(())
        });
        added.map_err(|error| {
            let at = lacking.iter().find(|(slot, _)| *slot == under_way);
            let spot = at.map_or_else(|| spot.clone(), |(slot, bucket)| spot.beside(slot, bucket));
            core.failed(&spot, error)
        })
    }
}

impl<E: EntityKey + ?Sized, R: RecordType> MakerOf<'_, E, R> {
    pub(super) fn of_entity(&self) -> OfEntity<'_> {
        OfEntity { prefix: self.core.prefix(self.entity), maker: self }
    }
}

impl<E: EntityKey + ?Sized, R: RecordType> Core<E, R> {
    /// What builds an entity's records.
    pub(super) fn maker<'a>(&'a self, entity: &'a E) -> MakerOf<'a, E, R> {
        MakerOf { core: self, entity }
    }

    /// Makes a record the bytes that will stand in its page; refused here if it is too large.
    #[inline]
    pub(super) fn record_bytes<'r>(&self, record: &R, room: &'r mut Room) -> Result<&'r [u8]> {
        room.serialize(record)
            .map_err(|cause| Error::input(format!("the record cannot be archived: {cause}")))?;
        self.check_record(room.bytes())?;
        Ok(room.bytes())
    }
}
