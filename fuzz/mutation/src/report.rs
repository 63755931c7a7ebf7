//! What came of all mutants, as a table and a list.

use std::collections::BTreeMap;
use std::fmt;

use crate::fate::Fate;
use crate::known::Known;
use crate::mutant::Mutant;
use crate::written::LeftOut;

/// Mutants that were tried, each with its number and what became of it, and those left out.
pub struct Report<'a> {
    pub mutants: &'a [Mutant],
    pub fates: &'a [(u32, Fate)],
    pub left_out: &'a BTreeMap<u32, LeftOut>,
    pub known: &'a Known,
}

/// How many of a folder.
#[derive(Default)]
struct Counts {
    noticed: usize,
    stopped: usize,
    alive: usize,
    left_out: usize,
}

impl Report<'_> {
    /// The survivors that nobody has a reason for.
    pub fn unexplained(&self) -> usize {
        self.alive().filter(|(mutant, ..)| !self.known.has(&mutant.name)).count()
    }

    fn alive(&self) -> impl Iterator<Item = (&Mutant, usize, usize)> {
        self.fates.iter().filter_map(|(number, fate)| match fate {
            Fate::Alive { passed, of } => Some((&self.mutants[*number as usize], *passed, *of)),
            Fate::Noticed | Fate::Stopped => None,
        })
    }

    /// The counts of each folder.
    fn folders(&self) -> BTreeMap<&str, Counts> {
        let mut folders = BTreeMap::<&str, Counts>::new();
        let folder = |number: u32| {
            let file = &self.mutants[number as usize].file;
            file.rsplit_once('/').map_or("", |(folder, _)| folder)
        };
        for (number, fate) in self.fates {
            let counts = folders.entry(folder(*number)).or_default();
            match fate {
                Fate::Noticed => counts.noticed += 1,
                Fate::Stopped => counts.stopped += 1,
                Fate::Alive { .. } => counts.alive += 1,
            }
        }
        for number in self.left_out.keys() {
            folders.entry(folder(*number)).or_default().left_out += 1;
        }
        folders
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (mutant, passed, of) in self.alive() {
            let Mutant { file, line, column, name, .. } = mutant;
            let reason = self
                .known
                .heading(name)
                .map_or_else(|| "NEW".to_owned(), |h| format!("known: {h}"));
            writeln!(f, "{file}:{line}:{column}: passed {passed} tests of {of} ({reason})")?;
            writeln!(f, "    {name}")?;
        }
        for (number, fate) in self.fates {
            let Mutant { file, line, column, name, .. } = &self.mutants[*number as usize];
            match fate {
                Fate::Stopped => {
                    writeln!(f, "{file}:{line}:{column}: ended at its time\n    {name}")?
                }
                Fate::Noticed if self.known.has(name) => {
                    writeln!(
                        f,
                        "{file}:{line}:{column}: noticed, and listed as a survivor\n    {name}"
                    )?;
                }
                _ => {}
            }
        }
        let mut whys = BTreeMap::<LeftOut, usize>::new();
        for (number, why) in self.left_out {
            *whys.entry(*why).or_default() += 1;
            if *why != LeftOut::ForTests {
                let Mutant { file, line, column, name, .. } = &self.mutants[*number as usize];
                writeln!(f, "{file}:{line}:{column}: left out, {}\n    {name}", why.words())?;
            }
        }
        for (why, many) in whys {
            writeln!(f, "left out: {many} {}", why.words())?;
        }
        writeln!(f, "\n| folder | mutants | noticed | ended at its time | alive | left out |")?;
        writeln!(f, "|---|---|---|---|---|---|")?;
        for (folder, Counts { noticed, stopped, alive, left_out }) in self.folders() {
            let tried = noticed + stopped + alive;
            writeln!(f, "| `{folder}` | {tried} | {noticed} | {stopped} | {alive} | {left_out} |")?;
        }
        Ok(())
    }
}
