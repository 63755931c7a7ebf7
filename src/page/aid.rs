//! What a stored page may need beside itself.

use crate::error::{Error, Result};

use super::dictionary::Dictionary;
use super::pattern::Pattern;

/// What stands among a view's dictionaries under an id. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) enum Aid {
    /// For frames of zstd.
    Dictionary(Dictionary),
    /// For columns.
    Pattern(Pattern),
}

impl Aid {
    /// Makes one of its bytes; those from a file may be anything. The level is for what will be
    /// compressed with it.
    pub(crate) fn prepare(id: u32, bytes: &[u8], level: i32) -> Result<Self> {
        if Pattern::has_id(id) {
            return Pattern::from_row(id, bytes).map(Self::Pattern);
        }
        Dictionary::from_row(id, bytes, level).map(Self::Dictionary)
    }

    /// The same, but that the checksum of a dictionary is taken to fit: there it may be any bytes.
    pub(super) fn believed(id: u32, bytes: &[u8], level: i32) -> Result<Self> {
        if Pattern::has_id(id) {
            return Self::prepare(id, bytes, level);
        }
        Dictionary::prepare(id, bytes, level).map(Self::Dictionary)
    }

    /// What stands in the file.
    pub(crate) fn row(&self) -> &[u8] {
        match self {
            Self::Dictionary(dictionary) => dictionary.row(),
            Self::Pattern(pattern) => pattern.row(),
        }
    }

    /// Whether its row says by itself that it is as it was written.
    pub(crate) fn proves_itself(&self) -> bool {
        match self {
            Self::Dictionary(dictionary) => dictionary.is_sealed(),
            Self::Pattern(_) => true,
        }
    }

    pub(crate) fn into_dictionary(self) -> Result<Dictionary> {
        match self {
            Self::Dictionary(dictionary) => Ok(dictionary),
            Self::Pattern(_) => Err(misused()),
        }
    }

    pub(crate) fn into_pattern(self) -> Result<Pattern> {
        match self {
            Self::Pattern(pattern) => Ok(pattern),
            Self::Dictionary(_) => Err(misused()),
        }
    }
}

fn misused() -> Error {
    Error::damaged("a page names a dictionary where it needs a pattern, or the other way round")
}
