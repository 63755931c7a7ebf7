//! Builds what can be taken apart, and sees who notices.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::guards::{GUARDS, Guard, Killer, MODELS, UNITS};

/// The programs, built so that guards can be taken out: name -> what was built of it.
pub(crate) struct Programs(BTreeMap<String, PathBuf>);

/// How it showed that a guard is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Noticed {
    Failed,
    /// Some wait for ever for what the guard would have had happen.
    Hung,
}

/// No killer takes a tenth of this.
const PATIENCE: Duration = Duration::from_secs(60);

impl Programs {
    pub(crate) fn build(root: &Path) -> Self {
        let names = GUARDS.iter().filter_map(|guard| match guard.killer {
            Killer::Program(name, _) => Some(name),
            Killer::Model(_) | Killer::Unit(_) => None,
        });
        let names: BTreeSet<&str> = names.collect();
        let mut targets = vec!["--lib"];
        targets.extend(names.into_iter().flat_map(|name| ["--test", name]));
        let mut programs = built(root, "mutated", UNITS, &targets);
        programs.extend(built(root, "mutated-models", MODELS, &["--lib"]));
        Self(programs)
    }

    /// How it was noticed that a guard is gone; `None` if it was not.
    pub(crate) fn notice(&self, guard: &Guard) -> Option<Noticed> {
        let (program, test) = (&self.0[guard.killer.program()], guard.killer.test());
        assert_eq!(fails(program, test, ""), None, "{test} does not hold, or is not there");
        fails(program, test, guard.name)
    }
}

/// Whether a test fails without a guard.
fn fails(program: &Path, test: &str, mutant: &str) -> Option<Noticed> {
    let mut command = Command::new(program);
    command.args(["--exact", test]).env("MUTANT", mutant).env("LOOM_MAX_PREEMPTIONS", "2");
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut running = command.spawn().unwrap_or_else(|cause| panic!("{command:?}: {cause}"));
    let mut output = running.stdout.take().expect("it was asked for");
    // Read meanwhile: who has much to say waits until it is heard.
    let text = thread::spawn(move || std::io::read_to_string(&mut output));
    let began = Instant::now();
    while running.try_wait().expect("it is this program's own").is_none() {
        if began.elapsed() > PATIENCE {
            running.kill().and_then(|()| running.wait()).expect("it is this program's own");
            return Some(Noticed::Hung);
        }
        thread::sleep(Duration::from_millis(5));
    }
    let status = running.wait().expect("it is this program's own");
    let text = text.join().expect("reading does not panic").expect("tests write text");
    let holds = status.success() && text.contains("test result: ok. 1 passed");
    (!holds).then_some(Noticed::Failed)
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|cause| panic!("{command:?}: {cause}"))
}

/// Builds tests as this one was built, with a wrapper of `.ci` that lets guards be taken out: what was
/// built of each target, the crate under a name of its own.
fn built(root: &Path, wrapper: &str, own: &str, targets: &[&str]) -> BTreeMap<String, PathBuf> {
    let folder = env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root).args(["test", "--no-run", "--message-format=json"]).args(targets);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    if cfg!(all(feature = "chrono", feature = "tracing")) {
        command.arg("--all-features");
    }
    // What it depends on is built already, and what the wrapper builds lies beside the rest.
    command.arg("--target-dir").arg(folder);
    command.env("RUSTC_WORKSPACE_WRAPPER", root.join(".ci").join(wrapper));
    let output = run(&mut command);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let messages = text.lines().filter_map(|line| serde_json::from_str(line).ok());
    let programs = messages.filter_map(|message: serde_json::Value| {
        let (target, file) = (&message["target"], message["executable"].as_str()?);
        let name = if target["kind"][0] == "test" { target["name"].as_str()? } else { own };
        Some((name.to_owned(), PathBuf::from(file)))
    });
    programs.collect()
}
