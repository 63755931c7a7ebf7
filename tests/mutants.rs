//! Each guard of the protocols can be taken out of the code by its name, and each name has something that
//! notices: a model or a test.
//!
//! ```sh
//! cargo test --release --test mutants -- --ignored --nocapture    # takes each out, and looks
//! ```

#[path = "mutants/guards.rs"]
mod guards;
#[path = "mutants/killing.rs"]
mod killing;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use guards::{GUARDS, Guard, Killer};
use killing::Noticed;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every source file under a folder.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).expect("the folder is part of the package");
    for entry in entries {
        let path = entry.expect("a folder can be listed to its end").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("source is text");
            found.push((path, text));
        }
    }
    found
}

/// Name -> the files of `src` in which a guard can be taken out by it.
fn in_code() -> BTreeMap<String, BTreeSet<String>> {
    let mut names = BTreeMap::<String, BTreeSet<String>>::new();
    for (path, text) in sources(&root().join("src")) {
        let file = path.strip_prefix(root()).expect("it was found there").display().to_string();
        for rest in text.split("mutant!(\"").skip(1) {
            let (name, _) = rest.split_once('"').expect("a name ends");
            names.entry(name.to_owned()).or_default().insert(file.clone());
        }
    }
    names
}

#[test]
fn every_guard_of_the_list_can_be_taken_out_where_it_says_and_no_other_can() {
    let in_code = in_code();
    for Guard { name, file, .. } in GUARDS {
        let files: Vec<_> = in_code.get(*name).into_iter().flatten().collect();
        assert_eq!(files, [*file], "{name} can be taken out in these files");
    }
    let listed: BTreeSet<&str> = GUARDS.iter().map(|guard| guard.name).collect();
    assert_eq!(listed.len(), GUARDS.len(), "a name is listed twice");
    let unlisted: Vec<_> = in_code.keys().filter(|name| !listed.contains(name.as_str())).collect();
    assert!(unlisted.is_empty(), "not in the list: {unlisted:?}");
}

#[test]
fn whoever_is_to_notice_is_there() {
    let [src, tests] = ["src", "tests"].map(|folder| sources(&root().join(folder)));
    for Guard { name, killer, .. } in GUARDS {
        let (files, test) = match killer {
            Killer::Model(test) | Killer::Unit(test) => (&src, test),
            Killer::Program(_, test) => (&tests, test),
        };
        let test = test.rsplit("::").next().expect("a path has an end");
        let declared = format!("fn {test}()");
        let there = files.iter().any(|(_, text)| text.contains(&declared));
        assert!(there, "{name}: there is no test {test}");
    }
}

#[test]
#[ignore = "builds the engine three times, which takes minutes"]
fn every_guard_that_is_taken_out_is_noticed() {
    let programs = killing::Programs::build(root());
    let mut survived = Vec::new();
    for guard in GUARDS {
        let (began, noticed) = (Instant::now(), programs.notice(guard));
        let fate = noticed.map_or("SURVIVED", |how| match how {
            Noticed::Failed => "killed",
            Noticed::Hung => "killed (hung)",
        });
        let (program, test) = (guard.killer.program(), guard.killer.test());
        let took = began.elapsed().as_secs_f64();
        println!("{:40} {fate:13} {took:4.1} s  {program}: {test}", guard.name);
        if noticed.is_none() {
            survived.push((guard.name, guard.keeps));
        }
    }
    println!("{} guards, {} survived", GUARDS.len(), survived.len());
    assert!(survived.is_empty(), "nobody noticed that these were taken out: {survived:?}");
}
