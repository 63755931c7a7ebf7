//! Records that a fill, or a run that builds pages in one go, has made and not yet seen stored.

use std::collections::VecDeque;

use crate::disk::operations::Stored;
use crate::disk::{PageInMemory, Receipt, Speed};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::SlotSet;
use crate::key::EntityKey;
use crate::page::{PageKey, RecordType};
use crate::rebuild::{Lead, Refused, Unstored};
use crate::sync::{Arc, Condvar, Mutex};

use super::core::{Core, Spot};
use super::draft::{PageDraft, RecordDraft};

/// Flights that may be open while the next page is being built.
const FLIGHTS_UNDER_WAY: usize = 4096;
/// And what their pages may weigh. Who runs further ahead than this takes the writer's core from him,
/// and what he has not stored when the last page is built he stores while the others do nothing.
const BYTES_UNDER_WAY: usize = 1 << 20;
/// After so much the writer is to store what he has gathered: when as much again is built, he has.
const BYTES_GATHERED: usize = BYTES_UNDER_WAY / 2;

/// What a fill has made. Filling a page builds many buckets and stores them together, so their
/// flights stay open for a while after each build; whoever waits for one of them, on whichever
/// thread, lands it from here.
///
/// No code of the application runs under its lock, and nothing is sent.
pub(super) struct Made<E: ?Sized, R> {
    core: Arc<Core<E, R>>,
    state: Mutex<State>,
    /// Told when a page has landed.
    landed: Condvar,
}

#[derive(Default)]
struct State {
    /// The page being filled, and the flights of what is in it.
    page: Option<PageDraft>,
    leads: Vec<Lead<PageInMemory>>,
    /// Pages that the writer has; their flights land when it answers.
    under_way: VecDeque<Sent>,
    flights_under_way: usize,
    bytes_under_way: usize,
    /// What was sent since the writer was last told to store it.
    bytes_gathered: usize,
    /// Pages that some thread is landing right now.
    landing: usize,
    /// Pages that the writer would not have, though it stores others.
    refused: Vec<Refused>,
    /// The first failure to store anything.
    failure: Option<Error>,
}

struct Sent {
    receipt: Receipt<Stored>,
    leads: Vec<Lead<PageInMemory>>,
    page: PageKey,
    slots: SlotSet,
    bytes: usize,
}

/// How many pages may stay with the writer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Most {
    None,
    AsMayBe,
}

impl<E: EntityKey + ?Sized, R: RecordType> Made<E, R> {
    pub(super) fn new(core: Arc<Core<E, R>>) -> Self {
        Self { core, state: Mutex::default(), landed: Condvar::new() }
    }

    /// Adds a record to the page being filled; its flight lands when the page is stored.
    pub(super) fn push(
        self: &Arc<Self>,
        spot: &Spot,
        record: &RecordDraft,
        lead: Lead<PageInMemory>,
    ) -> Result<()> {
        let mut state = self.state.lock();
        let page = state.page.get_or_insert_with(|| self.core.draft(spot));
        if let Err(error) = page.add(spot.slot(), record) {
            drop(state);
            let error = self.core.failed(spot, error);
            lead.land(Err(error.clone()));
            return Err(error);
        }
        lead.built(self.clone());
        state.leads.push(lead);
        Ok(())
    }

    /// The same of a page that was built whole, under one flight.
    pub(super) fn push_page(self: &Arc<Self>, page: PageDraft, lead: Lead<PageInMemory>) {
        let mut state = self.state.lock();
        debug_assert!(state.page.is_none(), "what was made before is on its way");
        state.page = Some(page);
        lead.built(self.clone());
        state.leads.push(lead);
    }

    /// Hands the page to the writer, and lands flights until no more wait for its answer than may.
    pub(super) fn store(&self) -> Result<()> {
        self.store_but(Most::AsMayBe)
    }

    fn store_but(&self, most: Most) -> Result<()> {
        self.send();
        while let Some(sent) = self.oldest_beyond(most) {
            if !sent.receipt.is_answered() {
                self.hurry();
            }
            let stored = self.core.told(sent.receipt.wait()).and_then(|stored| {
                stored.pages.into_iter().next().map(|stored| stored.page).ok_or_else(|| {
                    Error::new(ErrorKind::Absent, "the records were deleted while they were built")
                })
            });
            let stored = stored.map_err(|error| self.core.named(error));
            land_all(sent.leads, &stored);
            let mut state = self.state.lock();
            state.landing -= 1;
            match stored {
                // Deleted on purpose: no failure of the fill.
                Err(error) if error.kind() == ErrorKind::Absent => {}
                Err(error) if error.kind() == ErrorKind::Input => {
                    let page = sent.page.as_slice().into();
                    state.refused.push(Refused { page, slots: sent.slots, error });
                }
                Err(error) => {
                    state.failure.get_or_insert(error);
                }
                Ok(_) => {}
            }
            self.landed.notify_all();
        }
        match &self.state.lock().failure {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// Stores what is left and waits until all has landed, on whichever thread. What was refused so
    /// far is answered.
    pub(super) fn finish(&self) -> Result<Vec<Refused>> {
        loop {
            let stored = self.store_but(Most::None);
            let mut state = self.state.lock();
            // Another thread may be about to land what it has sent.
            if !state.under_way.is_empty() {
                continue;
            }
            if state.landing == 0 {
                let refused = std::mem::take(&mut state.refused);
                return stored.map(|()| refused);
            }
            self.landed.wait(&mut state);
        }
    }

    fn send(&self) {
        let (page, leads) = {
            let mut state = self.state.lock();
            let page = state.page.take();
            // On its way from here on: whoever waits for everything waits for this too.
            state.landing += usize::from(page.is_some());
            (page, std::mem::take(&mut state.leads))
        };
        let Some(page) = page else { return };
        let draft = page.finish();
        let (bytes, slots, page) = (draft.bytes(), draft.slots(), draft.key().clone());
        let sent = self.core.store(vec![draft], Speed::Derived, false);
        let mut state = self.state.lock();
        state.landing -= 1;
        match sent {
            Ok(receipt) => {
                state.flights_under_way += leads.len();
                state.bytes_under_way += bytes;
                state.under_way.push_back(Sent { receipt, leads, page, slots, bytes });
                state.bytes_gathered += bytes;
                if state.bytes_gathered >= BYTES_GATHERED {
                    state.bytes_gathered = 0;
                    drop(state);
                    self.hurry();
                }
            }
            Err(error) => {
                state.failure.get_or_insert_with(|| error.clone());
                drop(state);
                land_all(leads, &Err(error));
            }
        }
        self.landed.notify_all();
    }

    fn hurry(&self) {
        self.core.engine.writer().into_iter().for_each(|writer| writer.hurry());
    }

    fn oldest_beyond(&self, most: Most) -> Option<Sent> {
        let mut state = self.state.lock();
        let beyond = most == Most::None
            || state.flights_under_way > FLIGHTS_UNDER_WAY
            || state.bytes_under_way > BYTES_UNDER_WAY;
        let sent = if beyond { state.under_way.pop_front() } else { None }?;
        state.flights_under_way -= sent.leads.len();
        state.bytes_under_way -= sent.bytes;
        state.landing += 1;
        Some(sent)
    }
}

impl<E: EntityKey + ?Sized, R: RecordType> Unstored for Made<E, R> {
    fn land(&self) {
        // The flights have the failure, and so has the fill: its own next call returns it.
        let _ = self.store_but(Most::None);
    }
}

fn land_all(leads: Vec<Lead<PageInMemory>>, outcome: &Result<PageInMemory>) {
    leads.into_iter().for_each(|lead| lead.land(outcome.clone()));
}
