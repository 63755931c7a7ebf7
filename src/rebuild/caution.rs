//! Which views are built with caution after an unclean stop.

use std::collections::HashSet;

use crate::page::{PageKey, ViewId};
use crate::schedule::Heard;

/// After an unclean stop some build may have been what ended the process: what is built is noted
/// first, one record at a time, with each view until there was nothing more to do for it.
#[derive(Debug)]
pub(super) struct Caution {
    in_doubt: bool,
    /// The views about which there is no doubt any more. One that nobody has defined yet is none of
    /// them.
    trusted: HashSet<ViewId>,
    /// The views that builders could build when they last began to look through everything, by the
    /// bell; and whether they came to the end of it.
    looked: Option<(Heard, HashSet<ViewId>)>,
    searched: Option<Heard>,
    /// Somebody has such a build in hand. What else begins now would be under suspicion for it.
    in_hand: bool,
}

impl Caution {
    pub(super) fn new(in_doubt: bool) -> Self {
        Self { in_doubt, trusted: HashSet::new(), looked: None, searched: None, in_hand: false }
    }

    /// Somebody looks for something to do. What builds a view may be added at any time, also behind
    /// his back, and rings only then: so what counts is what was there before the first look.
    pub(super) fn look(&mut self, heard: Heard, views: impl FnOnce() -> HashSet<ViewId>) {
        if self.in_doubt && self.looked.as_ref().is_none_or(|(before, _)| *before != heard) {
            self.looked = Some((heard, views()));
        }
    }

    /// He found nothing, wherever that comes before runs.
    pub(super) fn searched(&mut self, heard: Heard) {
        self.searched = Some(heard);
    }

    /// Whether anything else has to wait.
    pub(super) fn is_in_hand(&self) -> bool {
        self.in_hand
    }

    /// Whether this page, which somebody takes in hand, is to be built with caution.
    pub(super) fn take(&mut self, page: &[u8]) -> bool {
        let cautiously = self.doubts(page);
        self.in_hand |= cautiously;
        cautiously
    }

    /// A page is in nobody's hand any more.
    pub(super) fn done(&mut self, page: &[u8]) {
        if self.doubts(page) {
            // There is one at most.
            self.in_hand = false;
        }
    }

    /// What is in hand hangs: nobody waits for it.
    pub(super) fn give_up(&mut self) {
        self.in_hand = false;
    }

    /// Where all has been looked through, and nothing rang since: all that there was to do for these
    /// views is done, but for those that are kept from building.
    pub(super) fn trust(&mut self, heard: Heard, mut builds: impl FnMut(ViewId) -> bool) {
        if let Some((looked, views)) = &self.looked
            && *looked == heard
            && self.searched == Some(heard)
        {
            self.trusted.extend(views.iter().copied().filter(|view| builds(*view)));
        }
    }

    fn doubts(&self, page: &[u8]) -> bool {
        let view = PageKey::split(page).map(|(view, ..)| view);
        self.in_doubt && view.is_some_and(|view| !self.trusted.contains(&view))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::grid::PageNumber;
    use crate::schedule::Bell;

    fn is_trusted(caution: &Caution, view: ViewId) -> bool {
        !caution.doubts(PageKey::of_parts(view, b"", PageNumber(0)).as_slice())
    }

    #[test]
    fn a_view_that_came_while_somebody_looked_stays_in_doubt() {
        let (bell, early, late) = (Bell::default(), ViewId(1), ViewId(2));
        let mut caution = Caution::new(true);
        let look = |caution: &mut Caution, views: &[ViewId]| {
            caution.look(bell.heard(), || views.iter().copied().collect());
        };
        look(&mut caution, &[early]);
        caution.trust(bell.heard(), |_| true);
        assert!(!is_trusted(&caution, early), "nobody has come to the end yet");
        // It is there, and has not rung.
        look(&mut caution, &[early, late]);
        caution.searched(bell.heard());
        caution.trust(bell.heard(), |view| view != early);
        assert!(!is_trusted(&caution, early), "its breaker holds it back");
        caution.trust(bell.heard(), |_| true);
        assert!(is_trusted(&caution, early) && !is_trusted(&caution, late));
        bell.ring();
        caution.trust(bell.heard(), |_| true);
        assert!(!is_trusted(&caution, late), "it rang, and nobody has looked since");
        look(&mut caution, &[early, late]);
        caution.trust(bell.heard(), |_| true);
        assert!(!is_trusted(&caution, late), "somebody looks");
        caution.searched(bell.heard());
        caution.trust(bell.heard(), |_| true);
        assert!(is_trusted(&caution, late));
    }
}
