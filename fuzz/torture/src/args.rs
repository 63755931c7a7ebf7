//! What the command line asks for.

use std::ffi::OsString;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use crate::proof::Proof;
use crate::proofs::PROOFS;

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Args {
    /// For all proofs together.
    pub time: Duration,
    pub seed: u64,
    /// Names of proofs; all, if none is named.
    pub only: Vec<String>,
    /// How many cases of each proof, however long they take.
    pub cases: Option<u64>,
    /// The first round: those before it were had in another run.
    pub from: u64,
    /// To replay one: this round alone, and this case of it alone.
    pub round: Option<u64>,
    pub case: Option<u64>,
    pub json: Option<PathBuf>,
}

/// What to do after the command line has been read.
#[derive(Debug, PartialEq)]
pub enum Asked {
    Prove(Args),
    Help,
    /// Not for people: this program began itself anew for the one proof that is named, with a journal.
    Child(Child),
    /// Nor this: a part of a proof that is a process of its own.
    Part(Vec<String>),
}

/// What a process that runs one proof is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Child {
    pub args: Args,
    pub journal: PathBuf,
}

/// The words by which this program tells itself what it is.
pub const CHILD: &str = "--child";
pub const PART: &str = "--part";

impl Default for Args {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(120),
            seed: 1,
            only: Vec::new(),
            cases: None,
            from: 0,
            round: None,
            case: None,
            json: None,
        }
    }
}

pub fn help() -> String {
    let mut text = String::from(
        "\
What tidetable promises, tried against power cuts, flipped bits, failing disks, kills and crowds.

cargo run --release -p torture -- [OPTIONS]

  --seconds N         for all proofs together (120)
  --seed N            other cases (1)
  --only NAME,NAME    these proofs alone
  --cases N           so many cases of each proof, however long they take
  --from N            from this round on: what a run ended with is printed
  --round N           this round alone; with --case N, this case of it alone
  --json FILE         what came of it, as a list
  --help              this

Proofs:
",
    );
    for Proof { name, about, .. } in PROOFS {
        writeln!(text, "  {name:<18}  {about}").expect("it is memory");
    }
    text
}

/// Reads a command line, without the program's name.
pub fn read(words: impl IntoIterator<Item = OsString>) -> Result<Asked, String> {
    let words = words.into_iter().map(|word| word.into_string());
    let words: Vec<String> = words.collect::<Result<_, _>>().map_err(|_| "not text".to_owned())?;
    if words.first().is_some_and(|word| word == PART) {
        return Ok(Asked::Part(words[1..].to_vec()));
    }
    let (mut args, mut journal) = (Args::default(), None);
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--help" | "-h" => return Ok(Asked::Help),
            "--seconds" => args.time = Duration::from_secs_f64(seconds(&value()?)?),
            "--seed" => args.seed = number(&value()?)?,
            "--only" => args.only = names(&value()?)?,
            "--cases" => args.cases = Some(number(&value()?)?),
            "--from" => args.from = number(&value()?)?,
            "--round" => args.round = Some(number(&value()?)?),
            "--case" => args.case = Some(number(&value()?)?),
            "--json" => args.json = Some(PathBuf::from(value()?)),
            CHILD => journal = Some(PathBuf::from(value()?)),
            _ => return Err(format!("{word} is no option; see --help")),
        }
    }
    if args.case.is_some() && args.round.is_none() {
        return Err("--case needs the --round that it is a case of".to_owned());
    }
    if args.round.is_some() && args.only.len() != 1 {
        return Err("--round needs the one proof that it is a round of: --only NAME".to_owned());
    }
    Ok(match journal {
        Some(journal) => Asked::Child(Child { args, journal }),
        None => Asked::Prove(args),
    })
}

fn names(list: &str) -> Result<Vec<String>, String> {
    let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
    names
        .map(|name| match PROOFS.iter().any(|proof| proof.name == name) {
            true => Ok(name.to_owned()),
            false => Err(format!("{name} is no proof; see --help")),
        })
        .collect()
}

fn number(text: &str) -> Result<u64, String> {
    text.replace('_', "").parse().map_err(|_| format!("{text} is no number"))
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.0..=1e7).contains(seconds));
    seconds.ok_or(format!("{text} is no number of seconds"))
}

impl Args {
    /// Whether a proof is asked for.
    pub fn wants(&self, proof: &Proof) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == proof.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_line(line: &str) -> Result<Asked, String> {
        read(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn a_case_is_replayed_by_its_proof_its_round_and_its_number() {
        let name = PROOFS[0].name;
        let line = format!("--only {name} --seed 7 --round 3 --case 1_000");
        let Ok(Asked::Prove(args)) = read_line(&line) else { panic!("it is asked for") };
        assert_eq!((args.seed, args.round, args.case), (7, Some(3), Some(1000)));
        assert!(args.wants(&PROOFS[0]));
        assert!(read_line("--round 3").unwrap_err().contains("--only"));
        assert!(read_line("--case 3").unwrap_err().contains("--round"));
    }

    #[test]
    fn what_is_no_option_no_value_or_no_proof_is_named() {
        assert!(read_line("--speed").unwrap_err().contains("--speed"));
        assert!(read_line("--seconds").unwrap_err().contains("needs a value"));
        assert!(read_line("--seconds -1").unwrap_err().contains("-1"));
        assert!(read_line("--only ease").unwrap_err().contains("ease"));
        assert_eq!(read_line("--seconds 1 --help"), Ok(Asked::Help));
        assert_eq!(read_line("--part kill 7"), Ok(Asked::Part(vec!["kill".into(), "7".into()])));
    }
}
