#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tidetable::fuzzing::grid_holds(data));
