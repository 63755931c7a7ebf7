//! A walk marks what a naive model marks, or names its view; and any bytes are refused as a row of
//! the graph or return as they were.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tidetable::fuzzing::{rows_hold, walk_holds};

fuzz_target!(|data: &[u8]| {
    walk_holds(data);
    rows_hold(data);
});
