//! Files with a million records, closed cleanly: what is opened, killed and weighed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::bench::memory_for;
use crate::data::Data;
use crate::engine::FilePeer;

const RECORDS: usize = 1_000_000;

/// Files with a million records.
pub struct Million {
    pub data: Data,
    /// Each engine's in a folder of its own.
    pub folders: Vec<(FilePeer, PathBuf)>,
}

impl Million {
    pub fn load(peers: Vec<FilePeer>, folder: impl Fn(&str) -> PathBuf) -> Self {
        let data = Data::new(RECORDS);
        let load = |peer: FilePeer| {
            let folder = folder(peer.name);
            let engine = (peer.open)(&folder, memory_for(&data));
            engine.load(&data);
            engine.close();
            (peer, folder)
        };
        let folders = peers.into_iter().map(load).collect();
        Self { data, folders }
    }
}

/// Copies a folder with all that is in it, down to the disk: whoever opens the copy and syncs it for
/// the first time would otherwise wait for the copying.
pub fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("the folder is there") {
        let entry = entry.expect("the folder is there");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a file or a folder").is_dir() {
            fs::create_dir_all(&target).expect("a folder");
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("a copy");
            fs::File::open(target).and_then(|copied| copied.sync_all()).expect("a sync");
        }
    }
}
