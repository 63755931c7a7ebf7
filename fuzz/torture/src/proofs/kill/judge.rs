//! Whoever opens the file after a kill, and holds what he finds against the log.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::Ordering::SeqCst;

use tidetable::{Error, Record, View};

use super::log::{GONE, Ledger, Log, Phase, Thing};
use super::work;
use super::world::{
    self, BUCKETS, Cell, ENTITIES, ORDERED, SOURCES, TOGETHER, World, all, at, place,
};

type Held<T = ()> = Result<T, String>;

/// What a judge has in hand.
struct Judge {
    world: World,
    ledger: Ledger,
}

/// How much of what was found was fresh, so that it was told which records could have been wrong.
#[derive(Clone, Copy, Debug, Default)]
pub struct Findings {
    pub fresh: u64,
    pub marked: u64,
    /// Intents of changes that were begun, and whose announcement nobody has acknowledged.
    pub promised: u64,
}

/// Looks through a store after a kill. In the round's own, told by a log, what was found is written down
/// (no later kill may undo it), and what is left is built.
pub fn judge(path: &Path, folder: &Path, log: Option<&Log>) -> Held<Findings> {
    let ledger = Ledger::read(folder).map_err(|cause| format!("the log: {cause}"))?;
    let world = World::open(path, 0, world::sources(&ledger)).map_err(told("opening it"))?;
    let judge = Judge { world, ledger };
    let findings = judge.look()?;
    if let Some(log) = log {
        judge.write_down(log)?;
        // After an unclean end each build is noted first, with a sync of its own: not in each copy too.
        judge.drain()?;
    }
    judge.world.store.close().map_err(told("closing it"))?;
    Ok(findings)
}

fn told(what: &str) -> impl Fn(Error) -> String + '_ {
    move |error| format!("{what}: {error}")
}

/// The buckets of a record that is there or not.
type Value = Option<u64>;

impl Judge {
    fn look(&self) -> Held<Findings> {
        let World { store, low, high, synced, asked, ran, .. } = &self.world;
        let (clock, now) = (self.ledger.line(Thing::Clock, 0).kept, store.revision().get());
        if now < clock {
            return Err(format!("the clock went back: r{now}, and r{clock} was told"));
        }
        for (thing, key) in self.things() {
            self.value(thing, key)?;
        }
        let mut findings = Findings::default();
        for view in [low, high] {
            for entity in 0..ENTITIES {
                for bucket in 0..BUCKETS {
                    self.hold(view, entity, bucket, &mut findings)?;
                }
            }
        }
        for view in [synced, asked, ran] {
            for entity in 0..ORDERED {
                for bucket in 0..BUCKETS {
                    self.hold(view, entity, bucket, &mut findings)?;
                }
            }
        }
        for (view, thing) in [(synced, Thing::Built), (ran, Thing::Ran)] {
            self.is_there(view, thing)?;
        }
        for source in 0..SOURCES as usize {
            let line = self.ledger.line(Thing::Source, source);
            findings.promised += u64::from(line.kept > line.acknowledged);
        }
        store.runs().map_err(told("its runs")).map(|_| findings)
    }

    fn things(&self) -> impl Iterator<Item = (Thing, u64)> + '_ {
        let things = [Thing::Put, Thing::Together, Thing::Input, Thing::InputsTogether];
        things.into_iter().flat_map(|thing| (0..SOURCES).map(move |key| (thing, key)))
    }

    /// What stands there, if that can be.
    fn value(&self, thing: Thing, key: u64) -> Held<Value> {
        let World { puts, together, input, inputs_together, .. } = &self.world;
        let native = |record: Option<Record<u64>>| record.map(|record| record.to_native());
        let whole = |values: Vec<Value>| match values.iter().all(|value| *value == values[0]) {
            true => Ok(values[0]),
            false => Err(format!("{thing:?} {key}: half of what was put together: {values:?}")),
        };
        let value = match thing {
            Thing::Put => puts.peek(&key, at(0)).map(native).map_err(told("a put"))?,
            Thing::Input => input.get(&key).map(native).map_err(told("an input"))?,
            Thing::Together => {
                let peek = |bucket| together.peek(&key, at(bucket)).map(native);
                let values: Result<_, _> = (0..TOGETHER).map(peek).collect();
                whole(values.map_err(told("what was put together"))?)?
            }
            _ => {
                let get = |part| inputs_together.get(&(key * TOGETHER + part)).map(native);
                let values: Result<_, _> = (0..TOGETHER).map(get).collect();
                whole(values.map_err(told("what was set together"))?)?
            }
        };
        let line = self.ledger.line(thing, key as usize);
        let may_be_gone = || {
            line.kept == 0
                || thing == Thing::Put && (line.kept..=line.begun).any(|n| n.is_multiple_of(GONE))
        };
        match value {
            None if may_be_gone() => Ok(value),
            Some(number) if (line.kept..=line.begun).contains(&number) => Ok(value),
            _ => Err(format!("{thing:?} {key} is {value:?}: {line:?}")),
        }
    }

    /// Holds a record as it stands against what may not be forgotten.
    fn hold(
        &self,
        view: &View<u64, Cell>,
        entity: u64,
        bucket: u64,
        findings: &mut Findings,
    ) -> Held {
        let record = view.peek(&entity, at(bucket)).map_err(told(view.name()))?;
        let Some(record) = record else { return Ok(()) };
        let wrong = |what: &str, against: &dyn std::fmt::Debug| {
            let (near, far, input) = (record.near, record.far, record.input);
            Err(format!(
                "{} of entity {entity}, bucket {bucket} {what}: {near} {far} {input} is {}; \
                 {against:?}; {record:?}",
                view.name(),
                record.freshness(),
            ))
        };
        if record.place.to_native() != place(entity, at(bucket)) {
            return wrong("is another record", &record.place);
        }
        let has_far = view.name() == self.world.high.name();
        let versions = [record.near.to_native(), record.far.to_native()];
        for (source, version) in self.world.sources_of(entity, has_far).zip(versions) {
            let line = self.ledger.line(Thing::Source, source as usize);
            let least = if record.is_fresh() { line.kept } else { 0 };
            if !(least..=line.begun).contains(&version) {
                return wrong("has a version that cannot be", &line);
            }
        }
        let reads_input = has_far || view.name() == self.world.low.name();
        if record.is_fresh() && reads_input {
            let input = self.value(Thing::Input, entity % SOURCES)?.unwrap_or(0);
            if record.input.to_native() != input {
                return wrong("is fresh and has another input", &input);
            }
        }
        *(if record.is_fresh() { &mut findings.fresh } else { &mut findings.marked }) += 1;
        Ok(())
    }

    /// Whether all that was promised of a view is there.
    fn is_there(&self, view: &View<u64, Cell>, thing: Thing) -> Held {
        for entity in 0..ORDERED {
            if self.ledger.line(thing, entity as usize).kept == 0 {
                continue;
            }
            for bucket in 0..BUCKETS {
                if view.peek(&entity, at(bucket)).map_err(told(view.name()))?.is_none() {
                    return Err(format!("{thing:?} {entity}: bucket {bucket} is not there"));
                }
            }
        }
        Ok(())
    }

    /// Writes down what stands there: after a reopening it is no longer open.
    fn write_down(&self, log: &Log) -> Held {
        let failed = |cause| format!("the log: {cause}");
        for (thing, key) in self.things() {
            if let Some(number) = self.value(thing, key)? {
                log.tell(thing, key as usize, Phase::Done, number).map_err(failed)?;
            }
        }
        let now = self.world.store.revision().get();
        log.tell(Thing::Clock, 0, Phase::Done, now).map_err(failed)?;
        work::settle(&self.world, log, &self.ledger).map_err(|cause| cause.to_string())
    }

    /// Builds what is left to build: all that was asked for is there then, and what was announced
    /// is fresh and right.
    fn drain(&self) -> Held {
        let World { low, high, asked, sources, .. } = &self.world;
        self.build_what_is_left()?;
        if self.ask_again()? {
            self.build_what_is_left()?;
        }
        self.is_there(asked, Thing::Asked)?;
        for view in [low, high] {
            for entity in 0..ENTITIES {
                let timeline = view.range(&entity, all()).map_err(told(view.name()))?;
                let has_far = view.name() == high.name();
                let now = self.world.sources_of(entity, has_far);
                let mut now = now.map(|source| sources[source as usize].load(SeqCst));
                let (near, far) = (now.next().unwrap_or(0), now.next().unwrap_or(0));
                let is_right = |cell: &<Cell as rkyv::Archive>::Archived| {
                    cell.near.to_native() == near && cell.far.to_native() == far
                };
                let all_right = timeline.iter().all(|(_, cell)| is_right(cell));
                if !timeline.is_fresh() || timeline.len() as u64 != BUCKETS || !all_right {
                    let name = view.name();
                    return Err(format!("{name} of entity {entity} is not right when it is quiet"));
                }
            }
        }
        Ok(())
    }
}

impl Judge {
    fn build_what_is_left(&self) -> Held {
        let mut worked = 0;
        while self.world.store.build_next().map_err(told("building what is left"))?.is_some() {
            worked += 1;
            if worked > WORK_MAX {
                return Err("what is left to build has no end".to_owned());
            }
        }
        Ok(())
    }

    /// Asks again for what was being built when a process ended: that rests, and is told of. What
    /// was asked for and neither is there nor is told of was lost. Whether there was any.
    fn ask_again(&self) -> Held<bool> {
        let World { store, asked, .. } = &self.world;
        let resting = store.failures(FAILURES_MAX).map_err(told("what rests"))?;
        let resting = resting.iter().filter(|failed| failed.error.view() == Some(asked.name()));
        let resting: HashSet<_> = resting
            .map(|failed| (failed.error.entity().map(<[u8]>::to_vec), failed.bucket))
            .collect();
        let mut any = false;
        for entity in 0..ORDERED {
            if self.ledger.line(Thing::Asked, entity as usize).kept == 0 {
                continue;
            }
            for bucket in 0..BUCKETS {
                let found = asked.peek(&entity, at(bucket)).map_err(told(asked.name()))?;
                if found.is_some() {
                    continue;
                }
                let place = asked.grid().bucket_at(at(bucket)).map_err(told(asked.name()))?;
                // As keys of numbers are.
                let key = Some(entity.to_be_bytes().to_vec());
                if !resting.contains(&(key, Some(place))) {
                    return Err(format!("{entity} was asked for: bucket {bucket} is not there"));
                }
                asked.request(&entity, at(bucket)).map_err(told(asked.name()))?;
                any = true;
            }
        }
        Ok(any)
    }
}

/// More do not rest.
const FAILURES_MAX: usize = 10_000;
/// Pages and rows that are left to build are far fewer.
const WORK_MAX: u64 = 1_000_000;
