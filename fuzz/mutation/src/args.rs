//! What the command line asks for.

use std::time::Duration;

/// What the command line asks for.
#[derive(Debug, PartialEq)]
pub struct Args {
    /// Globs of files, as `cargo mutants --file` takes them.
    pub files: Vec<String>,
    /// Programs of `tests`, beside the unit tests.
    pub tests: Vec<String>,
    /// A part of the names of the unit tests that are run.
    pub filter: String,
    /// A part of the names of the mutants that are tried.
    pub only: String,
    /// Whether only those are tried that are known to live.
    pub known: bool,
    /// How long one mutant is tried.
    pub time: Duration,
}

pub const HELP: &str = "\
Breaks tidetable in each of some thousand places, in one build, and sees which test notices.

cargo run --release --manifest-path fuzz/mutation/Cargo.toml -- [OPTIONS] GLOB...

  GLOB...             files of src, as 'src/cache/**'; needs cargo-mutants, which lists what can be broken
  --tests NAME,NAME   programs of tests, after the crate's own tests (none)
  --filter TEXT       unit tests whose name contains this (all)
  --only TEXT         mutants whose name contains this (all)
  --known             mutants alone that survivors.md lists
  --seconds N         for each mutant (20); what is not tried by then lives
";

/// Reads a command line, without the program's name; `None` if it asks for help.
pub fn read(words: impl IntoIterator<Item = String>) -> Result<Option<Args>, String> {
    let mut args = Args {
        files: Vec::new(),
        tests: Vec::new(),
        filter: String::new(),
        only: String::new(),
        known: false,
        time: Duration::from_secs(20),
    };
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--help" => return Ok(None),
            "--tests" => args.tests = value()?.split(',').map(str::to_owned).collect(),
            "--filter" => args.filter = value()?,
            "--only" => args.only = value()?,
            "--known" => args.known = true,
            "--seconds" => {
                let seconds =
                    value()?.parse().map_err(|_| "--seconds needs a number".to_owned())?;
                args.time = Duration::from_secs(seconds);
            }
            _ if word.starts_with('-') => return Err(format!("{word} is not known; see --help")),
            _ => args.files.push(word),
        }
    }
    if args.files.is_empty() {
        return Err("which files? see --help".to_owned());
    }
    Ok(Some(args))
}
