#![no_main]

#[path = "../../tests/corpora/keys.rs"]
mod keys;

libfuzzer_sys::fuzz_target!(|data: &[u8]| keys::holds(data));
