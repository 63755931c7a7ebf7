//! A bar that shows how far something is.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use tidetable::Run;
use tidetable::report::RunStatus;

use crate::Outcome;
use crate::calendar::{clock_time_to_the_second, short_date};
use crate::report::count;

/// How often a bar is drawn.
pub(crate) const TICK: Duration = Duration::from_millis(40);
const WIDTH: u64 = 24;

/// Draws a bar in its line: again and again where somebody watches, else in the end.
pub(crate) fn draw(bar: &str, is_last: bool) -> io::Result<()> {
    let is_watched = io::stdout().is_terminal();
    if is_watched {
        print!("\r\x1b[2K   {bar}");
    } else if is_last {
        print!("   {bar}");
    }
    if is_last {
        println!();
    }
    io::stdout().flush()
}

/// How much of something is done.
pub(crate) fn bar(name: &str, done: u64, total: u64) -> String {
    let share = |of: u64| (done * of).checked_div(total).unwrap_or(of);
    let full = share(WIDTH) as usize;
    let bar = format!("{}{}", "█".repeat(full), "░".repeat(WIDTH as usize - full));
    format!("{name:<10}  {bar} {:>3} %  {:>7} of {}", share(100), count(done), count(total))
}

/// Shows how a run goes until it has ended, or until `enough` says so; how it stood then.
pub(crate) fn follow(run: &Run, enough: impl Fn(&RunStatus) -> bool) -> Outcome<RunStatus> {
    loop {
        // A run that somebody waits for is not held back.
        let ended = run.wait_for(TICK)?;
        let has_ended = ended.is_some();
        let status = ended.unwrap_or_else(|| run.status());
        let is_last = has_ended || enough(&status);
        draw(&shown(&status)?, is_last)?;
        if is_last {
            return Ok(status);
        }
    }
}

fn shown(status: &RunStatus) -> Outcome<String> {
    let day = short_date(status.range.start())?;
    let so_far = bar(&day, status.done, status.total);
    let failed = match status.failed {
        0 => String::new(),
        failed => format!(", {} failed", count(failed)),
    };
    let coming = match (status.per_second, status.expected_end) {
        (Some(rate), Some(end)) => {
            let end = clock_time_to_the_second(end)?;
            format!(", {}/s, done at {end}", count(rate as u64))
        }
        _ => String::new(),
    };
    Ok(format!("{so_far}  {}{failed}{coming}", status.state))
}
