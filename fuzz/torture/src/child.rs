//! A proof in a process of its own.

use std::env;
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use crate::args::{Args, CHILD};
use crate::journal::Journal;
use crate::outcome::{self, Outcome};
use crate::proof::Proof;
use crate::run::replay;

/// A case that has not ended so long after its proof's time is taken to hang.
const PATIENCE: Duration = Duration::from_secs(180);

/// Runs a proof for so long, and says what came of it. A process that dies or hangs is a violation,
/// told with what it was at.
pub fn prove(proof: &Proof, time: Duration, args: &Args) -> io::Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let [journal, json] = ["journal", "json"].map(|name| folder.path().join(name));
    let mut command = Command::new(env::current_exe()?);
    command.arg(CHILD).arg(&journal).arg("--json").arg(&json);
    command.args(["--only", proof.name, "--seed", &args.seed.to_string()]);
    command.args(["--seconds", &time.as_secs_f64().to_string()]);
    let from = Some(args.from);
    let numbers = [("--cases", args.cases), ("--round", args.round), ("--case", args.case)];
    for (name, value) in numbers.into_iter().chain([("--from", from)]) {
        if let Some(value) = value {
            command.args([name, &value.to_string()]);
        }
    }
    let began = Instant::now();
    // However long so many cases take, or one.
    let timed = args.cases.is_none() && args.round.is_none();
    let status = wait(command.spawn()?, timed.then_some(began + time + PATIENCE))?;
    if let Ok([outcome]) = outcome::read(&json).as_deref() {
        return Ok(outcome.clone());
    }
    let end = status.map_or("hung".to_owned(), |status| format!("ended by itself: {status}"));
    println!("{}: the process {end}. It was at", proof.name);
    for (round, case) in Journal::read(&journal)? {
        println!("  {}", replay(proof.name, args.seed, round, Some(case)));
    }
    let seconds = began.elapsed().as_secs_f64();
    Ok(Outcome { proof: proof.name.to_owned(), cases: 1, violations: 1, seconds, seed: args.seed })
}

/// Waits for a process, kills it when its time is over; `None` if that was needed.
fn wait(mut child: Child, until: Option<Instant>) -> io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if until.is_some_and(|until| Instant::now() >= until) {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// A process that does a part of a proof.
pub fn part(words: &[&str], folder: &Path) -> io::Result<Child> {
    let mut command = Command::new(env::current_exe()?);
    command.arg(crate::args::PART).args(words).arg(folder);
    command.spawn()
}
