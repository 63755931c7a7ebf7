//! The whole engine under schedules that are drawn.
//!
//! Tried: a store in memory with its writer, builders, readers, evictions and those who announce, delete
//! and close, all of them tasks of shuttle. Each lock, atomic, channel and wait of the engine is a step at
//! which another task may go on; which does is drawn at random or by PCT, which keeps to priorities and
//! changes them at a few places. A wait with an end may end at once, whatever the clock says.
//!
//! What must hold: a record that is called fresh holds every change that was acknowledged before the read
//! began; no record holds one that was not begun when the read ended; when all is quiet each record can be
//! had fresh, with what the sources are; nobody waits for ever; nothing panics.
//!
//! What it leaves out: orders of memory weaker than sequential (loom has those, for the kernels), redb's
//! own locks (it runs as it is, and takes no step), and the file.
//!
//! A cfg is a build of its own: the proof builds `scheduled`, which stands beside it, with `--cfg shuttle`
//! and starts it for each round. A case is a schedule. Those of a round share the program that is scheduled and go on from
//! one another, so what fails is replayed with its round.

use std::env;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::proof::{Cores, Proof};
use crate::round::Round;

pub const PROOF: Proof = Proof {
    name: "schedules",
    about: "the whole engine under a scheduler that draws",
    rounds: None,
    cores: Cores::One,
    share: 4,
    round,
};

/// What is built and started.
const SCHEDULED: &str = "scheduled";

/// What is printed before the number of schedules that were tried, and before what did not hold.
const TRIED: &str = "tried ";
const BROKEN: &str = "broken ";

fn round(round: &Round<'_>) {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let program = match PROGRAM.get_or_init(|| build().map_err(|cause| cause.to_string())) {
        Ok(program) => program,
        Err(cause) => panic!("the build that can be scheduled: {cause}"),
    };
    let mut command = Command::new(program);
    command.arg(round.seed().to_string());
    let output = command.output().unwrap_or_else(|cause| panic!("{}: {cause}", program.display()));
    let text = String::from_utf8_lossy(&output.stdout);
    for line in text.lines() {
        if let Some(tried) = line.strip_prefix(TRIED).and_then(|tried| tried.parse().ok()) {
            round.count(tried);
        } else if let Some(what) = line.strip_prefix(BROKEN) {
            round.violation(what);
        }
    }
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        round.violation(&format!("the process ended by itself: {}\n{said}", output.status));
    }
}

/// Builds what can be scheduled. It gets a folder of its own, so that neither of the two builds of the engine
/// takes the other's place; what both stand on they share.
fn build() -> io::Result<PathBuf> {
    let program = env::current_exe()?;
    let mut above = program.ancestors().skip(2);
    let shared = above.next().ok_or(io::ErrorKind::NotFound)?;
    let target = shared.join("shuttle");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let wrapper = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.ci/scheduled");
    let wrapper = fs::canonicalize(wrapper)?;
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--release", "--package", env!("CARGO_PKG_NAME")]);
    command.args(["--bin", SCHEDULED]);
    command.args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")]);
    command.arg("--target-dir").arg(&target).env("CARGO_BUILD_BUILD_DIR", shared);
    command.env("RUSTC_WORKSPACE_WRAPPER", wrapper);
    match command.status()?.success() {
        true => Ok(target.join("release").join(SCHEDULED)),
        false => Err(io::Error::other("cargo could not build it")),
    }
}
