//! The record that every engine holds, and where it stands.

use rkyv::{Archive, Deserialize, Serialize};

/// How sunny a café's terrace is in ten minutes of a day: 96 bytes, of which most change from one
/// bucket to the next while the sun is up and few while it is down.
#[derive(
    Archive,
    Clone,
    Debug,
    Default,
    Deserialize,
    PartialEq,
    Serialize,
    serde::Deserialize,
    serde::Serialize,
)]
pub struct Exposure {
    /// A bit for each seat that is in the sun.
    pub seats: [u64; 4],
    /// When the sun last came to the terrace, and when it leaves, in seconds since 1970.
    pub lit_since: i64,
    pub lit_until: i64,
    /// Where the sun stands, in degrees.
    pub azimuth: f32,
    pub elevation: f32,
    /// Watts a square metre, by the way that they come.
    pub direct: f32,
    pub diffuse: f32,
    pub reflected: f32,
    /// In the sun, in square metres.
    pub lit_area: f32,
    pub uv_index: f32,
    /// What stands in the sun's way: a building's number, or zero; how far and how high it is.
    pub obstruction: u32,
    pub obstruction_distance: f32,
    pub obstruction_height: f32,
    pub felt_celsius: f32,
    pub minutes_to_change: u16,
    pub percent: u8,
    pub confidence: u8,
}

/// What it has archived, and as it lies in the files of those who know only bytes.
pub const RECORD_BYTES: usize = size_of::<ArchivedExposure>();
const _: () = assert!(RECORD_BYTES == 96);

/// What a file holds for a record.
pub type RecordBytes = [u8; RECORD_BYTES];

impl Exposure {
    /// The bytes of its archive, which tidetable holds too.
    pub fn bytes(&self) -> RecordBytes {
        let bytes = rkyv::to_bytes::<rkyv::rancor::Error>(self).expect("numbers can be archived");
        bytes.as_slice().try_into().expect("a record without a part of its own elsewhere")
    }

    /// What a reader looks at: fields at both ends of the record, so that the bytes are touched and
    /// not only found.
    #[inline(always)]
    pub fn touch(&self) -> u64 {
        touched(self.seats[0], self.direct, self.percent)
    }
}

impl ArchivedExposure {
    #[inline(always)]
    pub fn touch(&self) -> u64 {
        touched(self.seats[0].to_native(), self.direct.to_native(), self.percent)
    }
}

/// The same from the bytes that a file gave, wherever they lie: the fields alone, by their places.
/// Nothing is checked or copied, which is the least that such a reader can do.
#[inline(always)]
pub fn touch_bytes(bytes: &[u8]) -> u64 {
    const SEATS: usize = std::mem::offset_of!(ArchivedExposure, seats);
    const DIRECT: usize = std::mem::offset_of!(ArchivedExposure, direct);
    const PERCENT: usize = std::mem::offset_of!(ArchivedExposure, percent);
    let Some(bytes) = bytes.first_chunk::<RECORD_BYTES>() else { return 0 };
    let seats = u64::from_le_bytes(*bytes[SEATS..].first_chunk().expect("within 96 bytes"));
    let direct = f32::from_le_bytes(*bytes[DIRECT..].first_chunk().expect("within 96 bytes"));
    touched(seats, direct, bytes[PERCENT])
}

#[inline(always)]
fn touched(seats: u64, direct: f32, percent: u8) -> u64 {
    seats.wrapping_add(u64::from(direct.to_bits())).wrapping_add(u64::from(percent)).wrapping_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_touched_alike_as_a_struct_and_as_bytes() {
        let record =
            Exposure { seats: [7, 1, 2, 3], direct: 512.5, percent: 61, ..Exposure::default() };
        assert_eq!(record.touch(), touch_bytes(&record.bytes()));
        let archived = rkyv::access::<ArchivedExposure, rkyv::rancor::Error>;
        let aligned = rkyv::to_bytes::<rkyv::rancor::Error>(&record).unwrap();
        assert_eq!(record.touch(), archived(&aligned).unwrap().touch());
    }
}
