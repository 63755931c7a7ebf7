//! The tests: what there are, how long each takes, and which mutants it comes by.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::crew;

/// All tests of some programs, the quickest first, those of the crate itself before others.
pub struct Suite {
    programs: Vec<PathBuf>,
    pub tests: Vec<Test>,
    /// Tests that fail though nothing is broken: no mutant is tried against these.
    pub failing: Vec<String>,
    /// Where the programs run, and where they may leave what they like.
    root: PathBuf,
    scratch: PathBuf,
}

pub struct Test {
    pub program: usize,
    pub name: String,
    pub took: Duration,
    pub reaches: BTreeSet<u32>,
}

/// How a run of tests ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Passed,
    Failed,
    /// It had not come to an end when its time was over.
    Stopped,
}

/// No test of this crate takes so long by itself.
const PATIENCE: Duration = Duration::from_secs(300);
/// In KiB, of addresses: a mutant may ask for memory without end.
const MEMORY: &str = "16000000";
const TURN: Duration = Duration::from_millis(2);

impl Suite {
    /// Runs every test by itself, with nothing broken.
    pub fn run(
        programs: &[(String, PathBuf)],
        filter: &str,
        root: &Path,
        folder: &Path,
    ) -> Result<Self, String> {
        let scratch = folder.join("scratch");
        fs::create_dir_all(&scratch).map_err(|cause| format!("{}: {cause}", scratch.display()))?;
        let mut named = Vec::new();
        for (nth, (program, path)) in programs.iter().enumerate() {
            let list = Command::new(path).args(["--list", "--format=terse"]).output();
            let list = list.map_err(|cause| format!("{program}: {cause}"))?.stdout;
            let lines = String::from_utf8_lossy(&list).into_owned();
            let names = lines.lines().filter_map(|line| line.strip_suffix(": test"));
            // A filter is for the crate's own tests: programs are chosen by their names.
            let chosen = names.filter(|name| nth > 0 || name.contains(filter));
            named.extend(chosen.map(|name| (nth, name.to_owned())));
        }
        let paths = programs.iter().map(|(_, path)| path.clone()).collect();
        let mut suite = Self {
            programs: paths,
            tests: Vec::new(),
            failing: Vec::new(),
            root: root.to_owned(),
            scratch,
        };
        let ran = crew::each(&named, |nth, (program, name)| {
            let notes = suite.scratch.join(format!("notes-{nth}"));
            let began = Instant::now();
            let ended =
                suite.process(*program, &[name], ("MUTATION_NOTES", notes.as_os_str()), PATIENCE);
            let took = began.elapsed();
            let text = fs::read_to_string(&notes).unwrap_or_default();
            _ = fs::remove_file(&notes);
            let reaches = text.lines().filter_map(|line| line.parse().ok()).collect();
            (ended, Test { program: *program, name: name.clone(), took, reaches })
        });
        for (ended, test) in ran {
            match ended {
                Ended::Passed => suite.tests.push(test),
                Ended::Failed | Ended::Stopped => suite.failing.push(test.name),
            }
        }
        suite.tests.sort_by_key(|test| (test.program > 0, test.took));
        Ok(suite)
    }

    /// Runs tests of one program with this mutant in it.
    pub fn broken(&self, tests: &[&Test], mutant: u32, time: Duration) -> Ended {
        let names: Vec<&String> = tests.iter().map(|test| &test.name).collect();
        let number = mutant.to_string();
        self.process(tests[0].program, &names, ("MUTATION", number.as_ref()), time)
    }

    /// Runs tests of one program by their names, and ends what they leave behind.
    fn process(
        &self,
        program: usize,
        names: &[&String],
        asked: (&str, &std::ffi::OsStr),
        time: Duration,
    ) -> Ended {
        let mut command = Command::new("sh");
        let limited = format!("ulimit -v {MEMORY}; exec \"$@\"");
        command.args(["-c", &limited, "sh"]).arg(&self.programs[program]);
        command.args(["--exact", "--test-threads=1"]).args(names).current_dir(&self.root);
        command.env("TMPDIR", &self.scratch).env(asked.0, asked.1);
        // The same cases each time; how small one can be made is not asked.
        command.env("PROPTEST_RNG_SEED", "1").env("PROPTEST_MAX_SHRINK_ITERS", "0");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().unwrap_or_else(|cause| panic!("{command:?}: {cause}"));
        let began = Instant::now();
        let ended = loop {
            match child.try_wait().expect("it is this program's own") {
                Some(status) if status.success() => break Ended::Passed,
                Some(_) => break Ended::Failed,
                None if began.elapsed() > time => break Ended::Stopped,
                None => thread::sleep(TURN),
            }
        };
        end(&mut child);
        ended
    }
}

/// Ends a process and those that it began.
fn end(child: &mut Child) {
    let group = format!("-{}", child.id());
    _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
    _ = child.wait();
}
