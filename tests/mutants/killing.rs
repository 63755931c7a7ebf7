//! Builds what can be taken apart, and sees who notices.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

use super::guards::{GUARDS, Guard, Killer};

/// The programs, built so that guards can be taken out.
pub(crate) struct Programs {
    models: PathBuf,
    units: PathBuf,
    /// Name of a program in `tests` -> what was built of it.
    tests: Vec<(&'static str, PathBuf)>,
    schedules: PathBuf,
}

/// Rounds of the proof `schedules` before a guard counts as missed by nobody.
const ROUNDS: u64 = 200;

impl Programs {
    pub(crate) fn build(root: &Path) -> Self {
        let names = GUARDS.iter().filter_map(|guard| match guard.killer {
            Killer::Program(name, _) => Some(name),
            _ => None,
        });
        let names: std::collections::BTreeSet<&str> = names.collect();
        let test =
            |name| (name, built(root, "", &["test", "--release", "--no-run", "--test", name]));
        let lib = ["test", "--release", "--no-run", "--lib"];
        let tests = names.into_iter().map(test).collect();
        let torture = ["build", "--release", "--package", "torture"];
        Self {
            models: built(root, "loom", &lib),
            units: built(root, "", &lib),
            tests,
            schedules: built(root, "shuttle", &torture),
        }
    }

    /// How it was noticed that a guard is gone; `None` if it was not.
    pub(crate) fn notice(&self, guard: &Guard) -> Option<String> {
        let began = Instant::now();
        let (who, noticed) = match guard.killer {
            Killer::Model(test) => (test, fails(&self.models, test, guard.name)),
            Killer::Unit(test) => (test, fails(&self.units, test, guard.name)),
            Killer::Program(name, test) => {
                let (_, program) = self.tests.iter().find(|(built, _)| *built == name)?;
                (test, fails(program, test, guard.name))
            }
            Killer::Schedules => ("schedules", self.is_broken(guard.name)),
        };
        noticed.then(|| format!("{:.1} s, {who}", began.elapsed().as_secs_f64()))
    }

    /// Whether a schedule is found that breaks a promise, and with the guard in place none.
    fn is_broken(&self, mutant: &str) -> bool {
        let breaks = |round: &u64, mutant| {
            let seed = (round * 104_729 + 77).to_string();
            let mut command = Command::new(&self.schedules);
            let output = run(command.args(["--part", "schedules", &seed]).env("MUTANT", mutant));
            String::from_utf8_lossy(&output.stdout).contains("broken ")
        };
        let found = (1..=ROUNDS).find(|round| breaks(round, mutant));
        found.is_some_and(|round| !breaks(&round, ""))
    }
}

/// Whether a test that holds fails without a guard.
fn fails(program: &Path, test: &str, mutant: &str) -> bool {
    let holds = |mutant| {
        let mut command = Command::new(program);
        command.args(["--exact", test]).env("MUTANT", mutant).env("LOOM_MAX_PREEMPTIONS", "2");
        let output = run(&mut command);
        let text = String::from_utf8_lossy(&output.stdout);
        output.status.success() && text.contains("test result: ok. 1 passed")
    };
    assert!(holds(""), "{test} does not hold, or is not there");
    !holds(mutant)
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|cause| panic!("{command:?}: {cause}"))
}

/// Builds with a wrapper that lets guards be taken out, and with a cfg for all crates if one is named;
/// where what was built lies.
fn built(root: &Path, cfg: &str, arguments: &[&str]) -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root).args(arguments).arg("--message-format=json");
    // What it depends on is built already, and what the wrapper builds lies beside the rest.
    command.arg("--target-dir").arg(target.join(cfg));
    command.env("RUSTC_WORKSPACE_WRAPPER", root.join(".ci/mutated"));
    if !cfg.is_empty() {
        command.env("RUSTFLAGS", format!("--cfg {cfg}"));
    }
    let output = run(&mut command);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let programs = text.lines().filter_map(|line| serde_json::from_str(line).ok());
    let mut programs = programs
        .filter_map(|line: serde_json::Value| line["executable"].as_str().map(PathBuf::from));
    programs.next_back().expect("a program was asked for")
}
