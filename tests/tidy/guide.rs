//! Holds the pages of the guide to the rules of the source: each is shown, and none has lines that are
//! too long to read beside another.

use std::fs;
use std::path::Path;

use crate::RULES;

/// What is wrong with a page of this name and text, in a guide that is put together so.
fn faults(guide: &str, page: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if !guide.contains(&format!("#[doc = include_str!(\"{page}\")]")) {
        faults.push(format!("{page}: no page of the guide includes it"));
    }
    let module = page.trim_end_matches(".md");
    if !guide.contains(&format!("| [`{module}`] |")) {
        faults.push(format!("{page}: the guide's first page does not lead to it"));
    }
    // A row of a table cannot be broken.
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.starts_with('|'));
    for (at, line) in lines {
        if line.chars().count() > RULES.columns_max {
            faults.push(format!("{page}:{at}: at most {} columns", RULES.columns_max));
        }
        for forbidden in RULES.texts.iter().filter(|forbidden| line.contains(**forbidden)) {
            faults.push(format!("{page}:{at}: {forbidden} is a path of one machine"));
        }
    }
    faults
}

#[test]
fn each_page_of_the_guide_is_shown_and_keeps_the_house_rules() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/guide");
    let guide = fs::read_to_string(folder.join("mod.rs")).expect("the guide has a first page");
    let entries = fs::read_dir(&folder).expect("the guide can be listed");
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.expect("it can be listed to its end").path();
        if path.extension().is_some_and(|extension| extension == "md") {
            let page = path.file_name().and_then(|name| name.to_str()).expect("a name in UTF-8");
            let text = fs::read_to_string(&path).expect("a page is text");
            found.push((page.to_owned(), faults(&guide, page, &text)));
        }
    }
    assert!(found.len() >= 10, "{} pages were read", found.len());
    let faults: Vec<_> = found.into_iter().flat_map(|(_, faults)| faults).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_page_that_nobody_is_led_to_and_a_line_that_is_too_long_are_found() {
    let guide = "//! | sums | [`sums`] |\n#[doc = include_str!(\"sums.md\")]\npub mod sums {}";
    assert_eq!(faults(guide, "sums.md", "Sums.\n| a row | of any length |"), [""; 0]);
    assert_eq!(faults(guide, "other.md", "Other.").len(), 2);
    let long = format!("Sums.\n{}", "x".repeat(RULES.columns_max + 1));
    assert_eq!(faults(guide, "sums.md", &long), ["sums.md:2: at most 110 columns"]);
    assert_eq!(faults(guide, "sums.md", "as in /tmp/x").len(), 1);
}
