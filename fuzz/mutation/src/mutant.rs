//! A mutant: a place in the source, and what stands there instead.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// A change of one place, as cargo-mutants names it.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// Below the root, with `/` between the parts.
    pub file: String,
    pub line: usize,
    /// Where it begins, in characters; both count from one.
    pub column: usize,
    pub kind: Kind,
    /// Whether it is in a function whose type nobody names (`impl`).
    pub is_opaque: bool,
    /// What stands there instead; nothing where something is deleted.
    pub replacement: String,
    /// File and change, without the line: the same while what is around it changes.
    pub name: String,
}

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Body,
    Binary,
    Unary,
    Arm,
    Guard,
    Field,
    /// A kind that is not known here.
    Other,
}

/// The mutants of these files (globs), in the order in which they stand there.
pub fn listed(root: &Path, files: &[String]) -> Result<Vec<Mutant>, String> {
    let mut command = Command::new("cargo");
    command.current_dir(root).args(["mutants", "--list", "--json", "--package", "tidetable"]);
    for file in files {
        command.args(["--file", file]);
    }
    for file in FOR_TESTS {
        command.args(["--exclude", file]);
    }
    let output = command.output().map_err(|cause| format!("cargo mutants: {cause}"))?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        return Err(format!("cargo mutants (from `cargo install cargo-mutants`): {told}"));
    }
    let list: Vec<Value> = serde_json::from_slice(&output.stdout)
        .map_err(|cause| format!("the list of cargo mutants: {cause}"))?;
    let mut mutants = list
        .iter()
        .map(|value| read(value).ok_or_else(|| format!("cargo mutants lists {value}")))
        .collect::<Result<Vec<_>, _>>()?;
    mutants.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    tell_apart(&mut mutants);
    Ok(mutants)
}

/// Files that only tests are made of, though their `cfg` has another word besides.
const FOR_TESTS: [&str; 4] =
    ["**/tests/**", "**/loom_tests*", "src/page/fuzzing.rs", "src/page/spoilt.rs"];

fn read(value: &Value) -> Option<Mutant> {
    let text = |name: &str| value[name].as_str();
    let at = |name: &str| Some(value["span"]["start"][name].as_u64()? as usize);
    let (file, line, column) = (text("file")?, at("line")?, at("column")?);
    let change = text("name")?.strip_prefix(&format!("{file}:{line}:{column}: "))?;
    let kind = match text("genre")? {
        "FnValue" => Kind::Body,
        "BinaryOperator" => Kind::Binary,
        "UnaryOperator" => Kind::Unary,
        "MatchArm" => Kind::Arm,
        "MatchArmGuard" => Kind::Guard,
        "StructField" => Kind::Field,
        _ => Kind::Other,
    };
    let (file, replacement) = (file.replace('\\', "/"), text("replacement")?.to_owned());
    let name = format!("{file}: {change}");
    let returned = value["function"]["return_type"].as_str().unwrap_or_default();
    let is_opaque = returned.contains("impl ");
    Some(Mutant { file, line, column, kind, is_opaque, replacement, name })
}

/// The second of one name is told from the first by its number.
fn tell_apart(mutants: &mut [Mutant]) {
    let mut times = BTreeMap::<String, u32>::new();
    for mutant in mutants {
        let times = times.entry(mutant.name.clone()).or_default();
        *times += 1;
        if *times > 1 {
            mutant.name.push_str(&format!(" #{times}"));
        }
    }
}
