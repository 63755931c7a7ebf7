//! Reads of a program, and what each of them may answer.

use std::time::Duration;

use tidetable::{ErrorKind, Freshness, Marked, Missing, Record};

use super::engine::{Engine, Held, said};
use super::naive::Spot;
use super::plan::{BUCKETS, ENTITIES, ViewPlan};
use super::step::{Event, Reading};
use super::values::Values;
use super::world::{Entity, Happening, Owned, at, buckets, entity, entity_index};

impl Engine<'_> {
    pub(super) fn read(&mut self, spot: Spot, how: Reading) -> Held {
        // The first of many records may be fresh when it is read, and no more when the last is.
        let many = matches!(how, Reading::Range | Reading::Many | Reading::Scan);
        let moves = self.moves;
        self.moves |= many;
        let read = self.read_now(spot, how);
        self.moves = moves;
        read
    }

    pub(super) fn read_now(&self, spot: Spot, how: Reading) -> Held {
        let (place, of, bucket) = spot;
        let (view, of, at) = (self.world.view(place), entity(of), at(bucket));
        match how {
            Reading::Get => return self.get(spot),
            Reading::Serve => match view.when_marked(Marked::Serve).get(&of, at) {
                Ok(record) => return self.explain(spot, &record),
                Err(error) if place == 0 && error.kind() == ErrorKind::Absent => {}
                Err(error) => return Err(said(error)),
            },
            Reading::Miss => match view.when_missing(Missing::Miss).get(&of, at) {
                Ok(record) => return self.explain(spot, &record),
                Err(error) if error.kind() == ErrorKind::Absent => {}
                Err(error) => return Err(said(error)),
            },
            Reading::Within => match view.within(Duration::ZERO).get(&of, at) {
                Ok(record) => return self.explain(spot, &record),
                Err(error) if place == 0 && error.kind() == ErrorKind::Absent => {}
                Err(error) if place > 0 && error.kind() == ErrorKind::Busy => {}
                Err(error) => return Err(said(error)),
            },
            Reading::Range => {
                let timeline = view.range(&of, buckets(bucket..BUCKETS)).map_err(said)?;
                self.explain_all(place, spot.1, timeline)?;
            }
            Reading::Fill => {
                let filled = view.fill(&of, buckets(bucket / 2..BUCKETS));
                match filled {
                    Err(error) if place == 0 && error.kind() == ErrorKind::Input => {}
                    filled => _ = filled.map_err(said)?.complete().map_err(said)?,
                }
            }
            Reading::Many => {
                let entities: Vec<Entity> = (0..ENTITIES).map(entity).collect();
                let all = view.get_many(&entities, at);
                for (entity, read) in all.into_iter().enumerate() {
                    match read {
                        Ok(record) => self.explain((place, entity, bucket), &record)?,
                        Err(error) if place == 0 && error.kind() == ErrorKind::Absent => {}
                        Err(error) => return Err(said(error)),
                    }
                }
            }
            Reading::Scan => {
                for (entity, timeline) in view.scan(buckets(0..BUCKETS)).map_err(said)? {
                    self.explain_all(place, entity_index(entity), timeline)?;
                }
            }
            Reading::Prefetch => {
                view.prefetch([of], buckets(0..bucket)).map_err(said)?;
            }
        }
        Ok(())
    }

    /// A read in the midst of which something happens. It may say that what was so before is fresh;
    /// the next may not.
    pub(super) fn read_while(
        &mut self,
        spot: Spot,
        how: Reading,
        after: u64,
        event: Event,
    ) -> Held {
        let (read, happened) = self.during(after, event, |engine| engine.read(spot, how));
        match read {
            Err(what) if what.contains("was deleted while it was built") && happened => Ok(()),
            read => read,
        }
    }

    /// Does something, and lets something else happen after so many reads of the builds in it.
    pub(super) fn during(
        &mut self,
        after: u64,
        event: Event,
        act: impl FnOnce(&mut Self) -> Held,
    ) -> (Held, bool) {
        let known = self.announced.sources.clone();
        let world = self.world.clone();
        let view = |place| self.world.view(place);
        let happening: Happening = match event {
            Event::Change { source, value } => {
                self.last_version += 1;
                let owned = Owned { value, version: self.last_version };
                let all = &mut self.announced.sources[source];
                *all = all.or(Values::one(value));
                let store = self.store.clone();
                Box::new(move || {
                    world.own(source, owned);
                    store.invalidate(("source", source as u64)).map(drop)
                })
            }
            Event::Invalidate { place, entity, bucket } => {
                let (view, range) = (view(place), buckets(bucket..bucket + 2));
                let of = super::world::entity(entity);
                Box::new(move || view.invalidate_range(&of, range).map(drop))
            }
            Event::Stamp { place } => {
                let view = view(place);
                Box::new(move || view.invalidate_all().map(drop))
            }
            Event::Delete { place, entity, bucket } => {
                self.requested.retain(|spot| spot.0 != place);
                let (view, range) = (view(place), buckets(bucket..bucket + 2));
                let of = super::world::entity(entity);
                Box::new(move || view.delete_range(&of, range).map(drop))
            }
        };
        self.moves = true;
        self.world.expect(after, happening);
        let acted = act(self);
        self.moves = false;
        let happened = !self.world.call_off();
        self.announced.sources = known;
        if let (Event::Change { source, .. }, true) = (event, happened) {
            self.settle(&[source]);
        }
        (acted, happened)
    }

    pub(super) fn explain_all(
        &self,
        place: usize,
        entity: usize,
        timeline: tidetable::Timeline<u64>,
    ) -> Held {
        for (at, record) in timeline {
            let bucket = match at.is_timeless() {
                true => 0,
                false => (at.start().as_millis() / 60_000) as usize,
            };
            self.explain((place, entity, bucket), &record)?;
        }
        Ok(())
    }

    /// A read that builds.
    pub(super) fn get(&self, spot: Spot) -> Held {
        let (place, of, bucket) = spot;
        let record = match self.world.view(place).get(&entity(of), at(bucket)) {
            Ok(record) => record,
            Err(error) if place == 0 && error.kind() == ErrorKind::Absent => {
                return match self.announced.put[of][bucket] {
                    None => Ok(()),
                    Some(value) => Err(format!("{value} was put at {spot:?} and is not there")),
                };
            }
            Err(error) => return Err(said(error)),
        };
        if place > 0 && !record.is_fresh() {
            let moving = self.plan.views.iter().any(ViewPlan::moves);
            if !(self.put_is_marked || moving || self.moves)
                || record.freshness() != Freshness::Overtaken
            {
                return Err(format!("a read that builds {spot:?} says {}", record.freshness()));
            }
        }
        self.explain(spot, &record)
    }

    /// Holds what says that it is fresh against what the naive engine makes of it.
    pub(super) fn explain(&self, spot: Spot, record: &Record<u64>) -> Held {
        let (place, of, bucket) = spot;
        let value = record.to_native();
        if place == 0 {
            let put = self.announced.put[of][bucket];
            return match put == Some(value) {
                true => Ok(()),
                false => Err(format!("{spot:?} is {value}, put was {put:?}")),
            };
        }
        // What was there when it was read may be gone.
        let unclear = self.moves && self.plan.views.iter().any(ViewPlan::depends_on_what_is_there);
        if !record.is_fresh() || unclear {
            return Ok(());
        }
        let possible = self.naive().possible(spot).map_err(said)?;
        match possible.contains(value) {
            true => Ok(()),
            false => Err(format!("{spot:?} says it is fresh and is {value}; it can be {possible}")),
        }
    }
}
