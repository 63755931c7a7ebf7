//! What the program prints, and what it found wrong.

use std::fmt::Display;
use std::time::Duration;

/// Prints sections of aligned lines, and remembers what does not hold and how the floors were met.
#[derive(Default)]
pub(crate) struct Report {
    sections: u32,
    wrong: Vec<String>,
    floors: Vec<Floor>,
}

/// A demand with a number.
struct Floor {
    demand: &'static str,
    measured: String,
    /// How many times better than demanded; below one it is missed.
    margin: f64,
    /// Whether it hangs on the machine.
    is_of_time: bool,
}

impl Report {
    pub(crate) fn section(&mut self, title: &str) {
        self.sections += 1;
        println!("\n{}. {title}", self.sections);
    }

    pub(crate) fn line(&self, what: &str, value: impl Display) {
        println!("   {what:<36} {value}");
    }

    /// Something that must hold whatever the machine.
    pub(crate) fn holds(&mut self, what: &str, holds: bool, found: impl Display) {
        let word = if holds { "holds" } else { "WRONG" };
        println!("   {what:<36} {word}: {found}");
        if !holds {
            self.wrong.push(format!("{what}: {found}"));
        }
    }

    /// A share, of which at least so much is demanded.
    pub(crate) fn floor_of_share(&mut self, demand: &'static str, share: f64, least: f64) {
        // How much rarer what should not be is than it might be.
        let margin = (1.0 - least) / (1.0 - share).max(1e-6);
        self.floors.push(Floor { demand, measured: percent(share), margin, is_of_time: false });
    }

    /// A time, of which at most so much is allowed.
    pub(crate) fn floor_of_time(&mut self, demand: &'static str, took: Duration, most: Duration) {
        let margin = most.as_secs_f64() / took.as_secs_f64().max(1e-9);
        self.floors.push(Floor {
            demand,
            measured: format!("{took:.1?}"),
            margin,
            is_of_time: true,
        });
    }

    /// The floors, and whether all is well: everything right and, with `check`, fast enough.
    pub(crate) fn conclude(&mut self, check: bool) -> bool {
        self.section("The floors");
        println!("   {:<44} {:>12}  {:>18}", "demanded", "measured", "");
        let mut slow = 0;
        for floor in &self.floors {
            let Floor { demand, measured, margin, is_of_time } = floor;
            let verdict = if *margin < 1.0 {
                "MISSED".to_owned()
            } else if *is_of_time {
                format!("{} times faster", count(*margin as u64))
            } else {
                format!("{margin:.1} times fewer misses")
            };
            println!("   {demand:<44} {measured:>12}  {verdict}");
            if *margin < 1.0 && *is_of_time {
                slow += 1;
            } else if *margin < 1.0 {
                self.wrong.push(format!("{demand}: {measured}"));
            }
        }
        println!();
        for wrong in &self.wrong {
            println!("WRONG  {wrong}");
        }
        match (self.wrong.len(), slow) {
            (0, 0) => println!("Everything holds."),
            (wrong, slow) => println!("{wrong} wrong, {slow} too slow."),
        }
        self.wrong.is_empty() && (slow == 0 || !check)
    }
}

/// A number with its thousands apart.
pub(crate) fn count(number: impl Into<u64>) -> String {
    let digits = number.into().to_string();
    let mut shown = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

pub(crate) fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// Of times in order, the one that so large a share of them does not exceed.
pub(crate) fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let place = (sorted.len() as f64 * share) as usize;
    sorted.get(place.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        assert_eq!([0_u64, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn a_missed_floor_of_time_counts_when_it_is_checked_and_another_always() {
        let second = Duration::from_secs(1);
        let mut slow = Report::default();
        slow.floor_of_time("quick", 2 * second, second);
        assert!(slow.conclude(false) && !slow.conclude(true));
        let mut missing = Report::default();
        missing.floor_of_share("complete", 0.94, 0.95);
        assert!(!missing.conclude(false));
        let mut wrong = Report::default();
        wrong.holds("right", false, "it is not");
        assert!(!wrong.conclude(false));
    }
}
