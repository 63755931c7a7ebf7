//! Making several records of one page fresh, and storing them together.

use crate::cache::Ticket;
use crate::disk::PageInMemory;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::SlotSet;
use crate::key::EntityKey;
use crate::page::RecordType;
use crate::rebuild::{self, Held, Joined, Lead, WorkedOff};
use crate::revision::Revision;
use crate::sync::Arc;

use super::build::FLIGHTS_MAX;
use super::core::{BuildFunction, Core, Spot};
use super::draft::{PageDraft, RecordDraft};
use super::lookup::{Look, look};
use super::made::Made;

/// A bucket whose record is to be made fresh.
#[derive(Clone, Copy)]
pub(super) struct Lacking<'a> {
    pub(super) spot: &'a Spot,
    /// There is a record, and it may be right as it is.
    pub(super) suspect: bool,
    /// There is no page for it yet.
    pub(super) absent: bool,
}

/// What making one record came to.
enum Came {
    Built,
    /// It was right, or somebody else built it meanwhile.
    Found,
}

/// What is made fresh under a lead.
enum Making {
    Record(RecordDraft),
    Page(PageDraft),
    Standing(PageInMemory),
}

impl<E: EntityKey + ?Sized, R: RecordType> Core<E, R> {
    /// Makes records of one page fresh, those that began before `floor` by building them anew. What
    /// is built is left with `made` to be stored.
    pub(super) fn work_off_page(
        &self,
        entity: &E,
        lacking: &[Lacking<'_>],
        seen: Ticket,
        floor: Revision,
        made: &Arc<Made<E, R>>,
        worked: &mut WorkedOff,
    ) -> Result<()> {
        if matches!(self.build, BuildFunction::Page(_)) {
            let Some(first) = lacking.first() else { return Ok(()) };
            let suspect = lacking.iter().any(|lacking| lacking.suspect);
            let slots = lacking.iter().map(|lacking| lacking.spot.slot()).collect();
            let first = Lacking { suspect, ..*first };
            return self.work_off_whole(entity, first, slots, seen, floor, made, worked);
        }
        for lacking in lacking {
            let slot = lacking.spot.slot();
            match rebuild::build(|held| self.make_one(entity, *lacking, seen, floor, made, held)) {
                Ok(Came::Built) => worked.built.insert(slot),
                Ok(Came::Found) => worked.found.insert(slot),
                Err(error) => {
                    may_go_on(&error)?;
                    worked.failed.push((slot, error));
                }
            }
        }
        Ok(())
    }

    fn make_one(
        &self,
        entity: &E,
        lacking: Lacking<'_>,
        seen: Ticket,
        floor: Revision,
        made: &Arc<Made<E, R>>,
        held: &mut Held,
    ) -> Result<Came> {
        let spot = lacking.spot;
        for flight in 0..FLIGHTS_MAX {
            let lead = match self.join(spot, held)? {
                Joined::Landed(outcome) => {
                    // Deleted or marked since it landed, it is to be built after all.
                    let landed = outcome.map(drop);
                    match landed.and_then(|()| self.landed_since(spot, seen, floor)) {
                        Ok(Some(_)) => return Ok(Came::Found),
                        // Made after this fill began, by somebody else; what it needs moved on.
                        Ok(None) if flight > 0 => return Ok(Came::Found),
                        Ok(None) => continue,
                        Err(error) if error.kind() == ErrorKind::Absent => continue,
                        Err(error) => return Err(error),
                    }
                }
                Joined::Lead(lead) => lead,
            };
            return match self.make_under(entity, lacking, seen, floor, &lead) {
                Ok(Making::Record(record)) => made.push(spot, &record, lead).map(|()| Came::Built),
                Ok(Making::Page(page)) => {
                    made.push_page(page, lead);
                    Ok(Came::Built)
                }
                Ok(Making::Standing(standing)) => {
                    lead.land(Ok(standing));
                    Ok(Came::Found)
                }
                Err(error) if error.is_unwinding() => {
                    *held = Some(lead);
                    Err(error)
                }
                Err(error) => {
                    lead.land(Err(error.clone()));
                    Err(error)
                }
            };
        }
        let message = "the record was deleted while it was built, again and again";
        Err(self.at(spot, Error::new(ErrorKind::Absent, message)))
    }

    fn make_under(
        &self,
        entity: &E,
        Lacking { spot, suspect, absent }: Lacking<'_>,
        seen: Ticket,
        floor: Revision,
        lead: &Lead<PageInMemory>,
    ) -> Result<Making> {
        if let Some(standing) = self.landed_since(spot, seen, floor)? {
            return Ok(Making::Standing(standing));
        }
        if suspect && let Some(spared) = self.spare(spot, floor, lead)? {
            return Ok(Making::Standing(spared));
        }
        match &self.build {
            BuildFunction::Page(_) => {
                let mut draft = self.draft(spot);
                let still_absent = absent && self.shared().cache.is_current(seen);
                let look = match still_absent {
                    true => Look::Absent,
                    false => look(self.shared(), &self.state, &spot.key)?,
                };
                let lacking = self.lacking_around(spot, floor, &look);
                self.build_buckets(entity, spot, lead, &lacking, &mut draft)?;
                Ok(Making::Page(draft))
            }
            _ => self.build_bucket(entity, spot, lead).map(Making::Record),
        }
    }

    /// The same by the view's build function for pages, which makes all that the page lacks at once.
    /// `first` stands for all the slots that are wanted.
    #[expect(clippy::too_many_arguments, reason = "what a page is worked off by")]
    pub(super) fn work_off_whole(
        &self,
        entity: &E,
        first: Lacking<'_>,
        slots: SlotSet,
        seen: Ticket,
        floor: Revision,
        made: &Arc<Made<E, R>>,
        worked: &mut WorkedOff,
    ) -> Result<()> {
        let came = if first.suspect {
            // One after the other, and stored before the next: some may be right as they are.
            self.build_since(entity, first.spot, seen, floor).map(|_| Came::Built)
        } else {
            rebuild::build(|held| self.make_one(entity, first, seen, floor, made, held))
        };
        match came {
            Ok(Came::Built) => worked.built = worked.built.union(slots),
            Ok(Came::Found) => worked.found = worked.found.union(slots),
            // What the build made or failed to make, not what the file met.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::Build | ErrorKind::Input | ErrorKind::Busy
                ) =>
            {
                may_go_on(&error)?;
                worked.failed.extend(slots.iter().map(|slot| (slot, error.clone())));
            }
            // Deleted while it was built: no failure of the fill.
            Err(error) if error.kind() == ErrorKind::Absent => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Ends a fill inside a build that has to run again, unless it may say what else it lacks.
fn may_go_on(error: &Error) -> Result<()> {
    if error.is_unwinding() && !rebuild::wants_more() { Err(error.clone()) } else { Ok(()) }
}
