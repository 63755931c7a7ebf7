//! The build that can be scheduled, and a process of it for each round.

use std::env;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use super::PROOF;
use crate::args::PART;
use crate::round::Round;

/// What is printed before the number of schedules that were tried, and before what did not hold.
const TRIED: &str = "tried ";
const BROKEN: &str = "broken ";

pub fn round(round: &Round<'_>) {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let program = match PROGRAM.get_or_init(|| build().map_err(|cause| cause.to_string())) {
        Ok(program) => program,
        Err(cause) => panic!("the build that can be scheduled: {cause}"),
    };
    let mut command = Command::new(program);
    command.args([PART, PROOF.name, &round.seed().to_string()]);
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

/// Builds this program with what can be scheduled. It gets a folder of its own, so that neither of the two
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
    command.args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")]);
    command.arg("--target-dir").arg(&target).env("CARGO_BUILD_BUILD_DIR", shared);
    command.env("RUSTC_WORKSPACE_WRAPPER", wrapper);
    match command.status()?.success() {
        true => Ok(target.join("release").join(env!("CARGO_PKG_NAME"))),
        false => Err(io::Error::other("cargo could not build it")),
    }
}
