//! A record in the reader's hand.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::time::Duration;

use crate::freshness::{Freshness, Layer};
use crate::grid::Bucket;
use crate::page::{Facts, Page, RecordType, access};
use crate::revision::Revision;
use crate::time::{Span, Timestamp};

use super::any_record::AnyRecord;

/// A record, read in place: it dereferences to the archived form of `R`. Where that is a number,
/// `record.to_native()` is the number itself; `*record * 2.0` and `*record > 2.0` calculate with it, and
/// `record * 2.0` is not known to the compiler.
///
/// It keeps its page in memory (charged to the budget) and nothing else: no lock, no transaction.
/// Keep it as long as needed, send it to other threads. What it says of its freshness was decided
/// when the read returned.
///
/// ```
/// # use tidetable::{Store, Timestamp};
/// #[derive(Debug, PartialEq, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
/// #[rkyv(derive(Debug), compare(PartialEq))] // to print and compare it where it stands
/// struct Exposure {
///     percent: u8,
///     minutes: u32,
///     street: String,
///     sunlit: Vec<u16>,
///     until: Option<i64>,
/// }
/// # let store = Store::in_memory()?;
/// # let view = store.view::<u32, Exposure>("sun").build(|_, _, _| {
/// #     let (street, sunlit) = ("Götgatan".to_owned(), vec![9, 14]);
/// #     Ok(Exposure { percent: 80, minutes: 312, street, sunlit, until: Some(7) })
/// # })?;
///
/// let record = view.get(&7, Timestamp::EPOCH)?;
/// assert_eq!(record.percent, 80); // a byte is a byte,
/// assert_eq!(record.minutes.to_native(), 312); // other numbers have a fixed byte order,
/// assert_eq!(record.street.as_str(), "Götgatan"); // text, vectors and options are lent
/// assert_eq!(record.sunlit.iter().map(|at| at.to_native()).max(), Some(14));
/// assert!(record.until.as_ref().is_some_and(|until| *until == 7));
///
/// // The value itself, where it must be owned; this copies all of it.
/// let owned = rkyv::deserialize::<Exposure, rkyv::rancor::Error>(record.archived())?;
/// assert_eq!(*record, owned);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Record<R: RecordType> {
    any: AnyRecord,
    record: PhantomData<fn() -> R>,
}

impl<R: RecordType> Record<R> {
    /// Of one whose view has records of this type: it is read as such, unchecked.
    #[inline]
    pub(super) fn of(any: AnyRecord) -> Self {
        Self { any, record: PhantomData }
    }

    #[inline]
    fn page(&self) -> &Page {
        self.any.page()
    }

    fn facts(&self) -> &Facts {
        self.page().facts(self.any.slot)
    }

    /// The record in place; what dereferencing gives.
    #[inline]
    #[must_use]
    pub fn archived(&self) -> &R::Archived {
        access::<R>(self.page(), self.any.slot)
    }

    /// What may be believed of it.
    #[must_use]
    pub fn freshness(&self) -> Freshness {
        self.any.freshness()
    }

    /// Whether it contains every change that was announced before the read began.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.freshness().is_fresh()
    }

    /// The bucket that it is about.
    #[must_use]
    pub fn bucket(&self) -> Bucket {
        self.any.bucket
    }

    /// Where the read found it.
    #[must_use]
    pub fn layer(&self) -> Layer {
        self.any.layer()
    }

    /// When its build began, or when it was put, by the store's clock.
    #[must_use]
    pub fn built_at(&self) -> Timestamp {
        self.any.built_at()
    }

    /// How old it is now; zero if the clock was set back since.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Span {
        now.since(self.built_at())
    }

    /// From when on it is [expired](Freshness::Expired), if nothing changes before; `None` for never.
    #[must_use]
    pub fn fresh_until(&self) -> Option<Timestamp> {
        self.any.fresh_until()
    }

    /// How long its build took; zero if it was put.
    #[must_use]
    pub fn build_time(&self) -> Duration {
        Duration::from_micros(self.page().build_micros(self.any.slot).into())
    }

    /// The revision of the operation that stored it, or last found it unchanged.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.facts().verified
    }

    /// The revision at which its content last changed: the same content, the same number.
    #[must_use]
    pub fn changed_at(&self) -> Revision {
        self.facts().changed
    }

    /// The version of the view that built it.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.facts().version
    }

    /// Whether the application put it, rather than the view's build function building it.
    #[must_use]
    pub fn was_put(&self) -> bool {
        self.page().was_put(self.any.slot)
    }

    /// Its bytes as archived, for sending it on as it is.
    #[must_use]
    pub fn archived_bytes(&self) -> &[u8] {
        self.page().record(self.any.slot)
    }
}

impl<R: RecordType> Deref for Record<R> {
    type Target = R::Archived;

    #[inline]
    fn deref(&self) -> &R::Archived {
        self.archived()
    }
}

impl<R: RecordType> Clone for Record<R> {
    fn clone(&self) -> Self {
        Self::of(self.any.clone())
    }
}

/// Shows what is known of the record, never its bytes.
impl<R: RecordType> fmt::Debug for Record<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("bucket", &format_args!("{}", self.bucket()))
            .field("freshness", &self.freshness())
            .field("layer", &self.layer())
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}
