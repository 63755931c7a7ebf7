//! Replays what the fuzz targets found: a few small inputs for each, which reach what it can reach.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Gives each input of a target to what the target tries. The file in which one fails is named.
pub(crate) fn replay(target: &str, holds: impl Fn(&[u8])) {
    let files = inputs(target);
    assert!(!files.is_empty(), "nothing was replayed for {target}");
    for file in files {
        let bytes = fs::read(&file).expect("it was listed just now");
        let held = catch_unwind(AssertUnwindSafe(|| holds(&bytes)));
        assert!(held.is_ok(), "{} does not hold", file.display());
    }
}

/// The files of a target's corpus.
pub(crate) fn inputs(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpora/found").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.expect("it can be listed").path()).collect();
    files.sort();
    files
}
