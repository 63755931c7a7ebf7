//! The compiler: what it builds of the copy, and what it says of mutants.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::written::{Refused, Written};

/// The programs that were built, by name; or what the compiler refuses.
pub type Built = (Vec<(String, PathBuf)>, Vec<Value>);

/// What the crate's own tests are called among the programs.
pub const UNITS: &str = "unit tests";

/// Builds the unit tests and these programs of `tests`.
pub fn build(copy: &Path, folder: &Path, programs: &[String]) -> Result<Built, String> {
    let mut command = Command::new("cargo");
    command.current_dir(copy).args(["test", "--no-run", "--message-format=json", "--lib"]);
    command.args(programs.iter().flat_map(|program| ["--test", program]));
    command.arg("--target-dir").arg(folder).env("RUSTFLAGS", "-Awarnings").stderr(Stdio::inherit());
    let output = command.output().map_err(|cause| format!("cargo: {cause}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let messages: Vec<Value> =
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let errors: Vec<Value> = messages
        .iter()
        .filter(|message| message["reason"] == "compiler-message")
        .map(|message| message["message"].clone())
        .filter(|message| message["level"] == "error")
        .collect();
    if !output.status.success() && errors.is_empty() {
        return Err("cargo test failed without an error of the compiler".to_owned());
    }
    let built = messages.iter().filter_map(|message| {
        let (target, file) = (&message["target"], message["executable"].as_str()?);
        let name = if target["kind"][0] == "test" { target["name"].as_str()? } else { UNITS };
        Some((name.to_owned(), PathBuf::from(file)))
    });
    let mut built: Vec<_> = built.collect();
    // The units first: they are many, and quick.
    built.sort_by_key(|(name, _)| (name != UNITS, name.clone()));
    Ok((built, errors))
}

/// Finds the mutants that an error is about, or the function that has to stay `const`.
pub fn refuse(error: &Value, files: &BTreeMap<String, Written>, refused: &mut Refused) {
    let text = error["message"].as_str().unwrap_or_default();
    if error["code"]["code"] == "E0015" {
        let path = text.split('`').nth(1).unwrap_or_default();
        // Without the types that it is of, if it names any.
        let path = path.split("::<").next().unwrap_or_default();
        let name = path.rsplit("::").next().unwrap_or_default();
        if refused.const_functions.insert(name.to_owned()) {
            return;
        }
    }
    let spans: Vec<&Value> = error["spans"].as_array().into_iter().flatten().collect();
    let (primary, others): (Vec<&Value>, Vec<&Value>) =
        spans.into_iter().partition(|span| span["is_primary"] == true);
    for span in primary.into_iter().chain(others) {
        if let Some(numbers) = around(span, files) {
            refused.mutants.extend(numbers);
            return;
        }
    }
}

/// The mutants of the smallest region around a span.
fn around<'a>(span: &Value, files: &'a BTreeMap<String, Written>) -> Option<&'a [u32]> {
    let written = files.get(&span["file_name"].as_str()?.replace('\\', "/"));
    let at = |name: &str| Some(span[name].as_u64()? as usize);
    let (begin, end) = (at("byte_start")?, at("byte_end")?);
    let found = written.and_then(|written| {
        let regions = written.regions.iter().filter(|(_, numbers)| !numbers.is_empty());
        let around = regions.filter(|(range, _)| range.start <= begin && end <= range.end);
        around.min_by_key(|(range, _)| range.len())
    });
    match found {
        Some((_, numbers)) => Some(numbers),
        None => around(span.get("expansion")?.get("span")?, files),
    }
}
