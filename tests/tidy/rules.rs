//! Judges files by the rules; knows none of them by name.

use std::collections::{BTreeMap, BTreeSet};

use crate::code::{self, CodePath, Declared, Token};

pub(crate) struct Rules {
    /// From the ground up, each from left to right.
    pub(crate) floors: &'static [&'static [&'static str]],
    pub(crate) names: &'static [Name],
    pub(crate) exceptions: &'static [Exception],
    /// A word, and the beginnings of the files that may hold it.
    pub(crate) words: &'static [(&'static str, &'static [&'static str])],
    pub(crate) macros: &'static [&'static str],
    /// May stand nowhere, comments included.
    pub(crate) texts: &'static [&'static str],
    pub(crate) lines_max: usize,
    pub(crate) columns_max: usize,
}

/// A path that only files whose own path begins so may name.
pub(crate) struct Name {
    pub(crate) path: &'static str,
    pub(crate) only_in: &'static [&'static str],
}

/// A file that may name what it should not, and why.
pub(crate) struct Exception {
    pub(crate) file: &'static str,
    pub(crate) path: &'static str,
    pub(crate) reason: &'static str,
}

pub(crate) struct SourceFile {
    /// Below `src`, with `/` between the parts.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A file, read.
struct Module<'a> {
    file: &'a SourceFile,
    /// `["page", "body"]` for `page/body.rs`; empty for `lib.rs`.
    name: Vec<String>,
    tokens: Vec<Token>,
    paths: Vec<CodePath>,
    declared: Vec<Declared>,
}

impl<'a> Module<'a> {
    fn read(file: &'a SourceFile) -> Self {
        let tokens = code::without_tests(&code::tokens(&file.text));
        let mut name: Vec<String> =
            file.path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        name.pop_if(|last| last == "mod" || file.path == "lib.rs");
        let (paths, declared) = (code::paths(&tokens), code::declared(&tokens));
        Self { file, name, tokens, paths, declared }
    }

    /// The full name of what `path` means, below the root; `None` if it is not of this crate, or of
    /// this file.
    fn resolve(&self, path: &CodePath) -> Option<Vec<String>> {
        let first = path.parts[0].as_str();
        if first == "crate" {
            return Some(path.parts[1..].to_vec());
        }
        let ups = path.parts.iter().take_while(|part| *part == "super").count();
        let keep = (self.name.len() + path.depth).saturating_sub(ups);
        if ups == 0 || keep >= self.name.len() {
            return None;
        }
        Some([&self.name[..keep], &path.parts[ups..]].concat())
    }
}

impl Rules {
    /// What breaks the rules, a sentence each, beginning with the file.
    pub(crate) fn faults(&self, files: &[SourceFile]) -> Vec<String> {
        if files.is_empty() {
            return vec!["no file was read".into()];
        }
        let all: Vec<_> = files.iter().map(Module::read).collect();
        let mut faults = BTreeSet::new();
        let mut used = BTreeSet::new();
        for module in &all {
            self.check_text(module.file, &mut faults);
            check_place(module, &all, &mut faults);
            if !is_for_tests(module, &all) {
                self.check_floors(module, &mut faults);
                self.check_names(module, &mut used, &mut faults);
                self.check_words(module, &mut faults);
            }
        }
        check_circles(&all, &mut faults);
        for (at, exception) in self.exceptions.iter().enumerate() {
            if !used.contains(&at) {
                let Exception { file, path, reason } = exception;
                faults.insert(format!(
                    "{file} no longer names {path}: drop the exception ({reason})"
                ));
            }
        }
        faults.into_iter().collect()
    }

    fn check_text(&self, file: &SourceFile, faults: &mut BTreeSet<String>) {
        let path = &file.path;
        // What a file says to its reader about the whole may be as long as it takes.
        let lines = file.text.lines().filter(|line| !line.starts_with("//!")).count();
        if lines > self.lines_max {
            faults.insert(format!("{path}: {lines} lines, at most {}", self.lines_max));
        }
        for (line, text) in (1..).zip(file.text.lines()) {
            let columns = text.chars().count();
            if columns > self.columns_max {
                faults.insert(format!(
                    "{path}:{line}: {columns} columns, at most {}",
                    self.columns_max
                ));
            }
            for forbidden in self.texts.iter().filter(|forbidden| text.contains(**forbidden)) {
                faults.insert(format!("{path}:{line}: {forbidden} is a path of one machine"));
            }
        }
    }

    fn check_floors(&self, module: &Module, faults: &mut BTreeSet<String>) {
        let Some(own) = module.name.first() else { return };
        let path = &module.file.path;
        let Some(place) = self.place(own) else {
            let fault =
                format!("{path}: {own} is on no floor: add it to `floors` in tests/tidy.rs");
            faults.insert(fault);
            return;
        };
        for import in &module.paths {
            let Some(target) = module.resolve(import) else { continue };
            let Some(top) = target.first() else { continue };
            let line = import.line;
            match self.place(top) {
                None => {
                    let fault =
                        format!("{path}:{line}: names {top} through the root: name its module");
                    faults.insert(fault);
                }
                Some(other) if other > place => {
                    let fault = format!(
                        "{path}:{line}: imports from {top}, which is above or to the right"
                    );
                    faults.insert(fault);
                }
                Some(_) => {}
            }
        }
    }

    /// Floor, and place on it: whatever compares as less may be imported.
    fn place(&self, module: &str) -> Option<(usize, usize)> {
        self.floors.iter().enumerate().find_map(|(floor, modules)| {
            modules.iter().position(|name| *name == module).map(|place| (floor, place))
        })
    }

    fn check_names(
        &self,
        module: &Module,
        used: &mut BTreeSet<usize>,
        faults: &mut BTreeSet<String>,
    ) {
        let file = module.file.path.as_str();
        for (name, found) in
            self.names.iter().flat_map(|n| module.paths.iter().map(move |p| (n, p)))
        {
            let full = found.parts.join("::");
            let begins = |with: &str| full == with || full.starts_with(&format!("{with}::"));
            // `use std::*` brings `sync` in without a word.
            let glob = full.strip_suffix('*').is_some_and(|parent| name.path.starts_with(parent));
            if !(begins(name.path) || glob)
                || name.only_in.iter().any(|place| file.starts_with(place))
            {
                continue;
            }
            let mut exceptions = self.exceptions.iter();
            if let Some(at) = exceptions.position(|e| e.file == file && begins(e.path)) {
                used.insert(at);
                continue;
            }
            let named = if glob { &full } else { name.path };
            let places = name.only_in.join(", ");
            let fault = format!("{file}:{}: names {named}; only {places} may", found.line);
            faults.insert(fault);
        }
    }

    fn check_words(&self, module: &Module, faults: &mut BTreeSet<String>) {
        let file = &module.file.path;
        for (at, Token { text, line }) in module.tokens.iter().enumerate() {
            for (_, places) in self.words.iter().filter(|(word, _)| word == text) {
                if !places.iter().any(|place| file.starts_with(place)) {
                    faults.insert(format!("{file}:{line}: {text}; only {} may", places.join(", ")));
                }
            }
            let called = module.tokens.get(at + 1).is_some_and(|next| next.text == "!");
            if called && self.macros.contains(&text.as_str()) {
                faults.insert(format!("{file}:{line}: {text}! is unfinished work"));
            }
        }
    }
}

/// Files lie where the compiler and a reader look for them.
fn check_place(module: &Module, all: &[Module], faults: &mut BTreeSet<String>) {
    let path = &module.file.path;
    let word = |at: usize| module.tokens.get(at).map_or("", |token| token.text.as_str());
    if (0..module.tokens.len())
        .any(|at| word(at) == "#" && word(at + 1) == "[" && word(at + 2) == "path")
    {
        faults.insert(format!("{path}: #[path] hides where a module lies"));
    }
    let folder = format!("{}/", module.name.join("/"));
    if !path.ends_with("mod.rs") && all.iter().any(|other| other.file.path.starts_with(&folder)) {
        faults.insert(format!("{path}: {path} beside {folder}: a folder has a mod.rs"));
    }
    let Some((own, parent)) = module.name.split_last() else { return };
    let declared =
        all.iter().filter(|other| other.name == parent).flat_map(|other| &other.declared);
    if !declared.into_iter().any(|declared| declared.name == *own) {
        faults.insert(format!("{path}: no `mod {own};` above it: it is not compiled"));
    }
}

/// Whether the module or one around it is declared for tests alone.
fn is_for_tests(module: &Module, all: &[Module]) -> bool {
    (0..module.name.len()).any(|depth| {
        let above = all.iter().filter(|other| other.name == module.name[..depth]);
        above.flat_map(|above| &above.declared).any(|d| d.for_tests && d.name == module.name[depth])
    })
}

/// Folder -> its file or folder -> those beside it that it imports from.
type Edges<'a> = BTreeMap<&'a [String], BTreeMap<&'a str, BTreeSet<&'a str>>>;

/// Files of a folder must not import from each other in a circle. A `mod.rs` only declares and
/// passes on: who names something through it imports from the file that has it.
fn check_circles(all: &[Module], faults: &mut BTreeSet<String>) {
    let mut edges = Edges::new();
    for module in all.iter().filter(|module| !is_for_tests(module, all)) {
        for target in module.paths.iter().filter_map(|path| module.resolve(path)) {
            let reached = all.iter().filter(|other| target.starts_with(&other.name));
            let Some(reached) = reached.max_by_key(|other| other.name.len()) else { continue };
            let same = module.name.iter().zip(&reached.name).take_while(|(a, b)| a == b).count();
            if same == 0 || same == module.name.len() {
                continue;
            }
            let (folder, from) = (&module.name[..same], module.name[same].as_str());
            let beside = edges.entry(folder).or_default().entry(from).or_default();
            match reached.name.get(same) {
                Some(to) => _ = beside.insert(to),
                None => {
                    beside.extend(passed_on(reached, target.get(same)).filter(|to| *to != from))
                }
            }
        }
    }
    for (folder, edges) in &edges {
        if let Some(circle) = edges.keys().find_map(|start| circle(edges, &mut vec![*start])) {
            faults.insert(format!("{}/: a circle, {}", folder.join("/"), circle.join(" -> ")));
        }
    }
}

/// The files from which a `mod.rs` passes `name` on.
fn passed_on<'a>(folder: &'a Module, name: Option<&String>) -> impl Iterator<Item = &'a str> {
    let passes = move |path: &&CodePath| path.imported && (name == path.parts.last());
    let owners = folder.paths.iter().filter(passes).filter_map(|path| {
        path.parts
            .iter()
            .find(|part| folder.declared.iter().any(|declared| declared.name == **part))
    });
    owners.map(String::as_str)
}

/// A way from the end of `way` back to its start.
fn circle<'a>(
    edges: &BTreeMap<&'a str, BTreeSet<&'a str>>,
    way: &mut Vec<&'a str>,
) -> Option<Vec<&'a str>> {
    for next in edges.get(way.last()?)? {
        if *next == way[0] {
            return Some([&way[..], &[*next]].concat());
        }
        if !way.contains(next) {
            way.push(next);
            if let Some(found) = circle(edges, way) {
                return Some(found);
            }
            way.pop();
        }
    }
    None
}
