//! What the application of a round remembers outside the store: what it began and what was
//! acknowledged. A line is one write to the end of a file, which no kill of a process undoes.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// What is written down: each concerns things of a kind, which have numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Thing {
    /// A record that is put; a multiple of `GONE` is its deletion.
    Put,
    /// Records of one entity that are put together.
    Together,
    /// The value of an input's key.
    Input,
    /// Values of an input that are set together.
    InputsTogether,
    /// What the application itself keeps, and builds read.
    Source,
    /// A record that was built, and synced; or asked for, or part of a run that was waited for.
    Built,
    Asked,
    Ran,
    /// The store's revision.
    Clock,
    /// How far a process has come: `OPENED`, `CLOSING`.
    Life,
}

const THINGS: [Thing; 10] = [
    Thing::Put,
    Thing::Together,
    Thing::Input,
    Thing::InputsTogether,
    Thing::Source,
    Thing::Built,
    Thing::Asked,
    Thing::Ran,
    Thing::Clock,
    Thing::Life,
];

/// How far an operation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    Begun,
    /// The same, and that it began must not be forgotten: it runs within `Store::change`.
    Promised,
    Done,
}

/// How far a process has come, as numbers of `Thing::Life`.
pub const OPENED: u64 = 1;
pub const CLOSING: u64 = 2;

/// So many numbers each thing has.
pub const KEYS: usize = 192;
/// A put of a multiple of this deletes.
pub const GONE: u64 = 5;

/// What is known of one thing with one number.
#[derive(Clone, Copy, Debug, Default)]
pub struct Line {
    /// The newest that was begun.
    pub begun: u64,
    /// The newest that was acknowledged.
    pub acknowledged: u64,
    /// The newest that may not be forgotten: acknowledged, or begun within a change.
    pub kept: u64,
}

/// All that was written down.
pub struct Ledger([[Line; KEYS]; THINGS.len()]);

const ENTRY_BYTES: usize = 16;

/// The file, to write to from many threads.
pub struct Log(File);

impl Log {
    pub fn append(folder: &Path) -> io::Result<Self> {
        Ok(Self(File::options().create(true).append(true).open(folder.join(NAME))?))
    }

    /// Writes a line. Whoever reads the file after the death of this process finds it.
    pub fn tell(&self, thing: Thing, key: usize, phase: Phase, number: u64) -> io::Result<()> {
        let mut entry = [0; ENTRY_BYTES];
        entry[0] = thing as u8;
        entry[1] = phase as u8;
        entry[2] = u8::try_from(key).expect("keys are few");
        entry[8..].copy_from_slice(&number.to_le_bytes());
        (&self.0).write_all(&entry)
    }
}

/// How many lines there are.
pub fn lines(folder: &Path) -> u64 {
    let length = std::fs::metadata(folder.join(NAME)).map_or(0, |found| found.len());
    length / ENTRY_BYTES as u64
}

/// Whether a line after the first so many tells that something is done.
pub fn tells(folder: &Path, after: u64, thing: Thing, number: u64) -> bool {
    let mut bytes = Vec::new();
    let read = File::open(folder.join(NAME)).and_then(|mut file| {
        file.seek(SeekFrom::Start(after * ENTRY_BYTES as u64))?;
        file.read_to_end(&mut bytes)
    });
    let (entries, _) = bytes.as_chunks::<ENTRY_BYTES>();
    let is_it = |entry: &[u8; ENTRY_BYTES]| entry[0] == thing as u8 && entry[8] == number as u8;
    read.is_ok() && entries.iter().any(is_it)
}

const NAME: &str = "log";

impl Ledger {
    pub fn read(folder: &Path) -> io::Result<Self> {
        let mut ledger = Self([[Line::default(); KEYS]; THINGS.len()]);
        let bytes = match std::fs::read(folder.join(NAME)) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Vec::new(),
            bytes => bytes?,
        };
        let (entries, _) = bytes.as_chunks::<ENTRY_BYTES>();
        for entry in entries {
            let line = &mut ledger.0[usize::from(entry[0])][usize::from(entry[2])];
            let number = u64::from_le_bytes(*entry.last_chunk().expect("it is longer"));
            let reached = match entry[1] {
                0 => &mut line.begun,
                1 => &mut line.kept,
                _ => &mut line.acknowledged,
            };
            *reached = number.max(*reached);
            line.kept = line.kept.max(line.acknowledged);
            line.begun = line.begun.max(line.kept);
        }
        Ok(ledger)
    }

    pub fn line(&self, thing: Thing, key: usize) -> Line {
        self.0[thing as usize][key]
    }

    /// How many numbers of a thing were acknowledged at all.
    pub fn known(&self, thing: Thing) -> usize {
        self.0[thing as usize].iter().filter(|line| line.acknowledged > 0).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_tells_how_far_each_thing_has_come() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::append(folder.path()).unwrap();
        for (phase, number) in [(Phase::Begun, 1), (Phase::Done, 1), (Phase::Promised, 2)] {
            log.tell(Thing::Source, 3, phase, number).unwrap();
        }
        Log::append(folder.path()).unwrap().tell(Thing::Source, 3, Phase::Begun, 3).unwrap();
        let ledger = Ledger::read(folder.path()).unwrap();
        let Line { begun, acknowledged, kept } = ledger.line(Thing::Source, 3);
        assert_eq!((acknowledged, kept, begun), (1, 2, 3));
        assert_eq!((lines(folder.path()), ledger.known(Thing::Source)), (4, 1));
        assert_eq!(THINGS.map(|thing| thing as usize), std::array::from_fn(|place| place));
    }
}
