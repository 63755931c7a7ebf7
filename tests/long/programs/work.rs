//! Background work of a program, one piece at a time, and what has to hold after it.

use tidetable::{ErrorKind, PendingState, Record, RunState};

use super::engine::{Engine, Held, said};
use super::naive::Spot;
use super::plan::BUCKETS;
use super::step::Event;
use super::world::{at, buckets, entity};

/// More pieces than any program has work for.
const PIECES_MAX: usize = 2_000;

impl Engine<'_> {
    pub(super) fn request(&mut self, spot: Spot) -> Held {
        let (place, of, bucket) = spot;
        match self.world.view(place).request(&entity(of), at(bucket)) {
            Err(error) if place == 0 && error.kind() == ErrorKind::Input => return Ok(()),
            asked => {
                // What stood already was not asked for, and is lost in a crash like all that is built.
                if !matches!(asked.map_err(said)?.state().map_err(said)?, PendingState::Completed) {
                    self.requested.push(spot);
                }
            }
        }
        Ok(())
    }

    /// A source changes; that is announced, an input set, a record put and another asked for, all at
    /// once.
    pub(super) fn write_together(&mut self, spot: Spot, source: usize, value: u64) -> Held {
        let (place, of, bucket) = spot;
        self.alter(source, value);
        let (store, world) = (self.store.clone(), self.world.clone());
        let mut writes = store.writes();
        let add = || {
            writes.invalidate(("source", source as u64))?;
            if place > 0 {
                writes.request(&world.view(place), &entity(of), at(bucket))?;
            }
            writes.set(&world.input(), &(of as u8), &value)?;
            writes.put(&world.view(0), &entity(of), at(bucket), &value)?;
            writes.commit()
        };
        let before = self.announced.inputs[of].replace(value);
        let least = u64::from(before != Some(value));
        let report = { add }().map_err(said)?;
        if report.changed < least || report.changed > least + 1 {
            return Err(format!("an input {value} after {before:?} and a record: {report}"));
        }
        self.announced.put[of][bucket] = Some(value);
        self.settle(&[source]);
        let waits = self.peek(spot)?.is_some() || self.is_waited_for(spot)?;
        self.request(spot)?;
        match waits {
            true => Ok(()),
            false => Err(format!("{spot:?} was asked for and is not in the queue")),
        }
    }

    /// Whether a record is in the queue, where one could be asked for.
    fn is_waited_for(&self, (place, of, bucket): Spot) -> Held<bool> {
        if place == 0 {
            return Ok(true);
        }
        let pending = self.world.view(place).pending(&entity(of), at(bucket)).map_err(said)?;
        let Some(pending) = pending else { return Ok(false) };
        Ok(matches!(pending.state().map_err(said)?, PendingState::Waiting { .. }))
    }

    pub(super) fn precompute(&mut self, (place, of, bucket): Spot) -> Held {
        match self.world.view(place).precompute([entity(of)], buckets(bucket..BUCKETS)) {
            Err(error) if place == 0 && error.kind() == ErrorKind::Input => Ok(()),
            begun => begun.map(drop).map_err(said),
        }
    }

    /// Does one piece of work, if there is any. Whatever it did, what says that it is fresh is.
    pub(super) fn work(&mut self) -> Held<bool> {
        let Some(worked) = self.store.build_next().map_err(said)? else { return Ok(false) };
        if let Some(error) = worked.failed.first() {
            return Err(format!("work on {:?} {:?} failed: {error}", worked.view, worked.buckets));
        }
        if !self.moves {
            self.check(false)?;
        }
        Ok(true)
    }

    pub(super) fn work_while(&mut self, after: u64, event: Event) -> Held {
        let (worked, happened) = self.during(after, event, |engine| engine.work().map(drop));
        match worked {
            Err(what) if what.contains("deleted while") && happened => {}
            worked => worked?,
        }
        self.check(false)
    }

    /// Does all the work there is: then everything that is there is fresh, and all that was asked
    /// for is there.
    pub(super) fn work_all(&mut self) -> Held {
        self.work_on()?;
        if std::mem::take(&mut self.crashed) {
            // The last build that was noted as begun may be what ended the process, for all that
            // the file knows. It rests until it is asked for.
            let not_there = |spot: &Spot| matches!(self.peek(*spot), Ok(None));
            let lost: Vec<Spot> = self.requested.iter().copied().filter(not_there).collect();
            for spot in lost.into_iter().chain(self.not_fresh()?) {
                self.request(spot)?;
            }
            self.work_on()?;
        }
        if let Some(spot) = self.not_fresh()?.first() {
            let freshness = self.peek(*spot)?.map(|record| record.freshness());
            return Err(format!("all work is done, but {spot:?} is {freshness:?}"));
        }
        for spot in std::mem::take(&mut self.requested) {
            let there = self.peek(spot)?;
            if !there.as_ref().is_some_and(|record| record.is_fresh() || self.put_is_marked) {
                let freshness = there.as_ref().map(Record::freshness);
                return Err(format!("all work is done, but {spot:?}, asked for, is {freshness:?}"));
            }
        }
        let runs = self.store.runs().map_err(said)?;
        for status in runs.iter().map(tidetable::Run::status) {
            // A view that is laid out anew ends the runs that have work of it left.
            let has_ended = matches!(status.state, RunState::Completed | RunState::Failed);
            if !has_ended || status.failed > 0 {
                return Err(format!("all work is done, but a run is {status:?}"));
            }
        }
        Ok(())
    }

    fn work_on(&mut self) -> Held {
        for _ in 0..PIECES_MAX {
            if !self.work()? {
                return Ok(());
            }
        }
        Err(format!("there is work after {PIECES_MAX} pieces"))
    }

    /// What is there and could be fresh if somebody worked at it.
    fn not_fresh(&self) -> Held<Vec<Spot>> {
        let mut all = Vec::new();
        // What is built from a put record that is marked cannot be fresh.
        let views = if self.put_is_marked { 0 } else { self.plan.views.len() };
        for place in 1..views {
            for (entity, bucket) in self.spots() {
                let spot = (place, entity, bucket);
                if self.peek(spot)?.is_some_and(|record| !record.is_fresh()) {
                    all.push(spot);
                }
            }
        }
        Ok(all)
    }
}
