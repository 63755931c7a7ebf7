//! Pictures, as SVG.

mod city;
mod patio;
mod svg;

pub(crate) use city::city_hour;
pub(crate) use patio::patio_day;

use crate::records::State;

/// The colour of a patio in this state.
fn colour(state: State) -> &'static str {
    match state {
        State::Sunny => "#f2a900",
        State::Partial => "#f6d77a",
        State::Shaded => "#7d93ad",
        State::NoSun => "#414c5c",
    }
}

const STATES: [(State, &str); 4] = [
    (State::Sunny, "sunny: 70 % or more"),
    (State::Partial, "partial: 10 to 70 %"),
    (State::Shaded, "shaded: below 10 %"),
    (State::NoSun, "no sun: behind the hills"),
];
