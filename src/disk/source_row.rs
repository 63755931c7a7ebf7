//! What the file says of a source, a kind, an entity or a view that builds have read.

use crate::revision::Revision;

use super::row::{RowReader, RowWriter};

/// A row of the `sources` table.
///
/// On disk, little endian, its fields in this order (8 bytes each), with whether there is a version
/// (4) in front of that. Most often only the first has something to say, and stands alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SourceRow {
    /// The last change of it, or of anything beneath it.
    pub(crate) changed: Revision,
    /// Of a kind: when all its sources were last said to have changed.
    pub(crate) changed_whole: Revision,
    /// The application's own version of it, as it was last announced.
    pub(crate) version: Option<u64>,
    /// The last reconciliation that saw it; zero for none, [`GONE`](Self::GONE) once it was told that
    /// it has gone.
    pub(crate) generation: u64,
}

const BYTES: usize = 4 * size_of::<u64>() + size_of::<u32>();

impl SourceRow {
    /// In the place of a reconciliation: one has found it gone, and said so.
    pub(crate) const GONE: u64 = u64::MAX;

    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let row = RowWriter::with_capacity(BYTES).u64(self.changed.get());
        if self == (Self { changed: self.changed, ..Self::default() }) {
            return row.finish();
        }
        row.u64(self.changed_whole.get())
            .u32(u32::from(self.version.is_some()))
            .u64(self.version.unwrap_or(0))
            .u64(self.generation)
            .finish()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut row = RowReader(bytes);
        let changed = Revision::from_raw(row.u64()?);
        if row.0.is_empty() {
            return Some(Self { changed, ..Self::default() });
        }
        let changed_whole = Revision::from_raw(row.u64()?);
        let versioned = row.u32()? != 0;
        let version = row.u64()?;
        let generation = row.u64()?;
        let version = versioned.then_some(version);
        row.0.is_empty().then_some(Self { changed, changed_whole, version, generation })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_nothing_but_a_change_is_as_short_as_that() {
        let row = SourceRow { changed: Revision::from_raw(3), ..SourceRow::default() };
        assert_eq!(row.to_bytes(), 3_u64.to_le_bytes());
        assert_eq!(SourceRow::from_bytes(&row.to_bytes()), Some(row));
    }

    #[test]
    fn a_row_survives_its_bytes_and_no_prefix_of_them_is_one_but_the_change_alone() {
        for version in [None, Some(0), Some(u64::MAX)] {
            let changed = Revision::from_raw(3);
            let row = SourceRow { changed, version, generation: 4, ..SourceRow::default() };
            let bytes = row.to_bytes();
            assert_eq!(SourceRow::from_bytes(&bytes), Some(row));
            let alone = size_of_val(&changed);
            let mut cuts = (0..bytes.len()).filter(|cut| *cut != alone);
            assert!(cuts.all(|cut| SourceRow::from_bytes(&bytes[..cut]).is_none()));
        }
    }
}
