//! A thread that reads in every way there is, and holds each answer against what was acknowledged
//! before it asked and what is there after.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tidetable::{Bucket, Freshness, Marked, Missing, Record, Span, Timeline, View};

use super::block_on::block_on;
use super::midst;
use super::opening::{Ended, Opening, wrong};
use super::plan::Plan;
use super::tally::Counts;
use super::versions::Versions;
use super::views::{BUCKETS, Cell, Claim, ENTITIES, FORGOTTEN, Source, Tailed, all, at, bucket_of};
use super::views::{family, place};
use crate::disk::Random;

/// So many records are held at a time.
const HELD: usize = 16;
/// By so many records a page is looked for that is not in memory.
const LOOKS: u64 = 64;
/// Longer than anything takes.
const LONG: Duration = Duration::from_secs(600);

/// A thread that reads.
pub struct Reader<'a> {
    opening: &'a Opening,
    number: u64,
    random: Random,
    counts: Counts,
    left: Ways<'a, Cell>,
    right: Ways<'a, Tailed>,
    near: Ways<'a, Cell>,
    far: Ways<'a, Tailed>,
    kept: Ways<'a, Cell>,
    over: Ways<'a, Cell>,
}

/// The handles by which one view is read.
struct Ways<'a, R> {
    source: &'a Source<R>,
    serving: View<u64, R>,
    patient: View<u64, R>,
    hasty: View<u64, R>,
    recent: View<u64, R>,
    missing: View<u64, R>,
    /// Builds nothing at all.
    looking: View<u64, R>,
}

impl<'a, R: Claim> Ways<'a, R> {
    fn new(source: &'a Source<R>) -> Self {
        let view = &source.view;
        Self {
            source,
            serving: view.when_marked(Marked::Serve),
            patient: view.within(LONG),
            hasty: view.within(Duration::ZERO),
            recent: view.when_marked(Marked::ServeFor(Span::minutes(1))),
            missing: view.when_missing(Missing::Miss),
            looking: view.when_missing(Missing::Miss).when_marked(Marked::Serve),
        }
    }
}

/// What a read may cost.
#[derive(Clone, Copy)]
enum Kind {
    Cheap,
    Dear,
    /// One that may load and does not build, and again what a change overtook.
    Twice,
}

/// What was asked for, and what was acknowledged before.
struct Asked {
    entity: u64,
    bucket: u64,
    before: Versions,
}

impl<'a> Reader<'a> {
    pub fn new(opening: &'a Opening, plan: &Plan, life: u64, number: u64) -> Self {
        let views = &opening.views;
        Self {
            opening,
            number,
            random: plan.random(life, number),
            counts: Counts::default(),
            left: Ways::new(&views.left),
            right: Ways::new(&views.right),
            near: Ways::new(&views.near),
            far: Ways::new(&views.far),
            kept: Ways::new(&views.kept),
            over: Ways::new(&views.over),
        }
    }

    /// Reads until there were so many reads of all readers together.
    pub fn read(mut self, plan: &Plan) {
        while !self.opening.is_over() && self.opening.reads() < plan.reads {
            let held = self.step(plan);
            self.opening.tallies[self.number as usize].tell(self.counts);
            if held.is_err() {
                break;
            }
        }
    }

    fn step(&mut self, plan: &Plan) -> Result<(), Ended> {
        // Most of these are of one entity: what has just been brought into memory is read at once
        // again and again, also while it changes.
        let favourite = match self.random.below(2) {
            0 => self.random.below(ENTITIES),
            _ => {
                let families = self.opening.families.len() as u64;
                let nth = self.random.below(ENTITIES / families);
                self.opening.changing.load(Relaxed) + nth * families
            }
        };
        for _ in 0..plan.hits_in_a_row {
            let drawn = self.random.next() >> 8;
            let other = drawn >> 3 & (ENTITIES - 1);
            let strays = drawn >> 40 & (plan.strays_every - 1) == 0;
            let entity = if strays { other } else { favourite };
            self.with(drawn >> 32 & 7, (entity, drawn), Kind::Cheap)?;
        }
        let drawn = self.random.next() >> 8;
        let (ways, entity) = (self.random.below(6), drawn >> 3 & (ENTITIES - 1));
        self.with(ways, (entity, drawn), Kind::Dear)
    }

    /// Reads records that a change of a family's field makes others until a load of one was held up.
    pub fn read_what_changes(mut self, family: u64, field: u32) {
        let families = self.opening.families.len() as u64;
        let side = u64::from(field != 0);
        for _ in 0..LOOKS {
            let drawn = self.random.next() >> 8;
            let entity = family + self.random.below(ENTITIES / families) * families;
            let ways = [side, 2, 3][self.random.below(3) as usize];
            if self.with(ways, (entity, drawn), Kind::Twice).is_err() || midst::was_held_up() {
                break;
            }
        }
    }

    fn with(&mut self, ways: u64, what: (u64, u64), kind: Kind) -> Result<(), Ended> {
        macro_rules! read {
            ($($number:pat => $ways:ident),*) => {
                match ways {
                    $($number => {
                        let Self { opening, counts, $ways: ways, number, .. } = self;
                        let mut reading = Reading { opening, counts, ways, reader: *number };
                        match kind {
                            Kind::Cheap => reading.cheap(what),
                            Kind::Dear => reading.dear(what),
                            Kind::Twice => reading.twice(what),
                        }
                    })*
                }
            };
        }
        read! { 0 => left, 1 => right, 2 => near, 3 => far, 4 => kept, _ => over }
    }
}

/// One read.
struct Reading<'r, 'a, R> {
    opening: &'a Opening,
    counts: &'r mut Counts,
    ways: &'r Ways<'a, R>,
    reader: u64,
}

impl<R: Claim> Reading<'_, '_, R> {
    fn ask(&self, entity: u64, bucket: u64) -> Asked {
        let families = &self.opening.families;
        Asked { entity, bucket, before: families[family(families, entity)].acknowledged() }
    }

    /// A read that is a hit, unless its record is marked or was evicted.
    fn cheap(&mut self, (entity, drawn): (u64, u64)) -> Result<(), Ended> {
        let asked = self.ask(entity, drawn >> 8 & (BUCKETS - 1));
        let ways = self.ways;
        match drawn >> 11 & 15 {
            0..8 => self.one(&asked, ways.serving.get(&entity, at(asked.bucket))),
            8..11 => self.perhaps(&asked, ways.source.view.peek(&entity, at(asked.bucket))),
            11..14 => self.many(&asked, ways.serving.range(&entity, all())),
            14 => self.one(&asked, ways.recent.get(&entity, at(asked.bucket))),
            _ => self.built(&asked, ways.source.view.get(&entity, at(asked.bucket))),
        }
    }

    /// A read that may build, load, or wait for others.
    fn dear(&mut self, (entity, drawn): (u64, u64)) -> Result<(), Ended> {
        let asked = self.ask(entity, drawn >> 8 & (BUCKETS - 1));
        let (at, ways, opening) = (at(asked.bucket), self.ways, self.opening);
        let view = &ways.source.view;
        match drawn >> 11 & 15 {
            0..3 => self.built(&asked, view.get(&entity, at)),
            3 => self.built(&asked, ways.patient.get(&entity, at)),
            4 => self.one(&asked, ways.hasty.get(&entity, at)),
            5 => self.built(&asked, block_on(view.get_async(&entity, at))),
            6 => match opening.given(view.request(&entity, at))? {
                Some(pending) => self.one(&asked, pending.wait()),
                None => Ok(()),
            },
            7 => self.many(&asked, view.range(&entity, all())),
            8 => self.one(&asked, ways.missing.get(&entity, at)),
            9 => self.perhaps(&asked, view.nearest(&entity, at, Span::minutes(3))),
            10 => {
                let entities = [entity, (entity + 1) % ENTITIES, (entity + 5) % ENTITIES];
                let asked = entities.map(|entity| self.ask(entity, asked.bucket));
                let read = view.get_many(entities, at);
                asked.iter().zip(read).try_for_each(|(asked, read)| self.one(asked, read))
            }
            11 => opening.given(view.prefetch([entity], all())).map(drop),
            12 => opening.given(view.fill(&entity, all())).map(drop),
            13 => opening.given(view.warm([entity], all())).map(drop),
            14 => self.hold_on(&asked),
            _ => opening.given(view.explain(&entity, at)).map(drop),
        }
    }

    /// A look at a record; where it was held up until something changed, the next one must know of that.
    fn twice(&mut self, (entity, drawn): (u64, u64)) -> Result<(), Ended> {
        let (bucket, looking) = (drawn >> 8 & (BUCKETS - 1), &self.ways.looking);
        let asked = self.ask(entity, bucket);
        self.one(&asked, looking.get(&entity, at(bucket)))?;
        if midst::was_held_up() {
            self.opening.held_up.fetch_add(1, Relaxed);
            let asked = self.ask(entity, bucket);
            self.one(&asked, looking.get(&entity, at(bucket)))?;
            self.many(&asked, looking.range(&entity, all()))?;
        }
        Ok(())
    }

    /// Keeps a record beyond the end of the opening.
    fn hold_on(&mut self, asked: &Asked) -> Result<(), Ended> {
        let view = &self.ways.source.view;
        let peeked = self.opening.given(view.peek(&asked.entity, at(asked.bucket)))?.flatten();
        let Some(record) = peeked else { return Ok(()) };
        self.hold(asked, &record);
        let (number, place) = (self.ways.source.number, R::place(&record));
        let (versions, reader) = (R::versions(&record), self.reader);
        let mut held = self.opening.held.lock().expect("nobody panics here");
        if held.len() >= HELD {
            // Whose turn it is follows from what is held, so that all readers have theirs.
            let place = (place ^ reader) as usize % HELD;
            drop(held.swap_remove(place));
        }
        held.push(Box::new(move || {
            let is_whole = R::is_whole(&record);
            match R::place(&record) == place && R::versions(&record) == versions && is_whole {
                true => Ok(()),
                false => Err(format!("a record of view {number} changed in hand: {record:?}")),
            }
        }));
        Ok(())
    }

    /// By a policy under which the record is built whenever it is not fresh.
    fn built(&mut self, asked: &Asked, read: tidetable::Result<Record<R>>) -> Result<(), Ended> {
        let Some(record) = self.opening.given(read)? else { return Ok(()) };
        if !matches!(record.freshness(), Freshness::Fresh | Freshness::Overtaken) {
            self.tell("a read that builds", asked, &record);
        }
        self.hold(asked, &record);
        Ok(())
    }

    fn one(&mut self, asked: &Asked, read: tidetable::Result<Record<R>>) -> Result<(), Ended> {
        if let Some(record) = self.opening.given(read)? {
            self.hold(asked, &record);
        }
        Ok(())
    }

    fn perhaps(
        &mut self,
        asked: &Asked,
        read: tidetable::Result<Option<Record<R>>>,
    ) -> Result<(), Ended> {
        if let Some(record) = self.opening.given(read)?.flatten() {
            // The nearest may be of another bucket.
            let bucket = bucket_of(record.bucket().start());
            self.hold(&Asked { bucket, ..*asked }, &record);
        }
        Ok(())
    }

    /// A timeline that says it is fresh is held in place; of any other each record by itself.
    fn many(&mut self, asked: &Asked, read: tidetable::Result<Timeline<R>>) -> Result<(), Ended> {
        let Some(timeline) = self.opening.given(read)? else { return Ok(()) };
        let after = self.there(asked);
        if timeline.is_fresh() {
            let held = |(bucket, archived): (Bucket, &R::Archived)| {
                self.holds((asked, after), bucket_of(bucket.start()), archived, true)
            };
            if timeline.iter().all(held) {
                self.counts.add_hits(timeline.len() as u64);
                return Ok(());
            }
        }
        for (bucket, record) in timeline {
            let bucket = bucket_of(bucket.start());
            self.hold(&Asked { bucket, ..*asked }, &record);
        }
        Ok(())
    }

    fn there(&self, asked: &Asked) -> Versions {
        let families = &self.opening.families;
        families[family(families, asked.entity)].there()
    }

    #[inline]
    fn hold(&mut self, asked: &Asked, record: &Record<R>) {
        let after = self.there(asked);
        let is_there = bucket_of(record.bucket().start()) == asked.bucket;
        if !is_there || !self.holds((asked, after), asked.bucket, record, record.is_fresh()) {
            self.tell("read", asked, record);
        }
        self.counts.add(record.freshness(), record.layer());
    }

    #[inline]
    fn holds(
        &self,
        (asked, after): (&Asked, Versions),
        bucket: u64,
        archived: &R::Archived,
        is_fresh: bool,
    ) -> bool {
        let source = self.ways.source;
        let versions = R::versions(archived);
        let stands = match versions {
            Versions::WITHOUT => source.may_lack && (!is_fresh || bucket < FORGOTTEN),
            _ if is_fresh => {
                after.hold(versions) && versions.hold(asked.before.masked(source.contains))
            }
            _ => after.hold(versions),
        };
        stands
            && R::place(archived) == place(source.number, asked.entity, bucket)
            && R::is_whole(archived)
    }

    #[cold]
    fn tell(&self, how: &str, asked: &Asked, record: &Record<R>) {
        let Asked { entity, bucket, before } = *asked;
        let how = format!("{how}, entity {entity}, bucket {bucket}");
        self.opening.violation(wrong(self.ways.source, &how, before, record));
    }
}
