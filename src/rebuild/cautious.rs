//! Building what may be what ended the process.

use crate::disk::operations::{NoteBegun, NoteEnded};
use crate::error::Result;
use crate::page::SlotSet;

use super::rebuilders::WorkedOff;
use super::workshop::Workshop;

impl Workshop {
    /// Works records of a page off one after the other, each noted before it begins: if the process
    /// does not survive one of them, the next opening lets that one rest.
    pub(super) fn one_by_one(
        &self,
        page: &[u8],
        slots: SlotSet,
        work_off: impl Fn(SlotSet) -> Result<WorkedOff>,
    ) -> Result<WorkedOff> {
        let mut worked = WorkedOff::default();
        for slot in slots.iter() {
            let now = self.shared().options.clock.now();
            self.writer()?.run(NoteBegun { page: page.into(), slot, now })?;
            let made = work_off(SlotSet::one(slot))?;
            // What is stored, and what is noted as failed, takes the note back.
            if made.built.is_empty() {
                self.writer()?.run(NoteEnded { page: page.into(), slot })?;
            }
            worked.add(made);
        }
        Ok(worked)
    }
}
