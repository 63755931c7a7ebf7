//! Stub until the real one is merged.
use super::shared::Shared;
use super::view_state::ViewState;
use crate::error::Result;
use crate::graph::SlotSet;
use crate::page::{Slot, ViewId};
use crate::time::Timestamp;
pub(crate) struct Due {
    pub(crate) found: Option<(Box<[u8]>, SlotSet)>,
    pub(crate) next: Option<Box<[u8]>>,
    pub(crate) earliest: Option<Timestamp>,
}
pub(crate) enum SweepState {
    Done,
    At(Option<Box<[u8]>>),
}
fn nothing() -> Result<Due> {
    Ok(Due { found: None, next: None, earliest: None })
}
pub(crate) fn due_marks(
    _: &Shared,
    _: ViewId,
    _: Option<&[u8]>,
    _: Timestamp,
    _: usize,
) -> Result<Due> {
    nothing()
}
pub(crate) fn due_wanted(_: &Shared, _: Option<&[u8]>, _: Timestamp, _: usize) -> Result<Due> {
    nothing()
}
pub(crate) fn due_stamped(_: &Shared, _: &ViewState, _: Option<&[u8]>, _: usize) -> Result<Due> {
    nothing()
}
pub(crate) fn levels(_: &Shared) -> Result<Vec<(ViewId, u32)>> {
    Ok(vec![])
}
pub(crate) fn next_attempt(_: &Shared, _: &[u8], _: Slot) -> Result<Option<Timestamp>> {
    Ok(None)
}
pub(crate) fn sweep_of(_: &Shared, _: &ViewState) -> Result<SweepState> {
    Ok(SweepState::Done)
}
