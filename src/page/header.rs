//! The first forty bytes of a page on disk.
//!
//! ```text
//!  0        4      6      8         16        24       28       32      36      40
//!  | magic  |format| form | checksum| layout  | slots  | facts  | dict. | body  | facts, body ...
//! ```
//!
//! All little endian. The checksum is xxh3 (64 bits), seeded with the xxh3 of the page's key, over
//! everything after itself: a page in the wrong place fails it too. `body` is the inflated length.
//!
//! # What every later format keeps
//! The magic, format and form, and a checksum in their places, the checksum over everything after itself.
//! In any but format 1 with the forms below its seed is the xxh3 of format and form, seeded with the xxh3
//! of the page's key. So a page that says that it is of a later format is, if its checksum holds by that;
//! else it is damaged.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::error::{Error, Result};

use super::facts::FACTS_BYTES;
use super::{PAGE_BYTES_MAX, PAGE_LEN_MAX};

/// On disk; never changes.
const MAGIC: [u8; 4] = *b"TiPg";
/// On disk: the format this release writes, and the only one so far.
const FORMAT: u16 = 1;

/// How the body stands in the file; on disk, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As it is in memory.
    Plain = 0,
    /// That, as a zstd frame.
    Zstd = 1,
    /// As columns.
    Packed = 2,
    /// The lean form, as a zstd frame.
    LeanZstd = 3,
    /// The checksum of a pattern, and columns beside it.
    Beside = 4,
}

impl Form {
    fn from_number(number: u16) -> Option<Self> {
        let forms = [Self::Plain, Self::Zstd, Self::Packed, Self::LeanZstd, Self::Beside];
        forms.into_iter().nth(number.into())
    }

    fn may_have_dictionary(self) -> bool {
        matches!(self, Self::Zstd | Self::LeanZstd | Self::Beside)
    }
}

/// Bytes of the header; on disk, never changes within a format.
pub(super) const HEADER_BYTES: usize = 40;
/// Where the checksum ends and what it covers begins.
pub(super) const CHECKED_FROM: usize = 16;

/// What the checksum of a page in a later format is seeded with; on disk, never changes.
pub(super) fn later_seed(bytes: &[u8], key: &[u8]) -> u64 {
    xxh3_64_with_seed(&bytes[4..8], xxh3_64(key))
}

/// Why only a later release than this can read a page, if that is what its bytes say, damaged or not.
pub(super) fn later_format(bytes: &[u8]) -> Option<String> {
    let (magic, rest) = bytes.split_first_chunk()?;
    let numbers = rest.first_chunk::<4>().filter(|_| *magic == MAGIC)?;
    let [format, form] = [0, 2].map(|at| u16::from_le_bytes([numbers[at], numbers[at + 1]]));
    let what = match format {
        FORMAT if Form::from_number(form).is_none() => format!("the page's body has form {form}"),
        format if format > FORMAT => format!("the page has format {format}"),
        _ => return None,
    };
    Some(format!("{what}, this release reads format {FORMAT}; use the release that wrote it"))
}

/// A page's header, its bounds already checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) form: Form,
    pub(super) checksum: u64,
    /// Fingerprint of the record type's layout.
    pub(super) layout: u64,
    pub(super) slots: u32,
    pub(super) facts: u32,
    /// The dictionary that the frame needs, or the pattern that the columns do; zero for none.
    pub(super) dictionary: u32,
    /// Bytes of the body once inflated.
    pub(super) body: u32,
}

impl Header {
    pub(super) fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        out[0..4].copy_from_slice(&MAGIC);
        out[4..6].copy_from_slice(&FORMAT.to_le_bytes());
        out[6..8].copy_from_slice(&(self.form as u16).to_le_bytes());
        out[8..16].copy_from_slice(&self.checksum.to_le_bytes());
        out[16..24].copy_from_slice(&self.layout.to_le_bytes());
        for (at, value) in
            [(24, self.slots), (28, self.facts), (32, self.dictionary), (36, self.body)]
        {
            out[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        out
    }

    /// Reads and bounds a header; the checksum is still to be compared.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        let Some(head) = bytes.first_chunk::<HEADER_BYTES>() else {
            return Err(Error::damaged(format!(
                "a page of {} bytes is shorter than its header",
                bytes.len()
            )));
        };
        if head[0..4] != MAGIC {
            return Err(Error::damaged("the bytes are not a page"));
        }
        let two = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
        let four = |at: usize| {
            u32::from_le_bytes(head[at..at + 4].try_into().expect("a slice of four bytes"))
        };
        let eight = |at: usize| {
            u64::from_le_bytes(head[at..at + 8].try_into().expect("a slice of eight bytes"))
        };
        let form = Form::from_number(two(6)).filter(|_| two(4) == FORMAT).ok_or_else(|| {
            let (format, form) = (two(4), two(6));
            Error::damaged(format!(
                "the page says that it has format {format} and form {form}, and is none such"
            ))
        })?;
        let header = Self {
            form,
            checksum: eight(8),
            layout: eight(16),
            slots: four(24),
            facts: four(28),
            dictionary: four(32),
            body: four(36),
        };
        header.bounded(bytes.len())?;
        Ok(header)
    }

    /// Every length is held against its limit here, before anything is allocated by it.
    fn bounded(&self, total: usize) -> Result<()> {
        let facts = self.facts as usize * FACTS_BYTES;
        let fits = (1..=PAGE_LEN_MAX).contains(&self.slots)
            && self.facts <= self.slots
            && self.body as usize <= PAGE_BYTES_MAX
            && facts <= total - HEADER_BYTES
            && (self.form != Form::Plain || self.body as usize == total - HEADER_BYTES - facts)
            && (self.form.may_have_dictionary() || self.dictionary == 0)
            && (self.form != Form::Beside || self.dictionary != 0);
        if fits {
            Ok(())
        } else {
            Err(Error::damaged(format!(
                "the page's header claims {} slots, {} facts and {} bytes, which cannot be",
                self.slots, self.facts, self.body
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_format_or_form_that_is_not_known_yet_is_of_a_later_release() {
        let bytes = |format: u16, form: u16| {
            let numbers = [format, form].map(u16::to_le_bytes).concat();
            [&MAGIC[..], &*numbers, b"whatever follows"].concat()
        };
        let known = (0..).take_while(|form| Form::from_number(*form).is_some()).last().unwrap();
        for form in [0, known] {
            assert_eq!(later_format(&bytes(FORMAT, form)), None, "{form}");
        }
        let later = later_format(&bytes(FORMAT, known + 1)).unwrap();
        assert!(later.contains(&format!("form {}", known + 1)), "{later}");
        for form in [0, known, known + 1] {
            let later = later_format(&bytes(FORMAT + 1, form)).unwrap();
            assert!(later.contains(&format!("format {}", FORMAT + 1)), "{later}");
            // No release has written such a page.
            assert_eq!(later_format(&bytes(FORMAT - 1, form)), None);
        }
        assert_eq!(later_format(&bytes(FORMAT + 1, 0)[1..]), None);
        assert_eq!(later_format(&[]), None);
    }
}
