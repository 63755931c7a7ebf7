//! A bar that shows how far a run is.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use tidetable::{Run, RunStatus};

use crate::Outcome;
use crate::calendar::{clock_time, short_date};
use crate::report::count;

/// How often the bar is drawn.
const TICK: Duration = Duration::from_millis(40);
const WIDTH: u64 = 24;

/// Shows how a run goes until it has ended, or until `enough` says so; how it stood then.
pub(crate) fn follow(run: &Run, enough: impl Fn(&RunStatus) -> bool) -> Outcome<RunStatus> {
    let is_watched = io::stdout().is_terminal();
    loop {
        // A run that somebody waits for is not held back.
        let ended = run.wait_for(TICK)?;
        let is_over = ended.is_some();
        let status = ended.unwrap_or_else(|| run.status());
        let is_over = is_over || enough(&status);
        if is_watched {
            print!("\r\x1b[2K   {}", shown(&status)?);
            io::stdout().flush()?;
        } else if is_over {
            print!("   {}", shown(&status)?);
        }
        if is_over {
            println!();
            return Ok(status);
        }
    }
}

fn shown(status: &RunStatus) -> Outcome<String> {
    let RunStatus { done, total, failed, state, .. } = *status;
    let share = |of: u64| (done * of).checked_div(total).unwrap_or(of);
    let full = share(WIDTH) as usize;
    let bar = format!("{}{}", "█".repeat(full), "░".repeat(WIDTH as usize - full));
    let day = short_date(status.range.start()).unwrap_or_else(|_| status.name.clone());
    let so_far = format!("{day}  {bar} {:>3} %  {:>7} of {}", share(100), count(done), count(total));
    let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
    let coming = match (status.per_second, status.expected_end) {
        (Some(rate), Some(end)) => {
            format!(", {}/s, done at {}", count(rate as u64), clock_time(end)?)
        }
        _ => String::new(),
    };
    Ok(format!("{so_far}  {state}{failed}{coming}"))
}
