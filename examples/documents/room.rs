//! What documents are made of, and the slow function that makes them.

use std::time::{Duration, Instant};

use tidetable::{BuildContext, BuildError};
use xxhash_rust::xxh3::xxh3_128;

/// Everything that a document depends on, the options included: whatever is not in here cannot be in
/// the document.
#[derive(Clone, rkyv::Archive, rkyv::Serialize)]
pub struct Content {
    pub room: u32,
    pub width_mm: u32,
    pub furniture: Vec<Furniture>,
    pub options: PrintOptions,
}

#[derive(Clone, rkyv::Archive, rkyv::Serialize)]
pub struct Furniture {
    pub name: String,
    /// Where its left edge stands, from the left wall.
    pub at_mm: u32,
}

#[derive(Clone, Copy, rkyv::Archive, rkyv::Serialize)]
pub struct PrintOptions {
    pub dots_per_inch: u16,
    pub landscape: bool,
}

/// By what a document is known: a hash over its content.
pub type Id = [u8; 16];

impl Content {
    /// A room like many.
    pub fn of_room(room: u32) -> Self {
        let piece = |place: u32| {
            let name = ["bed", "desk", "lamp", "shelf"][((room + place) % 4) as usize].to_owned();
            Furniture { name, at_mm: (room * 37 + place * 911) % 4000 }
        };
        Self {
            room,
            width_mm: 4000,
            furniture: (0..2 + room % 5).map(piece).collect(),
            options: PrintOptions { dots_per_inch: 300, landscape: room.is_multiple_of(2) },
        }
    }

    /// Over the bytes that go into the store, so that no field can be forgotten.
    ///
    /// The hash is fast, and no lock: where strangers make up the content, take a cryptographic one.
    pub fn id(&self) -> Id {
        let bytes = rkyv::to_bytes::<rkyv::rancor::Error>(self);
        xxh3_128(&bytes.expect("memory is all it needs")).to_be_bytes()
    }
}

/// In so many steps a document is made.
const STEPS: u32 = 20;

/// Makes a document, which takes three quarters of the time given to five quarters of it.
pub fn print(
    cx: &BuildContext,
    id: &Id,
    content: &ArchivedContent,
    mean: Duration,
) -> Result<Vec<u8>, BuildError> {
    let outside = |piece: &&ArchivedFurniture| piece.at_mm >= content.width_mm;
    if let Some(piece) = content.furniture.iter().find(outside) {
        return Err(BuildError::new(format!("the {} stands behind the wall", piece.name)));
    }
    let (began, whole) = (Instant::now(), mean.mul_f64(0.75 + 0.5 * f64::from(id[0]) / 255.0));
    for step in 0..STEPS {
        cx.progress(step as f32 / STEPS as f32);
        let until = began + whole * (step + 1) / STEPS;
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
    }
    Ok(bytes_of(id))
}

/// What the document comes to, in no time: what answers are held against.
///
/// 50 to 150 KiB that cannot be compressed any further.
pub fn bytes_of(id: &Id) -> Vec<u8> {
    let seed = u64::from_be_bytes(id[8..].try_into().expect("eight bytes are left"));
    let words = (50 * 1024 + seed as usize % (100 * 1024)) / 8;
    let mut bytes = b"%PDF-1.7\n".to_vec();
    let mut number = seed;
    for _ in 0..words {
        number ^= number << 13;
        number ^= number >> 7;
        number ^= number << 17;
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes
}
