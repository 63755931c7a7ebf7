//! What has to hold between two steps, and at the end.

use tidetable::{Changes, Freshness, Record};

use super::engine::{Engine, Held, said};
use super::naive::{Naive, Spot};
use super::plan::{BUCKETS, ENTITIES, Recipe};
use super::world::{at, entity};

impl Engine<'_> {
    pub(super) fn spots(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        (0..ENTITIES).flat_map(|entity| (0..BUCKETS).map(move |bucket| (entity, bucket)))
    }

    pub(super) fn peek(&self, (place, of, bucket): Spot) -> Held<Option<Record<u64>>> {
        self.world.view(place).peek(&entity(of), at(bucket)).map_err(said)
    }

    /// Looks at everything that is there: what says that it is fresh can be so, and so is all that
    /// it reads. `all`: everything is there and fresh.
    pub(crate) fn check(&self, all: bool) -> Held {
        let report = self.store.verify().map_err(said)?;
        if !report.is_clean() {
            return Err(format!("what the file holds does not fit together: {report}"));
        }
        let mut naive = self.naive();
        for place in 0..self.plan.views.len() {
            for (entity, bucket) in self.spots() {
                let spot = (place, entity, bucket);
                if self.plan.views[place].timeless && bucket > 0 {
                    continue;
                }
                let record = self.peek(spot)?;
                if all && place > 0 && !record.as_ref().is_some_and(Record::is_fresh) {
                    let freshness = record.map(|record| record.freshness());
                    return Err(format!("everything was built, but {spot:?} is {freshness:?}"));
                }
                let Some(record) = record else { continue };
                self.explain(spot, &record)?;
                if place > 0 && record.is_fresh() {
                    self.closed(&mut naive, spot)?;
                }
            }
        }
        Ok(())
    }

    /// What a fresh record has read is fresh, or is something that may be absent.
    pub(super) fn closed(&self, naive: &mut Naive<'_>, spot: Spot) -> Held {
        for read in naive.reads(spot).map_err(said)? {
            let there = self.peek(read)?.map(|record| record.freshness());
            let may_be_absent = self.plan.views[read.0].retain.is_some()
                || read.0 == 0
                || matches!(self.plan.views[spot.0].recipe, Recipe::Peek { .. });
            match there {
                Some(Freshness::Fresh) => {}
                None if may_be_absent => {}
                there => {
                    return Err(format!("{spot:?} says it is fresh and reads {read:?}: {there:?}"));
                }
            }
        }
        Ok(())
    }

    /// Announces everything, builds everything, and looks at everything.
    pub(crate) fn drain(&mut self) -> Held {
        self.announce(&Changes::new().kind("source"), &[0, 1, 2, 3])?;
        let put = |(entity, bucket): (usize, usize)| {
            Some((entity, bucket, self.announced.put[entity][bucket]?))
        };
        let all = self.spots().filter_map(put).collect();
        self.put_many(all)?;
        self.put_is_marked = false;
        for place in 0..self.plan.views.len() {
            for (entity, bucket) in self.spots() {
                self.get((place, entity, bucket))?;
            }
        }
        self.check(true)?;
        self.world.let_go();
        self.store.close().map_err(said)
    }
}
