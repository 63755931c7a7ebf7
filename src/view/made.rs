//! Records that a fill, or a run that builds pages in one go, has made and not yet seen stored.

use std::collections::VecDeque;

use crate::disk::operations::Stored;
use crate::disk::{PageInMemory, Receipt, Speed};
use crate::error::{Error, ErrorKind, Result};
use crate::page::{PageKey, SlotSet};
use crate::rebuild::{Lead, Refused, Unstored};
use crate::sync::{Arc, Condvar, Mutex};

use super::any_view::AnyView;
use super::draft::{PageDraft, RecordDraft};
use super::spot::Spot;

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
pub(super) struct Made {
    view: AnyView,
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

impl Made {
    pub(super) fn new(view: AnyView) -> Self {
        Self { view, state: Mutex::default(), landed: Condvar::new() }
    }

    /// Adds a record to the page being filled; its flight lands when the page is stored.
    pub(super) fn push(
        self: &Arc<Self>,
        spot: &Spot,
        record: &RecordDraft,
        lead: Lead<PageInMemory>,
    ) -> Result<()> {
        let mut state = self.state.lock();
        let page = state.page.get_or_insert_with(|| self.view.draft(spot));
        if let Err(error) = page.add(spot.slot(), record) {
            drop(state);
            let error = self.view.failed(spot, error);
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
            let stored = self.view.told(sent.receipt.wait()).and_then(|stored| {
                stored.pages.into_iter().next().map(|stored| stored.page).ok_or_else(|| {
                    Error::new(ErrorKind::Absent, "the records were deleted while they were built")
                })
            });
            let stored = stored.map_err(|error| self.view.named(error));
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
        let sent = self.view.store(vec![draft], Speed::Derived, false);
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
        self.view.engine.writer().into_iter().for_each(|writer| writer.hurry());
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

impl Unstored for Made {
    fn land(&self) {
        // The flights have the failure, and so has the fill: its own next call returns it.
        let _ = self.store_but(Most::None);
    }
}

fn land_all(leads: Vec<Lead<PageInMemory>>, outcome: &Result<PageInMemory>) {
    leads.into_iter().for_each(|lead| lead.land(outcome.clone()));
}

#[cfg(test)]
mod tests {
    use crate::disk::operations::Hurry;
    use crate::graph::{Dependency, Observation};
    use crate::grid::Grid;
    use crate::options::Options;
    use crate::rebuild::Engine;
    use crate::time::{TimeRange, Timestamp};
    use crate::view::{BuildContext, ViewDefinition};

    use super::*;

    const PAGES: usize = 40;
    /// A page is little more than its one record: eleven are less than may be under way, twelve more.
    const RECORD_BYTES: usize = 90_000;
    const AHEAD_MAX: usize = BYTES_UNDER_WAY / RECORD_BYTES;
    /// So many are the first that weigh half of it.
    const GATHERED: usize = BYTES_GATHERED / RECORD_BYTES + 1;

    /// What there was when a build of a fill began.
    struct Seen {
        /// Flights that had not landed.
        under_way: usize,
        /// Operations since the fill began.
        operations: u64,
    }

    /// Fills pages of one record. Each build first waits until the writer has applied all that he was
    /// sent, so that nothing hangs on his pace: what is under way is what the fill has not yet looked
    /// after, and he was never told to hurry because somebody had to wait for him.
    fn fill(build: fn(&BuildContext) -> Vec<u8>) -> Vec<Seen> {
        let engine =
            Arc::new(Engine::in_memory(Options { builders: 0, ..Options::default() }).unwrap());
        let (inside, seen) = (Arc::downgrade(&engine), Arc::new(Mutex::new(Vec::new())));
        let definition = ViewDefinition::<u32, Vec<u8>>::new(engine.clone(), "view");
        let definition = definition.grid(Grid::minutes(1)).page_len(1).uncompressed();
        let notes = seen.clone();
        let view = definition.build(move |cx, _, _| {
            let engine = inside.upgrade().expect("it is filled");
            engine.writer()?.run(Hurry)?;
            let (under_way, operations) =
                (engine.flights().under_way(), engine.shared().published().get());
            notes.lock().push(Seen { under_way, operations });
            Ok(build(cx))
        });
        let view = view.unwrap();
        // More than it takes until he has looked for what is to be swept, which is an operation too.
        (0..32).for_each(|_| engine.writer().unwrap().run(Hurry).unwrap());
        let before = engine.shared().published().get();
        let end = Timestamp::from_seconds(60 * PAGES as i64);
        let filled = view.fill(&1, TimeRange::new(Timestamp::EPOCH, end)).unwrap();
        assert_eq!((filled.built, filled.failed.len()), (PAGES as u64, 0));
        assert_eq!(engine.flights().under_way(), 0, "all have landed");
        let mut seen = std::mem::take(&mut *seen.lock());
        seen.iter_mut().for_each(|seen| seen.operations -= before);
        seen
    }

    fn large(_: &BuildContext) -> Vec<u8> {
        vec![7; RECORD_BYTES]
    }

    /// A record that is next to nothing beside what it was built from.
    fn widely_read(cx: &BuildContext) -> Vec<u8> {
        let each = size_of::<Observation>() + size_of::<Dependency>();
        (0..(RECORD_BYTES / each) as u32).for_each(|source| cx.depends_on(("source", source)));
        vec![7]
    }

    #[test]
    fn whoever_fills_is_ahead_of_what_he_saw_stored_by_a_mebibyte_and_no_more() {
        for build in [large, widely_read] {
            for (sent, seen) in fill(build).into_iter().enumerate() {
                // The build that looks is one of them.
                assert_eq!(seen.under_way, sent.min(AHEAD_MAX) + 1, "after {sent} pages");
            }
        }
    }

    #[test]
    fn whenever_half_of_what_may_be_under_way_was_sent_the_writer_is_told_to_store_it() {
        for (sent, seen) in fill(large).into_iter().enumerate() {
            // Each page is one, and so is the word of each build to the writer.
            let hurried = seen.operations - (sent + sent + 1) as u64;
            assert_eq!(hurried, (sent / GATHERED) as u64, "after {sent} pages");
        }
    }
}
