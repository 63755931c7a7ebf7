//! What all works share: the records, the draws, the loaded engines and the figures so far.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use tempfile::TempDir;

use crate::args::Args;
use crate::data::Data;
use crate::engine::{FileEngine, FilePeer, file_peers};
use crate::figure::{Better, Figure};
use crate::million::Million;
use crate::shelf::{Shelf, check};
use crate::spread::Spread;
use crate::table;
use crate::zipf::Draws;

/// How many records each list of draws names.
const DRAWS: usize = 1 << 20;
/// Memory that holds everything, so that no engine goes to its file for want of it.
const MEMORY_MIN: usize = 256 << 20;

/// What all works share.
pub struct Bench {
    pub args: Args,
    pub data: Data,
    pub draws: Draws,
    pub figures: Vec<Figure>,
    /// Loaded when the first work wants it.
    shelf: Option<Shelf>,
    million: Option<Million>,
    folder: TempDir,
    started: Instant,
}

impl Bench {
    pub fn new(args: Args) -> Self {
        fs::create_dir_all(&args.out).expect("a folder for what comes out");
        let folder = TempDir::with_prefix_in("files-", &args.out).expect("a folder for files");
        let data = Data::new(args.records);
        let draws = Draws::new(DRAWS, data.len());
        Self {
            args,
            data,
            draws,
            figures: Vec::new(),
            shelf: None,
            million: None,
            folder,
            started: Instant::now(),
        }
    }

    /// How many rounds count.
    pub fn rounds(&self) -> usize {
        if self.args.quick { 5 } else { 11 }
    }

    /// The first in a quick run, the second in a full one.
    pub fn either<T>(&self, quick: T, full: T) -> T {
        if self.args.quick { quick } else { full }
    }

    /// Memory for an engine that is to hold everything.
    pub fn memory(&self) -> usize {
        memory_for(&self.data)
    }

    /// All engines that are asked for, with all records.
    pub fn shelf(&mut self) -> &Shelf {
        let loaded = self.shelf.take().unwrap_or_else(|| {
            eprintln!("{:>6.1} s  loading", self.started.elapsed().as_secs_f64());
            let folder = self.fresh_folder("shelf");
            Shelf::load(&self.args, &self.data, &folder)
        });
        self.shelf.insert(loaded)
    }

    /// Lets the loaded engines go: what comes then has the machine for itself.
    pub fn drop_shelf(&mut self) {
        self.shelf = None;
    }

    /// Closed files with a million records, of the engines that are asked for.
    pub fn million(&mut self) -> &Million {
        let loaded = self.million.take().unwrap_or_else(|| {
            self.tell("loading a million");
            self.drop_shelf();
            Million::load(self.file_peers(), |name| self.fresh_folder(&format!("million-{name}")))
        });
        self.million.insert(loaded)
    }

    /// The engines with files that are asked for.
    pub fn file_peers(&self) -> Vec<FilePeer> {
        file_peers().into_iter().filter(|peer| self.args.runs(peer.name)).collect()
    }

    /// An empty folder.
    pub fn fresh_folder(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).expect("an old folder goes");
        }
        fs::create_dir_all(&folder).expect("a folder");
        folder
    }

    /// A file of an engine with all records, in a new folder.
    pub fn loaded(&self, peer: FilePeer, folder: &Path) -> Box<dyn FileEngine> {
        let engine = (peer.open)(folder, self.memory());
        engine.load(&self.data);
        engine
    }

    /// The same with every record read once, and compared.
    pub fn warmed(&self, peer: FilePeer, folder: &Path) -> Box<dyn FileEngine> {
        let engine = self.loaded(peer, folder);
        check(engine.as_ref(), &self.data);
        engine
    }

    /// Says on the way what is being done.
    pub fn tell(&self, work: &str) {
        eprintln!("{:>6.1} s  {work}", self.started.elapsed().as_secs_f64());
    }

    /// Takes what a work came to, and prints it.
    #[expect(clippy::print_stdout, reason = "a program that reports")]
    pub fn report(
        &mut self,
        work: &str,
        unit: &'static str,
        better: Better,
        spreads: impl IntoIterator<Item = (&'static str, Spread)>,
    ) {
        let figure =
            |(engine, spread)| Figure { work: work.to_owned(), engine, spread, unit, better };
        self.figures.extend(spreads.into_iter().map(figure));
        println!("{}", table::block(work, &self.figures));
    }
}

/// Memory for an engine that is to hold all of it: three times the records, and not less than it
/// would have by default.
pub fn memory_for(data: &Data) -> usize {
    (data.len() as usize * 300).max(MEMORY_MIN)
}
