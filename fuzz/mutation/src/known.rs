//! The survivors that are known, each with its reason.

use std::collections::BTreeMap;

/// The names of mutants that are known to live, by the heading under which each stands.
#[derive(Default)]
pub struct Known(BTreeMap<String, String>);

impl Known {
    /// Of a list of survivors: headings, reasons, and a line for each mutant that begins with ``- ` ``.
    pub fn read(text: &str) -> Result<Self, String> {
        let (mut known, mut heading) = (BTreeMap::new(), "");
        for line in text.lines() {
            if let Some(title) = line.strip_prefix("## ") {
                heading = title;
            } else if let Some(name) = line.strip_prefix("- `") {
                let (name, _) = name.rsplit_once('`').ok_or_else(|| format!("no end: {line}"))?;
                if known.insert(name.to_owned(), heading.to_owned()).is_some() {
                    return Err(format!("listed twice: {name}"));
                }
            }
        }
        Ok(Self(known))
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Those of the files that were looked at which are not there: the code has changed.
    pub fn gone<'a>(
        &'a self,
        files: &'a [&str],
        names: &'a [&str],
    ) -> impl Iterator<Item = &'a str> {
        let of_files =
            move |name: &&str| files.iter().any(|file| name.starts_with(&format!("{file}: ")));
        self.0.keys().map(String::as_str).filter(of_files).filter(|name| !names.contains(name))
    }

    pub fn heading(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}
