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
    /// How many threads build in the background: what was invalidated, what readers were served
    /// although it was not fresh, what was asked for ahead, and for readers that do not build in their own
    /// thread. Without any, [`Store::build_next`](crate::Store::build_next) does it step by step.
    /// Default: 1; at most 64.
    pub builders: usize,
    /// How often views with a [`retain`](crate::ViewDefinition::retain) are cleaned in the background,
    /// by the store's clock; the first time so long after the opening. Longer than zero. Default:
    /// 10 min.
    pub retention_every: Span,
    /// Told how far the verification of a file is that was not closed cleanly. Default: nobody.
    pub progress: Option<Progress>,
    /// Told what happens: records built, builds that fail, pages that are damaged. Default: nobody.
    pub observer: Option<Arc<dyn Observer>>,

    // Performance.
    /// The memory for pages, the file's own cache and its checksums together, in bytes. Default:
    /// 256 MiB.
    ///
    /// Any number is allowed. What finds no room is read from the file each time, which fails nothing
    /// and takes tens of microseconds: with zero, or less than a page, that is every read, and
    /// [`Metrics::pages_resident`](crate::report::Metrics::pages_resident) stays zero.
    pub memory_bytes: usize,
    /// Whether the pages that were used most when the store was last closed (or shortly before it
    /// died) are brought into memory again in the background, each once its view is defined and as
    /// long as there is room. Default: `true`.
    pub warm_up: bool,
    /// How many operations may wait for the writer, of those to be synced and of the others each;
    /// callers beyond wait for room. So many reads, too, may wait for builders; what comes beyond is
    /// refused at once. Default: 1,024; from 1 to about a million.
    pub queue_len: usize,
    /// The share of its time that a builder works when nobody waits for what it builds: above zero,
    /// at most one. Default: 1.
    pub background_share: f64,
    /// For so long after the opening that share grows slowly, from a twentieth, so that a backlog does
    /// not fall on a machine that is busy starting. A run that somebody waits for is not held back.
    /// Default: 10 s.
    pub background_ramp: Span,
    /// How many readers may build at once, those of all views together. One more is served the record
    /// that is there, whatever its colour, or told [`Busy`](crate::ErrorKind::Busy) at once. Who waits
    /// for the build of another does not count, nor do fills, the background, and what a build needs; a
    /// read of a range counts while it builds what it lacks. Default: 256; from 1 to about a million.
    /// A view may have a limit of its own:
    /// [`ViewDefinition::builds_max`](crate::ViewDefinition::builds_max).
    pub builds_max: usize,
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
            builders: 1,
            retention_every: Span::minutes(10),
            progress: None,
            observer: None,
            memory_bytes: 256 << 20,
            warm_up: true,
            queue_len: 1024,
            background_share: 1.0,
            background_ramp: Span::seconds(10),
            builds_max: 256,
            unsynced_bytes_max: 32 << 20,
            unsynced_age_max: Span::seconds(1),
        }
    }
}

const RECORD_BYTES_DEFAULT: usize = 16 << 20;
/// Below the limit of a page, so that a page of one record always has room for its table.
const RECORD_BYTES_MAX: usize = 31 << 20;
const QUEUE_LEN_MAX: usize = 1 << 20;
const BUILDERS_MAX: usize = 64;
const BUILDS_MAX: usize = 1 << 20;

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
        within("builders", self.builders, 0, BUILDERS_MAX)?;
        within("queue_len", self.queue_len, 1, QUEUE_LEN_MAX)?;
        within("builds_max", self.builds_max, 1, BUILDS_MAX)?;
        within("memory_bytes", self.memory_bytes, 0, isize::MAX as usize)?;
        if !(self.background_share > 0.0 && self.background_share <= 1.0) {
            return Err(Error::input(format!(
                "option background_share is {}; it must be above 0 and at most 1",
                self.background_share
            )));
        }
        if self.background_ramp < Span::ZERO {
            return Err(Error::input(format!(
                "option background_ramp is {}; it cannot be negative",
                self.background_ramp
            )));
        }
        let longer = [
            ("unsynced_age_max", self.unsynced_age_max),
            ("retention_every", self.retention_every),
        ];
        if let Some((name, span)) = longer.into_iter().find(|(_, span)| *span <= Span::ZERO) {
            return Err(Error::input(format!(
                "option {name} is {span}; it must be longer than zero"
            )));
        }
        Ok(())
    }

    /// The part of the budget that the file's own cache of tree pages gets: an eighth, since a
    /// point read touches few of them, and at most 64 MiB.
    pub(crate) fn file_cache_bytes(&self) -> usize {
        // Under drawn schedules and inputs a cache too small for it would cost redb time, and show
        // nothing of the engine.
        let least = if cfg!(any(shuttle, fuzzing)) { 1 << 20 } else { 0 };
        (self.memory_bytes / 8).clamp(least, 64 << 20)
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("create", &self.create)
            .field("read_only", &self.read_only)
            .field("record_bytes_max", &self.record_bytes_max)
            .field("clock", &self.clock)
            .field("builders", &self.builders)
            .field("retention_every", &self.retention_every)
            .field("progress", &self.progress.is_some())
            .field("observer", &self.observer.is_some())
            .field("memory_bytes", &self.memory_bytes)
            .field("warm_up", &self.warm_up)
            .field("queue_len", &self.queue_len)
            .field("background_share", &self.background_share)
            .field("background_ramp", &self.background_ramp)
            .field("builds_max", &self.builds_max)
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
        let options = Options { retention_every: Span::ZERO, ..Options::default() };
        assert!(options.validate().unwrap_err().to_string().contains("retention_every"));
        assert!(Options::default().validate().is_ok());
    }
}
