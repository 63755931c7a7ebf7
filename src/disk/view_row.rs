//! What the file says of a view.

use crate::error::{Error, RESTORE, Result};
use crate::grid::ZoneYears;
use crate::page::{PAGE_LEN_MAX, ViewId};
use crate::revision::Revision;
use crate::time::Timestamp;

use super::row::{RowReader, RowWriter};
use super::stamp::Stamp;

/// Held a number once that nothing needs; there to be used.
const RESERVED: u32 = 0;

/// A row of the `views` table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ViewRow {
    pub(crate) id: ViewId,
    /// Fingerprint of the record type's layout and of the entity type.
    pub(crate) layout: u64,
    /// The grid in its canonical words.
    pub(crate) grid: String,
    pub(crate) page_len: u32,
    /// How the grid's zone set the clock when records were last told of it; `None` without one.
    pub(crate) zone_years: Option<ZoneYears>,
    /// What is said of all its records.
    pub(crate) stamp: Stamp,
    /// When the stamp was last raised: bounded staleness counts from here. A repair raises
    /// one and knows no time; it counts from earlier then, which is never too long.
    pub(crate) stamped_at: Timestamp,
    /// The dictionary that new pages are compressed with; zero for none.
    pub(crate) dictionary: u32,
    /// Views that read this one.
    pub(crate) readers: Vec<ViewId>,
}

impl ViewRow {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let zone_years = self.zone_years.as_ref().map_or_else(Vec::new, ZoneYears::to_bytes);
        let row = RowWriter::default()
            .u32(self.id.0)
            .u32(self.stamp.version)
            .u64(self.layout)
            .text(&self.grid)
            .u32(self.page_len)
            .bytes(&zone_years)
            .u32(RESERVED)
            .u64(self.stamp.stale_before.get())
            .u64(self.stamp.suspect_before.get())
            .u64(self.stamped_at.as_millis().cast_unsigned())
            .u32(self.dictionary)
            .u32(u32::try_from(self.readers.len()).expect("fewer readers than views"));
        self.readers.iter().fold(row, |row, reader| row.u32(reader.0)).finish()
    }

    pub(crate) fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self> {
        Self::parse(&mut RowReader(bytes)).ok_or_else(|| {
            Error::damaged(format!("the view's row is unreadable; {RESTORE}")).at_view(name)
        })
    }

    fn parse(row: &mut RowReader<'_>) -> Option<Self> {
        let id = ViewId(row.u32()?);
        let version = row.u32()?;
        let mut parsed = Self {
            id,
            layout: row.u64()?,
            grid: row.text()?.to_owned(),
            page_len: row.u32()?,
            zone_years: match row.bytes()? {
                [] => None,
                years => Some(ZoneYears::from_bytes(years)?),
            },
            stamp: {
                row.u32()?;
                let stale_before = Revision::from_raw(row.u64()?);
                let suspect_before = Revision::from_raw(row.u64()?);
                Stamp { stale_before, suspect_before, version }
            },
            stamped_at: Timestamp::from_millis(row.u64()?.cast_signed()),
            dictionary: row.u32()?,
            readers: Vec::new(),
        };
        for _ in 0..row.u32()? {
            parsed.readers.push(ViewId(row.u32()?));
        }
        let has_a_length = (1..=PAGE_LEN_MAX).contains(&parsed.page_len);
        (row.0.is_empty() && has_a_length).then_some(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(zone_years: Option<ZoneYears>) -> ViewRow {
        ViewRow {
            id: ViewId(3),
            layout: 5,
            grid: "fixed".into(),
            page_len: 144,
            zone_years,
            stamp: Stamp {
                stale_before: Revision::from_raw(8),
                suspect_before: Revision::from_raw(9),
                version: 4,
            },
            stamped_at: Timestamp::from_millis(-1),
            dictionary: 10,
            readers: vec![ViewId(11), ViewId(12)],
        }
    }

    #[test]
    fn a_row_whose_pages_have_no_length_is_damage() {
        let row = |page_len| ViewRow { page_len, ..row(None) };
        for page_len in [0, PAGE_LEN_MAX + 1, u32::MAX] {
            let error = ViewRow::from_bytes("v", &row(page_len).to_bytes()).unwrap_err();
            assert_eq!(error.kind(), crate::error::ErrorKind::Damaged, "{error}");
        }
        for page_len in [1, PAGE_LEN_MAX] {
            assert_eq!(ViewRow::from_bytes("v", &row(page_len).to_bytes()).unwrap(), row(page_len));
        }
    }

    #[test]
    fn a_row_survives_its_bytes_and_no_prefix_of_them_is_one() {
        let with_zone = crate::grid::Grid::daily("Europe/Stockholm").zone_years();
        for row in [row(None), row(with_zone)] {
            let bytes = row.to_bytes();
            assert_eq!(ViewRow::from_bytes("v", &bytes).unwrap(), row);
            for cut in 0..bytes.len() {
                assert!(ViewRow::from_bytes("v", &bytes[..cut]).is_err());
            }
        }
    }
}
