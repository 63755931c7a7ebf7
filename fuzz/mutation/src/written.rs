//! A file with all its mutants in it, each behind its number.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::mutant::{Kind, Mutant};
use crate::place::Places;

/// What became of a file.
pub struct Written {
    pub text: String,
    /// What of the text is there because of which mutants: within others, or apart from them.
    pub regions: Vec<(Range<usize>, Vec<u32>)>,
    pub left_out: BTreeMap<u32, LeftOut>,
}

/// Why a mutant is not in the build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    Constant,
    ConstFunction,
    ChainOfLet,
    ForTests,
    OpaqueBody,
    DoesNotCompile,
    UnknownShape,
}

impl LeftOut {
    pub fn words(self) -> &'static str {
        match self {
            Self::Constant => "in a constant or a pattern",
            Self::ConstFunction => "in a function that is called while the crate is compiled",
            Self::ChainOfLet => "an operator of a chain of `let`",
            Self::ForTests => "of tests alone",
            Self::OpaqueBody => "a body whose type has no name (`impl`)",
            Self::DoesNotCompile => "does not compile",
            Self::UnknownShape => "of a shape that is not known here",
        }
    }
}

/// What stands in the way of some mutants.
#[derive(Default)]
pub struct Refused {
    /// Mutants that do not compile.
    pub mutants: BTreeSet<u32>,
    /// Functions that are called while the crate is compiled, by name.
    pub const_functions: BTreeSet<String>,
}

impl Refused {
    pub fn len(&self) -> usize {
        self.mutants.len() + self.const_functions.len()
    }
}

/// Writes these mutants of one file into its text.
pub fn write(text: &str, mutants: &[(u32, &Mutant)], refused: &Refused) -> Result<Written, String> {
    let places = Places::of(text).map_err(|cause| cause.to_string())?;
    let lines: Vec<usize> =
        [0].into_iter().chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let mut sites = BTreeMap::new();
    let mut left_out = BTreeMap::new();
    for (number, mutant) in mutants {
        let line = &text[lines[mutant.line - 1]..];
        let column = line.char_indices().nth(mutant.column - 1).map_or(line.len(), |(at, _)| at);
        let at = lines[mutant.line - 1] + column;
        let site = site(text, &places, mutant, at, refused).and_then(|site| {
            if refused.mutants.contains(number) { Err(LeftOut::DoesNotCompile) } else { Ok(site) }
        });
        match site {
            Ok((range, change)) => {
                let word =
                    places.const_functions.iter().rfind(|function| function.range.contains(&at));
                if let Some(function) = word {
                    let range = function.word.clone();
                    sites
                        .entry(order(&range))
                        .or_insert_with(|| Site { range, changes: Vec::new() });
                }
                let site = sites
                    .entry(order(&range))
                    .or_insert_with(|| Site { range, changes: Vec::new() });
                site.changes.push((*number, change));
            }
            Err(why) => _ = left_out.insert(*number, why),
        }
    }
    let sites: Vec<Site> = sites.into_values().collect();
    let mut written = Written { text: String::new(), regions: Vec::new(), left_out };
    written.render(text, 0..text.len(), &sites);
    Ok(written)
}

/// A range of the text, and what it becomes in which mutant: a range of nothing is where something
/// is put in, one that becomes nothing in any goes.
struct Site {
    range: Range<usize>,
    changes: Vec<(u32, String)>,
}

/// What is put in comes before what begins there, and that before its parts.
fn order(range: &Range<usize>) -> (usize, bool, Reverse<usize>) {
    (range.start, !range.is_empty(), Reverse(range.end))
}

fn site(
    text: &str,
    places: &Places,
    mutant: &Mutant,
    at: usize,
    refused: &Refused,
) -> Result<(Range<usize>, String), LeftOut> {
    let within = |ranges: &[Range<usize>]| ranges.iter().any(|range| range.contains(&at));
    let of = |range: &Range<usize>| &text[range.clone()];
    if within(&places.for_tests) {
        return Err(LeftOut::ForTests);
    }
    if within(&places.constants) && mutant.kind != Kind::Arm {
        return Err(LeftOut::Constant);
    }
    if places.chains.contains(&at) {
        return Err(LeftOut::ChainOfLet);
    }
    let mut around = places.const_functions.iter().filter(|function| function.range.contains(&at));
    if around.any(|function| refused.const_functions.contains(&function.name)) {
        return Err(LeftOut::ConstFunction);
    }
    if mutant.is_opaque && mutant.kind == Kind::Body {
        return Err(LeftOut::OpaqueBody);
    }
    let replacement = &mutant.replacement;
    let site = match mutant.kind {
        Kind::Body => Some((at..at, format!("return {replacement};"))),
        Kind::Binary => places.binaries.get(&at).map(|[whole, left, right]| {
            (whole.clone(), format!("({}) {replacement} ({})", of(left), of(right)))
        }),
        Kind::Unary => {
            places.unaries.get(&at).map(|[whole, behind]| (whole.clone(), of(behind).to_owned()))
        }
        Kind::Guard => places.guards.get(&at).map(|guard| (guard.clone(), replacement.clone())),
        Kind::Arm => places.arms.get(&at).map(|(end, guard)| match guard {
            Some(guard) => (guard.clone(), "false".to_owned()),
            None => (*end..*end, String::new()),
        }),
        Kind::Field => places.fields.get(&at).map(|[field, whole]| {
            let behind = &text[field.end..whole.end];
            let behind = behind.strip_prefix(',').unwrap_or(behind);
            (whole.clone(), format!("{}{behind}", &text[whole.start..field.start]))
        }),
        Kind::Other => None,
    };
    site.ok_or(LeftOut::UnknownShape)
}

impl Written {
    fn render(&mut self, text: &str, range: Range<usize>, mut sites: &[Site]) {
        let mut at = range.start;
        while let [site, rest @ ..] = sites {
            let within = rest.iter().take_while(|other| other.range.start < site.range.end).count();
            let (within, rest) = rest.split_at(within);
            self.text.push_str(&text[at..site.range.start]);
            let from = self.text.len();
            if site.range.is_empty() {
                self.put_in(site);
            } else if !site.changes.is_empty() {
                self.replace(text, site, within);
            }
            let numbers = site.changes.iter().map(|(number, _)| *number).collect();
            self.regions.push((from..self.text.len(), numbers));
            (at, sites) = (site.range.end, rest);
        }
        self.text.push_str(&text[at..range.end]);
    }

    /// An early return from a body, or what keeps an arm from being taken.
    fn put_in(&mut self, site: &Site) {
        for (number, change) in &site.changes {
            let from = self.text.len();
            let put_in = if change.is_empty() {
                format!(" if !crate::mutation::is({number})")
            } else {
                format!("if crate::mutation::is({number}) {{ {change} }} ")
            };
            self.text.push_str(&put_in);
            self.regions.push((from..self.text.len(), vec![*number]));
        }
    }

    /// What was there comes first: what stands beside it has to be of its type.
    fn replace(&mut self, text: &str, site: &Site, within: &[Site]) {
        let numbers: Vec<String> =
            site.changes.iter().map(|(number, _)| number.to_string()).collect();
        let head = format!("(match crate::mutation::among(&[{}]) {{ 0 => {{ ", numbers.join(", "));
        self.text.push_str(&head);
        self.render(text, site.range.clone(), within);
        self.text.push_str(" }");
        for (nth, (number, change)) in site.changes.iter().enumerate() {
            let last = nth + 1 == site.changes.len();
            let pattern = if last { "_".to_owned() } else { (nth + 1).to_string() };
            self.text.push_str(&format!(" {pattern} => {{ "));
            let from = self.text.len();
            self.text.push_str(change);
            self.regions.push((from..self.text.len(), vec![*number]));
            self.text.push_str(" }");
        }
        self.text.push_str(" })");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text with these mutants in it, each given as a kind, the word at which it begins and what
    /// stands there instead.
    fn written(text: &str, mutants: &[(Kind, &str, &str)]) -> Written {
        let mutants: Vec<Mutant> = mutants
            .iter()
            .map(|(kind, at, replacement)| {
                let at = text.find(at).unwrap_or_else(|| panic!("{at} is not there"));
                let line = text[..at].matches('\n').count() + 1;
                let column = text[..at].chars().rev().take_while(|c| *c != '\n').count() + 1;
                let (file, name) = (String::new(), String::new());
                let replacement = (*replacement).to_owned();
                Mutant { file, line, column, kind: *kind, is_opaque: false, replacement, name }
            })
            .collect();
        let numbered: Vec<_> = (0..).zip(&mutants).collect();
        let written = write(text, &numbered, &Refused::default()).expect("it can be read");
        syn::parse_file(&written.text).unwrap_or_else(|cause| panic!("{cause}: {}", written.text));
        written
    }

    #[test]
    fn a_body_returns_early_before_anything_in_it() {
        let written =
            written("fn f() -> u8 { 1 + 2 }", &[(Kind::Body, "1", "7"), (Kind::Binary, "+", "-")]);
        let head = "fn f() -> u8 { if crate::mutation::is(0) { return 7; } (match";
        assert!(written.text.starts_with(head), "{}", written.text);
    }

    #[test]
    fn operators_within_operators_are_written_once_each() {
        let written = written(
            "fn f(å: u8) -> bool { å * 2 + 3 < 4 }",
            &[(Kind::Binary, "<", ">"), (Kind::Binary, "+", "-"), (Kind::Binary, "*", "/")],
        );
        for change in ["(å * 2 + 3) > (4)", "(å * 2) - (3)", "(å) / (2)"] {
            assert_eq!(written.text.matches(change).count(), 1, "{}", written.text);
        }
        assert_eq!(written.text.matches("among").count(), 3);
    }

    #[test]
    fn an_arm_goes_by_its_guard() {
        let text = "fn f(n: u8) -> u8 { match n { 0 => 1, 2 if n > 1 => 3, _ => !n } }";
        let written = written(
            text,
            &[
                (Kind::Arm, "0 =>", ""),
                (Kind::Arm, "2 if", ""),
                (Kind::Guard, "n > 1", "true"),
                (Kind::Binary, "> 1 =", "<"),
                (Kind::Unary, "!n", ""),
            ],
        );
        assert!(written.text.contains("0 if !crate::mutation::is(0) => 1"), "{}", written.text);
        assert!(written.text.contains("among(&[1, 2, 3]) { 0 => { n > 1 }"), "{}", written.text);
        assert!(
            written
                .text
                .contains("_ => (match crate::mutation::among(&[4]) { 0 => { !n } _ => { n } })")
        );
    }

    #[test]
    fn a_field_that_is_deleted_leaves_the_others() {
        let text = "fn f() -> S { S { one: 1, two: 2, ..s() } }";
        let written = written(text, &[(Kind::Field, "one", ""), (Kind::Field, "two", "")]);
        assert!(written.text.contains("S {  two: 2, ..s() }"), "{}", written.text);
        assert!(written.text.contains("S { one: 1,  ..s() }"), "{}", written.text);
    }

    #[test]
    fn what_cannot_be_changed_while_it_runs_is_left_out_by_name() {
        let text = "const A: u8 = 1 + 2;\nfn f(o: Option<u8>) -> bool { if let Some(n) = o && n > 1 { true } else { false } }";
        let written = written(
            text,
            &[
                (Kind::Binary, "+", "-"),
                (Kind::Binary, "&&", "||"),
                (Kind::Binary, "> 1", "<"),
                (Kind::Other, "A", "B"),
            ],
        );
        let expected = [(0, LeftOut::Constant), (1, LeftOut::ChainOfLet), (3, LeftOut::Constant)];
        assert_eq!(written.left_out, BTreeMap::from(expected));
        assert!(
            written.text.contains("&& (match crate::mutation::among(&[2])"),
            "{}",
            written.text
        );
    }

    #[test]
    fn a_const_function_is_none_until_one_is_called_in_a_constant() {
        let text = "pub const fn f(n: u8) -> u8 { n + 1 }";
        let plain = written(text, &[(Kind::Binary, "+", "-")]);
        assert!(plain.text.starts_with("pub  fn f"), "{}", plain.text);
        let mutant = Mutant {
            file: String::new(),
            line: 1,
            column: text.find('+').expect("it is there") + 1,
            kind: Kind::Binary,
            is_opaque: false,
            replacement: "-".to_owned(),
            name: String::new(),
        };
        let mut refused = Refused::default();
        refused.const_functions.insert("f".to_owned());
        let kept = write(text, &[(0, &mutant)], &refused).expect("it can be read");
        assert_eq!(kept.text, text);
        assert_eq!(kept.left_out, BTreeMap::from([(0, LeftOut::ConstFunction)]));
    }
}
