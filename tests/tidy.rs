//! Holds the house rules over the text of `src`: who may import whom, who may name what, and how
//! large a file may be. The rules are data, here at the top; `tidy/` reads and judges.

#[path = "tidy/code.rs"]
mod code;
#[path = "tidy/guide.rs"]
mod guide;
#[path = "tidy/readme.rs"]
mod readme;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/traps.rs"]
mod traps;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rules::{Exception, Name, Rules, SourceFile};

/// From the ground up. A file imports from lower floors, from its own module, and from those to
/// the left on its own floor. `lib.rs` stands outside: it only names what is public.
const RULES: Rules = Rules {
    floors: &[
        &["mutant", "corpus", "error", "sync", "revision", "freshness", "time", "key", "metrics"],
        &["grid", "page", "graph", "schedule", "cache", "events", "options"],
        &["disk", "rebuild"],
        &["view", "store"],
        &["guide"],
    ],
    names: &[
        Name { path: "redb", only_in: &["disk/"] },
        Name { path: "rkyv", only_in: &["page/"] },
        Name { path: "tracing", only_in: &["events/"] },
        Name { path: "std::sync", only_in: &["sync/"] },
        Name { path: "core::sync", only_in: &["sync/"] },
        Name { path: "alloc::sync", only_in: &["sync/"] },
        Name { path: "std::thread", only_in: &["sync/"] },
        Name { path: "parking_lot", only_in: &["sync/"] },
        Name { path: "crossbeam", only_in: &["sync/"] },
        Name { path: "loom", only_in: &["sync/"] },
        Name { path: "shuttle", only_in: &["sync/"] },
    ],
    exceptions: &[
        Exception {
            file: "error.rs",
            path: "std::sync::Arc",
            reason: "an error is shared and never waited for, and its file imports nothing",
        },
        Exception {
            file: "revision.rs",
            path: "std::sync::atomic",
            reason: "a process-wide static, which loom's atomics cannot be",
        },
    ],
    words: &[("unsafe", &["page/"]), ("unsafe_code", &["page/"])],
    macros: &["todo", "unimplemented", "dbg"],
    // A path of the machine that it was written on says nothing on any other.
    texts: &["/work/", "/tmp/", "/home/", "/root/"],
    lines_max: 450,
    columns_max: 110,
};

#[test]
fn the_source_keeps_the_house_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = read_all(&root);
    assert!(!files.is_empty(), "no file was read under {}", root.display());
    let faults = RULES.faults(&files);
    assert!(faults.is_empty(), "{} files read:\n{}", files.len(), faults.join("\n"));
}

/// Every file under `root`, by its path below it with `/` between the parts.
fn read_all(root: &Path) -> Vec<SourceFile> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        for entry in entries {
            let path = entry.expect("a folder can be listed to its end").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).expect("it was found under the root");
                let name = name.to_str().expect("a name in UTF-8");
                let text = fs::read_to_string(&path).expect("source is text");
                files.push(SourceFile { path: name.replace('\\', "/"), text });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// Each rule is shown a small sample that breaks it, and one beside it that does not.
mod bites {
    use super::*;

    /// The faults of these files, each of which is declared by its folder's `mod.rs` or `lib.rs`.
    fn faults(files: &[(&str, &str)]) -> Vec<String> {
        let exceptions_apart = Rules { exceptions: &[], ..RULES };
        exceptions_apart.faults(&sources(files))
    }

    fn sources(files: &[(&str, &str)]) -> Vec<SourceFile> {
        let mut texts: BTreeMap<String, String> =
            files.iter().map(|(path, text)| ((*path).into(), (*text).into())).collect();
        for (path, _) in files {
            let mut module = path.trim_end_matches(".rs").trim_end_matches("/mod");
            while module != "lib" {
                let (above, name) = module.rsplit_once('/').unwrap_or(("lib", module));
                let file = if above == "lib" { "lib.rs".into() } else { format!("{above}/mod.rs") };
                let text = texts.entry(file).or_default();
                if !text.contains(&format!("mod {name};")) {
                    text.push_str(&format!("\nmod {name};"));
                }
                module = above;
            }
        }
        texts.into_iter().map(|(path, text)| SourceFile { path, text }).collect()
    }

    fn breaks(files: &[(&str, &str)], expected: &str) {
        let faults = faults(files);
        assert_eq!(faults.len(), 1, "{files:?} gave {faults:#?}");
        assert!(faults[0].contains(expected), "{} does not say {expected:?}", faults[0]);
    }

    fn keeps(files: &[(&str, &str)]) {
        assert_eq!(faults(files), [""; 0], "{files:?}");
    }

    #[test]
    fn an_import_from_a_higher_floor_or_from_the_right() {
        breaks(&[("key.rs", "use crate::grid::Bucket;")], "key.rs:1: imports from grid");
        breaks(&[("time.rs", "\nuse crate::key::X;")], "time.rs:2: imports from key");
        breaks(&[("key.rs", "pub(crate) use crate::{error::E, page::{P, Q}};")], "from page");
        breaks(&[("key.rs", "fn f() -> crate::page::Page { g() }")], "from page");
        breaks(&[("key.rs", "fn f(a: &dyn for<'a> Fn(&'a crate::page::P)) {}")], "from page");
        breaks(&[("key.rs", "macro_rules! m { () => { $crate::page::P } }")], "from page");
        breaks(&[("page/a.rs", "use super::super::cache::X;")], "from cache");
        breaks(&[("page/a.rs", "mod m { use super::super::super::cache::X; }")], "from cache");
        breaks(&[("key.rs", "use super::cache as c;")], "from cache");
        keeps(&[("key.rs", "use crate::{error::E, time};\nuse std::fmt;")]);
        keeps(&[
            ("cache/a.rs", "use crate::page::Page; use crate::cache::b::B;"),
            ("cache/b.rs", ""),
        ]);
    }

    #[test]
    fn a_module_that_is_on_no_floor() {
        breaks(&[("extra.rs", "")], "extra is on no floor: add it to `floors` in tests/tidy.rs");
        breaks(&[("extra/mod.rs", "")], "extra is on no floor");
        breaks(&[("key.rs", "use crate::Error;")], "names Error through the root");
        breaks(&[("key.rs", "use crate::*;")], "names * through the root");
    }

    #[test]
    fn what_is_no_code_or_only_a_test_imports_nothing() {
        keeps(&[("key.rs", "// use crate::page::P;\n/* crate::page /* crate::page */ redb::x */")]);
        keeps(&[(
            "key.rs",
            r####"const A: &str = "crate::page \" redb::"; const B: char = '"';"####,
        )]);
        keeps(&[("key.rs", r####"const A: &str = r##"" crate::page::P "# "##;"####)]);
        keeps(&[("key.rs", "#[cfg(test)]\nmod tests { use crate::page::P; use std::sync::Arc; }")]);
        keeps(&[("key.rs", "#[cfg(all(test, loom))]\nmod tests { fn f() { loom::model(f) } }")]);
        let declared = "#[cfg(test)]\nmod proof;";
        keeps(&[("key/mod.rs", declared), ("key/proof.rs", "use crate::page::P;")]);
        breaks(&[("key.rs", "#[cfg(not(test))]\nmod m { use crate::page::P; }")], "from page");
        breaks(&[("key.rs", "#[cfg(test)]\nmod m {}\nuse crate::page::P;")], "key.rs:3");
    }

    #[test]
    fn a_circle_of_files_in_one_folder() {
        let to_b = ("key/a.rs", "use super::b::B;");
        breaks(&[to_b, ("key/b.rs", "use crate::key::a::A;")], "a -> b -> a");
        let to_c = ("key/b.rs", "use super::{c, KeyBuf};");
        let folder = ("key/mod.rs", "mod buf; pub use buf::KeyBuf;");
        breaks(
            &[folder, to_b, to_c, ("key/c.rs", "fn f(_: super::a::A) {}"), ("key/buf.rs", "")],
            "a -> b",
        );
        keeps(&[folder, to_b, to_c, ("key/c.rs", "use super::KeyBuf;"), ("key/buf.rs", "")]);
        breaks(
            &[folder, ("key/buf.rs", "use super::x::X;"), ("key/x.rs", "use super::KeyBuf;")],
            "buf -> x",
        );
        let nested = ("key/a/in.rs", "use crate::key::b::B;");
        breaks(&[nested, ("key/b.rs", "use super::a::A;")], "a -> b -> a");
    }

    #[test]
    fn a_name_outside_the_one_place_for_it() {
        breaks(&[("page/a.rs", "use redb::Table;")], "names redb");
        breaks(&[("page/a.rs", "use redb as r;")], "names redb");
        breaks(&[("key.rs", "#[derive(rkyv::Archive)] struct A;")], "names rkyv");
        breaks(&[("view/mod.rs", "fn f(_: ::rkyv::A) {}")], "names rkyv");
        breaks(&[("cache/a.rs", "use std::{fmt, sync::{Arc, Mutex}};")], "names std::sync");
        breaks(&[("cache/a.rs", "fn f() { std::thread::yield_now() }")], "names std::thread");
        breaks(&[("cache/a.rs", "use crossbeam::channel;")], "names crossbeam");
        breaks(&[("cache/a.rs", "use core::sync::atomic;")], "names core::sync");
        breaks(&[("cache/a.rs", "use std::*;")], "names std::*");
        breaks(&[("cache/a.rs", "fn f() { unsafe { g() } }")], "unsafe");
        breaks(&[("cache/a.rs", "#![allow(unsafe_code)]")], "unsafe_code");
        keeps(&[("disk/a.rs", "use redb::X;"), ("page/a.rs", "fn f() { unsafe { rkyv::x() } }")]);
        keeps(&[("sync/mod.rs", "use std::sync::Arc;")]);
        keeps(&[("cache/a.rs", "#[cfg(not(loom))] fn f(x: X) { x.redb(); a::redb() }")]);
    }

    #[test]
    fn what_is_unfinished_or_speaks_of_one_machine_or_grows_too_large() {
        breaks(&[("key.rs", "fn f() { todo!() }")], "todo!");
        breaks(&[("key.rs", "// as in /tmp/x")], "/tmp/");
        breaks(&[("key.rs", &format!("// {}", "å".repeat(108)))], "key.rs:1: 111 columns");
        keeps(&[("key.rs", &format!("// {}", "å".repeat(107)))]);
        breaks(&[("key.rs", &"\n".repeat(451))], "451 lines");
        keeps(&[("key.rs", &"\n".repeat(450))]);
    }

    #[test]
    fn a_file_that_the_compiler_does_not_see_or_sees_elsewhere() {
        let alone = [SourceFile { path: "key.rs".into(), text: String::new() }];
        assert!(RULES.faults(&alone).iter().any(|fault| fault.contains("no `mod key;`")));
        breaks(&[("key.rs", "#[path = \"x.rs\"] mod tests {}")], "#[path]");
        let both = [("key.rs", "mod a;"), ("key/a.rs", "")];
        assert!(faults(&both).iter().any(|fault| fault.contains("key.rs beside key/")));
    }

    #[test]
    fn an_exception_that_nobody_needs_any_more() {
        let files = sources(&[("error.rs", "use std::sync::Arc;"), ("revision.rs", "")]);
        let faults = RULES.faults(&files);
        assert_eq!(faults.len(), 1, "{faults:#?}");
        assert!(faults[0].contains("revision.rs no longer names std::sync::atomic"));
    }

    #[test]
    fn a_scan_of_nothing() {
        assert!(RULES.faults(&[]).iter().any(|fault| fault.contains("no file")));
    }
}
