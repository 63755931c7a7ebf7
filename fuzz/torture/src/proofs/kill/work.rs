//! The child: it works at full speed until it is killed, and writes down what it does.

use std::error::Error;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use tidetable::{Changes, Marked};

use super::log::{CLOSING, GONE, Ledger, Log, OPENED, Phase, Thing};
use super::world::{self, BUCKETS, ENTITIES, KIND, ORDERED, SOURCES, TOGETHER, World, all, at};
use crate::disk::Random;

type Done = Result<(), Box<dyn Error + Send + Sync>>;

/// Threads that write; each has things of its own.
const WRITERS: u64 = 4;
const READERS: u64 = 2;
const BUILDERS: usize = 2;
/// Whoever was to kill it is dead itself.
const AGE_MAX: Duration = Duration::from_secs(20);

/// What the threads of a child share.
struct Child {
    world: World,
    log: Log,
    ledger: Ledger,
    closes_after: Option<Duration>,
    began: Instant,
    over: AtomicBool,
}

/// Opens the store and works; with a number of milliseconds, closes it after so long.
pub fn work(folder: &Path, seed: u64, closes_after: Option<u64>) -> Done {
    let ledger = Ledger::read(folder)?;
    let log = Log::append(folder)?;
    let world = World::open(&world::path(folder), BUILDERS, world::sources(&ledger))?;
    log.tell(Thing::Life, 0, Phase::Done, OPENED)?;
    let closes_after = closes_after.map(Duration::from_millis);
    let (began, over) = (Instant::now(), AtomicBool::new(false));
    let child = Child { world, log, ledger, closes_after, began, over };
    settle(&child.world, &child.log, &child.ledger)?;
    thread::scope(|scope| {
        let child = &child;
        let writers = (0..WRITERS).map(|writer| {
            scope.spawn(move || child.write(writer, Random(crate::round::mix(seed ^ writer) | 1)))
        });
        let writers: Vec<_> = writers.collect();
        let readers = (0..READERS).map(|reader| {
            let random = Random(crate::round::mix(seed ^ reader << 8) | 1);
            scope.spawn(move || child.read(random))
        });
        let readers: Vec<_> = readers.collect();
        let threads = writers.into_iter().chain(readers);
        let done = threads.map(|thread| {
            thread.join().unwrap_or_else(|_| Err("a thread of the child panicked".into()))
        });
        // All of them end before the first that failed is told of.
        done.collect::<Vec<Done>>().into_iter().collect::<Done>()
    })?;
    child.log.tell(Thing::Life, 0, Phase::Done, CLOSING)?;
    child.world.store.close()?;
    Ok(())
}

/// Announces again what was announced and not acknowledged when the application ended.
pub fn settle(world: &World, log: &Log, ledger: &Ledger) -> Done {
    for source in 0..SOURCES {
        let line = ledger.line(Thing::Source, source as usize);
        if line.begun > line.acknowledged {
            world.store.invalidate((KIND, source))?;
            log.tell(Thing::Source, source as usize, Phase::Done, line.begun)?;
        }
    }
    Ok(())
}

impl Child {
    fn is_over(&self) -> bool {
        let age = self.began.elapsed();
        self.closes_after.is_some_and(|after| age >= after)
            || age >= AGE_MAX
            || self.over.load(SeqCst)
    }

    /// The number after the newest that was begun before this child.
    fn first(&self, thing: Thing, key: u64) -> u64 {
        self.ledger.line(thing, key as usize).begun + 1
    }

    fn begins(&self, thing: Thing, key: u64, number: u64) -> Done {
        Ok(self.log.tell(thing, key as usize, Phase::Begun, number)?)
    }

    fn is_done(&self, thing: Thing, key: u64, number: u64) -> Done {
        Ok(self.log.tell(thing, key as usize, Phase::Done, number)?)
    }

    /// Writes until the child is over; what fails ends the others too.
    fn write(&self, writer: u64, mut random: Random) -> Done {
        let things = [Thing::Put, Thing::Together, Thing::Input, Thing::InputsTogether];
        let keys = SOURCES / WRITERS;
        let mut next = things.map(|thing| {
            (0..keys).map(|key| self.first(thing, writer * keys + key)).collect::<Vec<_>>()
        });
        let mut ordered = [Thing::Built, Thing::Asked, Thing::Ran].map(|thing| {
            let ours = (0..ORDERED).filter(|key| key % WRITERS == writer);
            let left = |key: &u64| self.ledger.line(thing, *key as usize).acknowledged == 0;
            ours.filter(left).collect::<Vec<_>>().into_iter()
        });
        while !self.is_over() {
            let (turn, part) = (random.below(16), random.below(keys));
            let key = writer * keys + part;
            let done = match turn {
                0..8 => {
                    let next = &mut next[turn as usize / 2][part as usize];
                    *next += 1;
                    self.put(things[turn as usize / 2], key, *next - 1)
                }
                8 | 9 => {
                    // The last one seldom: of what reads it something is fresh most of the time.
                    let part = if random.below(8) == 0 { keys - 1 } else { random.below(keys - 1) };
                    self.announce(&[writer * keys + part], &mut random)
                }
                10 => self.announce(&[writer * keys, writer * keys + 1], &mut random),
                11..14 => {
                    let next = ordered[turn as usize - 11].next();
                    next.map_or(Ok(()), |key| self.order(turn - 11, key))
                }
                14 => self.tell_the_time(),
                _ => {
                    // So that builders come along, and something is fresh.
                    thread::sleep(Duration::from_millis(2));
                    Ok(())
                }
            };
            done.inspect_err(|_| self.over.store(true, SeqCst))?;
        }
        Ok(())
    }

    fn put(&self, thing: Thing, key: u64, number: u64) -> Done {
        let World { puts, together, input, inputs_together, .. } = &self.world;
        self.begins(thing, key, number)?;
        match thing {
            Thing::Put if number.is_multiple_of(GONE) => drop(puts.delete(&key)?),
            Thing::Put => puts.put(&key, at(0), &number)?,
            Thing::Together => {
                together.put_many((0..TOGETHER).map(|bucket| (key, at(bucket), number)))?;
            }
            Thing::Input => drop(input.set(&key, &number)?),
            _ => {
                let keys = (0..TOGETHER).map(|part| (key * TOGETHER + part, number));
                inputs_together.set_many(keys)?;
            }
        }
        self.is_done(thing, key, number)
    }

    /// Changes sources, which are this thread's own, and announces that.
    fn announce(&self, sources: &[u64], random: &mut Random) -> Done {
        let store = &self.world.store;
        let change = |phase| {
            sources.iter().try_fold(Vec::new(), |mut numbers, source| {
                let version = &self.world.sources[*source as usize];
                let number = version.load(SeqCst) + 1;
                // The application's own data is what is written down: that comes first.
                self.log.tell(Thing::Source, *source as usize, phase, number)?;
                version.store(number, SeqCst);
                numbers.push(number);
                Ok::<_, std::io::Error>(numbers)
            })
        };
        let named = sources.iter().map(|source| (KIND, *source));
        let lasts = Duration::from_millis(random.below(6));
        let numbers = match random.below(16) {
            0..8 => store.change_many(named, || {
                let numbers = change(Phase::Promised);
                // The application is still at it when it is killed.
                thread::sleep(lasts);
                numbers
            })??,
            8 => {
                let numbers = change(Phase::Begun)?;
                store.invalidate_kind(KIND)?;
                numbers
            }
            _ => {
                let numbers = change(Phase::Begun)?;
                let none = Changes::new().source(("none", 1));
                store.invalidate_all(&named.fold(none, |all, source| all.source(source)))?;
                numbers
            }
        };
        let mut done = sources.iter().zip(numbers);
        done.try_for_each(|(source, number)| self.is_done(Thing::Source, *source, number))
    }

    /// Has a record built in one of three ways that promise that it is kept.
    fn order(&self, way: u64, key: u64) -> Done {
        let World { store, synced, asked, ran, .. } = &self.world;
        let thing = [Thing::Built, Thing::Asked, Thing::Ran][way as usize];
        self.begins(thing, key, 1)?;
        match thing {
            Thing::Built => {
                synced.range(&key, all())?;
                store.sync()?;
            }
            Thing::Asked => drop(asked.request_many((0..BUCKETS).map(|bucket| (key, at(bucket))))?),
            _ => {
                let run = ran.precompute([key], all())?;
                // One that was killed before it was promised is begun anew.
                let status = run.wait()?;
                if status.failed > 0 {
                    return Err(format!("a run ended with failures: {status:?}").into());
                }
            }
        }
        self.is_done(thing, key, 1)
    }

    fn tell_the_time(&self) -> Done {
        let now = self.world.store.revision().get();
        self.is_done(Thing::Clock, 0, now)
    }

    fn read(&self, mut random: Random) -> Done {
        let views = [&self.world.low, &self.world.high];
        let served = views.map(|view| view.when_marked(Marked::Serve));
        while !self.is_over() {
            let (entity, bucket) = (random.below(ENTITIES), random.below(BUCKETS));
            let way = random.below(8) as usize;
            let read = match way {
                0 | 1 => views[way].range(&entity, all()).map(drop),
                2 | 3 => views[way - 2].get(&entity, at(bucket)).map(drop),
                way => served[way % 2].get(&entity, at(bucket)).map(drop),
            };
            read.inspect_err(|_| self.over.store(true, SeqCst))?;
        }
        Ok(())
    }
}
