//! Doing the steps of a workload to a store, and noting what they promise.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use tidetable::{Changes, ErrorKind, ManualClock, Refresh, Result, Revision, Span};

use super::app::{App, KEPT_MINUTES, World, beginning, entity, start_of, starts_of};
use super::history::{History, Moment};
use super::recipes::{BUCKETS, ENTITIES, PLACES, Place, SOURCES, SPOTS, Spot, spot};
use super::seen::Seen;
use super::step::{Announcing, Deleting, Reading, Scope, Step};
use super::truth::{Put, Truth, Turn};
use crate::disk::Disk;

/// A store that is worked with.
pub struct Work {
    pub disk: Disk,
    pub history: History,
    pub app: App,
    memory_bytes: usize,
    /// The revision at which it all began.
    begun: Revision,
}

/// What the acknowledgement of a step promises.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// It lasts, and with it all that was before.
    Synced,
    /// It lasts; where that needed no sync nothing else was made to last by it.
    Durable,
    /// Nothing; it was built, and can be built again.
    UntilLater,
}

impl Work {
    /// Creates a store on an empty disk.
    pub fn create(disk: Disk, memory_bytes: usize) -> Result<Self> {
        let clock = Arc::new(ManualClock::new(beginning()));
        let world = Arc::new(World::default());
        world.set_all(Truth::nothing().sources);
        let app = App::open(&disk, true, memory_bytes, &clock, &world)?;
        let mut history = History::of_nothing();
        history.0[0].kept_from = Some(disk.changes());
        history.0[0].synced_from = Some(disk.changes());
        let begun = app.store.revision();
        Ok(Self { disk, history, app, memory_bytes, begun })
    }

    /// Defines the views, each in a commit of its own.
    pub fn define(&mut self) -> Result<()> {
        let mut truth = self.truth();
        for place in PLACES {
            let page_len = if place.is_timeless() { 1 } else { 2 };
            truth.defined[place as usize] = Some((1, page_len));
            let defined = truth.defined;
            let define = |work: &mut Self| work.app.define(&defined);
            self.run(
                &format!("define {}", place.name()),
                Kept::Durable,
                vec![truth.clone()],
                define,
            )?;
        }
        Ok(())
    }

    fn truth(&self) -> Truth {
        self.history.now().truth.clone()
    }

    /// Runs something that leads through some states, the last of which is acknowledged.
    fn run(
        &mut self,
        what: &str,
        kept: Kept,
        states: Vec<Truth>,
        act: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let (begun, syncs) = (self.disk.changes(), self.disk.syncs());
        let now = self.app.now();
        self.history.0.extend(
            states.into_iter().map(|truth| Moment::new(what.to_owned(), begun, now, truth)),
        );
        act(self)?;
        let after = self.disk.changes();
        let synced = kept == Kept::Synced || self.disk.syncs() > syncs;
        let last = self.last();
        last.kept_from = (kept != Kept::UntilLater).then_some(after);
        last.synced_from = last.kept_from.filter(|_| synced);
        let seen = Seen::of(&self.app, self.truth().defined)?;
        self.last().seen = Some(seen);
        Ok(())
    }

    fn last(&mut self) -> &mut Moment {
        self.history.0.last_mut().expect("it begins with an empty store")
    }

    pub fn step(&mut self, step: Step) -> Result<()> {
        self.app.clock.advance(Span::millis(1));
        let what = format!("{step:?}");
        let now = self.app.now();
        let mut truth = self.truth();
        match step {
            Step::Change { first, second, how } => self.change(&what, first, second, how),
            Step::Set { key, value } => {
                truth.inputs[key] = value;
                self.run(&what, Kept::Durable, vec![truth], |work| {
                    let input = work.app.input();
                    match value {
                        Some(value) => input.set(&(key as u8), &value).map(drop),
                        None => input.remove(&(key as u8)).map(drop),
                    }
                })
            }
            Step::Put { at, value } => {
                truth.put[at] = Some(Put { value, source: None, is_right: true });
                self.run(&what, Kept::Durable, vec![truth], |work| {
                    let view = work.app.view(Place::Put);
                    view.put(&entity(at / BUCKETS), start_of(at % BUCKETS), &vec![value])
                })
            }
            Step::PutMany { at, value } => {
                let buckets = at % BUCKETS..BUCKETS;
                for bucket in buckets.clone() {
                    let put = Put { value: value + bucket as u32, source: None, is_right: true };
                    truth.put[spot(at / BUCKETS, bucket)] = Some(put);
                }
                self.run(&what, Kept::Durable, vec![truth], |work| {
                    let records = buckets.map(|bucket| {
                        (entity(at / BUCKETS), start_of(bucket), vec![value + bucket as u32])
                    });
                    work.app.view(Place::Put).put_many(records).map(drop)
                })
            }
            Step::PutDepending { at, value, source, long_ago } => {
                let is_right = !long_ago || truth.sources[source] == 1;
                truth.put[at] = Some(Put { value, source: Some(source), is_right });
                self.run(&what, Kept::Durable, vec![truth], |work| {
                    let as_of = if long_ago { work.begun } else { work.app.store.revision() };
                    let (of, start) = (entity(at / BUCKETS), start_of(at % BUCKETS));
                    let sources = [("source", source as u64)];
                    work.app.view(Place::Put).put_depending(
                        &of,
                        start,
                        &vec![value],
                        sources,
                        as_of,
                    )
                })
            }
            Step::Together { place, at, value, source } => {
                let made_from = value as usize % SOURCES;
                truth.inputs[at % ENTITIES] = Some(value);
                truth.put[at] = Some(Put { value, source: Some(made_from), is_right: true });
                truth.announce(source, truth.sources[source] + 1);
                self.app.world.set(source, truth.sources[source]);
                self.run(&what, Kept::Durable, vec![truth], |work| {
                    work.app.write_together(place, at, value, [made_from, source])
                })
            }
            Step::Read { place, at, how } => {
                self.run(&what, Kept::UntilLater, vec![truth], |work| work.app.read(place, at, how))
            }
            Step::Invalidate { place, at, scope } => {
                for meant in (0..place.spots()).filter(|spot| scope.means(place, at, *spot)) {
                    truth.invalidated[place as usize][meant] = now;
                    if let (Place::Put, Some(put)) = (place, &mut truth.put[meant]) {
                        put.is_right = false;
                    }
                }
                self.run(&what, Kept::Durable, vec![truth], |work| {
                    work.app.invalidate(place, at, scope)
                })
            }
            Step::Delete { place, at, scope } => {
                for meant in (0..place.spots()).filter(|spot| scope.means(place, at, *spot)) {
                    truth.deleted[place as usize][meant] = now;
                    if place == Place::Put {
                        truth.put[meant] = None;
                    }
                }
                self.run(&what, Kept::Durable, vec![truth], |work| {
                    work.app.delete(place, at, scope)
                })
            }
            Step::Work { pieces } => self.run(&what, Kept::UntilLater, vec![truth], |work| {
                for _ in 0..pieces {
                    if !work.app.work()? {
                        break;
                    }
                }
                Ok(())
            }),
            Step::Precompute { place, at } => {
                truth.runs.push(Turn::Going);
                self.run(&what, Kept::Durable, vec![truth], |work| {
                    let range = starts_of(at % BUCKETS..BUCKETS);
                    let entities = [entity(at / BUCKETS), entity(0)];
                    work.app.view(place).precompute(entities, range).map(drop)
                })
            }
            Step::Refresh => {
                truth.runs.push(Turn::Going);
                self.run(&what, Kept::Durable, vec![truth], |work| {
                    work.app.store.refresh(&Refresh::lacking()).map(drop)
                })
            }
            Step::Turn { turn } => self.turn(&what, turn),
            Step::Wait { minutes } => {
                self.app.clock.advance(Span::minutes(minutes));
                self.retire(&what)
            }
            Step::Raise { place } => {
                let (version, page_len) = truth.defined[place as usize].unwrap_or((0, 1));
                let page_len = if place.is_timeless() { 1 } else { 5 - page_len.clamp(1, 4) };
                truth.defined[place as usize] = Some((version + 1, page_len));
                let defined = truth.defined;
                self.run(&what, Kept::Durable, vec![truth], |work| work.app.define(&defined))
            }
            Step::Renew => self.renew(&what),
            Step::Sync => self.run(&what, Kept::Synced, vec![truth], |work| work.app.store.sync()),
            Step::Reopen => self.reopen(&what),
        }
    }

    fn change(&mut self, what: &str, first: usize, second: usize, how: Announcing) -> Result<()> {
        let changed: Vec<usize> = match how {
            Announcing::Kind | Announcing::Reconcile => (0..SOURCES).collect(),
            Announcing::Both | Announcing::ChangeBoth if first != second => vec![first, second],
            _ => vec![first],
        };
        let before = self.truth();
        let mut truth = before.clone();
        let version = |source: usize| before.sources[source] + 1;
        changed.iter().for_each(|&source| truth.announce(source, version(source)));
        let world = self.app.world.clone();
        let become_so = || changed.iter().for_each(|&source| world.set(source, version(source)));
        if !how.is_a_change() {
            become_so();
            return self
                .run(what, Kept::Durable, vec![truth], |work| work.app.announce(&changed, how));
        }
        let mut noted = before.clone();
        changed.iter().for_each(|&source| noted.changing[source] = true);
        self.run(what, Kept::Durable, vec![noted, truth], |work| {
            let (store, noted) = (work.app.store.clone(), work.history.0.len() - 2);
            let sources: Vec<_> = changed.iter().map(|&source| ("source", source as u64)).collect();
            let mut answer = Ok(());
            let change = || {
                // That it runs is how it is told that the change is noted.
                let now = Some(work.disk.changes());
                (work.history.0[noted].kept_from, work.history.0[noted].synced_from) = (now, now);
                if how == Announcing::ChangeBoth {
                    answer = work.app.read(Place::Total, spot(second % ENTITIES, 0), Reading::Get);
                }
                become_so();
                work.history.0[noted + 1].begun = work.disk.changes();
                if how == Announcing::ChangePanics {
                    resume_unwind(Box::new("half way"));
                }
                if how == Announcing::ChangeFails { Err("no room") } else { Ok(()) }
            };
            let changed = catch_unwind(AssertUnwindSafe(|| store.change_many(sources, change)));
            match changed {
                Ok(changed) => drop(changed?),
                Err(panic) if how == Announcing::ChangePanics => drop(panic),
                Err(panic) => resume_unwind(panic),
            }
            answer
        })
    }

    /// The run that was begun last, if it has not ended, is paused, goes on or is cancelled.
    fn turn(&mut self, what: &str, turn: Turn) -> Result<()> {
        let mut truth = self.truth();
        let runs = self.app.store.runs()?;
        let last = runs.iter().max_by_key(|run| run.id());
        let last = last.filter(|run| !run.status().state.has_ended());
        if let (Some(_), Some(standing)) = (last, truth.runs.last_mut()) {
            *standing = turn;
        }
        self.run(what, Kept::Durable, vec![truth], |_| match (last, turn) {
            (None, _) => Ok(()),
            (Some(run), Turn::Paused) => run.pause(),
            (Some(run), Turn::Going) => run.resume(),
            (Some(run), Turn::Cancelled) => run.cancel(),
        })
    }

    /// What is no longer kept goes.
    fn retire(&mut self, what: &str) -> Result<()> {
        let mut truth = self.truth();
        let (now, kept) = (self.app.now(), KEPT_MINUTES * 60_000);
        for at in 0..SPOTS {
            if start_of(at % BUCKETS + 1).as_millis() + kept <= now {
                truth.deleted[Place::Given as usize][at] = now;
            }
        }
        self.run(what, Kept::Durable, vec![truth], |work| {
            work.app.view(Place::Given).apply_retention().map(drop)
        })
    }

    fn renew(&mut self, what: &str) -> Result<()> {
        let (place, now) = (Place::Given, self.app.now());
        let mut deleted = self.truth();
        deleted.defined[place as usize] = None;
        deleted.deleted[place as usize] = [now; SPOTS];
        self.run(&format!("{what}: deleted"), Kept::Durable, vec![deleted.clone()], |work| {
            let deleted = work.app.store.delete_view(place.name());
            work.app.define_none_of(place);
            deleted.map(drop)
        })?;
        deleted.defined[place as usize] = Some((1, 3));
        let defined = deleted.defined;
        self.run(what, Kept::Durable, vec![deleted], |work| work.app.define(&defined))
    }

    fn reopen(&mut self, what: &str) -> Result<()> {
        let truth = self.truth();
        let defined = truth.defined;
        self.run(&format!("{what}: closed"), Kept::Synced, vec![truth.clone()], |work| {
            work.app.store.close()?;
            let (clock, world) = (work.app.clock.clone(), work.app.world.clone());
            work.app = App::open(&work.disk, false, work.memory_bytes, &clock, &world)?;
            work.app.define(&defined)
        })
    }

    /// Closes the store for good. What is there stays as it was.
    pub fn close(&mut self) -> Result<()> {
        let (begun, now, truth) = (self.disk.changes(), self.app.now(), self.truth());
        self.history.0.push(Moment::new("closed".to_owned(), begun, now, truth));
        self.app.store.close()?;
        let closed = Some(self.disk.changes());
        (self.last().kept_from, self.last().synced_from) = (closed, closed);
        Ok(())
    }
}

impl Announcing {
    fn is_a_change(self) -> bool {
        matches!(self, Self::Change | Self::ChangeFails | Self::ChangePanics | Self::ChangeBoth)
    }
}

impl App {
    /// Does one piece of background work, if there is any.
    pub fn work(&self) -> Result<bool> {
        match self.store.build_next()? {
            None => Ok(false),
            Some(worked) => worked.failed.into_iter().next().map_or(Ok(true), Err),
        }
    }

    pub fn read(&self, place: Place, at: Spot, how: Reading) -> Result<()> {
        let (view, of) = (self.view(place), entity(at / BUCKETS));
        let (start, rest) = (start_of(at % BUCKETS), starts_of(at % BUCKETS..BUCKETS));
        let read = match how {
            Reading::Get => view.get(&of, start).map(drop),
            Reading::Range => view.range(&of, rest).map(drop),
            Reading::Fill => view.fill(&of, rest).and_then(|filled| filled.complete()).map(drop),
            Reading::Many => {
                let entities: Vec<_> = (0..ENTITIES).map(entity).collect();
                view.get_many(&entities, start).into_iter().try_for_each(|read| read.map(drop))
            }
            Reading::Request => view.request(&of, start).map(drop),
        };
        match read {
            Err(error) if error.kind() == ErrorKind::Absent => Ok(()),
            read => read,
        }
    }

    /// The record that is put was made from the first source, the second is announced.
    fn write_together(
        &self,
        place: Place,
        at: Spot,
        value: u32,
        sources: [usize; 2],
    ) -> Result<()> {
        let (of, start) = (entity(at / BUCKETS), start_of(at % BUCKETS));
        let [made_from, announced] = sources.map(|source| ("source", source as u64));
        let mut writes = self.store.writes();
        writes.invalidate(announced)?.request(self.view(place), &of, start)?;
        writes.set(self.input(), &((at % ENTITIES) as u8), &value)?;
        writes.put_depending(self.view(Place::Put), &of, start, &vec![value], [made_from])?;
        writes.commit().map(drop)
    }

    fn announce(&self, changed: &[usize], how: Announcing) -> Result<()> {
        let key = |source: usize| ("source", source as u64);
        let version = |source: usize| u64::from(self.world.version(source));
        match how {
            Announcing::Source => self.store.invalidate(key(changed[0])).map(drop),
            Announcing::Kind => self.store.invalidate_kind("source").map(drop),
            Announcing::Reconcile => {
                let versions = changed.iter().map(|&source| (source as u64, version(source)));
                self.store.reconcile("source", versions).map(drop)
            }
            _ => {
                let with = |changes: Changes, &source: &usize| match source % 2 {
                    0 => changes.source(key(source)),
                    _ => changes.source_at(key(source), version(source)),
                };
                let changes = changed.iter().fold(Changes::new(), with);
                self.store.invalidate_all(&changes).map(drop)
            }
        }
    }

    fn invalidate(&self, place: Place, at: Spot, scope: Scope) -> Result<()> {
        let (view, of) = (self.view(place), entity(at / BUCKETS));
        let range = starts_of(at % BUCKETS..at % BUCKETS + 2);
        let marked = match scope {
            Scope::Entity => view.invalidate(&of),
            Scope::Range => view.invalidate_range(&of, range),
            Scope::Prefix => view.invalidate_prefix(&(of.0,)),
            Scope::Between => view.invalidate_between(range),
            Scope::View => view.invalidate_all(),
        };
        marked.map(drop)
    }

    fn delete(&self, place: Place, at: Spot, scope: Deleting) -> Result<()> {
        let (view, of) = (self.view(place), entity(at / BUCKETS));
        let deleted = match scope {
            Deleting::Entity => view.delete(&of),
            Deleting::Range => view.delete_range(&of, starts_of(at % BUCKETS..at % BUCKETS + 2)),
            Deleting::Before => view.delete_before(start_of(at % BUCKETS)),
            Deleting::All => view.clear(),
        };
        deleted.map(drop)
    }
}
