//! A copy of the crate in which it is broken.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::compiler;
use crate::mutant::Mutant;
use crate::written::{self, LeftOut, Refused, Written};

/// The copy, with every mutant in it that compiles.
pub struct Copy {
    pub root: PathBuf,
    /// The programs that were built of it: a name, and where it lies.
    pub programs: Vec<(String, PathBuf)>,
    pub left_out: BTreeMap<u32, LeftOut>,
}

impl Copy {
    /// Writes the mutants into a copy and builds its unit tests and these programs of `tests`. What
    /// the compiler refuses is left out, until it refuses no more.
    pub fn build(
        root: &Path,
        folder: &Path,
        mutants: &[Mutant],
        programs: &[String],
    ) -> Result<Self, String> {
        let copy = folder.join("copy");
        let failed = |cause: io::Error| format!("{}: {cause}", copy.display());
        let mut refused = Refused::default();
        loop {
            let files = write(root, mutants, &refused)?;
            bring(root, Path::new(""), &copy, &files).map_err(failed)?;
            let switch = include_bytes!("mutation.rs.in");
            put(&copy.join("src/mutation.rs"), switch).map_err(failed)?;
            let (programs, errors) = compiler::build(&copy, &folder.join("build"), programs)?;
            if errors.is_empty() {
                let left_out = files.into_values().flat_map(|written| written.left_out).collect();
                return Ok(Self { root: copy, programs, left_out });
            }
            let before = refused.len();
            errors.iter().for_each(|error| compiler::refuse(error, &files, &mut refused));
            if refused.len() == before {
                let told = errors.iter().filter_map(|error| error["rendered"].as_str());
                return Err(told.collect());
            }
            eprintln!("{} mutants do not compile", refused.mutants.len());
        }
    }
}

/// The files that become others, by their paths below the root.
fn write(
    root: &Path,
    mutants: &[Mutant],
    refused: &Refused,
) -> Result<BTreeMap<String, Written>, String> {
    let mut of_files = BTreeMap::<&str, Vec<(u32, &Mutant)>>::from([("src/lib.rs", Vec::new())]);
    for (number, mutant) in (0..).zip(mutants) {
        of_files.entry(&mutant.file).or_default().push((number, mutant));
    }
    let mut files = BTreeMap::new();
    for (file, mutants) in of_files {
        let text =
            fs::read_to_string(root.join(file)).map_err(|cause| format!("{file}: {cause}"))?;
        let written = written::write(&text, &mutants, refused);
        files.insert(file.to_owned(), written.map_err(|cause| format!("{file}: {cause}"))?);
    }
    let library = files.get_mut("src/lib.rs").expect("it is among them");
    library.text.push_str("\nmod mutation;\n");
    Ok(files)
}

/// Brings a copy up to date, file by file: what is as it was is not built again.
fn bring(
    root: &Path,
    below: &Path,
    copy: &Path,
    files: &BTreeMap<String, Written>,
) -> io::Result<()> {
    fs::create_dir_all(copy.join(below))?;
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let name = entry.file_name();
        if name == ".git" || name == "target" {
            continue;
        }
        let below = below.join(name);
        if entry.path().is_dir() {
            bring(root, &below, copy, files)?;
            continue;
        }
        let known = below.to_str().map(|path| path.replace('\\', "/"));
        match known.and_then(|path| files.get(&path)) {
            Some(written) => put(&copy.join(below), written.text.as_bytes())?,
            None => put(&copy.join(below), &fs::read(entry.path())?)?,
        }
    }
    Ok(())
}

fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|before| before == bytes) {
        return Ok(());
    }
    fs::write(path, bytes)
}
