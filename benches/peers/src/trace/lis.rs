//! Traces in the format of the ARC paper: lines of `start count ignored request`.

use std::collections::HashMap;
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// What was asked for, one key after the other. Keys are numbered anew from zero in the order in
/// which they come first, so that a store can be laid out for them.
#[derive(Debug)]
pub(super) struct Trace {
    name: String,
    requests: Vec<u32>,
    keys: u32,
}

/// What each frame of zstd begins with.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
/// No line of a trace asks for so many keys: one that does is not a trace.
const COUNT_MAX: u64 = 1 << 20;

impl Trace {
    /// The trace of that name, `NAME.lis` or `NAME.lis.zst`, if the folder has it.
    pub(super) fn find(folder: &Path, name: &str) -> Result<Option<Self>, Box<dyn Error>> {
        let files = ["lis", "lis.zst"].map(|ending| folder.join(format!("{name}.{ending}")));
        let Some(path) = files.iter().find(|path| path.is_file()) else { return Ok(None) };
        let read = || -> Result<Self, Box<dyn Error>> {
            let mut file = BufReader::new(File::open(path)?);
            // By content: a file may have been unpacked or packed under its old name.
            if file.fill_buf()?.starts_with(&ZSTD_MAGIC) {
                Self::parse(name, BufReader::new(zstd::Decoder::with_buffer(file)?))
            } else {
                Self::parse(name, file)
            }
        };
        read().map(Some).map_err(|error| format!("{}: {error}", path.display()).into())
    }

    fn parse(name: &str, text: impl BufRead) -> Result<Self, Box<dyn Error>> {
        let mut numbers = HashMap::new();
        let mut requests = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line?;
            let mut fields = line.split_ascii_whitespace();
            let Some(start) = fields.next() else { continue };
            let start: u64 = start.parse().map_err(|_| format!("line {number}: no start"))?;
            let count = fields.next().and_then(|count| count.parse().ok());
            let count = count
                .filter(|count| *count <= COUNT_MAX)
                .ok_or_else(|| format!("line {number}: no count"))?;
            let end = start.checked_add(count).ok_or_else(|| format!("line {number}: too far"))?;
            for key in start..end {
                let next = u32::try_from(numbers.len())?;
                requests.push(*numbers.entry(key).or_insert(next));
            }
        }
        let keys = u32::try_from(numbers.len())?;
        Ok(Self { name: name.into(), requests, keys })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn requests(&self) -> &[u32] {
        &self.requests
    }

    /// How many keys it asks for: they are the numbers below this one.
    pub(super) fn keys(&self) -> u32 {
        self.keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"17 3 0 0\n\n18 1 0 1\n 5 1 0 2\n";

    #[test]
    fn a_line_asks_for_a_stretch_of_keys() {
        let trace = Trace::parse("T", TEXT).unwrap();
        assert_eq!((trace.requests(), trace.keys()), (&[0, 1, 2, 1, 3][..], 4));
    }

    #[test]
    fn what_is_no_trace_is_named_with_its_line() {
        for (text, fault) in [
            ("1 1 0 0\nx 1 0 0", "line 2: no start"),
            ("1", "line 1: no count"),
            ("1 99999999", "line 1: no count"),
            ("18446744073709551615 2 0 0", "line 1: too far"),
        ] {
            assert_eq!(Trace::parse("T", text.as_bytes()).unwrap_err().to_string(), fault);
        }
    }

    #[test]
    fn a_packed_trace_is_known_by_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let packed = zstd::encode_all(TEXT, 1).unwrap();
        for (file, bytes) in [("A.lis", TEXT), ("B.lis.zst", &packed), ("C.lis", &packed)] {
            std::fs::write(folder.path().join(file), bytes).unwrap();
            let trace = Trace::find(folder.path(), &file[..1]).unwrap().unwrap();
            assert_eq!((trace.name(), trace.keys()), (&file[..1], 4));
        }
        assert!(Trace::find(folder.path(), "D").unwrap().is_none());
    }
}
