//! What the fuzz targets found, replayed. Those that reach into the crate are replayed there, beside what
//! they try; see `src/corpus.rs`.

#[path = "corpora/keys.rs"]
mod keys;
#[path = "corpora/model.rs"]
mod model;

#[path = "../src/corpus.rs"]
mod corpus;

use std::fs;
use std::path::Path;

use corpus::{inputs, replay};

/// A corpus is there to be replayed by everybody, often: it stays small.
const INPUTS_MAX: usize = 48;
const INPUT_BYTES_MAX: u64 = 4096;

#[test]
fn what_fuzzing_found_of_keys_holds() {
    replay("keys", keys::holds);
}

#[test]
fn what_fuzzing_found_of_whole_stores_holds() {
    replay("model", model::holds);
}

#[test]
fn each_fuzz_target_has_a_small_corpus() {
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    // A packaged crate has the corpora without the targets.
    let Ok(targets) = fs::read_dir(targets) else { return };
    let mut count = 0;
    for target in targets {
        let target = target.expect("it can be listed").path();
        let name = target.file_stem().and_then(|name| name.to_str()).expect("a name in UTF-8");
        let files = inputs(name);
        assert!((1..=INPUTS_MAX).contains(&files.len()), "{name}: {} inputs", files.len());
        for file in files {
            let bytes = fs::metadata(&file).expect("it was listed just now").len();
            assert!(bytes <= INPUT_BYTES_MAX, "{}: {bytes} bytes", file.display());
        }
        count += 1;
    }
    assert!(count > 0, "no target was found");
}
