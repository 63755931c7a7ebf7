//! The model: a map.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

pub(crate) const BUCKET_MS: i64 = 1_000;

pub(crate) type Content = Vec<u8>;

/// Whether the build function fails for a bucket.
pub(crate) fn fails(entity: u8, bucket: i64) -> bool {
    entity == 3 && bucket.rem_euclid(16) == 5
}

/// What the build function makes; the same in most versions, so that rebuilds also change nothing.
pub(crate) fn built(entity: u8, bucket: i64, version: u32) -> Content {
    vec![entity ^ (version / 2) as u8; bucket.rem_euclid(9) as usize]
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Expected {
    /// Entity and bucket -> what was stored last and by which version.
    records: BTreeMap<(u8, i64), (Content, u32)>,
    /// Those that are not there and were asked for.
    asked: BTreeSet<(u8, i64)>,
}

impl Expected {
    pub(crate) fn put(&mut self, entity: u8, bucket: i64, content: Content, version: u32) {
        self.records.insert((entity, bucket), (content, version));
        self.asked.remove(&(entity, bucket));
    }

    pub(crate) fn peek(&self, entity: u8, bucket: i64) -> Option<(&Content, u32)> {
        self.records.get(&(entity, bucket)).map(|(content, version)| (content, *version))
    }

    /// What a read that builds returns; `None` where the build fails.
    pub(crate) fn get(&mut self, entity: u8, bucket: i64, version: u32) -> Option<&Content> {
        let fresh = self.peek(entity, bucket).is_some_and(|(_, of)| of == version);
        if !fresh {
            if fails(entity, bucket) {
                return None;
            }
            self.put(entity, bucket, built(entity, bucket, version), version);
        }
        self.peek(entity, bucket).map(|(content, _)| content)
    }

    /// How many were built, stood fresh already, and failed.
    pub(crate) fn fill(
        &mut self,
        entity: u8,
        buckets: Range<i64>,
        version: u32,
    ) -> (u64, u64, u64) {
        let (mut made, mut standing, mut failed) = (0, 0, 0);
        for bucket in buckets {
            let fresh = self.peek(entity, bucket).is_some_and(|(_, of)| of == version);
            match self.get(entity, bucket, version) {
                Some(_) if fresh => standing += 1,
                Some(_) => made += 1,
                None => failed += 1,
            }
        }
        (made, standing, failed)
    }

    /// Deletes what `goes` says, and counts it.
    pub(crate) fn delete(&mut self, goes: impl Fn(u8, i64) -> bool) -> u64 {
        let before = self.records.len();
        self.records.retain(|(entity, bucket), _| !goes(*entity, *bucket));
        self.asked.retain(|(entity, bucket)| !goes(*entity, *bucket));
        (before - self.records.len()) as u64
    }

    /// Asks for a record. Whether nobody had, and it is not there.
    pub(crate) fn ask(&mut self, entity: u8, bucket: i64) -> bool {
        self.peek(entity, bucket).is_none() && self.asked.insert((entity, bucket))
    }

    pub(crate) fn asked(&self) -> &BTreeSet<(u8, i64)> {
        &self.asked
    }
}
