//! Half a day of the site in some seconds, with everything that may happen in it. Each table is held
//! against one from scratch after each collection.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use tidetable::report::RunStatus;
use tidetable::{Clock, RunState, Span, Timestamp};

use crate::clock::MovableClock;
use crate::figures::{Floors, Times, heading, row};
use crate::registry::{Filter, Kind, Metric, Period, TableSpec};
use crate::scratch::History;
use crate::site::{Answer, Served, Site};
use crate::status::{Refreshed, Status};
use crate::world::{World, mix};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const EVERY: Span = Span::minutes(10);
/// 2026-05-31T18:00:00Z: four hours before a day, a week and a month begin at once in Stockholm.
const EVENING: Timestamp = Timestamp::from_seconds(1_780_250_400);
/// Before the month, the week and the day of that evening began.
const EARLIER: [Timestamp; 3] = [
    Timestamp::from_seconds(1_777_585_800),
    Timestamp::from_seconds(1_779_659_400),
    Timestamp::from_seconds(1_780_177_800),
];
const COLLECTIONS: u64 = 72;
const COLLECTOR_AWAY: std::ops::Range<u64> = 20..23;
const COLLECTOR_BROKEN: u64 = 30;
/// Whose counter the broken collector forgets.
const FORGOTTEN: usize = 7;
const VISITS_EACH: u64 = 1000;
const LIVE_ROUNDS: usize = 5;

struct Demo {
    site: Site,
    world: World,
    clock: Arc<MovableClock>,
    history: History,
    visits: Visits,
}

#[derive(Default)]
struct Visits {
    hits: Times,
    live: Times,
    old: Times,
}

/// Returns whether all floors were reached; an error is a wrong answer, or none.
pub fn run(file: &Path, world: World) -> Outcome<bool> {
    let clock = Arc::new(MovableClock::default());
    clock.set(EARLIER[0]);
    let site = Site::open(file, clock.clone())?;
    let (history, visits) = (History::default(), Visits::default());
    let mut demo = Demo { site, world, clock, history, visits };

    heading("The first collections");
    demo.first_collections()?;
    heading("Half a day, a collection every 10 minutes");
    demo.half_a_day()?;
    heading("Readers during refreshes");
    let crowd = demo.readers_during_refreshes()?;
    heading("The switch");
    let live = demo.switch_off_and_on()?;
    heading("A restart");
    demo.restart(file)?;

    let Visits { hits, live: missed, old } = &demo.visits;
    let visits = hits.count() + missed.count() + old.count();
    let limit = Duration::from_millis(50);
    let mut floors = Floors::default();
    floors.faster("a hit, p99", limit, hits.percentile(99));
    floors.faster("a hit during refreshes, p99", limit, crowd.percentile(99));
    floors.faster("a table computed live, p95", limit, live.percentile(95));
    floors.higher("hit rate", 0.95, hits.count() as f64 / visits as f64);
    floors.print();
    Ok(floors.are_met())
}

impl Demo {
    fn first_collections(&mut self) -> Outcome {
        for at in EARLIER.into_iter().chain([EVENING]) {
            self.clock.set(at);
            self.collect(|_| ())?;
        }
        row("collected", format!("4 times {} players", self.world.players));
        let run = self.site.refresh_stale()?;
        row("all tables made", Refreshed::of(&run));
        ensure(run.done == 67 && run.failed == 0, "some tables were not made")?;
        self.check_all()
    }

    fn collect(&mut self, spoil: impl FnOnce(&mut crate::world::Snapshot)) -> Outcome {
        let mut snapshot = self.world.collect(self.clock.now());
        spoil(&mut snapshot);
        self.site.collect(&snapshot)?;
        self.history.add(snapshot);
        Ok(())
    }

    fn half_a_day(&mut self) -> Outcome {
        let (mut refreshes, mut checked) = (Times::default(), 0);
        for tick in 1..=COLLECTIONS {
            self.clock.set(instant(tick));
            if tick == COLLECTOR_BROKEN {
                self.broken_collection()?;
            } else if !COLLECTOR_AWAY.contains(&tick) {
                self.collect(|_| ())?;
                let run = refreshes.measure(|| self.site.refresh_stale())?;
                let is_whole = run.state == RunState::Completed && run.done == 67;
                ensure(is_whole, "a refresh has left tables out")?;
                self.check_all()?;
                checked += run.done;
            }
            self.visit(tick)?;
        }
        row("refreshes of all 67 tables", &refreshes);
        row("tables held against scratch", format!("{checked}, all of them right"));
        row("visits that hit", format!("{}: {}", self.visits.hits.count(), self.visits.hits));
        row("computed live", format!("{}: {}", self.visits.live.count(), self.visits.live));
        row("the old one, since that failed", self.visits.old.count());
        Ok(())
    }

    /// Every table is what it should be, and is served as a hit.
    fn check_all(&self) -> Outcome {
        for spec in self.site.registry.iter() {
            let answer = self.site.read(&spec.name)?;
            ensure(answer.table.is_fresh(), &format!("{} is not fresh", spec.name))?;
            ensure(answer.served == Served::Hit, &format!("{} is no hit", spec.name))?;
            self.check(spec, &answer)?;
        }
        Ok(())
    }

    fn check(&self, spec: &TableSpec, answer: &Answer) -> Outcome {
        match self.history.differs(spec, &answer.table) {
            None => Ok(()),
            Some(difference) => Err(difference.into()),
        }
    }

    /// A counter fell, so some tables cannot be made: the others are, and readers of those get the ones
    /// of before.
    fn broken_collection(&mut self) -> Outcome {
        let before = self.site.collected_at()?;
        self.collect(|snapshot| snapshot.players[FORGOTTEN].minutes = 0)?;
        let run = self.site.refresh_stale()?;
        row("a counter was forgotten", Refreshed::of(&run));
        let on_phone = self.world.collect(self.clock.now()).players[FORGOTTEN].on_phone;
        let cannot_be_made = |spec: &&TableSpec| {
            let counts = spec.kind != Kind::Players
                || match spec.filter {
                    Filter::All => true,
                    Filter::Console => !on_phone,
                    Filter::Phone => on_phone,
                };
            spec.metric == Metric::Minutes && spec.period != Period::Ever && counts
        };
        let mut failing = 0;
        for spec in self.site.registry.iter() {
            let answer = self.site.read(&spec.name)?;
            if cannot_be_made(&spec) {
                failing += 1;
                let is_old = Some(answer.table.collected_at.to_native()) == before;
                let says_so = !answer.table.is_fresh();
                ensure(is_old && says_so, &format!("{} passes for a new one", spec.name))?;
            } else {
                self.check(spec, &answer)?;
            }
        }
        let is_partial = run.state == RunState::Partial && run.failed == failing;
        ensure(is_partial, "other tables failed than those that had to")
    }

    /// Visitors until the next collection, more of them to the first tables than to the last.
    fn visit(&mut self, tick: u64) -> Outcome {
        for visit in 0..VISITS_EACH {
            self.clock.skip(Span::millis(EVERY.as_millis() / VISITS_EACH as i64));
            let spec = popular(&self.site, tick * VISITS_EACH + visit);
            let began = Instant::now();
            let answer = self.site.read(&spec.name)?;
            let took = began.elapsed();
            match answer.served {
                Served::Hit => self.visits.hits.add_one(took),
                Served::Live => self.visits.live.add_one(took),
                Served::Old => self.visits.old.add_one(took),
            }
            let is_too_old = answer.age > crate::site::AGE_MAX && answer.served != Served::Old;
            ensure(!is_too_old, &format!("{} is too old and does not say so", spec.name))?;
        }
        Ok(())
    }

    /// Two readers read while collections come in. Whatever is called fresh has the last of them in it
    /// that was acknowledged before the read began.
    fn readers_during_refreshes(&mut self) -> Outcome<Times> {
        let acknowledged = AtomicI64::new(i64::MIN);
        let is_over = AtomicBool::new(false);
        let site = &self.site;
        let read = &|reader: u64| -> tidetable::Result<(Times, u64, u64)> {
            let (mut hits, mut fresh, mut wrong) = (Times::default(), 0, 0);
            let mut visit = reader << 32;
            while !is_over.load(Ordering::SeqCst) {
                visit += 1;
                let at_least = acknowledged.load(Ordering::SeqCst);
                let spec = popular(site, visit);
                let began = Instant::now();
                let answer = site.read(&spec.name)?;
                let took = began.elapsed();
                if answer.table.is_fresh() {
                    fresh += 1;
                    wrong += u64::from(answer.table.collected_at.to_native() < at_least);
                }
                if answer.served == Served::Hit {
                    hits.add_one(took);
                }
            }
            Ok((hits, fresh, wrong))
        };
        let mut collect = || -> tidetable::Result<Vec<RunStatus>> {
            let mut runs = Vec::new();
            for tick in COLLECTIONS + 1..=COLLECTIONS + 4 {
                self.clock.set(instant(tick));
                let snapshot = self.world.collect(instant(tick));
                site.collect(&snapshot)?;
                acknowledged.store(snapshot.collected_at, Ordering::SeqCst);
                self.history.add(snapshot);
                runs.push(site.refresh_stale()?);
            }
            Ok(runs)
        };
        let (runs, readers) = std::thread::scope(|scope| {
            let readers = [1, 2].map(|reader| scope.spawn(move || read(reader)));
            let runs = collect();
            is_over.store(true, Ordering::SeqCst);
            (runs, readers.map(|reader| reader.join().expect("a reader does not panic")))
        });
        let runs = runs?;
        let mut all = Times::default();
        for reader in readers {
            let (hits, fresh, wrong) = reader?;
            ensure(wrong == 0, "a table of before was called fresh")?;
            ensure(fresh > 0, "nothing was fresh")?;
            all.add(hits);
        }
        row("refreshes meanwhile", format!("{}", runs.len()));
        row("hits of 2 readers", format!("{}: {all}", all.count()));
        self.check_all()?;
        Ok(all)
    }

    fn switch_off_and_on(&mut self) -> Outcome<Times> {
        let mut live = Times::default();
        self.site.use_precomputed(false);
        let rounds = std::iter::repeat_n(&self.site.registry, LIVE_ROUNDS);
        for spec in rounds.flat_map(|registry| registry.iter()) {
            let answer = live.measure(|| self.site.read(&spec.name))?;
            ensure(answer.served == Served::Live, "a stored table was served")?;
            self.check(spec, &answer)?;
        }
        self.site.use_precomputed(true);
        row("off: computed for each reader", format!("{}: {live}", live.count()));
        self.check_all()?;
        row("on again", "all of them hits");
        Ok(live)
    }

    fn restart(&mut self, file: &Path) -> Outcome {
        self.site.store.close()?;
        let mut opening = Times::default();
        self.site = opening.measure(|| Site::open(file, self.clock.clone()))?;
        row("closed and open again in", format!("{:.1?}", opening.longest()));
        let mut first = Times::default();
        for spec in self.site.registry.iter() {
            let answer = first.measure(|| self.site.read(&spec.name))?;
            ensure(answer.served == Served::Hit, "a table did not outlive the restart")?;
            self.check(spec, &answer)?;
        }
        row("the first read of each", &first);
        let status = Status::of(&self.site, self.clock.now())?;
        ensure((status.fresh, status.stale) == (67, 0), "the status says otherwise")?;
        row("status", format!("{} fresh of {}", status.fresh, status.views));
        let last = status.last_refresh.ok_or("the last refresh is forgotten")?;
        row("the log knows", &last);
        self.site.store.close()?;
        Ok(())
    }
}

fn instant(tick: u64) -> Timestamp {
    let later = Span::millis(EVERY.as_millis() * tick as i64);
    EVENING + later
}

/// The table that a visitor wants: the lower of two draws.
fn popular(site: &Site, visit: u64) -> &TableSpec {
    let tables = site.registry.len() as u64;
    let drawn = mix(visit);
    &site.registry[(drawn % tables).min((drawn >> 32) % tables) as usize]
}

fn ensure(holds: bool, otherwise: &str) -> Outcome {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}
