//! The real engine under a program: what each step does to it, and what has to hold then.

use std::sync::Arc;

use crate::common::still;
use tidetable::{Changes, ManualClock, Options, Revision, Span, Store};

use super::naive::{Announced, Naive, Spot};
use super::plan::{BUCKETS, Plan, SOURCES, ViewPlan};
use super::step::{Announcing, Deleting, Scope, Step};
use super::values::Values;
use super::world::{Entity, Owned, World, at, buckets, entity};
use crate::common::disk::{Cut, Disk, Images};

/// What does not hold; an error of the engine that nothing explains too.
pub(crate) type Held<T = ()> = Result<T, String>;

pub(crate) struct Engine<'p> {
    pub(super) plan: &'p Plan,
    pub(super) world: Arc<World>,
    pub(super) announced: Announced,
    /// What each source was before it changed the last time.
    before: Vec<Owned>,
    pub(super) last_version: u64,
    /// What was put may be marked, and then stays so.
    pub(super) put_is_marked: bool,
    /// Something may happen while it is read.
    pub(super) moves: bool,
    /// It has been opened after a crash.
    pub(super) crashed: bool,
    /// What was asked for and not deleted since.
    pub(super) requested: Vec<Spot>,
    /// The revision at which it all began.
    begun: Revision,
    clock: Arc<ManualClock>,
    memory_bytes: usize,
    /// Of each view, as it is defined now.
    page_lens: Vec<u32>,
    /// What the disk held when the store was opened.
    base: Vec<u8>,
    disk: Disk,
    pub(super) store: Store,
}

pub(super) fn said(error: tidetable::Error) -> String {
    format!("the engine says: {error}")
}

impl<'p> Engine<'p> {
    pub(crate) fn new(plan: &'p Plan) -> Held<Self> {
        let world = World::new();
        let announced = Announced::new(&world, plan.views.len());
        let before = (0..SOURCES).map(|source| world.owned(source)).collect();
        let clock = Arc::new(ManualClock::new(at(BUCKETS)));
        let disk = Disk::default();
        let store = open(&disk, &clock, plan.memory_bytes).map_err(said)?;
        let memory_bytes = plan.memory_bytes;
        let (last_version, put_is_marked, base) = (1, false, Vec::new());
        let engine = Self {
            plan,
            world,
            announced,
            before,
            last_version,
            put_is_marked,
            moves: false,
            crashed: false,
            requested: Vec::new(),
            begun: store.revision(),
            clock,
            memory_bytes,
            page_lens: plan.views.iter().map(|view| view.page_len).collect(),
            base,
            disk,
            store,
        };
        engine.define().map_err(said)?;
        Ok(engine)
    }

    fn define(&self) -> tidetable::Result<()> {
        self.world.define_input(&self.store)?;
        for (place, plan) in self.plan.views.iter().enumerate() {
            let version = self.announced.versions[place];
            let plan = ViewPlan { page_len: self.page_lens[place], ..plan.clone() };
            self.world.define(&self.store, place, &plan, version)?;
        }
        Ok(())
    }

    pub(super) fn naive(&self) -> Naive<'_> {
        Naive::new(self.plan, &self.announced, &self.world)
    }

    pub(crate) fn step(&mut self, step: Step) -> Held {
        match step {
            Step::Alter { source, value } => self.alter(source, value),
            Step::Announce { source, versioned } => {
                let changes = self.of_source(Changes::new(), source, versioned);
                self.announce(&changes, &[source])?;
            }
            Step::AnnounceBoth { first, second } => {
                let changes = self.of_source(Changes::new(), first, true);
                let changes = self.of_source(changes, second, false);
                self.announce(&changes, &[first, second])?;
            }
            Step::AnnounceKind => {
                self.announce(&Changes::new().kind("source"), &[0, 1, 2, 3])?;
            }
            Step::Change { source, value, how } => self.change(source, value, how)?,
            Step::Return { source, value } => self.turn_back(source, value)?,
            Step::Reconcile => {
                let all = (0..SOURCES).map(|at| (at as u64, self.world.owned(at).version));
                self.store.reconcile("source", all).map_err(said)?;
                self.settle(&[0, 1, 2, 3]);
            }
            Step::Set { key, value } => {
                let differed = self.world.input().set(&(key as u8), &value).map_err(said)?;
                let before = self.announced.inputs[key].replace(value);
                if differed != (before != Some(value)) {
                    return Err(format!("set of {value} after {before:?} says {differed}"));
                }
            }
            Step::Unset { key } => {
                let was_there = self.world.input().remove(&(key as u8)).map_err(said)?;
                if was_there != self.announced.inputs[key].take().is_some() {
                    return Err("an input was or was not there".to_owned());
                }
            }
            Step::Put { entity, bucket, value } => {
                let put = self.world.view(0).put(&super::world::entity(entity), at(bucket), &value);
                put.map_err(said)?;
                self.announced.put[entity][bucket] = Some(value);
            }
            Step::PutMany { entity, bucket, value } => {
                let all = (bucket..BUCKETS).map(|bucket| (entity, bucket, value));
                self.put_many(all.collect())?;
            }
            Step::PutDepending { entity, bucket, source, long_ago } => {
                self.put_depending(entity, bucket, source, long_ago)?;
            }
            Step::Together { place, entity, bucket, source, value } => {
                self.write_together((place, entity, bucket), source, value)?;
            }
            Step::Read { place, entity, bucket, how } => self.read((place, entity, bucket), how)?,
            Step::ReadWhile { place, entity, bucket, how, after, event } => {
                self.read_while((place, entity, bucket), how, after, event)?;
            }
            Step::Invalidate { place, entity, bucket, scope } => {
                self.invalidate((place, entity, bucket), scope)?;
            }
            Step::Delete { place, entity, bucket, scope } => {
                self.delete((place, entity, bucket), scope)?;
            }
            Step::Wait { minutes } => self.clock.advance(Span::minutes(minutes)),
            Step::Redefine { place, page_len } => self.redefine(place, page_len)?,
            Step::Sync => self.store.sync().map_err(said)?,
            Step::Reopen { memory_bytes } => self.reopen(memory_bytes)?,
            Step::Crash { torn } => self.crash(torn)?,
            Step::Check => self.check(false)?,
            Step::Request { place, entity, bucket } => self.request((place, entity, bucket))?,
            Step::Precompute { place, entity, bucket } => {
                self.precompute((place, entity, bucket))?;
            }
            Step::Work { pieces } => {
                for _ in 0..pieces {
                    if !self.work()? {
                        break;
                    }
                }
            }
            Step::WorkWhile { after, event } => self.work_while(after, event)?,
            Step::WorkAll => self.work_all()?,
        }
        Ok(())
    }

    pub(super) fn alter(&mut self, source: usize, value: u64) {
        self.last_version += 1;
        self.before[source] = self.world.owned(source);
        self.world.own(source, Owned { value, version: self.last_version });
        let all = &mut self.announced.sources[source];
        *all = all.or(Values::one(value));
    }

    /// What was announced is what it is now, and nothing else.
    pub(super) fn settle(&mut self, sources: &[usize]) {
        for source in sources {
            let now = self.world.owned(*source).value;
            self.announced.sources[*source] = Values::one(now);
        }
    }

    fn of_source(&self, changes: Changes, source: usize, versioned: bool) -> Changes {
        let key = ("source", source as u64);
        match versioned {
            true => changes.source_at(key, self.world.owned(source).version),
            false => changes.source(key),
        }
    }

    pub(super) fn announce(&mut self, changes: &Changes, sources: &[usize]) -> Held {
        self.store.invalidate_all(changes).map_err(said)?;
        self.settle(sources);
        Ok(())
    }

    fn change(&mut self, source: usize, value: u64, how: Announcing) -> Held {
        if how == Announcing::AsAChange {
            let store = self.store.clone();
            store.change(("source", source as u64), || self.alter(source, value)).map_err(said)?;
            self.settle(&[source]);
            return Ok(());
        }
        self.alter(source, value);
        if how == Announcing::WithTheKind {
            return self.announce(&Changes::new().kind("source"), &[0, 1, 2, 3]);
        }
        let changes = self.of_source(Changes::new(), source, how == Announcing::Versioned);
        self.announce(&changes, &[source])
    }

    /// There and back again, each announced with its version.
    fn turn_back(&mut self, source: usize, value: u64) -> Held {
        self.step(Step::Announce { source, versioned: true })?;
        self.change(source, value, Announcing::Versioned)?;
        let back = self.before[source];
        self.world.own(source, back);
        self.step(Step::Announce { source, versioned: true })
    }

    pub(super) fn put_many(&mut self, all: Vec<(usize, usize, u64)>) -> Held {
        let records = all.iter().map(|(of, bucket, value)| (entity(*of), at(*bucket), *value));
        self.world.view(0).put_many::<Entity, u64>(records).map_err(said)?;
        for (entity, bucket, value) in all {
            self.announced.put[entity][bucket] = Some(value);
        }
        Ok(())
    }

    /// Puts what is there already, or something new, and says what it was made from. Where that
    /// was seen long ago, the record is marked from the beginning.
    fn put_depending(&mut self, of: usize, bucket: usize, source: usize, long_ago: bool) -> Held {
        self.put_is_marked = true;
        let value = self.announced.put[of][bucket].unwrap_or(7);
        let as_of = if long_ago { self.begun } else { self.store.revision() };
        let sources = [("source", source as u64)];
        let view = self.world.view(0);
        view.put_depending(&entity(of), at(bucket), &value, sources, as_of).map_err(said)?;
        self.announced.put[of][bucket] = Some(value);
        Ok(())
    }

    fn invalidate(&mut self, spot: Spot, scope: Scope) -> Held {
        let (place, of, bucket) = spot;
        let (view, of) = (self.world.view(place), entity(of));
        let range = buckets(bucket..bucket + 2);
        self.put_is_marked |= place == 0;
        let report = match scope {
            Scope::Entity => view.invalidate(&of),
            Scope::Range => view.invalidate_range(&of, range),
            Scope::Prefix => view.invalidate_prefix(&(of.0,)),
            Scope::Between => view.invalidate_between(range),
            Scope::View => view.invalidate_all(),
        };
        report.map_err(said)?;
        let timeless = self.plan.views[place].timeless;
        for (entity, at) in self.spots() {
            let within = (bucket..bucket + 2).contains(&at);
            let meant = match scope {
                Scope::Entity => super::world::entity(entity) == of,
                Scope::Range => super::world::entity(entity) == of && (within || timeless),
                Scope::Prefix => super::world::entity(entity).0 == of.0,
                // A bucket without time has no start that could lie in a range.
                Scope::Between => within && !timeless,
                Scope::View => true,
            };
            if meant && self.peek((place, entity, at))?.is_some_and(|record| record.is_fresh()) {
                return Err(format!("{:?} was invalidated and is fresh", (place, entity, at)));
            }
        }
        Ok(())
    }

    fn delete(&mut self, spot: Spot, scope: Deleting) -> Held {
        let (place, of, bucket) = spot;
        self.requested.retain(|spot| spot.0 != place);
        let view = self.world.view(place);
        let deleted = match scope {
            Deleting::Entity => view.delete(&entity(of)),
            Deleting::Range => view.delete_range(&entity(of), buckets(bucket..bucket + 2)),
            Deleting::Expired => view.apply_retention(),
            Deleting::All => view.clear(),
        };
        deleted.map_err(said)?;
        let timeless = self.plan.views[place].timeless;
        for (entity, at) in self.spots() {
            let within = (bucket..bucket + 2).contains(&at) || timeless;
            let meant = match scope {
                Deleting::Entity => entity == of,
                Deleting::Range => entity == of && within,
                Deleting::Expired => false,
                Deleting::All => true,
            };
            if !meant {
                continue;
            }
            if place == 0 {
                self.announced.put[entity][at] = None;
            }
            if self.peek((place, entity, at))?.is_some() {
                return Err(format!("{:?} was deleted and is there", (place, entity, at)));
            }
        }
        Ok(())
    }

    fn redefine(&mut self, place: usize, page_len: u32) -> Held {
        self.announced.versions[place] += 1;
        self.put_is_marked |= place == 0;
        let version = self.announced.versions[place];
        let page_len = ViewPlan::whole(page_len, self.plan.views[place].by_page);
        let plan = ViewPlan { page_len, ..self.plan.views[place].clone() };
        self.page_lens[place] = page_len;
        self.world.define(&self.store, place, &plan, version).map_err(said)
    }

    fn reopen(&mut self, memory_bytes: usize) -> Held {
        self.world.let_go();
        self.store.close().map_err(said)?;
        self.memory_bytes = memory_bytes;
        self.open_on(self.disk.bytes())
    }

    /// Power is cut: what was not synced is gone, or in part.
    fn crash(&mut self, torn: Option<u64>) -> Held {
        self.crashed = true;
        let calls = self.disk.calls();
        let cut = torn.map_or(Cut::Unsynced, Cut::Torn);
        let bytes = Images::new(std::mem::take(&mut self.base), &calls).after(calls.len(), cut);
        self.world.let_go();
        self.store.close().map_err(said)?;
        self.open_on(bytes)
    }

    fn open_on(&mut self, bytes: Vec<u8>) -> Held {
        self.base = bytes.clone();
        self.disk = Disk::holding(bytes);
        self.store = open(&self.disk, &self.clock, self.memory_bytes).map_err(said)?;
        self.define().map_err(said)
    }
}

/// A handle in the world keeps the store open, whose views keep the world.
impl Drop for Engine<'_> {
    fn drop(&mut self) {
        self.world.let_go();
        drop(self.store.close());
    }
}

fn open(disk: &Disk, clock: &Arc<ManualClock>, memory_bytes: usize) -> tidetable::Result<Store> {
    let options = Options {
        clock: clock.clone(),
        memory_bytes,
        unsynced_age_max: Span::hours(1),
        ..still::options()
    };
    Store::open_backend(disk.backend(), options)
}
