//! Which views are built with caution after an unclean stop.

use std::collections::HashSet;

use crate::page::{PageKey, ViewId};

/// After an unclean stop some build may have been what ended the process: what is built is noted
/// first, one record at a time, with each view until there was nothing more to do for it.
#[derive(Debug)]
pub(super) struct Caution {
    in_doubt: bool,
    /// The views about which there is no doubt any more. One that nobody has defined yet is none of
    /// them.
    trusted: HashSet<ViewId>,
    /// Somebody has such a build in hand. What else begins now would be under suspicion for it.
    in_hand: bool,
}

impl Caution {
    pub(super) fn new(in_doubt: bool) -> Self {
        Self { in_doubt, trusted: HashSet::new(), in_hand: false }
    }

    pub(super) fn is_in_doubt(&self) -> bool {
        self.in_doubt
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

    /// All that there was to do for a view is done.
    pub(super) fn trust(&mut self, view: ViewId) {
        self.trusted.insert(view);
    }

    fn doubts(&self, page: &[u8]) -> bool {
        let view = PageKey::split(page).map(|(view, ..)| view);
        self.in_doubt && view.is_some_and(|view| !self.trusted.contains(&view))
    }
}
