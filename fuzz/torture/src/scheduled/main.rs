//! The engine under a scheduler that draws: what the proof `schedules` builds with `--cfg shuttle` and starts
//! for each of its rounds, told by the round's seed.

#[cfg(shuttle)]
#[path = "../../../../tests/common/disk.rs"]
#[allow(dead_code, reason = "its random numbers alone are used here")]
mod disk;
#[cfg(shuttle)]
mod draw;
#[cfg(shuttle)]
mod world;

use std::process::ExitCode;

#[cfg(shuttle)]
fn main() -> ExitCode {
    draw::round(&std::env::args().skip(1).collect::<Vec<_>>())
}

#[cfg(not(shuttle))]
fn main() -> ExitCode {
    eprintln!(
        "this is the build that cannot be scheduled; `torture --only schedules` makes the other"
    );
    ExitCode::from(2)
}
