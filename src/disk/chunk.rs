//! A chunk of a run's work, as bytes.

use crate::error::Result;
use crate::page::{Slot, SlotSet, ViewId};
use crate::time::{TimeRange, Timestamp};

use super::row::{RowReader, RowWriter};
use super::run_row::unreadable;

/// What of a view is to be worked off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) view: ViewId,
    pub(crate) items: Vec<Item>,
}

/// One step of a chunk: between two of them a run can be stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// The entity of this key, in the range of the run.
    Entity(Box<[u8]>),
    /// These slots of the page under this key.
    Page(Box<[u8]>, SlotSet),
    /// The entity of this key, in a range of its own.
    Within(Box<[u8]>, TimeRange),
}

const ENTITY: u32 = 0;
const PAGE: u32 = 1;
const WITHIN: u32 = 2;

impl Chunk {
    /// On disk: view (4), how many items (4), and each of them: 0 (4) and the entity's key; or 1 (4),
    /// the page's key, how many runs of slots (4) and of each the first and the last (4 each); or 2
    /// (4), the entity's key, start and end of the range (8 each). Numbers little endian, keys
    /// behind their length (4).
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let count = |len: usize| u32::try_from(len).expect("a chunk is bounded");
        let mut row = RowWriter::default().u32(self.view.0).u32(count(self.items.len()));
        for item in &self.items {
            row = match item {
                Item::Entity(key) => row.u32(ENTITY).bytes(key),
                Item::Page(key, slots) => {
                    let row = row.u32(PAGE).bytes(key).u32(count(slots.runs().count()));
                    slots.runs().fold(row, |row, (first, last)| row.u32(first.0).u32(last.0))
                }
                Item::Within(key, range) => {
                    let instant = |instant: Timestamp| instant.as_millis().cast_unsigned();
                    let row = row.u32(WITHIN).bytes(key);
                    row.u64(instant(range.start())).u64(instant(range.end()))
                }
            };
        }
        row.finish()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut row = RowReader(bytes);
        let parsed = Self::parse(&mut row).filter(|_| row.0.is_empty());
        parsed.ok_or_else(|| unreadable("a chunk of a run"))
    }

    fn parse(row: &mut RowReader<'_>) -> Option<Self> {
        let view = ViewId(row.u32()?);
        let items = (0..row.u32()?).map(|_| Item::parse(row)).collect::<Option<_>>()?;
        Some(Self { view, items })
    }
}

impl Item {
    /// About how many bytes it takes.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Entity(key) => key.len() + 8,
            Self::Page(key, slots) => key.len() + 12 + 8 * slots.runs().count(),
            Self::Within(key, _) => key.len() + 24,
        }
    }

    fn parse(row: &mut RowReader<'_>) -> Option<Self> {
        match row.u32()? {
            ENTITY => Some(Self::Entity(row.bytes()?.into())),
            PAGE => {
                let key = row.bytes()?.into();
                let mut slots = SlotSet::EMPTY;
                for _ in 0..row.u32()? {
                    slots = slots.union(SlotSet::span(Slot(row.u32()?), Slot(row.u32()?)));
                }
                Some(Self::Page(key, slots))
            }
            WITHIN => {
                let key = row.bytes()?.into();
                let mut instant = || row.u64().map(|at| Timestamp::from_millis(at.cast_signed()));
                let start = instant()?;
                Some(Self::Within(key, TimeRange::new(start, instant()?)))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_survives_its_bytes_and_no_other_bytes_are_one() {
        let slots = SlotSet::span(Slot(1), Slot(3)).union(SlotSet::one(Slot(1023)));
        let range = TimeRange::new(Timestamp::from_millis(-1), Timestamp::MAX);
        let items = vec![
            Item::Entity(b"a".as_slice().into()),
            Item::Page([0; 9].into(), slots),
            Item::Within(b"b".as_slice().into(), range),
        ];
        let chunk = Chunk { view: ViewId(7), items };
        let bytes = chunk.to_bytes();
        assert_eq!(Chunk::from_bytes(&bytes).unwrap(), chunk);
        for cut in 0..bytes.len() {
            assert!(Chunk::from_bytes(&bytes[..cut]).is_err());
        }
        let mut foreign = bytes;
        foreign[8] = 9;
        assert!(Chunk::from_bytes(&foreign).is_err());
    }
}
