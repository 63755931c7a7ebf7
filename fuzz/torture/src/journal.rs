//! What is being tried at the moment, told in a file: whoever finds the process dead reads it there.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// A line for each worker.
pub struct Journal(File);

/// A worker's line.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    journal: &'a Journal,
    worker: u64,
}

const LINE_BYTES: u64 = 16;

impl Journal {
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self(File::options().create(true).truncate(true).write(true).open(path)?))
    }

    pub fn place(&self, worker: u64) -> Place<'_> {
        Place { journal: self, worker }
    }

    /// The round and the case of each worker that began one.
    pub fn read(path: &Path) -> io::Result<Vec<(u64, u64)>> {
        let bytes = std::fs::read(path)?;
        let (numbers, _) = bytes.as_chunks::<8>();
        let numbers: Vec<u64> = numbers.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
        let (lines, _) = numbers.as_chunks::<2>();
        // What was never written is a gap of zeros: rounds are told from one on.
        Ok(lines.iter().filter(|line| line[0] > 0).map(|line| (line[0] - 1, line[1])).collect())
    }
}

impl Place<'_> {
    /// Tells that a case begins.
    pub fn begins(&self, round: u64, case: u64) {
        let mut line = [0; LINE_BYTES as usize];
        let (first, second) = line.split_at_mut(8);
        first.copy_from_slice(&(round + 1).to_le_bytes());
        second.copy_from_slice(&case.to_le_bytes());
        // A journal that cannot be written costs a hint, not a proof.
        _ = self.journal.0.write_all_at(&line, self.worker * LINE_BYTES);
    }
}
