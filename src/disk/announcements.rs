//! What was said of records lately that a build under way cannot know.

use std::collections::VecDeque;

use crate::page::{Page, Slot};
use crate::revision::Revision;

use super::scope::ScopeOf;

/// What was said of the records in a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// They were deleted: what was being built then is meant to be gone.
    Deleted,
    /// They were invalidated: what was being built then is stale, though there was no record yet
    /// that could be marked.
    Invalidated,
}

/// A view's last deletions and invalidations, for builds that began before them and are stored
/// after.
#[derive(Debug, Default)]
pub(crate) struct Announcements {
    recent: VecDeque<Announcement>,
    /// Deletions up to here are forgotten: a build that began before may have been overtaken.
    deletions_floor: Revision,
    /// The same for invalidations.
    invalidations_floor: Revision,
}

#[derive(Debug)]
struct Announcement {
    revision: Revision,
    scope: ScopeOf,
    word: Word,
}

/// More are remembered only coarsely.
const REMEMBERED_MAX: usize = 1024;

impl Announcements {
    /// Knows of nothing that was said up to `defined`: no build is older, but a put may be made as of
    /// an earlier revision.
    pub(super) fn begin(&mut self, defined: Revision) {
        self.invalidations_floor = defined;
    }

    /// Remembers what was said at a revision, or that it went on.
    pub(super) fn remember(
        &mut self,
        revision: Revision,
        scope: ScopeOf,
        word: Word,
        goes_on: bool,
    ) {
        if goes_on {
            let same = |known: &Announcement| {
                known.word == word && known.scope.stretches() == scope.stretches()
            };
            if let Some(at) = self.recent.iter().rposition(same) {
                self.recent.remove(at);
            }
        }
        if self.recent.len() == REMEMBERED_MAX
            && let Some(forgotten) = self.recent.pop_front()
        {
            match forgotten.word {
                Word::Deleted => self.deletions_floor = forgotten.revision,
                Word::Invalidated => self.invalidations_floor = forgotten.revision,
            }
        }
        self.recent.push_back(Announcement { revision, scope, word });
    }

    /// Whether nothing was said of any record that is known of, or may have been, since then.
    pub(super) fn are_silent_since(&self, begun: Revision) -> bool {
        let last = self.recent.back().map(|last| last.revision);
        let floor = self.deletions_floor.max(self.invalidations_floor);
        last.max(Some(floor)) <= Some(begun)
    }

    /// What was said of a record since its build began: nothing, or the word that weighs most among
    /// those that it heeds.
    pub(super) fn since(
        &self,
        begun: Revision,
        key: &[u8],
        slot: Slot,
        page: &Page,
        heeds: impl Fn(Word) -> bool,
    ) -> Option<Word> {
        let concerns = |announcement: &&Announcement| {
            heeds(announcement.word) && announcement.scope.covers(key, slot, page)
        };
        let recent = self.recent.iter().rev().take_while(|known| known.revision > begun);
        let mut word = (begun < self.invalidations_floor).then_some(Word::Invalidated);
        if begun < self.deletions_floor && heeds(Word::Deleted) {
            return Some(Word::Deleted);
        }
        for announcement in recent.filter(concerns) {
            if announcement.word == Word::Deleted {
                return Some(Word::Deleted);
            }
            word = Some(Word::Invalidated);
        }
        word
    }
}
