//! An engine that stores nothing: it works every record out, whenever it is asked.

use std::collections::HashMap;

use tidetable::Result;

use super::plan::{BUCKETS, ENTITIES, Plan, Recipe, SOURCES, opposite, source_of};
use super::values::Values;
use super::world::{World, around, at, entity, entity_index};

/// What the application has said so far.
#[derive(Clone, Debug)]
pub(crate) struct Announced {
    /// What a source may be taken for: all that it was since it was announced the last time.
    pub(crate) sources: Vec<Values>,
    pub(crate) inputs: Vec<Option<u64>>,
    pub(crate) put: [[Option<u64>; BUCKETS]; ENTITIES],
    /// Of each view.
    pub(crate) versions: Vec<u32>,
}

/// A view, an entity and a bucket.
pub(crate) type Spot = (usize, usize, usize);

/// Works records out for one state of the application.
pub(crate) struct Naive<'a> {
    plan: &'a Plan,
    announced: &'a Announced,
    world: &'a World,
    known: HashMap<Spot, Values>,
    members: HashMap<usize, Vec<usize>>,
}

impl<'a> Naive<'a> {
    pub(crate) fn new(plan: &'a Plan, announced: &'a Announced, world: &'a World) -> Self {
        Self { plan, announced, world, known: HashMap::new(), members: HashMap::new() }
    }

    /// Which values a record may have that says it is fresh.
    pub(crate) fn possible(&mut self, (place, entity, bucket): Spot) -> Result<Values> {
        let bucket = if self.plan.views[place].timeless { 0 } else { bucket };
        let spot = (place, entity, bucket);
        if let Some(known) = self.known.get(&spot) {
            return Ok(*known);
        }
        let made = self.make(spot)?;
        let salt = match self.plan.views[place].recipe {
            Recipe::Put => 0,
            _ => u64::from(self.announced.versions[place]),
        };
        let made = made.map(|value| value + salt);
        self.known.insert(spot, made);
        Ok(made)
    }

    fn make(&mut self, (place, entity, bucket): Spot) -> Result<Values> {
        let sources = &self.announced.sources;
        Ok(match self.plan.views[place].recipe {
            Recipe::Put => Values::one(self.announced.put[entity][bucket].unwrap_or(0)),
            Recipe::Source { first, .. } => sources[source_of(first, entity, bucket)],
            Recipe::Kind => sources.iter().fold(Values::one(0), |sum, source| sum.plus(*source)),
            Recipe::Input => {
                Values::one(self.announced.inputs[entity].map_or(0, |value| value + 1))
            }
            Recipe::Copy { up, divisor } => {
                self.read((up, entity, bucket))?.map(|value| value / divisor)
            }
            Recipe::Sum { left, right } => {
                let left = self.read((left, entity, bucket))?;
                left.plus(self.read((right, entity, bucket))?)
            }
            Recipe::Range { up, back, ahead } => {
                self.sum(up, entity, around(bucket, back, ahead))?
            }
            Recipe::Scan { up } => {
                let mut sum = Values::one(0);
                for entity in self.members(up)? {
                    sum = sum.plus(self.sum(up, entity, 0..BUCKETS)?);
                }
                sum
            }
            Recipe::Running { first } => {
                let own = sources[source_of(first, entity, bucket)];
                match bucket.checked_sub(1) {
                    Some(before) => own.plus(self.read((place, entity, before))?),
                    None => own,
                }
            }
            Recipe::Choose { source, even, odd } => {
                let mut possible = Values::NONE;
                if sources[source].iter().any(|value| value % 2 == 0) {
                    possible = possible.or(self.read((even, entity, bucket))?);
                }
                if sources[source].iter().any(|value| value % 2 == 1) {
                    let (entity, bucket) = opposite(entity, bucket);
                    possible = possible.or(self.read((odd, entity, bucket))?);
                }
                possible
            }
            Recipe::Peek { up } => self.peeked((up, entity, bucket))?,
        })
    }

    /// What a build may be given that asks for a record.
    fn read(&mut self, spot: Spot) -> Result<Values> {
        let (place, of, bucket) = spot;
        let possible = self.possible(spot)?;
        let may_go = self.plan.views[place].retain.is_some();
        // What retention no longer keeps is not made for a build; and that it went is no change.
        if may_go && self.world.view(place).peek(&entity(of), at(bucket))?.is_none() {
            return Ok(possible.or(Values::one(0)));
        }
        Ok(possible)
    }

    fn sum(&mut self, up: usize, entity: usize, buckets: std::ops::Range<usize>) -> Result<Values> {
        // A range holds the one record of a view without time once.
        let buckets = if self.plan.views[up].timeless { 0..1 } else { buckets };
        let mut sum = Values::one(0);
        for bucket in buckets {
            sum = sum.plus(self.read((up, entity, bucket))?);
        }
        Ok(sum)
    }

    /// The entities that a view has records of now: that is not the application's to know.
    fn members(&mut self, place: usize) -> Result<Vec<usize>> {
        if let Some(members) = self.members.get(&place) {
            return Ok(members.clone());
        }
        let members: Result<Vec<usize>> =
            self.world.view(place).entities().map(|it| it.map(entity_index)).collect();
        let members = members?;
        self.members.insert(place, members.clone());
        Ok(members)
    }

    fn peeked(&mut self, spot: Spot) -> Result<Values> {
        let (place, of, bucket) = spot;
        let nothing = Values::one(0);
        if place == 0 {
            let put = self.announced.put[of][bucket];
            return Ok(put.map_or(nothing, |value| Values::one(value + 1)));
        }
        let there = self.world.view(place).peek(&entity(of), at(bucket))?.is_some();
        let possible = self.possible(spot)?.map(|value| value + 1);
        Ok(match (there, self.plan.views[place].retain) {
            (true, _) => possible,
            (false, None) => nothing,
            // It may have been there when it was read: that it went is no change.
            (false, Some(_)) => possible.or(nothing),
        })
    }

    /// Which records a record reads, as far as that is certain.
    pub(crate) fn reads(&mut self, (place, entity, bucket): Spot) -> Result<Vec<Spot>> {
        let bucket = if self.plan.views[place].timeless { 0 } else { bucket };
        Ok(match self.plan.views[place].recipe {
            Recipe::Put | Recipe::Source { .. } | Recipe::Kind | Recipe::Input => Vec::new(),
            Recipe::Copy { up, .. } | Recipe::Peek { up } => vec![(up, entity, bucket)],
            Recipe::Sum { left, right } => vec![(left, entity, bucket), (right, entity, bucket)],
            Recipe::Range { up, back, ahead } => {
                around(bucket, back, ahead).map(|bucket| (up, entity, bucket)).collect()
            }
            Recipe::Scan { up } => {
                let members = self.members(up)?;
                let spots = |entity| (0..BUCKETS).map(move |bucket| (up, entity, bucket));
                members.into_iter().flat_map(spots).collect()
            }
            Recipe::Running { .. } => {
                bucket.checked_sub(1).map(|before| (place, entity, before)).into_iter().collect()
            }
            Recipe::Choose { source, even, odd } => {
                let values = self.announced.sources[source];
                let of = |parity| values.iter().all(|value| value % 2 == parity);
                let (other, opposite) = opposite(entity, bucket);
                match (of(0), of(1)) {
                    (true, _) => vec![(even, entity, bucket)],
                    (_, true) => vec![(odd, other, opposite)],
                    _ => Vec::new(),
                }
            }
        })
    }
}

impl Announced {
    pub(crate) fn new(world: &World, views: usize) -> Self {
        let sources = (0..SOURCES).map(|source| Values::one(world.owned(source).value)).collect();
        Self {
            sources,
            inputs: vec![None; ENTITIES],
            put: [[None; BUCKETS]; ENTITIES],
            versions: vec![1; views],
        }
    }
}
