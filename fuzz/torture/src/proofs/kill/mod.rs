//! A process that works at full speed and is killed, again and again, on the same file: puts,
//! inputs, changes with and without intents, builders, runs, requests and syncs from several threads.
//! Some are killed while they open the file (which the one before has left unclean), some while they
//! close it.
//!
//! What must hold, held against a log outside the store of what was begun and what was acknowledged:
//! - All that was acknowledged is there: puts, inputs, deletions, what was built and then synced,
//!   what a run was waited for, what was asked for (after all that is left was built).
//! - What was put together is there whole or not at all.
//! - Nothing fresh is older than an announcement that was acknowledged, or than a change that was
//!   begun within `Store::change`, acknowledged or not; nothing fresh has another input than stands
//!   there.
//! - The store's clock never goes back, and nothing that was there after one kill is gone after the
//!   next.
//! - What is left can be built, and is right then.
//!
//! When a process dies is the machine's to say: a round that is tried again does much the same. The
//! machine lives on, so that nothing is proven of what had reached no disk.

mod judge;
mod log;
mod work;
mod world;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use crate::child;
use crate::disk::Random;
use crate::proof::{Cores, Proof};
use crate::round::Round;

use judge::{Findings, judge};
use log::{CLOSING, Ledger, Log, OPENED, Thing};

pub const PROOF: Proof = Proof {
    name: NAME,
    about: "a process killed at full speed, while it opens and while it closes, again and again",
    rounds: None,
    cores: Cores::All,
    share: 3,
    round,
};

const NAME: &str = "kill";
/// Of one file.
const KILLS: u64 = 20;
const PATIENCE: Duration = Duration::from_secs(60);
/// The signal that cannot be caught.
const SIGKILL: i32 = 9;

/// When a process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// So many milliseconds after it had the store open.
    AtWork(u64),
    /// So many microseconds after it began.
    Opening(u64),
    /// So many microseconds after it began to close the store, which it does after milliseconds.
    Closing(u64, u64),
}

impl Moment {
    fn at_random(random: &mut Random) -> Self {
        match random.below(8) {
            0 => Self::Opening(random.below(40_000)),
            1 => Self::Closing(random.below(8_000), 20 + random.below(60)),
            _ => Self::AtWork(random.below(150)),
        }
    }
}

fn round(round: &Round<'_>) {
    let mut random = round.random();
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let folder = folder.path();
    let (mut sum, mut kills, mut closed) = (Findings::default(), 0, 0);
    while kills < KILLS && !round.is_over() {
        let moment = Moment::at_random(&mut random);
        match kill(folder, moment, random.next()) {
            Ok(killed) => closed += u64::from(!killed),
            Err(what) => return round.violation(&format!("{moment:?}: {what}")),
        }
        kills += 1;
        // Some are not looked at: what recovery was killed leaves is recovered by another process.
        if random.below(3) > 0 {
            match look(folder, random.below(3) == 0) {
                Ok(Findings { fresh, marked, promised }) => {
                    sum.fresh += fresh;
                    sum.marked += marked;
                    sum.promised += promised;
                }
                Err(what) => {
                    return round.violation(&format!("kill {kills}, {moment:?}: {what}"));
                }
            }
        }
        round.count(1);
    }
    let ledger = Ledger::read(folder).expect("it was read before");
    let Findings { fresh, marked, promised } = sum;
    println!(
        "kill, round {}: {kills} kills ({closed} came too late), {} lines in the log; found {fresh} \
         fresh, {marked} marked, {promised} changes begun and not acknowledged; {} runs",
        round.number,
        log::lines(folder),
        ledger.known(Thing::Ran),
    );
    if kills == KILLS && (fresh == 0 || ledger.known(Thing::Source) == 0) {
        round.violation("nothing was fresh, or nothing changed: that proves nothing");
    }
}

/// Starts a process on the file and kills it; `false` if it had ended by itself, as it was told to.
fn kill(folder: &Path, moment: Moment, seed: u64) -> Result<bool, String> {
    let failed = |cause| format!("a process: {cause}");
    let closes = match moment {
        Moment::Closing(_, after) => after.to_string(),
        _ => "never".to_owned(),
    };
    let lines = log::lines(folder);
    let mut child = child::part(&[NAME, &seed.to_string(), &closes], folder).map_err(failed)?;
    let waited = match moment {
        Moment::Opening(_) => Ok(()),
        Moment::AtWork(_) => reach(&mut child, folder, lines, OPENED),
        Moment::Closing(..) => reach(&mut child, folder, lines, CLOSING),
    };
    if waited.is_ok() {
        thread::sleep(match moment {
            Moment::AtWork(millis) => Duration::from_millis(millis),
            Moment::Opening(micros) | Moment::Closing(micros, _) => Duration::from_micros(micros),
        });
    }
    child.kill().map_err(failed)?;
    let status = child.wait().map_err(failed)?;
    waited?;
    let killed = status.signal() == Some(SIGKILL);
    let may_end = status.success() && matches!(moment, Moment::Closing(..));
    match killed || may_end {
        true => Ok(killed),
        false => Err(format!("the process ended by itself: {status}")),
    }
}

/// Waits until a process says that it has come so far.
fn reach(child: &mut Child, folder: &Path, lines: u64, step: u64) -> Result<(), String> {
    let began = Instant::now();
    while !log::tells(folder, lines, Thing::Life, step) {
        let ended = child.try_wait().map_err(|cause| format!("a process: {cause}"))?;
        if let Some(status) = ended {
            // Its last words may have come since.
            let told = log::tells(folder, lines, Thing::Life, step);
            return if told { Ok(()) } else { Err(format!("it ended too early: {status}")) };
        }
        if began.elapsed() > PATIENCE {
            return Err(format!("it did not come to step {step} in {PATIENCE:?}"));
        }
        thread::sleep(Duration::from_micros(300));
    }
    Ok(())
}

/// Looks at what a kill has left: in the file, or in a copy of it, so that it is the next process that
/// recovers the file.
fn look(folder: &Path, in_place: bool) -> Result<Findings, String> {
    let path = world::path(folder);
    if in_place {
        let log = Log::append(folder).map_err(|cause| format!("the log: {cause}"))?;
        return judge(&path, folder, Some(&log));
    }
    // None is there if the first process was killed before the file was born.
    if !path.exists() {
        return Ok(Findings::default());
    }
    let copy = folder.join("copy");
    fs::copy(&path, &copy).map_err(|cause| format!("a copy: {cause}"))?;
    let found = judge(&copy, folder, None);
    fs::remove_file(&copy).map_err(|cause| format!("a copy: {cause}"))?;
    found
}

/// The process that is killed: its seed, when it closes the store, and the folder.
pub fn part(words: &[String]) -> ExitCode {
    let told = |words: &[String]| {
        let [seed, closes, folder] = words else { return None };
        let closes = if closes == "never" { None } else { Some(closes.parse().ok()?) };
        Some((seed.parse().ok()?, closes, Path::new(folder).to_path_buf()))
    };
    let Some((seed, closes, folder)) = told(words) else {
        eprintln!("{words:?}: not what {NAME} is told");
        return ExitCode::from(2);
    };
    match work::work(&folder, seed, closes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            eprintln!("{NAME}, the process: {cause}");
            ExitCode::FAILURE
        }
    }
}
