//! When records expire by themselves.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::grid::Bucket;
use crate::time::{Span, Timestamp};

/// How long the records of a view count as fresh if nothing is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expiry {
    /// So long after its build began a record is expired at the latest.
    pub(crate) fresh_for: Span,
    /// Whether records of buckets that are over expire too.
    pub(crate) past_too: bool,
    /// So long before it expires a record that is read is worth building anew.
    pub(crate) ahead: Span,
}

/// Records built together expire spread over such a part of their time, so that they are not all
/// built together again.
const SPREAD: i64 = 10;

impl Expiry {
    /// Records of this view expire so long after their builds, those of past buckets never.
    pub(crate) fn new(fresh_for: Span) -> Self {
        let ahead = Span::millis(fresh_for.as_millis() / SPREAD);
        Self { fresh_for, past_too: false, ahead }
    }

    /// From when on a record of a page is expired, whatever it was built from. Records of one page
    /// that were built at one instant expire together, so that they share what is known of them.
    pub(crate) fn of(&self, page: &[u8], bucket: Bucket, built_at: Timestamp) -> Timestamp {
        let spread = (self.fresh_for.as_millis() / SPREAD).unsigned_abs() + 1;
        let hash = xxh3_64_with_seed(page, built_at.as_millis().cast_unsigned());
        let early = i64::try_from(hash % spread).expect("no more than a tenth of a span");
        let counts_for = Span::millis(self.fresh_for.as_millis() - early);
        match built_at.checked_add(counts_for) {
            Some(at) if self.past_too || at < bucket.end() => at,
            _ => Timestamp::MAX,
        }
    }

    /// Whether a record that is fresh, and is so until `fresh_until`, is worth building anew by now.
    /// Where it is something that it was built from that expires, building it anew is in vain.
    pub(crate) fn is_due_ahead(
        &self,
        page: &[u8],
        bucket: Bucket,
        (built_at, fresh_until): (Timestamp, Timestamp),
        now: Timestamp,
    ) -> bool {
        fresh_until != Timestamp::MAX
            && fresh_until.checked_sub(self.ahead).is_none_or(|due| due <= now)
            && now < fresh_until
            && self.of(page, bucket, built_at) <= fresh_until
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::grid::Grid;

    use super::*;

    const HOUR: Expiry =
        Expiry { fresh_for: Span::hours(1), past_too: false, ahead: Span::minutes(6) };

    fn timeless() -> Bucket {
        Grid::timeless().bucket_at(Timestamp::EPOCH).unwrap()
    }

    fn hour(number: i64) -> Bucket {
        Grid::hours(1).bucket_at(hours(number)).unwrap()
    }

    fn hours(number: i64) -> Timestamp {
        Timestamp::EPOCH.checked_add(Span::hours(number)).unwrap()
    }

    #[test]
    fn a_record_expires_in_the_last_tenth_of_its_time() {
        for page in 0..1000_u32 {
            let at = HOUR.of(&page.to_be_bytes(), timeless(), hours(5));
            assert!(at <= hours(6) && at >= Timestamp::from_seconds(5 * 3600 + 54 * 60), "{at}");
        }
    }

    #[test]
    fn pages_built_together_expire_spread_over_that_tenth_and_always_alike() {
        let of = |page: u32| HOUR.of(&page.to_be_bytes(), timeless(), hours(5));
        let first: Vec<_> = (0..1000).map(of).collect();
        let again: Vec<_> = (0..1000).map(of).collect();
        assert_eq!(first, again);
        let minutes: BTreeSet<_> = first.iter().map(|at| at.as_millis() / 60_000).collect();
        assert!(minutes.len() >= 6, "all minutes of the tenth: {minutes:?}");
        let instants: BTreeSet<_> = first.into_iter().collect();
        assert!(instants.len() > 990, "{} instants", instants.len());
    }

    #[test]
    fn another_build_of_a_page_expires_after_another_time() {
        let lengths: BTreeSet<_> =
            (0..100).map(|at| HOUR.of(b"page", timeless(), hours(at)).since(hours(at))).collect();
        assert!(lengths.len() > 90, "{} lengths", lengths.len());
    }

    #[test]
    fn a_record_that_would_expire_when_its_bucket_is_over_never_does() {
        let half_past = hours(5).checked_add(Span::minutes(30)).unwrap();
        assert_eq!(HOUR.of(b"page", hour(5), half_past), Timestamp::MAX);
        assert!(HOUR.of(b"page", hour(7), half_past) < hours(7));
        let past_too = Expiry { past_too: true, ..HOUR };
        assert!(past_too.of(b"page", hour(5), half_past) < hours(7));
        let exact = Expiry { fresh_for: Span::millis(9), ..HOUR };
        let before_end = |millis| hour(5).end().checked_sub(Span::millis(millis)).unwrap();
        assert_eq!(exact.of(b"page", hour(5), before_end(9)), Timestamp::MAX);
        assert_eq!(exact.of(b"page", hour(5), before_end(10)), before_end(1));
    }

    #[test]
    fn what_would_expire_beyond_the_ends_of_time_never_does() {
        let long = Expiry { fresh_for: Span::MAX, ..HOUR };
        assert_eq!(
            long.of(b"page", timeless(), Timestamp::from_millis(i64::MAX / 2)),
            Timestamp::MAX
        );
        assert!(long.of(b"page", timeless(), Timestamp::MIN) < Timestamp::MAX);
    }

    #[test]
    fn a_record_is_due_ahead_shortly_before_it_expires_by_itself() {
        let until = HOUR.of(b"page", timeless(), hours(5));
        let due = |now, until| HOUR.is_due_ahead(b"page", timeless(), (hours(5), until), now);
        let before = |at: Timestamp, millis| at.checked_sub(Span::millis(millis)).unwrap();
        let first = until.checked_sub(HOUR.ahead).unwrap();
        assert!(!due(before(first, 1), until));
        assert!(due(first, until) && due(before(until, 1), until));
        assert!(!due(until, until), "it is expired");
        let inherited = before(until, 1);
        assert!(!due(before(inherited, 1), inherited), "what it was built from expires first");
        assert!(!due(first, Timestamp::MAX));
    }
}
