//! Any bytes are refused as a page or can be read to their end, also behind a checksum that holds and
//! beside a pattern; and a page that was built comes back from its stored form as it was.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tidetable::fuzzing::{built_page_holds, page_holds, spoilt_page_holds};

fuzz_target!(|data: &[u8]| {
    page_holds(data);
    built_page_holds(data);
    spoilt_page_holds(data);
});
