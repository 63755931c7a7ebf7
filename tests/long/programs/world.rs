//! What the application owns, and how its views are built from it on the real engine.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use tidetable::{
    Bucket, BuildContext, BuildError, ErrorKind, Grid, Input, Result, Span, Store, Timeline,
    Timestamp, View,
};

use super::plan::{BUCKETS, ENTITIES, Recipe, SOURCES, VALUES, ViewPlan, opposite, source_of};

pub(crate) type Entity = (u8, u8);
pub(crate) type Handle = View<Entity, u64>;

/// A value that the application owns, and how often it has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owned {
    pub(crate) value: u64,
    pub(crate) version: u64,
}

/// The application: its data, and its handles on the store that is open.
#[derive(Default)]
pub(crate) struct World {
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    sources: Vec<Owned>,
    views: Vec<Handle>,
    input: Option<Input<u8, u64>>,
    /// What is to happen after so many reads of builds.
    coming: Option<(u64, Happening)>,
}

/// Something that another thread does in the midst of a build.
pub(crate) type Happening = Box<dyn FnOnce() -> Result<()> + Send>;

pub(crate) fn entity(index: usize) -> Entity {
    [(0, 0), (0, 1), (1, 0)][index]
}

pub(crate) fn entity_index(entity: Entity) -> usize {
    (0..ENTITIES).find(|index| self::entity(*index) == entity).expect("there are no others")
}

pub(crate) fn at(bucket: usize) -> Timestamp {
    Timestamp::from_millis(bucket as i64 * 60_000)
}

pub(crate) fn buckets(range: Range<usize>) -> Range<Timestamp> {
    at(range.start)..at(range.end)
}

/// The buckets that a record reads which reads some around its own.
pub(crate) fn around(bucket: usize, back: usize, ahead: usize) -> Range<usize> {
    // A page that is built whole may reach beyond the last bucket.
    bucket.saturating_sub(back).min(BUCKETS)..(bucket + ahead + 1).min(BUCKETS)
}

fn bucket_index(bucket: Bucket) -> usize {
    if bucket.is_timeless() { 0 } else { (bucket.start().as_millis() / 60_000) as usize }
}

pub(crate) fn view_name(place: usize) -> String {
    format!("v{place}")
}

impl World {
    pub(crate) fn new() -> Arc<Self> {
        let world = Self::default();
        world.inside().sources = vec![Owned { value: 1, version: 1 }; SOURCES];
        Arc::new(world)
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().expect("nothing panics under it")
    }

    pub(crate) fn owned(&self, source: usize) -> Owned {
        self.inside().sources[source]
    }

    pub(crate) fn own(&self, source: usize, owned: Owned) {
        self.inside().sources[source] = owned;
    }

    pub(crate) fn view(&self, place: usize) -> Handle {
        self.inside().views[place].clone()
    }

    pub(crate) fn input(&self) -> Input<u8, u64> {
        self.inside().input.clone().expect("it is there while a store is open")
    }

    /// Makes something happen after so many reads of builds.
    pub(crate) fn expect(&self, after: u64, happening: Happening) {
        self.inside().coming = Some((after, happening));
    }

    /// Whether what was expected has not happened; then it will not.
    pub(crate) fn call_off(&self) -> bool {
        self.inside().coming.take().is_some()
    }

    /// A build reads.
    fn tick(&self) {
        let mut inside = self.inside();
        let due = match &mut inside.coming {
            Some((0, _)) => inside.coming.take(),
            Some((left, _)) => {
                *left -= 1;
                None
            }
            None => None,
        };
        drop(inside);
        if let Some((_, happening)) = due {
            // Nothing may be written by the thread that builds.
            let happened = std::thread::spawn(happening).join().expect("it does not panic");
            happened.expect("it is nothing that fails");
        }
    }

    /// Forgets all handles.
    pub(crate) fn let_go(&self) {
        let mut inside = self.inside();
        let gone = (std::mem::take(&mut inside.views), inside.input.take());
        drop(inside);
        drop(gone);
    }

    pub(crate) fn define_input(&self, store: &Store) -> Result<()> {
        let input = store.input("input")?;
        self.inside().input = Some(input);
        Ok(())
    }

    /// Defines a view: the next one, or one of those that are there anew.
    pub(crate) fn define(
        self: &Arc<Self>,
        store: &Store,
        place: usize,
        plan: &ViewPlan,
        version: u32,
    ) -> Result<()> {
        let mut definition = store.view::<Entity, u64>(&view_name(place)).version(version);
        if !plan.timeless {
            definition = definition.grid(Grid::minutes(1)).page_len(plan.page_len);
        }
        if let Some(minutes) = plan.retain {
            definition = definition.retain(Span::minutes(minutes));
        }
        let (world, own) = (self.clone(), plan.clone());
        let make = move |cx: &BuildContext, entity: &Entity, bucket: Bucket| {
            let reader = Reader { world: &world, cx, plan: &own };
            let made = reader.make(place, entity_index(*entity), bucket_index(bucket))?;
            Ok::<u64, BuildError>((made + u64::from(version)) % VALUES)
        };
        let view = match plan.recipe {
            Recipe::Put => definition.without_build(),
            _ if plan.by_page => definition.build_page(move |cx, entity, buckets| {
                buckets.iter().map(|bucket| make(cx, entity, *bucket)).collect()
            }),
            _ => definition.build(make),
        }?;
        let mut inside = self.inside();
        let before = match inside.views.get_mut(place) {
            Some(standing) => Some(std::mem::replace(standing, view)),
            None => {
                inside.views.push(view);
                None
            }
        };
        drop(inside);
        drop(before);
        Ok(())
    }
}

/// Reads for one build.
struct Reader<'a> {
    world: &'a World,
    cx: &'a BuildContext,
    plan: &'a ViewPlan,
}

impl Reader<'_> {
    fn make(&self, place: usize, entity: usize, bucket: usize) -> Result<u64> {
        Ok(match self.plan.recipe {
            Recipe::Put => unreachable!("it has no build function"),
            Recipe::Source { first, versioned } => {
                self.source(source_of(first, entity, bucket), versioned)
            }
            Recipe::Kind => {
                let sum = (0..SOURCES).map(|source| self.world.owned(source).value).sum();
                self.cx.depends_on_kind("source");
                sum
            }
            Recipe::Input => {
                let input = self.world.input();
                let read = match self.plan.through_context {
                    true => self.cx.input(&input, &(entity as u8))?,
                    false => input.get(&(entity as u8))?,
                };
                read.map_or(0, |value| value.to_native() + 1)
            }
            Recipe::Copy { up, divisor } => self.get(up, entity, bucket)? / divisor,
            Recipe::Sum { left, right } => {
                self.get(left, entity, bucket)? + self.get(right, entity, bucket)?
            }
            Recipe::Range { up, back, ahead } => {
                sum(&self.range(up, entity, around(bucket, back, ahead))?)
            }
            Recipe::Scan { up } => {
                let all = buckets(0..BUCKETS);
                let view = self.world.view(up);
                let scanned = match self.plan.through_context {
                    true => self.cx.scan(&view, all)?,
                    false => view.scan(all)?,
                };
                scanned.iter().map(|(_, timeline)| sum(timeline)).sum()
            }
            Recipe::Running { first } => {
                let own = self.source(source_of(first, entity, bucket), false);
                match bucket.checked_sub(1) {
                    Some(before) => self.get(place, entity, before)? + own,
                    None => own,
                }
            }
            Recipe::Choose { source, even, odd } => match self.source(source, false) % 2 {
                0 => self.get(even, entity, bucket)?,
                _ => {
                    let (entity, bucket) = opposite(entity, bucket);
                    self.get(odd, entity, bucket)?
                }
            },
            Recipe::Peek { up } => {
                let view = self.world.view(up);
                let (entity, at) = (super::world::entity(entity), at(bucket));
                let read = match self.plan.through_context {
                    true => self.cx.peek(&view, &entity, at)?,
                    false => view.peek(&entity, at)?,
                };
                read.map_or(0, |value| value.to_native() + 1)
            }
        })
    }

    fn source(&self, source: usize, versioned: bool) -> u64 {
        let key = ("source", source as u64);
        self.world.tick();
        // What a source is now has to be read after, or before, or between.
        let owned = self.world.owned(source);
        match versioned {
            true => self.cx.depends_on_at(key, owned.version),
            false => self.cx.depends_on(key),
        }
        owned.value
    }

    /// A record; where none can be, nothing.
    fn get(&self, place: usize, entity: usize, bucket: usize) -> Result<u64> {
        let view = self.world.view(place);
        let (entity, at) = (super::world::entity(entity), at(bucket));
        self.world.tick();
        let read = match self.plan.through_context {
            true => self.cx.get(&view, &entity, at),
            false => view.get(&entity, at),
        };
        self.world.tick();
        match read {
            Ok(record) => Ok(record.to_native()),
            // Nobody has put it, or retention keeps it no more.
            Err(error) if error.kind() == ErrorKind::Absent => Ok(0),
            Err(error) => Err(error),
        }
    }

    fn range(&self, place: usize, entity: usize, range: Range<usize>) -> Result<Timeline<u64>> {
        let view = self.world.view(place);
        let entity = super::world::entity(entity);
        self.world.tick();
        let read = match self.plan.through_context {
            true => self.cx.range(&view, &entity, buckets(range)),
            false => view.range(&entity, buckets(range)),
        };
        self.world.tick();
        read
    }
}

fn sum(timeline: &Timeline<u64>) -> u64 {
    timeline.iter().map(|(_, value)| value.to_native()).sum()
}
