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

#[cfg(test)]
mod tests {
    use super::super::scope::Scope;
    use super::*;
    use crate::grid::{Grid, PageNumber};
    use crate::page::{PageBuilder, PageKey, RecordShape, ViewId};

    const VIEW: ViewId = ViewId(1);

    fn at(revision: u64) -> Revision {
        Revision::from_raw(revision)
    }

    fn entity(entity: u32) -> ScopeOf {
        let scope = Scope::Entity(PageKey::entity(VIEW, &entity));
        ScopeOf { scope, view: VIEW, grid: Grid::timeless(), page_len: 1 }
    }

    /// What was said of an entity's record since then, if this is heeded.
    fn heeded(known: &Announcements, entity: u32, begun: u64, heeds: &[Word]) -> Option<Word> {
        let key = PageKey::new(VIEW, &entity, PageNumber(0));
        let page = PageBuilder::new(1, RecordShape::of::<u64>()).finish();
        known.since(at(begun), key.as_slice(), Slot(0), &page, |word| heeds.contains(&word))
    }

    fn said(known: &Announcements, entity: u32, begun: u64) -> Option<Word> {
        heeded(known, entity, begun, &[Word::Deleted, Word::Invalidated])
    }

    #[test]
    fn what_was_said_of_a_record_after_its_build_began_is_known() {
        let mut known = Announcements::default();
        known.remember(at(5), entity(1), Word::Invalidated, false);
        assert_eq!(said(&known, 1, 4), Some(Word::Invalidated));
        assert_eq!((said(&known, 1, 5), said(&known, 2, 4)), (None, None));
        assert!(known.are_silent_since(at(5)) && !known.are_silent_since(at(4)));
    }

    #[test]
    fn a_deletion_weighs_more_than_an_invalidation_before_it_or_after() {
        let mut known = Announcements::default();
        known.remember(at(5), entity(1), Word::Invalidated, false);
        known.remember(at(6), entity(1), Word::Deleted, false);
        known.remember(at(7), entity(1), Word::Invalidated, false);
        assert_eq!(
            (said(&known, 1, 4), said(&known, 1, 5)),
            (Some(Word::Deleted), Some(Word::Deleted))
        );
        assert_eq!(said(&known, 1, 6), Some(Word::Invalidated));
        assert_eq!(heeded(&known, 1, 4, &[Word::Invalidated]), Some(Word::Invalidated));
    }

    #[test]
    fn a_deletion_that_goes_on_takes_the_place_of_itself_and_of_nothing_else() {
        let mut known = Announcements::default();
        known.remember(at(3), entity(1), Word::Deleted, false);
        known.remember(at(4), entity(2), Word::Deleted, false);
        known.remember(at(5), entity(1), Word::Invalidated, false);
        known.remember(at(6), entity(1), Word::Deleted, true);
        assert_eq!(known.recent.len(), 3);
        assert_eq!(
            (said(&known, 1, 5), said(&known, 2, 3)),
            (Some(Word::Deleted), Some(Word::Deleted))
        );
        assert_eq!(heeded(&known, 1, 4, &[Word::Invalidated]), Some(Word::Invalidated));
    }

    #[test]
    fn what_is_forgotten_counts_as_said_of_every_record() {
        let mut known = Announcements::default();
        known.remember(at(2), entity(1), Word::Invalidated, false);
        known.remember(at(3), entity(1), Word::Deleted, false);
        let mut later = (4..).map(at);
        let mut another = |known: &mut Announcements| {
            known.remember(later.next().unwrap(), entity(2), Word::Invalidated, false);
        };
        (2..REMEMBERED_MAX).for_each(|_| another(&mut known));
        assert_eq!(said(&known, 9, 1), None, "all is remembered");
        another(&mut known);
        assert_eq!((said(&known, 9, 1), said(&known, 9, 2)), (Some(Word::Invalidated), None));
        another(&mut known);
        assert_eq!((said(&known, 9, 2), said(&known, 9, 3)), (Some(Word::Deleted), None));
        assert_eq!(heeded(&known, 9, 2, &[Word::Invalidated]), None, "a put heeds no deletion");
        assert_eq!(known.recent.len(), REMEMBERED_MAX);
    }

    #[test]
    fn of_what_was_said_before_a_view_was_defined_nothing_is_known() {
        let mut known = Announcements::default();
        known.begin(at(7));
        assert_eq!((said(&known, 1, 6), said(&known, 1, 7)), (Some(Word::Invalidated), None));
        assert!(known.are_silent_since(at(7)) && !known.are_silent_since(at(6)));
    }
}
