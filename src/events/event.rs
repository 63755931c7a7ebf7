//! Something that happened.

use std::fmt;
use std::time::Duration;

use crate::error::Error;
use crate::grid::Bucket;
use crate::time::Timestamp;

/// Something that happened in the store, for logs, alarms and tests.
///
/// [`Options::observer`](crate::Options::observer) is told.
/// As text it is a sentence without the entity, which may be nobody's business; where there is an
/// error, its [`entity`](Error::entity) says which it was. More kinds of events and more fields may
/// come.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A record was built and is stored.
    #[non_exhaustive]
    Built {
        /// The view's name.
        view: &'a str,
        /// Of which bucket.
        bucket: Bucket,
        /// How long the build function ran; where it makes whole pages, the record's share.
        micros: u32,
        /// Whether it came out as it was.
        unchanged: bool,
    },
    /// A suspect record was found right without being built.
    #[non_exhaustive]
    Spared {
        /// The view's name.
        view: &'a str,
        /// Of which bucket.
        bucket: Bucket,
    },
    /// A build failed: the function did or panicked, or what it returned cannot be stored.
    #[non_exhaustive]
    Failed {
        /// The view's name.
        view: &'a str,
        /// Of which bucket; where the function makes whole pages, the one that was asked for.
        bucket: Bucket,
        /// Why.
        error: &'a Error,
    },
    /// A build in the background failed and will be tried again.
    #[non_exhaustive]
    PutOff {
        /// The view's name.
        view: &'a str,
        /// Of which bucket.
        bucket: Bucket,
        /// Why.
        error: &'a Error,
        /// How often it has failed by now.
        attempts: u16,
        /// When it is tried again.
        until: Timestamp,
    },
    /// A build in the background has failed so often that the bucket rests, until it is asked for or
    /// what it needs changes.
    #[non_exhaustive]
    GaveUp {
        /// The view's name.
        view: &'a str,
        /// Of which bucket.
        bucket: Bucket,
        /// Why the last of them failed.
        error: &'a Error,
        /// How often it has failed.
        attempts: u16,
    },
    /// A build function has been running for longer than it should, and still is.
    #[non_exhaustive]
    SlowBuild {
        /// The view's name.
        view: &'a str,
        /// Of which bucket.
        bucket: Bucket,
        /// For how long by now.
        running_for: Duration,
    },
    /// Builds of a view keep failing and are held back for a while.
    #[non_exhaustive]
    BreakerOpened {
        /// The view's name.
        view: &'a str,
        /// Why the last of them failed.
        error: &'a Error,
        /// When one is tried again.
        until: Timestamp,
    },
    /// A build of a view that was held back has succeeded: all are built again.
    #[non_exhaustive]
    BreakerClosed {
        /// The view's name.
        view: &'a str,
    },
    /// A run came to its end.
    #[non_exhaustive]
    RunFinished {
        /// The run's number.
        run: u64,
        /// How it ended, in a word.
        state: &'a str,
        /// Records that it built.
        built: u64,
        /// Records that could not be built.
        failed: u64,
    },
    /// A day of a view's horizon could not be begun: the entities could not be named.
    #[non_exhaustive]
    HorizonFailed {
        /// The view's name.
        view: &'a str,
        /// Why.
        error: &'a Error,
        /// When it is tried again.
        until: Timestamp,
    },
    /// A page on disk failed its checks. It counts as missing and is built anew.
    #[non_exhaustive]
    PageDamaged {
        /// Which, and what is wrong with it.
        error: &'a Error,
    },
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An error names its view and bucket itself.
        match self {
            Self::Built { view, bucket, micros, unchanged } => {
                let outcome = if *unchanged { "rebuilt to what it was" } else { "built" };
                write!(f, "view '{view}', bucket {bucket}: {outcome} in {micros} us")
            }
            Self::Spared { view, bucket } => {
                write!(f, "view '{view}', bucket {bucket}: found right without a build")
            }
            Self::Failed { error, .. } => write!(f, "{error}"),
            Self::PutOff { error, attempts, until, .. } => {
                write!(f, "{error}; failed {attempts} times, tried again at {until}")
            }
            Self::GaveUp { error, attempts, .. } => {
                write!(f, "{error}; failed {attempts} times and not tried again")
            }
            Self::SlowBuild { view, bucket, running_for } => {
                write!(f, "view '{view}', bucket {bucket}: building for {running_for:.1?} so far")
            }
            Self::BreakerOpened { view, error, until } => {
                write!(f, "view '{view}': builds keep failing, held back until {until}: {error}")
            }
            Self::BreakerClosed { view } => write!(f, "view '{view}': builds succeed again"),
            Self::RunFinished { run, state, built, failed } => {
                write!(f, "run {run} is {state}: {built} built, {failed} failed")
            }
            Self::HorizonFailed { error, until, .. } => {
                write!(f, "{error}; the horizon is tried again at {until}")
            }
            Self::PageDamaged { error } => write!(f, "{error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::grid::Grid;

    use super::*;

    #[test]
    fn an_event_is_a_sentence_that_never_names_the_entity() {
        let grid = Grid::minutes(10);
        let bucket = grid.bucket_at(Timestamp::EPOCH).unwrap();
        let error = Error::input("no").at_view("sun").at_bucket(bucket).at_entity(b"secret");
        let (view, error, until) = ("sun", &error, Timestamp::EPOCH);
        let running_for = Duration::from_millis(2500);
        let events = [
            Event::Built { view, bucket, micros: 7, unchanged: false },
            Event::Built { view, bucket, micros: 7, unchanged: true },
            Event::Spared { view, bucket },
            Event::Failed { view, bucket, error },
            Event::PutOff { view, bucket, error, attempts: 2, until },
            Event::GaveUp { view, bucket, error, attempts: 5 },
            Event::SlowBuild { view, bucket, running_for },
            Event::BreakerOpened { view, error, until },
            Event::BreakerClosed { view },
            Event::RunFinished { run: 3, state: "done", built: 4, failed: 0 },
            Event::HorizonFailed { view, error, until },
            Event::PageDamaged { error },
        ];
        let mut told: Vec<String> = events.iter().map(Event::to_string).collect();
        assert!(told[6].ends_with("building for 2.5s so far"), "{}", told[6]);
        for (event, text) in events.iter().zip(&told) {
            assert!(!text.contains("secret") && !format!("{event:?}").contains("secret"), "{text}");
            assert!(text.contains("'sun'") || text.starts_with("run 3"), "{text}");
        }
        told.sort_unstable();
        told.dedup();
        assert_eq!(told.len() + 1, events.len(), "only a failure and a damage read alike");
    }
}
