//! Looking through a table again and again, a little at a time.

use crate::disk::Due;
use crate::error::Result;
use crate::page::SlotSet;
use crate::schedule::Heard;
use crate::time::Timestamp;

/// How far a table was looked through. It goes round: when a whole round found nothing to do, it is
/// quiet until the bell rings, something becomes due, or it is disturbed.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Where to go on; `None`: at the beginning.
    cursor: Option<Box<[u8]>>,
    /// Whether this round began at the beginning and has found nothing so far.
    empty_so_far: bool,
    /// The same before the last find.
    empty_before: bool,
    /// As of which ring a whole round found nothing.
    quiet_at: Option<Heard>,
    /// What the last round passed over because it was too early for it.
    earliest: Option<Timestamp>,
}

impl Scan {
    /// The next page with something to do that is not to be passed over.
    pub(super) fn next(
        &mut self,
        heard: Heard,
        now: Timestamp,
        passed_over: impl Fn(&[u8]) -> bool,
        mut look: impl FnMut(Option<&[u8]>) -> Result<Due>,
    ) -> Result<Option<(Box<[u8]>, SlotSet)>> {
        if self.quiet_at == Some(heard) && self.earliest.is_none_or(|at| at > now) {
            return Ok(None);
        }
        loop {
            if self.cursor.is_none() {
                (self.empty_so_far, self.earliest) = (true, None);
            }
            let Due { found, next, earliest } = look(self.cursor.as_deref())?;
            self.earliest = [self.earliest, earliest].into_iter().flatten().min();
            match (found, next) {
                (Some((page, slots)), _) => {
                    self.cursor = Some(behind(&page));
                    if !passed_over(&page) {
                        self.empty_before = std::mem::take(&mut self.empty_so_far);
                        return Ok(Some((page, slots)));
                    }
                }
                (None, Some(next)) => self.cursor = Some(next),
                (None, None) => {
                    self.cursor = None;
                    if self.empty_so_far {
                        self.quiet_at = Some(heard);
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// What was found last cannot be done before an instant; without one the bell tells when it can.
    /// It counts as nothing found.
    pub(super) fn pass_over(&mut self, until: Option<Timestamp>) {
        self.empty_so_far = self.empty_before;
        self.earliest = [self.earliest, until].into_iter().flatten().min();
    }

    /// When something that was passed over is due.
    pub(super) fn earliest(&self) -> Option<Timestamp> {
        self.earliest
    }

    /// Something changed that no bell tells.
    pub(super) fn disturb(&mut self) {
        self.quiet_at = None;
    }
}

/// The first key behind one.
fn behind(key: &[u8]) -> Box<[u8]> {
    [key, &[0]].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Slot;
    use crate::schedule::Bell;

    /// A table of pages, each with when it is due.
    fn look<'a>(
        pages: &'a [(&'a [u8], i64)],
        now: i64,
    ) -> impl FnMut(Option<&[u8]>) -> Result<Due> + 'a {
        move |from| {
            let mut due = Due { found: None, next: None, earliest: None };
            let from = from.map(<[u8]>::to_vec).unwrap_or_default();
            for (page, at) in pages.iter().filter(|(page, _)| *page >= &*from) {
                if *at <= now {
                    due.found = Some(((*page).into(), SlotSet::one(Slot(0))));
                    break;
                }
                let at = Timestamp::from_millis(*at);
                due.earliest = Some(due.earliest.map_or(at, |least: Timestamp| least.min(at)));
            }
            Ok(due)
        }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_scan_goes_round_and_is_quiet_once_a_whole_round_found_nothing() {
        let (bell, mut scan) = (Bell::default(), Scan::default());
        let pages: [(&[u8], i64); 3] = [(b"a", 0), (b"b", 9), (b"c", 0)];
        let next = |scan: &mut Scan, pages, now| {
            let found = scan.next(bell.heard(), at(now), |_| false, look(pages, now)).unwrap();
            found.map(|(page, _)| page[0])
        };
        assert_eq!(next(&mut scan, &pages, 0), Some(b'a'));
        assert_eq!(next(&mut scan, &pages, 0), Some(b'c'));
        // Both were done, and one that comes before them was marked meanwhile.
        let pages: [(&[u8], i64); 2] = [(b"A", 0), (b"b", 9)];
        assert_eq!(next(&mut scan, &pages, 0), Some(b'A'));
        let pages: [(&[u8], i64); 1] = [(b"b", 9)];
        assert_eq!(next(&mut scan, &pages, 0), None);
        assert_eq!(scan.earliest(), Some(at(9)));
        assert_eq!(scan.next(bell.heard(), at(8), |_| false, |_| panic!("quiet")).unwrap(), None);
        assert_eq!(next(&mut scan, &pages, 9), Some(b'b'));
    }

    #[test]
    fn a_bell_or_a_disturbance_ends_the_quiet() {
        let (bell, mut scan) = (Bell::default(), Scan::default());
        let mut looks = 0;
        let mut next = |scan: &mut Scan, bell: &Bell| {
            let mut look = |_: Option<&[u8]>| {
                looks += 1;
                Ok(Due { found: None, next: None, earliest: None })
            };
            assert!(scan.next(bell.heard(), at(0), |_| false, &mut look).unwrap().is_none());
            looks
        };
        assert_eq!(next(&mut scan, &bell), 1);
        assert_eq!(next(&mut scan, &bell), 1);
        bell.ring();
        assert_eq!(next(&mut scan, &bell), 2);
        scan.disturb();
        assert_eq!(next(&mut scan, &bell), 3);
    }

    #[test]
    fn what_is_passed_over_is_found_when_the_scan_is_disturbed() {
        let (bell, mut scan) = (Bell::default(), Scan::default());
        let pages: [(&[u8], i64); 2] = [(b"a", 0), (b"b", 0)];
        let busy = |page: &[u8]| page == b"a";
        let next = |scan: &mut Scan, busy: &dyn Fn(&[u8]) -> bool, pages| {
            let found = scan.next(bell.heard(), at(0), busy, look(pages, 0)).unwrap();
            found.map(|(page, _)| page[0])
        };
        assert_eq!(next(&mut scan, &busy, &pages), Some(b'b'));
        assert_eq!(next(&mut scan, &busy, &pages[..1]), None);
        assert_eq!(next(&mut scan, &|_| false, &pages[..1]), None, "it is quiet");
        scan.disturb();
        assert_eq!(next(&mut scan, &|_| false, &pages[..1]), Some(b'a'));
    }
}
