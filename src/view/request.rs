//! Asking for records without waiting for them.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use crate::disk::operations::{Unwant, Unwanted, Want};
use crate::disk::{to_be_asked_for, tries};
use crate::error::Result;
use crate::freshness::Freshness;
use crate::graph::Tries;
use crate::key::EntityKey;
use crate::page::{RecordType, SlotSet};
use crate::rebuild::refuse_inside_build;
use crate::revision::Revision;
use crate::sync::Arc;
use crate::time::Timestamp;

use super::any_view::AnyView;
use super::core::Core;
use super::pending::{Pending, PendingState};
use super::spot::Spot;

/// Page -> slots of it that are asked for.
type Pages = BTreeMap<Box<[u8]>, SlotSet>;

impl<E: EntityKey + ?Sized, R: RecordType> Core<E, R> {
    /// Has records built, those first that were asked for first, and returns at once.
    pub(super) fn request<K: Borrow<E>>(
        self: &Arc<Self>,
        asked: impl IntoIterator<Item = (K, Timestamp)>,
    ) -> Result<Vec<Pending<E, R>>> {
        refuse_inside_build("requesting a record")?;
        self.check_fills()?;
        // What was built before is no answer, unless it stands.
        let since = self.shared().published();
        let mut wanted = Pages::new();
        let mut pending = Vec::new();
        for (entity, instant) in asked {
            let spot = self.locate(entity.borrow(), instant)?;
            self.check(&spot.key)?;
            self.ask_for(&spot, &mut wanted)?;
            pending.push(Pending::new(self, spot, since));
        }
        self.want(wanted)?;
        pending.iter().for_each(Pending::begin);
        Ok(pending)
    }

    /// What is under way for a record, whoever asked for it.
    pub(super) fn pending(
        self: &Arc<Self>,
        entity: &E,
        instant: Timestamp,
    ) -> Result<Option<Pending<E, R>>> {
        refuse_inside_build("looking at a request")?;
        let spot = self.locate(entity, instant)?;
        // Where nothing is built nothing is under way.
        if !self.builds() || self.shared().file.check_writable().is_err() {
            return Ok(None);
        }
        // What was built before is no answer here either, unless it stands.
        let since = self.shared().published();
        let state = self.request_state(&spot, since)?;
        if matches!(state, PendingState::Completed | PendingState::Cancelled) {
            return Ok(None);
        }
        let pending = Pending::new(self, spot, since);
        pending.begin();
        Ok(Some(pending))
    }
}

impl AnyView {
    /// Notes a record to be asked for, unless one stands.
    fn ask_for(&self, spot: &Spot, pages: &mut Pages) -> Result<()> {
        match self.glance_again(spot)? {
            Some(record) if record.freshness().stands() => {}
            standing => {
                // Marked records are in the queue already; it is moved to the front of it.
                standing.iter().for_each(|record| self.served_marked(record));
                pages.entry(spot.key.as_slice().into()).or_default().insert(spot.slot());
            }
        }
        Ok(())
    }

    fn want(&self, asked: Pages) -> Result<()> {
        if asked.is_empty() {
            return Ok(());
        }
        // Of what was asked for already nothing is to be written.
        let pages = to_be_asked_for(self.shared(), asked.into_iter().collect());
        let pages = pages.map_err(|error| self.named(error))?;
        if !pages.is_empty() {
            let (view, now) = (self.state.clone(), self.shared().options.clock.now());
            let want = Want { view, pages, now };
            self.engine.writer()?.run(want).map_err(|error| self.named(error))?;
            self.shared().bell.call();
        }
        Ok(())
    }

    /// Takes back that a record was asked for.
    pub(super) fn unwant(&self, spot: &Spot) -> Result<bool> {
        let pages = vec![(spot.key.as_slice().into(), SlotSet::one(spot.slot()))];
        let unwant = Unwant { view: self.state.clone(), pages, why: Unwanted::TakenBack };
        let taken_back = self.engine.writer()?.run(unwant);
        taken_back.map(|many| many > 0).map_err(|error| self.at(spot, error))
    }

    /// What has become of a record that was asked for when `since` was published.
    pub(super) fn request_state(&self, spot: &Spot, since: Revision) -> Result<PendingState> {
        let standing = self.glance_again(spot)?;
        // One that was built since and is marked again answers too: something moves all the time.
        if standing.as_ref().is_some_and(|it| it.freshness().stands() || it.begun() >= since) {
            return Ok(PendingState::Completed);
        }
        if let Some(progress) = self.engine.flights().progress(&self.flight_key(spot)) {
            return Ok(PendingState::Building { progress });
        }
        let Some(tried) = tries(self.shared(), spot.key.as_slice(), spot.slot())? else {
            let state = PendingState::Waiting { attempts: 0, next_attempt: None, last_error: None };
            // An expired record is built because it was asked for, and for nothing else.
            let is_due = standing.is_some_and(|it| it.freshness() != Freshness::Expired);
            return Ok(if is_due { state } else { PendingState::Cancelled });
        };
        let Tries { attempts, next_attempt } = tried.tries;
        if tried.tries.rests() {
            return Ok(PendingState::Failed(self.at(spot, tried.why())));
        }
        let next_attempt = Some(next_attempt).filter(|at| *at > Timestamp::MIN);
        let last_error = tried.last_error().map(|error| self.at(spot, error));
        Ok(PendingState::Waiting { attempts, next_attempt, last_error })
    }
}
