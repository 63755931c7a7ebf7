//! Small rows: numbers little endian, texts behind their length.

/// A row in the making.
#[derive(Debug, Default)]
pub(crate) struct RowWriter(Vec<u8>);

impl RowWriter {
    pub(crate) fn u32(mut self, value: u32) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(crate) fn u64(mut self, value: u64) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(crate) fn text(self, value: &str) -> Self {
        let len = u32::try_from(value.len()).expect("texts in rows are short");
        let mut row = self.u32(len);
        row.0.extend_from_slice(value.as_bytes());
        row
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// A row being read; `None` wherever it is shorter than it should be.
#[derive(Debug)]
pub(crate) struct RowReader<'a>(pub(crate) &'a [u8]);

impl<'a> RowReader<'a> {
    pub(crate) fn u32(&mut self) -> Option<u32> {
        let (value, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_le_bytes(*value))
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        let (value, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*value))
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        let len = self.u32()? as usize;
        let (value, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        std::str::from_utf8(value).ok()
    }
}
