//! Holds the README against what it shows.

use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("it is there")
}

/// The first program of a page.
fn program(page: &str) -> &str {
    let begun = page.split_once("```rust\n").expect("the page has a program").1;
    begun.split_once("```").expect("the program ends").0
}

/// An example without what it says of itself and to clippy.
fn body(example: &str) -> &str {
    let of_itself =
        |line: &&str| line.starts_with("//!") || line.starts_with("#![") || line.is_empty();
    let header: usize = example.lines().take_while(of_itself).map(|line| line.len() + 1).sum();
    &example[header..]
}

#[test]
fn the_quickstart_is_the_program_of_the_readme() {
    let (readme, example) = (read("README.md"), read("examples/quickstart.rs"));
    assert_eq!(body(&example), program(&readme));
}

#[test]
fn a_program_that_differs_by_a_letter_is_told() {
    let example = "//! Short.\n\n#![expect(x)]\n\nuse a;\n\nfn main() {}\n";
    assert_eq!(body(example), program("Text.\n```rust\nuse a;\n\nfn main() {}\n```\nMore."));
    assert_ne!(body(example), program("```rust\nuse b;\n\nfn main() {}\n```"));
}
