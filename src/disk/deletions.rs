//! What was deleted lately, so that no build under way brings it back.

use std::collections::VecDeque;

use crate::page::{Page, Slot};
use crate::revision::Revision;

use super::scope::ScopeOf;

/// A view's last deletions. A build that began before one of them and is stored after it built
/// something that is meant to be gone.
#[derive(Debug, Default)]
pub(crate) struct Deletions {
    recent: VecDeque<(Revision, ScopeOf)>,
    /// Deletions up to here are forgotten: a build that began before it may have been overtaken.
    floor: Revision,
}

/// More are remembered only coarsely.
const REMEMBERED_MAX: usize = 1024;

impl Deletions {
    /// Remembers a deletion, or that it went on.
    pub(super) fn remember(&mut self, revision: Revision, deletion: ScopeOf, goes_on: bool) {
        if goes_on {
            let same = |(_, known): &(Revision, ScopeOf)| known.bounds() == deletion.bounds();
            if let Some(at) = self.recent.iter().rposition(same) {
                self.recent.remove(at);
            }
        }
        if self.recent.len() == REMEMBERED_MAX
            && let Some((forgotten, _)) = self.recent.pop_front()
        {
            self.floor = forgotten;
        }
        self.recent.push_back((revision, deletion));
    }

    /// Whether a record built from `begun` on has been deleted meanwhile.
    pub(super) fn cover(&self, key: &[u8], slot: Slot, page: &Page, begun: Revision) -> bool {
        begun < self.floor
            || self
                .recent
                .iter()
                .rev()
                .take_while(|(revision, _)| *revision > begun)
                .any(|(_, deletion)| deletion.covers(key, slot, page))
    }
}
