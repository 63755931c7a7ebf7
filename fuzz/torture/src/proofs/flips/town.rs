//! The town whose store is damaged: its views, and what each record must be.
//!
//! Every record is a function of its entity, its bucket and one number of the world that may change,
//! so that whoever knows the world can say of any record whether it is right, was right once, or never
//! was.

use std::array;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use tidetable::{Grid, Input, Result, Store, TimeRange, Timestamp, View};

pub const PATIOS_MIN: u32 = 5;
pub const SLOTS: i64 = 8;
/// A text of this entity cannot be built.
pub const UNSPEAKABLE: u32 = 9_000_000;

/// What the world is like: what sources and inputs hold at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct World {
    /// How often each building was changed.
    pub buildings: [u64; 4],
    /// The values of the input.
    pub heights: [u64; 4],
    /// Which edition of the posters was put last.
    pub edition: u64,
}

/// The world as it is now: build functions look at it.
#[derive(Debug)]
pub struct Living {
    buildings: [AtomicU64; 4],
    heights: [AtomicU64; 4],
    edition: AtomicU64,
}

impl Living {
    pub fn new(world: &World) -> Self {
        Self {
            buildings: world.buildings.map(AtomicU64::new),
            heights: world.heights.map(AtomicU64::new),
            edition: AtomicU64::new(world.edition),
        }
    }

    pub fn now(&self) -> World {
        World {
            buildings: array::from_fn(|nth| self.buildings[nth].load(SeqCst)),
            heights: array::from_fn(|nth| self.heights[nth].load(SeqCst)),
            edition: self.edition.load(SeqCst),
        }
    }

    /// Changes a building; announcing it is another matter.
    pub fn rebuild(&self, building: usize) {
        self.buildings[building].fetch_add(1, SeqCst);
    }

    pub fn raise(&self, patio: usize, height: u64) {
        self.heights[patio].store(height, SeqCst);
    }

    pub fn print(&self, edition: u64) {
        self.edition.store(edition, SeqCst);
    }
}

pub type Light = [u32; 8];
pub type Poster = [u8; 45];

/// The views of the town, in one opening of its store.
pub struct Town {
    pub living: Arc<Living>,
    /// Columns, from the fourth patio on beside a pattern; read a source.
    pub light: View<u32, Light>,
    /// Built from the light.
    pub mean: View<u32, u64>,
    /// Of many lengths; read an input.
    pub texts: View<u32, String>,
    /// Of one length that makes no columns; put.
    pub posters: View<u32, Poster>,
    /// As they are; put.
    pub plain: View<u32, u64>,
    pub heights: Input<u32, u64>,
    /// Long and alike, so that a dictionary pays; put.
    pub charts: View<u32, String>,
}

impl Town {
    pub fn define(store: &Store, living: &Arc<Living>) -> Result<Self> {
        let grid = || Grid::minutes(10);
        let page_len = SLOTS as u32;
        let world = living.clone();
        let light = store.view::<u32, Light>("light").grid(grid()).page_len(page_len);
        let light = light.without_breaker().build(move |cx, patio, bucket| {
            let building = patio % 4;
            cx.depends_on(("building", building));
            Ok(self::light(*patio, slot(bucket.start()), &world.now()))
        })?;
        let below = light.clone();
        let mean = store.view::<u32, u64>("mean").grid(grid()).page_len(page_len);
        let mean = mean.without_breaker().build(move |cx, patio, bucket| {
            let light = cx.get(&below, patio, bucket.start())?;
            Ok(mean_of(&light.map(|word| word.to_native())))
        })?;
        let heights = store.input::<u32, u64>("heights")?;
        let read = heights.clone();
        let texts = store.view::<u32, String>("texts").grid(grid()).page_len(page_len);
        let texts = texts.without_breaker().build(move |cx, patio, bucket| {
            if *patio == UNSPEAKABLE {
                return Err(tidetable::BuildError::new("unspeakable"));
            }
            let height = cx.input(&read, &(patio % 4))?.map_or(0, |height| height.to_native());
            Ok(text_of(*patio, slot(bucket.start()), height))
        })?;
        let posters = store.view("posters").grid(grid()).page_len(page_len).without_build()?;
        let plain = store.view("plain").grid(grid()).page_len(page_len).uncompressed();
        let plain = plain.without_build()?;
        let charts = store.view("charts").without_build()?;
        Ok(Self { living: living.clone(), light, mean, texts, posters, plain, heights, charts })
    }
}

pub fn at(slot: i64) -> Timestamp {
    Timestamp::from_millis(slot * 600_000)
}

/// All buckets of a page.
pub fn page() -> TimeRange {
    TimeRange::new(at(0), at(SLOTS))
}

fn slot(at: Timestamp) -> i64 {
    at.as_millis() / 600_000
}

/// What the sun does is the same for all; what a place makes of it is not.
pub fn light(patio: u32, slot: i64, world: &World) -> Light {
    let version = world.buildings[patio as usize % 4] as u32;
    let slot = slot as u32;
    let sun = slot.wrapping_mul(0x9E37_79B9).rotate_left(slot % 31);
    let lit = if (slot + patio).is_multiple_of(2) { sun } else { 0 };
    let light = [sun, patio, lit, sun ^ version, !sun, version, patio + slot];
    let check = light.iter().fold(7_u32, |check, word| check.rotate_left(5) ^ word);
    let [a, b, c, d, e, f, g] = light;
    [a, b, c, d, e, f, g, check]
}

fn mean_of(light: &Light) -> u64 {
    light.iter().fold(0x1234_5678, |mean: u64, word| {
        mean.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(9) ^ u64::from(*word)
    })
}

pub fn mean(patio: u32, slot: i64, world: &World) -> u64 {
    mean_of(&light(patio, slot, world))
}

fn text_of(patio: u32, slot: i64, height: u64) -> String {
    let times = 2 + (slot as usize + patio as usize) % 5;
    format!("patio {patio} at {slot}, {height} m: {}", "in the shade until noon; ".repeat(times))
}

pub fn text(patio: u32, slot: i64, world: &World) -> String {
    text_of(patio, slot, world.heights[patio as usize % 4])
}

pub fn poster(patio: u32, slot: i64, world: &World) -> Poster {
    let line =
        format!("{:04} {:03} {:03} concert concert concert conc", patio, slot, world.edition);
    let mut poster = [b'.'; 45];
    let len = line.len().min(45);
    poster[..len].copy_from_slice(&line.as_bytes()[..len]);
    poster
}

pub fn plain(patio: u32, slot: i64) -> u64 {
    (u64::from(patio) << 32 | slot as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

pub fn chart(number: u32) -> String {
    format!("harbour {number}: {}", "soundings in fathoms, mean low water; ".repeat(190))
}
