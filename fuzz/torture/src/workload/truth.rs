//! What was announced, and what follows from it.

use std::convert::Infallible;

use super::recipes::{BUCKETS, ENTITIES, PLACES, Place, Reads, SOURCES, SPOTS, Spot, make};

/// Everything that a store was told, as far as it promises to keep that.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// The version of each source that was announced last.
    pub sources: [u32; SOURCES],
    /// Which of them are being changed: all built from them counts as changed.
    pub changing: [bool; SOURCES],
    pub inputs: [Option<u32>; ENTITIES],
    pub put: [Option<Put>; SPOTS],
    /// Of each view, version and page length; `None` of one that was deleted.
    pub defined: [Option<(u32, u32)>; PLACES.len()],
    /// A record that is fresh was built after this instant.
    pub invalidated: [[i64; SPOTS]; PLACES.len()],
    /// A record that is there was built after this instant.
    pub deleted: [[i64; SPOTS]; PLACES.len()],
    /// In the order in which they were begun.
    pub runs: Vec<Turn>,
}

/// A record that was put.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Put {
    pub value: u32,
    /// What it was made from, as the application said.
    pub source: Option<usize>,
    /// Nothing that was announced speaks against it.
    pub is_right: bool,
}

/// What somebody did with a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    Going,
    Paused,
    Cancelled,
}

impl Truth {
    /// Of a store that was just created.
    pub fn nothing() -> Self {
        Self {
            sources: [1; SOURCES],
            changing: [false; SOURCES],
            inputs: [None; ENTITIES],
            put: [None; SPOTS],
            defined: [None; PLACES.len()],
            invalidated: [[i64::MIN; SPOTS]; PLACES.len()],
            deleted: [[i64::MIN; SPOTS]; PLACES.len()],
            runs: Vec::new(),
        }
    }

    /// A source has got a version, and that was announced.
    pub fn announce(&mut self, source: usize, version: u32) {
        self.sources[source] = version;
        for put in self.put.iter_mut().flatten() {
            put.is_right &= put.source != Some(source);
        }
    }

    /// What the next opening makes of it: whatever was being changed has changed. What it has become
    /// only the application knows; here that is a version which it never had.
    pub fn opened(mut self) -> Self {
        for source in 0..SOURCES {
            if std::mem::take(&mut self.changing[source]) {
                let version = self.sources[source] + CHANGED;
                self.announce(source, version);
            }
        }
        self
    }

    /// What a build makes of it.
    pub fn record(&self, place: Place, at: Spot) -> Vec<u32> {
        let version = self.defined[place as usize].map_or(1, |(version, _)| version);
        let Ok(made) = make(place, at, version, &mut Naive(self));
        made
    }
}

/// More than any version that is announced.
const CHANGED: u32 = 1 << 16;

/// Works everything out, whenever it is asked.
struct Naive<'a>(&'a Truth);

impl Reads for Naive<'_> {
    type Error = Infallible;

    fn source(&mut self, source: usize) -> Result<u32, Infallible> {
        Ok(self.0.sources[source])
    }

    fn all_sources(&mut self) -> Result<[u32; SOURCES], Infallible> {
        Ok(self.0.sources)
    }

    fn input(&mut self, key: usize) -> Result<Option<u32>, Infallible> {
        Ok(self.0.inputs[key])
    }

    fn record(&mut self, place: Place, at: Spot) -> Result<Option<Vec<u32>>, Infallible> {
        Ok(match place {
            Place::Put => self.0.put[at].map(|put| vec![put.value]),
            _ => Some(self.0.record(place, at)),
        })
    }

    fn records(&mut self, place: Place, entity: usize) -> Result<Vec<u32>, Infallible> {
        let spots = (0..BUCKETS).map(|bucket| super::recipes::spot(entity, bucket));
        Ok(spots.flat_map(|at| self.0.record(place, at)).collect())
    }

    fn all_put(&mut self) -> Result<Vec<u32>, Infallible> {
        let put = self.0.put.iter().enumerate();
        Ok(put.flat_map(|(at, put)| put.map(|put| [at as u32, put.value])).flatten().collect())
    }
}

/// Which records a record reads; which sources it reads besides, the truth says in its value.
pub fn reads(place: Place, at: Spot) -> Vec<(Place, Spot)> {
    let leaves = || (0..BUCKETS).map(|bucket| (Place::Leaf, at / BUCKETS * BUCKETS + bucket));
    match place {
        Place::Put | Place::Leaf | Place::Given => Vec::new(),
        Place::Coarse => vec![(Place::Leaf, at)],
        Place::Total => leaves().chain([(Place::Coarse, at)]).collect(),
        Place::Kind => vec![(Place::Put, at)],
        Place::Board => (0..SPOTS).map(|at| (Place::Put, at)).collect(),
    }
}
