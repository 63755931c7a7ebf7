//! Going through the pages of a view.

use crate::disk::{PageWalk, Scope, Shared, ViewState};
use crate::error::Result;
use crate::freshness::Freshness;
use crate::grid::PageNumber;
use crate::page::{PageKey, Slot, SlotSet};

use super::lookup::{Found, Look, look_aside};

/// A page of a view, as a survey found it.
pub(super) struct Surveyed<'a> {
    pub(super) view: &'a ViewState,
    pub(super) key: PageKey,
    pub(super) number: PageNumber,
    pub(super) found: Found,
    /// The records in it that are asked for.
    pub(super) slots: SlotSet,
}

impl Surveyed<'_> {
    /// What may be believed of a record in it. One in no bucket, which nobody can ask for, is none.
    pub(super) fn freshness(&self, shared: &Shared, slot: Slot) -> Option<Freshness> {
        let bucket = self.view.grid().bucket_in(self.number, slot.0, self.view.page_len())?;
        let now = || shared.options.clock.now();
        Some(self.view.freshness_at(self.found.hold.resident(), slot, bucket, now))
    }
}

/// Goes through the pages of a view that hold records of a scope, each in a read of its own: what is
/// stored meanwhile is seen or not. How many pages fail their checks; they hold nothing. It brings
/// none into memory: to be counted is not to be read.
pub(super) fn survey(
    shared: &Shared,
    view: &ViewState,
    scope: Scope,
    mut then: impl FnMut(Surveyed<'_>) -> Result<()>,
) -> Result<u64> {
    let scope = view.scope(scope);
    let mut walk = PageWalk::new(&shared.file, &scope, usize::MAX);
    let mut damaged = 0;
    while let Some((key, number)) = walk.next()? {
        view.check()?;
        match look_aside(shared, view, &key)? {
            Look::Found(found) => {
                let slots = scope.slots(number, found.page());
                then(Surveyed { view, key, number, found, slots })?;
            }
            Look::Absent => {}
            Look::Damaged(_) => damaged += 1,
        }
    }
    Ok(damaged)
}
