//! What the command line asks for.

use std::ffi::OsString;
use std::path::PathBuf;

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Args {
    /// Two minutes instead of twenty.
    pub quick: bool,
    /// Works to do; all, if none is named.
    pub only: Vec<String>,
    /// Engines to run; all, if none is named.
    pub engines: Vec<String>,
    /// Where traces lie.
    pub traces: Option<PathBuf>,
    pub records: usize,
    pub out: PathBuf,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            quick: false,
            only: Vec::new(),
            engines: Vec::new(),
            traces: None,
            records: 100_000,
            out: PathBuf::from("target/peers"),
        }
    }
}

pub const HELP: &str = "\
tidetable beside its peers: the same work on the same records, one table.

cargo run --release -p peers -- [OPTIONS]

  --quick             within two minutes instead of twenty
  --only WORK,WORK    these works alone; a name that ends in * stands for all that begin so
  --engines A,B       these engines alone
  --records N         so many records (100000), in days of 144
  --traces DIR        hit ratios on the traces in a folder
  --out DIR           where files and figures go (target/peers); peers.json is among them
  --help              this
";

/// What to do after the command line has been read.
#[derive(Debug, PartialEq)]
pub enum Asked {
    Measure(Args),
    Help,
    /// Not for people: this program began itself anew to be killed, or to be weighed.
    Child(Vec<String>),
}

/// Reads a command line, without the program's name.
pub fn read(words: impl IntoIterator<Item = OsString>) -> Result<Asked, String> {
    let words = words.into_iter().map(|word| word.into_string());
    let words: Vec<String> = words.collect::<Result<_, _>>().map_err(|_| "not text".to_owned())?;
    if words.first().is_some_and(|word| word == CHILD) {
        return Ok(Asked::Child(words[1..].to_vec()));
    }
    let mut args = Args::default();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--help" | "-h" => return Ok(Asked::Help),
            "--quick" => args.quick = true,
            "--only" => args.only = names(&value()?),
            "--engines" => args.engines = names(&value()?),
            "--traces" => args.traces = Some(PathBuf::from(value()?)),
            "--out" => args.out = PathBuf::from(value()?),
            "--records" => args.records = number(&value()?)?,
            _ => return Err(format!("{word} is no option; see --help")),
        }
    }
    Ok(Asked::Measure(args))
}

/// The word by which this program tells itself that it is its own child.
pub const CHILD: &str = "--child";

fn names(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn number(text: &str) -> Result<usize, String> {
    let number: usize =
        text.replace('_', "").parse().map_err(|_| format!("{text} is no number"))?;
    // Records are counted in 32 bits, with room to round up to whole days.
    if (1_000..=1_000_000_000).contains(&number) {
        Ok(number)
    } else {
        Err(format!("{number} records; it may be 1000 to 1000000000"))
    }
}

impl Args {
    /// Whether a work is asked for.
    pub fn wants(&self, work: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|asked| matches(asked, work))
    }

    /// Whether one of these is.
    pub fn wants_any(&self, works: &[&str]) -> bool {
        works.iter().any(|work| self.wants(work))
    }

    pub fn runs(&self, engine: &str) -> bool {
        self.engines.is_empty() || self.engines.iter().any(|asked| asked == engine)
    }
}

fn matches(asked: &str, work: &str) -> bool {
    match asked.strip_suffix('*') {
        Some(beginning) => work.starts_with(beginning),
        None => work == asked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_line(line: &str) -> Result<Asked, String> {
        read(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn works_and_engines_are_lists_with_commas() {
        let Ok(Asked::Measure(args)) =
            read_line("--only hit_*,bulk --engines lmdb --records 1_000_000")
        else {
            panic!("it is a measurement")
        };
        assert!(args.wants("hit_1t") && args.wants("bulk") && !args.wants("bulk_deps"));
        assert!(args.runs("lmdb") && !args.runs("redb"));
        assert_eq!(args.records, 1_000_000);
    }

    #[test]
    fn what_is_no_option_or_no_value_is_named() {
        assert!(read_line("--speed").unwrap_err().contains("--speed"));
        assert!(read_line("--records").unwrap_err().contains("needs a value"));
        assert!(read_line("--records few").unwrap_err().contains("few"));
        assert_eq!(read_line("--quick --help"), Ok(Asked::Help));
        assert_eq!(
            read_line("--child hold lmdb"),
            Ok(Asked::Child(vec!["hold".into(), "lmdb".into()]))
        );
    }
}
