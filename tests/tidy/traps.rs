//! Holds the tests that the page of traps names against those that there are.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Where the table begins, and with what the next part of the page would.
const HEADING: &str = "## Traps, and what became of them";
const NEXT: &str = "\n## ";

/// The names of tests between backticks. A name of a test is a statement: of three words at least.
fn named(page: &str) -> BTreeSet<&str> {
    let table = page.split_once(HEADING).expect("the page has the table").1;
    let table = table.split_once(NEXT).map_or(table, |(table, _)| table);
    let quoted = table.split('`').skip(1).step_by(2);
    quoted.filter(|name| is_statement(name)).collect()
}

fn is_statement(name: &str) -> bool {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    name.chars().all(letters) && name.matches('_').count() >= 2
}

/// The names of functions that are tests: an attribute says so, a few lines above.
fn tests_of(text: &str) -> BTreeSet<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let is_test = |at: usize| lines[at.saturating_sub(4)..at].contains(&"#[test]");
    let named = |line: &str| Some(line.strip_prefix("fn ")?.split_once('(')?.0.to_owned());
    let functions = lines.iter().enumerate().filter_map(|(at, line)| Some((at, named(line)?)));
    functions.filter(|(at, _)| is_test(*at)).map(|(_, name)| name).collect()
}

fn gather(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.expect("a folder can be listed to its end").path();
        if path.is_dir() && !path.ends_with("target") {
            gather(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.append(&mut tests_of(&fs::read_to_string(&path).expect("source is text")));
        }
    }
}

#[test]
fn each_test_that_a_trap_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("ARCHITECTURE.md")).expect("the page is there");
    let mut tests = BTreeSet::new();
    for folder in ["src", "tests", "fuzz"].map(|folder| root.join(folder)) {
        // A packaged crate has no fuzz targets.
        if folder.exists() {
            gather(&folder, &mut tests);
        }
    }
    let named = named(&page);
    assert!(named.len() > 50, "the table names {} tests", named.len());
    let missing: Vec<_> = named.into_iter().filter(|name| !tests.contains(*name)).collect();
    assert!(missing.is_empty(), "{} tests read, and none of these: {missing:#?}", tests.len());
}

#[test]
fn a_name_in_the_table_is_looked_for_and_other_words_are_not() {
    let page = format!(
        "`no_test_before_it`\n{HEADING}\n| `a_test_is_named` | `page::merge`, `fresh_for` |"
    );
    assert_eq!(named(&page), BTreeSet::from(["a_test_is_named"]));
    let next = format!("{page}\n## Next\n`a_test_behind_it`");
    assert_eq!(named(&next), BTreeSet::from(["a_test_is_named"]));
    let source = "#[test]\nfn a_test_is_named() {}\nfn no_test() {}\n\n\n\nfn nor_this() {}";
    assert!(tests_of(source).contains("a_test_is_named") && !tests_of(source).contains("nor_this"));
}
