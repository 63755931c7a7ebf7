//! What was measured, and the floors that it is held against.

#![allow(dead_code, reason = "each example uses its part")]

use std::time::{Duration, Instant};

/// How long something took, each time.
#[derive(Default)]
pub struct Times(Vec<Duration>);

impl Times {
    pub fn measure<T>(&mut self, run: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let outcome = run();
        self.0.push(started.elapsed());
        outcome
    }

    pub fn add_one(&mut self, took: Duration) {
        self.0.push(took);
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    pub fn add(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// That within which so many of a hundred lie.
    pub fn percentile(&self, hundredths: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * hundredths).div_ceil(100).max(1) - 1;
        sorted.get(rank).copied().unwrap_or_default()
    }

    pub fn longest(&self) -> Duration {
        self.percentile(100)
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [median, p95, p99] = [50, 95, 99].map(|hundredths| self.percentile(hundredths));
        write!(f, "median {median:.1?}, p95 {p95:.1?}, p99 {p99:.1?}, ")?;
        write!(f, "longest {:.1?}", self.longest())
    }
}

/// What must at least be reached.
#[derive(Default)]
pub struct Floors {
    rows: Vec<[String; 4]>,
    missed: usize,
}

impl Floors {
    pub fn faster(&mut self, what: &str, than: Duration, took: Duration) {
        let times = than.as_secs_f64() / took.as_secs_f64();
        self.row(what, format!("< {than:?}"), format!("{took:.1?}"), times >= 1.0, times);
    }

    /// A share, and that which is lacking to all of it.
    pub fn higher(&mut self, what: &str, than: f64, reached: f64) {
        let times = (1.0 - than) / (1.0 - reached);
        let [asked, found] = [than, reached].map(|share| format!("{:.2} %", share * 100.0));
        self.row(what, format!("> {asked}"), found, reached > than, times);
    }

    /// A count.
    pub fn more(&mut self, what: &str, least: u64, reached: u64) {
        let times = reached as f64 / least as f64;
        self.row(what, format!(">= {least}"), reached.to_string(), reached >= least, times);
    }

    fn row(&mut self, what: &str, asked: String, found: String, is_met: bool, times: f64) {
        self.missed += usize::from(!is_met);
        let verdict = match is_met {
            true if times < 1.05 => "met".to_owned(),
            true if times >= 10.0 => format!("{times:.0} times better"),
            true => format!("{times:.1} times better"),
            false => "MISSED".to_owned(),
        };
        self.rows.push([what.to_owned(), asked, found, verdict]);
    }

    pub fn print(&self) {
        heading("Floors");
        for [what, asked, found, verdict] in &self.rows {
            println!("  {what:<34} {asked:>12} {found:>12}   {verdict}");
        }
    }

    pub fn are_met(&self) -> bool {
        self.missed == 0
    }
}

/// Begins a part of what is printed.
pub fn heading(text: &str) {
    println!("\n{text}");
}

/// A line of it, beside the floors' first column.
pub fn row(what: &str, said: impl std::fmt::Display) {
    println!("  {what:<34} {said}");
}
