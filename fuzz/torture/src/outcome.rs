//! What a proof came to.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// What a proof came to: an element of the list that `--json` writes, with these five keys.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Outcome {
    pub proof: String,
    pub cases: u64,
    pub violations: u64,
    pub seconds: f64,
    pub seed: u64,
}

impl Outcome {
    /// Whether something was tried and all of it held.
    pub fn stands(&self) -> bool {
        self.cases > 0 && self.violations == 0
    }

    /// Cases a second.
    pub fn rate(&self) -> f64 {
        self.cases as f64 / self.seconds.max(1e-3)
    }
}

pub fn write(path: &Path, outcomes: &[Outcome]) -> io::Result<()> {
    fs::write(path, serde_json::to_string_pretty(outcomes)? + "\n")
}

pub fn read(path: &Path) -> io::Result<Vec<Outcome>> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_stands_only_if_something_was_tried_and_all_of_it_held() {
        let outcome = |cases, violations| Outcome {
            proof: "power".to_owned(),
            cases,
            violations,
            seconds: 2.0,
            seed: 1,
        };
        assert!(outcome(1, 0).stands());
        assert!(!outcome(0, 0).stands());
        assert!(!outcome(1, 1).stands());
        let text = serde_json::to_string(&outcome(7, 0)).expect("numbers and a name");
        let expected = r#"{"proof":"power","cases":7,"violations":0,"seconds":2.0,"seed":1}"#;
        assert_eq!(text, expected);
    }
}
