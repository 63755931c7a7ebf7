#![no_main]

#[path = "../../tests/corpora/model.rs"]
mod model;

libfuzzer_sys::fuzz_target!(|data: &[u8]| model::holds(data));
