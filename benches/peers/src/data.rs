//! All records, made once before anything is measured.

use std::ops::Range;
use std::sync::Arc;

use crate::key::{SLOTS, slot_of, start_of};
use crate::record::{Exposure, RecordBytes};
use crate::sun::Day;

/// The records of so many entities, a day of each. Cheap to clone.
#[derive(Clone)]
pub struct Data {
    records: Arc<Vec<Exposure>>,
    /// The same as files hold them, so that no engine is measured while it makes them.
    bytes: Arc<Vec<RecordBytes>>,
}

impl Data {
    /// At least so many records: whole days.
    pub fn new(records: usize) -> Self {
        Self::of_day(records.div_ceil(SLOTS as usize) as u32, 0)
    }

    /// Other records under the same keys, as a rebuild brings them: those of the next day.
    pub fn changed(&self) -> Self {
        Self::of_day(self.entities(), 1)
    }

    fn of_day(entities: u32, days: i64) -> Self {
        let day = Day::new(start_of(0) + days * 86_400_000, SLOTS);
        let records: Vec<_> = (0..entities).flat_map(|entity| day.exposures(entity)).collect();
        let bytes = records.iter().map(Exposure::bytes).collect();
        Self { records: Arc::new(records), bytes: Arc::new(bytes) }
    }

    pub fn len(&self) -> u32 {
        self.records.len() as u32
    }

    pub fn entities(&self) -> u32 {
        self.len() / SLOTS
    }

    pub fn all(&self) -> Range<u32> {
        0..self.len()
    }

    #[inline(always)]
    pub fn record(&self, nth: u32) -> &Exposure {
        &self.records[nth as usize]
    }

    #[inline(always)]
    pub fn bytes(&self, nth: u32) -> &RecordBytes {
        &self.bytes[nth as usize]
    }

    /// What a build function returns that costs nothing: the record of that bucket.
    pub fn built(&self, entity: u32, start: i64) -> Exposure {
        self.record(entity * SLOTS + slot_of(start)).clone()
    }
}
