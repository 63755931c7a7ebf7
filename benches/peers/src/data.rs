//! All records, made once before anything is measured.

use std::ops::Range;
use std::sync::Arc;

use crate::key::{Key, SLOTS, slot_of};
use crate::record::{Exposure, RecordBytes};
use crate::sun::exposure;

/// The records of so many entities, a day of each. Cheap to clone.
#[derive(Clone)]
pub struct Data {
    records: Arc<Vec<Exposure>>,
}

impl Data {
    /// At least so many records: whole days.
    pub fn new(records: usize) -> Self {
        let entities = records.div_ceil(SLOTS as usize) as u32;
        let records = (0..entities * SLOTS).map(|nth| exposure(Key::nth(nth))).collect();
        Self { records: Arc::new(records) }
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

    pub fn bytes(&self, nth: u32) -> RecordBytes {
        self.record(nth).bytes()
    }

    /// What a build function returns that costs nothing: the record of that bucket.
    pub fn built(&self, entity: u32, start: i64) -> Exposure {
        self.record(entity * SLOTS + slot_of(start)).clone()
    }
}
