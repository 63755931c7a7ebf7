//! Building for whoever reads: one flight for each bucket, and the record that it ends with.

use crate::disk::PageInMemory;
use crate::error::{ErrorKind, Result};
use crate::freshness::{Freshness, Layer};
use crate::rebuild::{self, Held, is_building};

use super::any_record::AnyRecord;
use super::any_view::AnyView;
use super::flight::Flown;
use super::gate::Gate;
use super::lookup::hold;
use super::make::{Making, Wish};
use super::spot::Spot;

impl AnyView {
    /// Builds a record for whoever asks, or waits for whoever builds it.
    pub(super) fn build_one(&self, wish: &Wish<'_>) -> Result<AnyRecord> {
        rebuild::build(|held| self.attempt(wish, held, &mut Gate::Free))
    }

    /// The same for a reader, who is turned away where too many build.
    pub(super) fn build_for_reader(&self, wish: &Wish<'_>) -> Result<AnyRecord> {
        let mut gate = self.gate();
        rebuild::build(|held| self.attempt(wish, held, &mut gate))
    }

    /// What a read passes before it builds. One inside a build must not be turned away for builds that
    /// may wait for it.
    pub(super) fn gate(&self) -> Gate<'_> {
        if is_building() { Gate::Free } else { Gate::shut(self.shared(), &self.state) }
    }

    /// The same in one attempt, which may be unwound.
    pub(super) fn attempt(
        &self,
        wish: &Wish<'_>,
        held: &mut Held,
        gate: &mut Gate<'_>,
    ) -> Result<AnyRecord> {
        self.fly(wish, held, gate, |flown| {
            let (outcome, own) = match flown {
                // What landed may have been deleted before this read began: look for what stands.
                Flown::Landed { outcome: Ok(_), later: false }
                    if !mutant!("landed_is_looked_at_again") =>
                {
                    let Some(standing) = self.landed_since(wish)? else { return Ok(None) };
                    (Ok(standing), false)
                }
                Flown::Landed { outcome, later } => (outcome, later),
                Flown::Led(lead, making) => {
                    let outcome = making.and_then(|making| self.stored(wish.spot, making));
                    lead.land(outcome.clone());
                    (outcome, true)
                }
            };
            let landed = match outcome {
                Ok(landed) => landed,
                // Deleted before it was stored; the next flight begins after the deletion.
                Err(error) if error.kind() == ErrorKind::Absent => return Ok(None),
                Err(error) => return Err(error),
            };
            Ok(match self.record_in(hold(landed, Layer::Build), wish.spot) {
                Some(record) if record.freshness().stands() => Some(record),
                // Its build took longer than it counts, and so would the next.
                Some(record) if own && record.freshness() == Freshness::Expired => Some(record),
                // It began after the call, and what it needs moved on: the next would be no surer.
                Some(record) if own => Some(record.overtaken()),
                // The flight began too early, or the record was deleted since.
                _ => None,
            })
        })
    }

    /// What was made, when it stands in the file.
    fn stored(&self, spot: &Spot, making: Making) -> Result<PageInMemory> {
        let draft = match making {
            Making::Standing(page) => return Ok(page),
            Making::Page(draft) => draft,
            Making::Record(record) => {
                let mut draft = self.draft(spot);
                let added = draft.add(spot.slot(), &record);
                added.map_err(|error| self.failed(spot, error))?;
                draft
            }
        };
        self.store_built(spot, draft.finish())
    }
}
