//! Going through a stamped view.

use crate::disk::{Due, Shared, Stamp, SweepState, ViewState, due_stamped, sweep_of};
use crate::error::Result;
use crate::page::SlotSet;
use crate::time::Timestamp;

/// How far the pages of a view were looked through for its stamp. Each is looked at once; how far it
/// got is written down now and then, and never ahead of what some builder has in hand.
#[derive(Debug, Default)]
pub(super) struct Sweeping {
    under_way: Option<UnderWay>,
}

#[derive(Debug)]
struct UnderWay {
    /// What is swept for. Where the view has another stamp by now, it is swept anew.
    stamp: Stamp,
    /// Where to go on.
    cursor: Option<Box<[u8]>>,
    ended: bool,
    /// Pages that builders have in hand.
    in_hand: usize,
    /// Pages since it was written down how far this got.
    unnoted: usize,
}

/// How far a sweep got; no cursor is the end.
pub(super) struct Swept {
    pub(super) stamp: Stamp,
    pub(super) cursor: Option<Box<[u8]>>,
}

/// Pages that are looked at in one transaction.
const LOOK: usize = 256;
/// Pages that a crash makes a sweep look at once more: most of them will be fresh by then.
const NOTE_EVERY: usize = 64;

impl Sweeping {
    /// The next page that has records which are not right by the stamp.
    pub(super) fn next(
        &mut self,
        shared: &Shared,
        view: &ViewState,
        now: Timestamp,
        is_busy: impl Fn(&[u8]) -> bool,
    ) -> Result<Option<(Box<[u8]>, SlotSet)>> {
        let SweepState::At { stamp, cursor } = sweep_of(shared, view)? else {
            self.under_way = None;
            return Ok(None);
        };
        if self.under_way.as_ref().is_none_or(|under_way| under_way.stamp != stamp) {
            let in_hand = self.under_way.as_ref().map_or(0, |before| before.in_hand);
            let (ended, unnoted) = (false, 0);
            self.under_way = Some(UnderWay { stamp, cursor, ended, in_hand, unnoted });
        }
        let Some(under_way) = &mut self.under_way else { return Ok(None) };
        while !under_way.ended {
            let from = under_way.cursor.as_deref();
            let Due { found, next, .. } = due_stamped(shared, view, from, now, LOOK)?;
            if let Some((page, slots)) = found {
                // Whoever has it may be at other records of it: it is this sweep's when it is free.
                if is_busy(&page) {
                    return Ok(None);
                }
                under_way.cursor = Some([&*page, &[0]].concat().into());
                under_way.in_hand += 1;
                under_way.unnoted += 1;
                return Ok(Some((page, slots)));
            }
            under_way.ended = next.is_none();
            under_way.cursor = next;
        }
        Ok(None)
    }

    /// A page is in nobody's hand any more. With something left of it, it is looked at again.
    pub(super) fn done(&mut self, page: &[u8], left: bool) {
        let Some(under_way) = &mut self.under_way else { return };
        under_way.in_hand = under_way.in_hand.saturating_sub(1);
        let is_behind = under_way.ended || under_way.cursor.as_deref().is_some_and(|at| at > page);
        if left && is_behind {
            (under_way.cursor, under_way.ended) = (Some(page.into()), false);
        }
    }

    /// How far it got, if that is to be written down now.
    pub(super) fn take_note(&mut self) -> Option<Swept> {
        let under_way = self.under_way.as_mut()?;
        if under_way.in_hand > 0 || !(under_way.ended || under_way.unnoted >= NOTE_EVERY) {
            return None;
        }
        under_way.unnoted = 0;
        let swept = Swept { stamp: under_way.stamp, cursor: under_way.cursor.clone() };
        if under_way.ended {
            self.under_way = None;
        }
        Some(swept)
    }
}
