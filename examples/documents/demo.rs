//! The service at work, from one document to ten thousand at once. Each document that anybody is given
//! is held against what it must be.

use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use tidetable::{Layer, Record, Span};

use crate::clock::MovableClock;
use crate::figures::{Floors, Times, heading, row};
use crate::room::{Content, Furniture, bytes_of};
use crate::service::{Documents, Setup, State, Ticket};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// What the demonstration is told.
pub struct Scale {
    /// How long a document takes in the mean.
    pub work: Duration,
    /// How many are asked for at once. These take a tenth of that, or nobody would wait for them.
    pub pending: u32,
    /// The file that gets the measurements; they are shown if there is none.
    pub json: Option<PathBuf>,
}

struct Demo {
    documents: Documents,
    setup: Setup,
    clock: Arc<MovableClock>,
    /// Of calls that ask for one document.
    requests: Times,
    memory_hits: Times,
    file_hits: Times,
}

const MEMORY_BYTES: usize = 100 << 20;
const BUILDERS: usize = 32;
const CALLERS: usize = 64;
/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(300);
/// The room that is asked for first; others have higher numbers.
const ROOM: u32 = 0;
const HUNDRED: std::ops::Range<u32> = 100..228;
const CROWD: u32 = 1000;
/// So many ask one by one behind the crowd.
const LATE: u32 = 100;
const READS: u64 = 20_000;

/// Returns whether all floors were reached; an error is a wrong answer, or none.
pub fn run(file: &Path, scale: &Scale) -> Outcome<bool> {
    let clock = Arc::new(MovableClock::default());
    let (memory_bytes, builders, work) = (MEMORY_BYTES, BUILDERS, scale.work);
    let setup = Setup { memory_bytes, builders, work, clock: clock.clone() };
    let documents = Documents::open(file, &setup)?;
    let (requests, memory_hits, file_hits) = Default::default();
    let mut demo = Demo { documents, setup, clock, requests, memory_hits, file_hits };

    heading("One document");
    demo.one_document()?;
    heading("The same content is made once");
    demo.same_content()?;
    heading("A document that cannot be made");
    demo.failing_document()?;
    heading("A hundred and more documents");
    demo.hundred_documents()?;
    heading("Many at once, and a restart in the middle");
    let pending = demo.many_at_once(file, scale.pending)?;
    heading("Readers");
    demo.readers(scale.pending)?;
    heading("What is measured");
    demo.export(scale)?;
    heading("One is worthless, and others grow old");
    demo.invalidate_one()?;
    demo.grow_old()?;
    demo.documents.store.close()?;

    let mut floors = Floors::default();
    floors.faster("a request, p95", Duration::from_millis(10), demo.requests.percentile(95));
    floors.faster("a memory hit, p99", Duration::from_millis(1), demo.memory_hits.percentile(99));
    floors.more("pending at once", scale.pending.min(10_000).into(), pending);
    floors.print();
    Ok(floors.are_met())
}

impl Demo {
    fn request(&mut self, content: &Content) -> tidetable::Result<Ticket> {
        self.requests.measure(|| self.documents.request(content))
    }

    fn one_document(&mut self) -> Outcome {
        let asked = Instant::now();
        let ticket = self.request(&Content::of_room(ROOM))?;
        row("asked for, back after", format!("{:.1?}", asked.elapsed()));
        let given_up = ticket.wait(self.setup.work / 10)?;
        ensure(given_up.is_none(), "it was there sooner than it can be made")?;
        row("waited in vain for", format!("{:.1?}", self.setup.work / 10));
        let mut seen = Vec::new();
        loop {
            match ticket.state()? {
                State::Completed => break,
                State::Running { percent } if !seen.contains(&percent) => seen.push(percent),
                State::Failed { reason } => return Err(reason.into()),
                State::Pending | State::Running { .. } => thread::sleep(self.setup.work / 50),
            }
        }
        ensure(seen.len() > 2 && seen.is_sorted(), "its progress was not told")?;
        let seen: Vec<String> = seen.iter().map(u8::to_string).collect();
        row("its progress, in percent", seen.join(" "));
        let document = ticket.wait(LONG)?.ok_or("it is not there")?;
        check(&ticket, &document)?;
        let kib = document.len() as f64 / 1024.0;
        row("there after", format!("{:.1?}: {kib:.1} KiB", asked.elapsed()));
        Ok(())
    }

    fn same_content(&mut self) -> Outcome {
        let before = self.documents.store.metrics().builds;
        let again = self.request(&Content::of_room(ROOM))?;
        ensure(again.state()? == State::Completed, "what is there is made again")?;

        let mut landscape = Content::of_room(ROOM);
        landscape.options.landscape = !landscape.options.landscape;
        ensure(landscape.id() != again.id, "other options, but the same document")?;
        let (documents, start) = (&self.documents, Barrier::new(CALLERS));
        let ask = || -> tidetable::Result<(Ticket, Option<Record<Vec<u8>>>)> {
            start.wait();
            let ticket = documents.request(&landscape)?;
            let document = ticket.wait(LONG)?;
            Ok((ticket, document))
        };
        let answers = thread::scope(|scope| {
            let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(ask)).collect();
            let joined = callers.into_iter().map(|caller| caller.join().expect("none panics"));
            joined.collect::<Vec<_>>()
        });
        for answer in answers {
            let (ticket, document) = answer?;
            check(&ticket, &document.ok_or("a caller was given nothing")?)?;
        }
        let builds = self.documents.store.metrics().builds - before;
        ensure(builds == 1, &format!("{builds} builds of one document"))?;
        row("callers, with an option changed", format!("{CALLERS}, and {builds} build"));
        Ok(())
    }

    fn failing_document(&mut self) -> Outcome {
        let mut content = Content::of_room(ROOM);
        content.furniture.push(Furniture { name: "wardrobe".to_owned(), at_mm: 4400 });
        let ticket = self.request(&content)?;
        ensure(ticket.wait(LONG).is_err(), "it was made all the same")?;
        let State::Failed { reason } = ticket.state()? else {
            return Err("it failed and does not say so".into());
        };
        ensure(reason.contains("the wardrobe stands behind the wall"), &reason)?;
        row("failed", reason);
        Ok(())
    }

    /// At the speed at which documents are really made.
    fn hundred_documents(&mut self) -> Outcome {
        let asked = Instant::now();
        let mut tickets = Vec::new();
        for room in HUNDRED {
            tickets.push(self.request(&Content::of_room(room))?);
        }
        for ticket in &tickets {
            let document = ticket.wait(LONG)?.ok_or("it takes too long")?;
            check(ticket, &document)?;
        }
        row("documents", format!("{} in {:.1?}", tickets.len(), asked.elapsed()));
        row("requests, one by one", &self.requests);
        let export = self.documents.measured.export(&self.documents.store.metrics());
        row("making one, ms", &export.build_ms);
        row("sizes, KiB", &export.size_kib);
        let (least, most) = (export.size_kib.min, export.size_kib.max);
        ensure(least >= 50.0 && most <= 151.0, "documents of another size")
    }

    /// Returns how many were pending at once.
    fn many_at_once(&mut self, file: &Path, many: u32) -> Outcome<u64> {
        self.setup.work /= 10;
        // With nobody who makes any, they can be counted.
        let idle = Setup { builders: 0, ..self.setup.clone() };
        self.reopen(file, &idle)?;
        let contents: Vec<Content> = (CROWD..CROWD + many).map(Content::of_room).collect();
        let asked = Instant::now();
        let tickets = self.documents.request_many(&contents)?;
        row("asked for at once", format!("{many}, back after {:.1?}", asked.elapsed()));
        ensure(tickets.iter().all(|it| matches!(it.state(), Ok(State::Pending))), "one is not")?;
        drop(tickets);
        for room in CROWD + many..CROWD + many + LATE {
            self.request(&Content::of_room(room))?;
        }
        row("requests behind them and before", &self.requests);
        row("each waits for some syncs, bare", bare_syncs(&file.with_extension("sync"))?);
        let (all, pending) = (u64::from(many + LATE), self.documents.pending()?);
        ensure(pending == all, &format!("{pending} are pending of {all}"))?;

        let there = self.documents.count()?;
        let began = Instant::now();
        self.reopen(file, &self.setup.clone())?;
        let (mut meanwhile, mut last) = (Times::default(), contents.iter().rev());
        while self.documents.pending()? > all / 2 {
            for content in last.by_ref().take(10) {
                meanwhile.measure(|| self.documents.request(content))?;
            }
            thread::sleep(Duration::from_millis(50));
        }
        self.documents.store.close()?; // documents in hand are made and kept
        let first_builds = self.documents.store.metrics().builds;
        let opening = self.reopen(file, &self.setup.clone())?;
        let left = self.documents.pending()?;
        row("closed in the middle", format!("after {first_builds}; open again in {opening:.1?}"));
        row("pending still", left);
        while self.documents.pending()? > 0 {
            ensure(began.elapsed() < LONG, "some are never made")?;
            thread::sleep(Duration::from_millis(50));
        }
        let (took, work) = (began.elapsed(), self.setup.work);
        row("all made after", format!("{took:.1?} by {BUILDERS} builders, {work:.1?} each"));
        row("requests meanwhile", meanwhile);
        let made = self.documents.count()? - there;
        ensure(made == all, &format!("{made} were made of {all}"))?;
        let builds = first_builds + self.documents.store.metrics().builds;
        ensure(builds == made, &format!("{builds} builds for {made} documents"))?;
        row("builds", format!("{builds}, one for each"));
        Ok(pending)
    }

    fn reopen(&mut self, file: &Path, setup: &Setup) -> Outcome<Duration> {
        self.documents.store.close()?;
        let began = Instant::now();
        self.documents = Documents::open(file, setup)?;
        Ok(began.elapsed())
    }

    /// Reads of all documents, some of them much more popular than others.
    fn readers(&mut self, many: u32) -> Outcome {
        let mut most_resident = 0;
        for read in 0..READS {
            let room = CROWD + popular(read, many);
            let id = Content::of_room(room).id();
            let began = Instant::now();
            let document = self.documents.fetch(&id)?.ok_or("it is gone")?;
            let took = began.elapsed();
            match document.layer() {
                Layer::Memory => self.memory_hits.add_one(took),
                _ => self.file_hits.add_one(took),
            }
            ensure(document.as_slice() == bytes_of(&id), "it is another document")?;
            if read.is_multiple_of(100) {
                most_resident = most_resident.max(self.documents.store.metrics().bytes_resident);
            }
        }
        row("from memory", format!("{}: {}", self.memory_hits.count(), self.memory_hits));
        row("from the file", format!("{}: {}", self.file_hits.count(), self.file_hits));
        let mib = |bytes: u64| bytes >> 20;
        let evictions = self.documents.store.metrics().evictions;
        let (resident, budget) = (mib(most_resident), mib(MEMORY_BYTES as u64));
        row("in memory at most", format!("{resident} of {budget} MiB, {evictions} evictions"));
        ensure(most_resident <= MEMORY_BYTES as u64, "the memory budget was exceeded")
    }

    fn export(&self, scale: &Scale) -> Outcome {
        let export = self.documents.measured.export(&self.documents.store.metrics());
        let text = serde_json::to_string_pretty(&export)?;
        match &scale.json {
            Some(path) => {
                std::fs::write(path, text)?;
                row("exported to", path.display());
            }
            None => println!("{text}"),
        }
        Ok(())
    }

    fn invalidate_one(&mut self) -> Outcome {
        let content = Content::of_room(HUNDRED.start);
        let id = content.id();
        let before = self.documents.store.metrics();
        ensure(self.documents.invalidate(&id)?.stale == 1, "others were marked, or none")?;
        let served = self.documents.fetch(&id)?.is_some();
        let was_made_again = self.documents.store.metrics().builds > before.builds;
        ensure(!served || was_made_again, "what is worth nothing was served")?;
        let ticket = self.request(&content)?;
        let document = ticket.wait(LONG)?.ok_or("it takes too long")?;
        check(&ticket, &document)?;
        let after = self.documents.store.metrics();
        let builds = after.builds - before.builds;
        ensure(builds == 1, &format!("{builds} builds for one document"))?;
        row("worthless, and made again", "1 build");
        Ok(())
    }

    fn grow_old(&mut self) -> Outcome {
        let there = self.documents.count()?;
        self.clock.skip(Span::hours(7));
        let young = self.request(&Content::of_room(HUNDRED.end))?;
        young.wait(LONG)?.ok_or("it takes too long")?;
        let began = Instant::now();
        let dropped = self.documents.drop_older_than(Span::hours(6))?;
        row("older than 6 hours", format!("{dropped} dropped in {:.1?}", began.elapsed()));
        let is_gone = self.documents.fetch(&Content::of_room(CROWD).id())?.is_none();
        let is_kept = self.documents.fetch(&young.id)?.is_some();
        ensure(is_gone && is_kept && dropped == there, "others were dropped")?;
        let export = self.documents.measured.export(&self.documents.store.metrics());
        ensure(export.build_ms.count == 1, "old measurements still count")?;
        row("measurements that still count", export.build_ms.count);
        Ok(())
    }
}

/// What the disk takes alone, to hold the requests against.
fn bare_syncs(path: &Path) -> Outcome<Times> {
    let (mut file, mut times) = (File::create(path)?, Times::default());
    for _ in 0..50 {
        file.write_all(&[0; 4096])?;
        times.measure(|| file.sync_data())?;
    }
    std::fs::remove_file(path)?;
    Ok(times)
}

fn check(ticket: &Ticket, document: &Record<Vec<u8>>) -> Outcome {
    ensure(document.as_slice() == bytes_of(&ticket.id), "it is another document")
}

/// A number below `many`: the lower the more often.
fn popular(read: u64, many: u32) -> u32 {
    let share = (read.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 11) as f64 / (1_u64 << 53) as f64;
    (share.powi(4) * f64::from(many)) as u32
}

fn ensure(holds: bool, otherwise: &str) -> Outcome {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}
