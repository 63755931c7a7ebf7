//! Making several records of one page fresh, and storing them together.

use crate::error::{Error, ErrorKind, Result};
use crate::page::SlotSet;
use crate::rebuild::{self, Held, WorkedOff};
use crate::sync::Arc;

use super::any_view::{AnyView, Makes};
use super::flight::Flown;
use super::gate::Gate;
use super::made::Made;
use super::make::{Making, Wish};

/// What making one record came to.
enum Came {
    Built,
    /// It was right, or somebody else built it meanwhile.
    Found,
}

impl AnyView {
    /// Makes records of one page fresh. What is built is left with `made` to be stored.
    pub(super) fn work_off_page(
        &self,
        wishes: &[Wish<'_>],
        made: &Arc<Made>,
        worked: &mut WorkedOff,
    ) -> Result<()> {
        if self.makes == Makes::Pages {
            let Some(first) = wishes.first() else { return Ok(()) };
            let suspect = wishes.iter().any(|wish| wish.suspect);
            let slots = wishes.iter().map(|wish| wish.spot.slot()).collect();
            return self.work_off_whole(&Wish { suspect, ..*first }, slots, made, worked);
        }
        for wish in wishes {
            let slot = wish.spot.slot();
            match rebuild::build(|held| self.make_one(wish, made, held)) {
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

    fn make_one(&self, wish: &Wish<'_>, made: &Arc<Made>, held: &mut Held) -> Result<Came> {
        self.fly(wish, held, &mut Gate::Free, |flown| match flown {
            Flown::Led(lead, making) => match making {
                Ok(Making::Record(record)) => {
                    made.push(wish.spot, &record, lead).map(|()| Some(Came::Built))
                }
                Ok(Making::Page(page)) => {
                    made.push_page(page, lead);
                    Ok(Some(Came::Built))
                }
                Ok(Making::Standing(standing)) => {
                    lead.land(Ok(standing));
                    Ok(Some(Came::Found))
                }
                Err(error) => {
                    lead.land(Err(error.clone()));
                    Err(error)
                }
            },
            // Deleted or marked since it landed, it is to be built after all.
            Flown::Landed { outcome, later } => {
                match outcome.and_then(|_| self.landed_since(wish)) {
                    Ok(Some(_)) => Ok(Some(Came::Found)),
                    // Made after this fill began, by somebody else; what it needs moved on.
                    Ok(None) => Ok(later.then_some(Came::Found)),
                    Err(error) if error.kind() == ErrorKind::Absent => Ok(None),
                    Err(error) => Err(error),
                }
            }
        })
    }

    /// The same by the view's build function for pages, which makes all that the page lacks at once.
    /// `first` stands for all the slots that are wanted.
    pub(super) fn work_off_whole(
        &self,
        first: &Wish<'_>,
        slots: SlotSet,
        made: &Arc<Made>,
        worked: &mut WorkedOff,
    ) -> Result<()> {
        let came = if first.suspect {
            // One after the other, and stored before the next: some may be right as they are.
            self.build_one(first).map(|_| Came::Built)
        } else {
            rebuild::build(|held| self.make_one(first, made, held))
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
