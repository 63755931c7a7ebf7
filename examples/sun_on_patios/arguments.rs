//! What the program is told on its command line.

use std::env;
use std::str::FromStr;

use jiff::civil::Date;

const HELP: &str = "\
How sunny each patio of a city is, today and the next two days, kept in one file.

    cargo run --release --example sun_on_patios -- [OPTIONS]

    --patios N       how many patios there are (500; 150 at least)
    --buildings N    how many houses stand around them (10000)
    --seed N         which city is generated (7)
    --date DATE      today (2026-03-28: the clocks are set forward in the night after it)
    --check          leave with an error where a floor of time is missed, too

Wrong answers always leave with an error.";

/// One patio fails, and that is to be less than one of a hundred.
const PATIOS_LEAST: u32 = 150;

/// What the program is told on its command line.
pub(crate) struct Arguments {
    pub(crate) patios: u32,
    pub(crate) buildings: u32,
    pub(crate) seed: u64,
    pub(crate) date: Date,
    pub(crate) check: bool,
}

impl Arguments {
    /// What was said; help is shown, and the program ends, if that was asked for or is needed.
    pub(crate) fn read() -> Self {
        Self::parse(env::args().skip(1)).unwrap_or_else(|message| {
            println!("{message}");
            std::process::exit(i32::from(message != HELP) * 2);
        })
    }

    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut arguments = Self {
            patios: 500,
            buildings: 10_000,
            seed: 7,
            date: Date::constant(2026, 3, 28),
            check: false,
        };
        while let Some(word) = words.next() {
            match &*word {
                "--patios" => arguments.patios = value(&word, words.next())?,
                "--buildings" => arguments.buildings = value(&word, words.next())?,
                "--seed" => arguments.seed = value(&word, words.next())?,
                "--date" => arguments.date = value(&word, words.next())?,
                "--check" => arguments.check = true,
                "--help" | "-h" => return Err(HELP.to_owned()),
                other => return Err(format!("{other:?} is no option; --help lists them")),
            }
        }
        let Self { patios, buildings, .. } = arguments;
        if !(PATIOS_LEAST..=buildings).contains(&patios) {
            return Err(format!(
                "--patios is {patios}; it may be {PATIOS_LEAST} to {buildings}, the number of buildings"
            ));
        }
        Ok(arguments)
    }
}

fn value<T: FromStr>(option: &str, word: Option<String>) -> Result<T, String> {
    let word = word.ok_or_else(|| format!("{option} wants a value"))?;
    word.parse().map_err(|_| format!("{word:?} is no value for {option}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, String> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn what_is_not_said_has_a_default_and_what_is_wrong_is_named() {
        let arguments = parse("--patios 200 --date 2026-10-24").unwrap();
        assert_eq!((arguments.patios, arguments.buildings), (200, 10_000));
        assert_eq!(arguments.date, Date::constant(2026, 10, 24));
        for (line, named) in
            [("--patios many", "many"), ("--size 7", "--size"), ("--seed", "--seed")]
        {
            assert!(parse(line).err().unwrap().contains(named), "{line}");
        }
        assert!(parse("--patios 300 --buildings 200").is_err());
        assert!(parse("--patios 20").is_err());
    }
}
