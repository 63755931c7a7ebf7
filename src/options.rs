//! How a store behaves: plain data, checked once at open.

use std::fmt;

use crate::error::{Error, Result};
use crate::events::Observer;
use crate::sync::Arc;
use crate::time::{Clock, Span, SystemClock};

/// Told of long work at open: the share done, from 0 to 1.
pub type Progress = Arc<dyn Fn(f64) + Send + Sync>;

/// How a store is opened. Start from the defaults and change what differs:
///
/// ```
/// use tidetable::Options;
/// let options = Options { memory_bytes: 64 << 20, ..Options::default() };
/// ```
#[derive(Clone)]
pub struct Options {
    // Behaviour.
    /// Create the file if there is none. A read-only open never does. Default: `true`.
    pub create: bool,
    /// Open without ever writing to the file; several may, while nobody has it open to write.
    /// Default: `false`.
    pub read_only: bool,
    /// The largest record accepted, in bytes as archived. Default: 16 MiB; at most 31 MiB.
    pub record_bytes_max: usize,
    /// Where "now" comes from. Default: the system's clock.
    pub clock: Arc<dyn Clock>,
    /// Told how far the verification of a file is that was not closed cleanly. Default: nobody.
    pub progress: Option<Progress>,
    /// Told what happens: records built, builds that fail, pages that are damaged. Default: nobody.
    pub observer: Option<Arc<dyn Observer>>,

    // Performance.
    /// The memory for pages, the file's own cache and its checksums together. Default: 256 MiB.
    /// Zero is allowed: every read then goes to the file.
    pub memory_bytes: usize,
    /// How many operations may wait for the writer, of those to be synced and of the others each;
    /// callers beyond wait for room. Default: 1,024; from 1 to about a million.
    pub queue_len: usize,
    /// How many bytes of built pages may be written before the file is synced. Default: 32 MiB.
    pub unsynced_bytes_max: usize,
    /// How long built pages may stay unsynced: longer than zero. Default: 1 s.
    pub unsynced_age_max: Span,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            create: true,
            read_only: false,
            record_bytes_max: RECORD_BYTES_DEFAULT,
            clock: Arc::new(SystemClock),
            progress: None,
            observer: None,
            memory_bytes: 256 << 20,
            queue_len: 1024,
            unsynced_bytes_max: 32 << 20,
            unsynced_age_max: Span::seconds(1),
        }
    }
}

const RECORD_BYTES_DEFAULT: usize = 16 << 20;
/// Below the limit of a page, so that a page of one record always has room for its table.
const RECORD_BYTES_MAX: usize = 31 << 20;
const QUEUE_LEN_MAX: usize = 1 << 20;

impl Options {
    /// Holds every value against its range.
    pub(crate) fn validate(&self) -> Result<()> {
        let within = |name: &str, value: usize, least: usize, most: usize| {
            if (least..=most).contains(&value) {
                Ok(())
            } else {
                Err(Error::input(format!("option {name} is {value}; it may be {least} to {most}")))
            }
        };
        within("record_bytes_max", self.record_bytes_max, 1, RECORD_BYTES_MAX)?;
        within("queue_len", self.queue_len, 1, QUEUE_LEN_MAX)?;
        within("memory_bytes", self.memory_bytes, 0, isize::MAX as usize)?;
        if self.unsynced_age_max <= Span::ZERO {
            return Err(Error::input(format!(
                "option unsynced_age_max is {}; it must be longer than zero",
                self.unsynced_age_max
            )));
        }
        Ok(())
    }

    /// The part of the budget that the file's own cache of tree pages gets: an eighth, since a
    /// point read touches few of them, and at most 64 MiB.
    pub(crate) fn file_cache_bytes(&self) -> usize {
        (self.memory_bytes / 8).min(64 << 20)
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("create", &self.create)
            .field("read_only", &self.read_only)
            .field("record_bytes_max", &self.record_bytes_max)
            .field("clock", &self.clock)
            .field("progress", &self.progress.is_some())
            .field("observer", &self.observer.is_some())
            .field("memory_bytes", &self.memory_bytes)
            .field("queue_len", &self.queue_len)
            .field("unsynced_bytes_max", &self.unsynced_bytes_max)
            .field("unsynced_age_max", &self.unsynced_age_max)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_out_of_range_is_named_with_its_range() {
        let options = Options { queue_len: 0, ..Options::default() };
        let message = options.validate().unwrap_err().to_string();
        assert!(message.contains("queue_len is 0") && message.contains("1 to"), "{message}");
        let options = Options { unsynced_age_max: Span::ZERO, ..Options::default() };
        assert!(options.validate().is_err());
        assert!(Options::default().validate().is_ok());
    }
}
