//! Opening a file of a million records, after a clean close and after a kill, until the first record
//! is read; and what the file takes on disk.
//!
//! The kill is SIGKILL to a process of its own that had the file open and had replaced a thousand
//! records in it, synced; the operating system lives on, so what it was given is there. Each round
//! opens a fresh copy of what that left.
//! Sizes are of what the file system has set aside, after a clean close; redb's also after its own
//! compaction.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::bench::{Bench, memory_for};
use crate::child;
use crate::clock::millis;
use crate::data::Data;
use crate::engine::{FilePeer, Sources, TIDETABLE, Tidetable, compact_redb, store_options};
use crate::figure::Better;
use crate::key::Key;
use crate::million::copy;
use crate::rounds::{Contender, alternate_cold};
use crate::spread::Spread;

pub const WORKS: &[&str] =
    &["disk_bytes", "disk_bytes_compacted", "disk_bytes_deps", "open_clean", "open_killed"];

const DEPENDENCIES: u32 = 10;

pub fn measure(bench: &mut Bench) {
    bench.drop_shelf();
    if bench.args.wants_any(&["disk_bytes", "disk_bytes_compacted", "disk_bytes_deps"]) {
        sizes(bench);
    }
    if bench.args.wants_any(&["open_clean", "open_killed"]) {
        openings(bench);
    }
}

fn sizes(bench: &mut Bench) {
    bench.tell("disk_bytes");
    let records = f64::from(bench.data.len());
    let (mut closed, mut compacted, mut with_sources) = (Vec::new(), Vec::new(), Vec::new());
    let sized = |folder: &Path| Spread::of(vec![taken(folder) as f64 / records]);
    for peer in bench.file_peers() {
        let folder = bench.fresh_folder(&format!("size-{}", peer.name));
        bench.loaded(peer, &folder).close();
        closed.push((peer.name, sized(&folder)));
        match peer.name {
            "redb" => {
                compact_redb(&folder);
                compacted.push((peer.name, sized(&folder)));
            }
            TIDETABLE => {
                compacted.push((peer.name, sized(&folder)));
                let folder = bench.fresh_folder("size-sources");
                let sources = Sources::Buildings(DEPENDENCIES);
                let tide = Tidetable::open(&folder, store_options(bench.memory()), sources);
                tide.precompute(&bench.data);
                tide.store.close().expect("a clean close");
                with_sources.push((TIDETABLE, sized(&folder)));
            }
            _ => {}
        }
    }
    let bare = closed.iter().filter(|(name, _)| *name != TIDETABLE).copied();
    with_sources.extend(bare);
    let rows = [closed, compacted, with_sources];
    for (work, rows) in WORKS.iter().zip(rows) {
        if bench.args.wants(work) && !rows.is_empty() {
            bench.report(work, "bytes/record", Better::Less, rows);
        }
    }
}

/// What the files of a folder take, in bytes.
fn taken(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).expect("the folder is there");
    entries
        .map(|entry| {
            let entry = entry.expect("the folder is there");
            let metadata = entry.metadata().expect("the file is there");
            if metadata.is_dir() { taken(&entry.path()) } else { metadata.blocks() * 512 }
        })
        .sum()
}

fn openings(bench: &mut Bench) {
    bench.million();
    for work in ["open_clean", "open_killed"] {
        if !bench.args.wants(work) {
            continue;
        }
        bench.tell(work);
        let rounds = bench.either(3, 7);
        let million = bench.million();
        let (data, folders) = (million.data.clone(), million.folders.clone());
        let shared = &*bench;
        let data = &data;
        let contenders = folders.into_iter().map(|(peer, closed)| {
            let origin = if work == "open_clean" { closed } else { killed(shared, peer, &closed) };
            Contender::new(peer.name, move || {
                let copied = shared.fresh_folder(&format!("{work}-copy"));
                copy(&origin, &copied);
                open(peer, &copied, data)
            })
        });
        let spreads = alternate_cold(rounds, contenders.collect());
        bench.report(work, "ms", Better::Less, spreads);
    }
}

/// A copy that a process had open and had written to when it was killed.
fn killed(bench: &Bench, peer: FilePeer, closed: &Path) -> PathBuf {
    let folder = bench.fresh_folder(&format!("killed-{}", peer.name));
    copy(closed, &folder);
    let mut child = child::hold(peer, &folder);
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    folder
}

/// Milliseconds until a record is read.
fn open(peer: FilePeer, folder: &Path, data: &Data) -> f64 {
    let mut opened = None;
    let nth = data.len() / 2 + 7;
    let took = millis(|| {
        let engine = (peer.open)(folder, memory_for(data));
        let mut seen = None;
        engine.read(&mut |reader| seen = reader.get(Key::nth(nth)));
        assert_eq!(seen, Some(data.record(nth).touch()), "{} has lost a record", peer.name);
        opened = Some(engine);
    });
    opened.expect("it was opened").close();
    took
}
