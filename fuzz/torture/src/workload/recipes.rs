//! The views of the workload, and what their records are made of.
//!
//! A record lists the versions of all that its build has read, so that it says by itself whether it is
//! right. The build functions and the oracle make records by the same recipes, the one from a store and
//! the other from what was announced.

/// How many sources, entities and buckets there are.
pub const SOURCES: usize = 4;
pub const ENTITIES: usize = 3;
pub const BUCKETS: usize = 4;
/// The places that a view has for records.
pub const SPOTS: usize = ENTITIES * BUCKETS;

/// What is put, or a view that is built. Each reads those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// What the application puts.
    Put,
    /// One source.
    Leaf,
    /// A part of a leaf, so that not every change goes on.
    Coarse,
    /// All leaves of an entity, and one that is coarse.
    Total,
    /// An input; retention deletes it after a while.
    Given,
    /// All sources as a kind, and what was put.
    Kind,
    /// Everything that was put, whatever there is of it; without time.
    Board,
}

pub const PLACES: [Place; 7] =
    [Place::Put, Place::Leaf, Place::Coarse, Place::Total, Place::Given, Place::Kind, Place::Board];

/// A record's place in its view.
pub type Spot = usize;

pub fn spot(entity: usize, bucket: usize) -> Spot {
    entity * BUCKETS + bucket
}

impl Place {
    pub fn name(self) -> &'static str {
        ["put", "leaf", "coarse", "total", "given", "kind", "board"][self as usize]
    }

    pub fn is_timeless(self) -> bool {
        self == Self::Board
    }

    /// A view without time has one record.
    pub fn spots(self) -> usize {
        if self.is_timeless() { 1 } else { SPOTS }
    }
}

pub fn source_of(entity: usize, bucket: usize) -> usize {
    (entity + bucket) % SOURCES
}

/// What a build reads from.
pub trait Reads {
    type Error;

    fn source(&mut self, source: usize) -> Result<u32, Self::Error>;
    fn all_sources(&mut self) -> Result<[u32; SOURCES], Self::Error>;
    fn input(&mut self, key: usize) -> Result<Option<u32>, Self::Error>;
    fn record(&mut self, place: Place, spot: Spot) -> Result<Option<Vec<u32>>, Self::Error>;
    /// All records of an entity.
    fn records(&mut self, place: Place, entity: usize) -> Result<Vec<u32>, Self::Error>;
    /// What was put, with its places.
    fn all_put(&mut self) -> Result<Vec<u32>, Self::Error>;
}

/// Makes a record.
pub fn make<R: Reads>(
    place: Place,
    at: Spot,
    version: u32,
    reads: &mut R,
) -> Result<Vec<u32>, R::Error> {
    let (entity, bucket) = (at / BUCKETS, at % BUCKETS);
    let mut made = vec![version];
    match place {
        Place::Put => unreachable!("it has no build function"),
        Place::Leaf => made.push(reads.source(source_of(entity, bucket))?),
        Place::Coarse => {
            let leaf = reads.record(Place::Leaf, at)?;
            made.extend(leaf.and_then(|leaf| leaf.get(1).map(|version| version / 4)));
        }
        Place::Total => {
            made.extend(reads.records(Place::Leaf, entity)?);
            made.extend(reads.record(Place::Coarse, at)?.into_iter().flatten());
        }
        Place::Given => made.push(reads.input(entity)?.map_or(0, |value| value + 1)),
        Place::Kind => {
            made.extend(reads.all_sources()?);
            made.extend(reads.record(Place::Put, at)?.into_iter().flatten());
        }
        Place::Board => made.extend(reads.all_put()?),
    }
    Ok(made)
}
